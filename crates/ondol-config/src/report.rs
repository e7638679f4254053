//! Collects what is wrong while the files are read, by place; lines and excerpts come at the end.

use std::collections::HashSet;

use crate::mistake::Mistake;
use crate::mistake::Mistakes;
use crate::text::Place;
use crate::text::Texts;

/// Mistakes that are kept: enough for any file that a person wrote, and a bound for any other.
const KEPT_MAX: usize = 1_000;

/// What is wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    notes: Vec<Note>,
}

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    pub(crate) at: Place,
    pub(crate) about: About,
    pub(crate) problem: String,
    pub(crate) help: Option<String>,
    pub(crate) related: Option<(Place, String)>,
    pub(crate) line: Line,
}

/// Whether the line of a mistake is shown with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Line {
    Shown,
    /// It may hold a secret, and what is shown may end in a log.
    Hidden,
}

/// What a mistake is about: a broken file explains some of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// The text is not TOML.
    Syntax,
    /// Something stands there that must not.
    Value,
    /// Something is missing.
    Lack,
}

impl Report {
    /// Adds a mistake in the syntax of a file.
    pub(crate) fn syntax(&mut self, at: Place, problem: impl Into<String>) -> &mut Note {
        self.push(at, About::Syntax, problem.into())
    }

    /// Adds a mistake in what a file says; what it returns takes the help and the other place.
    pub(crate) fn add(&mut self, at: Place, problem: impl Into<String>) -> &mut Note {
        self.push(at, About::Value, problem.into())
    }

    /// Adds a mistake in what a file does not say.
    pub(crate) fn lack(&mut self, at: Place, problem: impl Into<String>) -> &mut Note {
        self.push(at, About::Lack, problem.into())
    }

    fn push(&mut self, at: Place, about: About, problem: String) -> &mut Note {
        self.notes.truncate(KEPT_MAX - 1);
        let note = Note {
            at,
            about,
            problem,
            help: None,
            related: None,
            line: Line::Shown,
        };
        self.notes.push_mut(note)
    }

    /// Whether so much is wrong that more need not be looked for.
    pub(crate) fn is_full(&self) -> bool {
        self.notes.len() >= KEPT_MAX
    }

    /// Forgets what a predicate does not keep.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Note) -> bool) {
        self.notes.retain(keep);
    }

    /// Whether a text is not TOML.
    pub(crate) fn is_broken(&self) -> bool {
        self.notes.iter().any(|note| note.about == About::Syntax)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// What one mistake does not show of a line, no other shows.
    fn hide_lines(&mut self, texts: &Texts) {
        let place = |at: Place| (at.file, texts.line(at));
        let hidden = self.notes.iter().filter(|note| note.line == Line::Hidden);
        let hidden: HashSet<_> = hidden.map(|note| place(note.at)).collect();
        for note in &mut self.notes {
            if hidden.contains(&place(note.at)) {
                note.line = Line::Hidden;
            }
            if let Some((at, _)) = note.related
                && hidden.contains(&place(at))
            {
                note.related = None;
            }
        }
    }

    /// All mistakes in the order of the files, each once.
    pub(crate) fn into_mistakes(mut self, texts: &Texts) -> Mistakes {
        self.notes.sort();
        self.notes.dedup();
        self.hide_lines(texts);
        let mistakes = self.notes.into_iter();
        Mistakes(mistakes.map(|note| Mistake::new(note, texts)).collect())
    }
}

impl Note {
    /// Says what to do, or what is accepted.
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Does not show the line.
    pub(crate) fn hide_line(&mut self) -> &mut Self {
        self.line = Line::Hidden;
        self
    }

    /// Shows a second place.
    pub(crate) fn related(&mut self, at: Place, label: impl Into<String>) -> &mut Self {
        self.related = Some((at, label.into()));
        self
    }
}
