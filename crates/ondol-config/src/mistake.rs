//! A mistake as a person reads it: what is wrong, where, the line with the place underlined, and
//! what to do.

mod excerpt;

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::limits::MISTAKES_MAX;

use crate::mistake::excerpt::Excerpt;
use crate::report::Line;
use crate::report::Note;
use crate::text::Place;
use crate::text::Texts;

/// One mistake in a configuration. `Display` renders it over several lines, without color.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    problem: String,
    help: Option<String>,
    shown: Shown,
    related: Option<(String, Shown)>,
}

/// All mistakes of a configuration, in the order of the files; never empty. `Display` renders the
/// first [`MISTAKES_MAX`], without color, and counts the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

/// Whether a rendered text has colors (ANSI escapes); for terminals only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// No colors.
    Plain,
    /// Colors.
    Colored,
}

/// Parameters of the escape sequence "select graphic rendition" (ECMA-48 §8.3.117).
const ERROR: &str = "1;31";
const FRAME: &str = "1;34";
const STRONG: &str = "1";

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    file: PathBuf,
    line: usize,
    column: usize,
    /// `None` for what stands nowhere in the file.
    excerpt: Option<Excerpt>,
}

impl Mistake {
    pub(crate) fn new(note: Note, texts: &Texts) -> Self {
        let Note {
            at,
            about: _,
            problem,
            help,
            related,
            line,
        } = note;
        let mistake = Self {
            problem,
            help,
            shown: Shown::new(at, texts),
            related: related.map(|(at, label)| (label, Shown::new(at, texts))),
        };
        match line {
            Line::Shown => mistake,
            Line::Hidden => mistake.without_excerpt(),
        }
    }

    /// About a file, and no line of it.
    pub(crate) fn without_excerpt(mut self) -> Self {
        self.shown.excerpt = None;
        self
    }

    /// The file it is in.
    pub fn file(&self) -> &Path {
        &self.shown.file
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.shown.line
    }

    /// The column of its first character, counted from 1 in characters.
    pub fn column(&self) -> usize {
        self.shown.column
    }

    /// What is wrong: a sentence without its full stop.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What is accepted, or what to do next; may have several lines.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The rendered text, ending with a line end.
    pub fn render(&self, ink: Ink) -> String {
        fmt::from_fn(|f| self.write(f, ink)).to_string()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, ink: Ink) -> fmt::Result {
        let lead = ink.paint(ERROR, "error: ");
        writeln!(f, "{lead}{}", ink.paint(STRONG, &self.problem))?;
        self.shown.write(f, ink, ERROR)?;
        let margin = self.shown.margin();
        let mut lead = "= help: ";
        for line in self.help.iter().flat_map(|help| help.lines()) {
            writeln!(f, "{margin} {}{line}", ink.paint(FRAME, lead))?;
            lead = "        ";
        }
        if let Some((label, shown)) = &self.related {
            writeln!(f, "{}{label}", ink.paint(FRAME, "note: "))?;
            shown.write(f, ink, FRAME)?;
        }
        Ok(())
    }
}

impl Mistakes {
    /// The rendered text of the first [`MISTAKES_MAX`] and a count, ending with a line end.
    pub fn render(&self, ink: Ink) -> String {
        fmt::from_fn(|f| self.write(f, ink)).to_string()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, ink: Ink) -> fmt::Result {
        let Self(mistakes) = self;
        for mistake in mistakes.iter().take(MISTAKES_MAX) {
            mistake.write(f, ink)?;
            writeln!(f)?;
        }
        match mistakes.len() {
            1 => writeln!(f, "1 mistake"),
            count if count > MISTAKES_MAX => writeln!(f, "and {} more", count - MISTAKES_MAX),
            count => writeln!(f, "{count} mistakes"),
        }
    }
}

impl Shown {
    fn new(at: Place, texts: &Texts) -> Self {
        match texts.spot(at) {
            Some(spot) => Self {
                file: spot.path.to_path_buf(),
                line: spot.line,
                column: spot.column,
                excerpt: Some(Excerpt::new(spot.text, spot.marked)),
            },
            None => Self {
                file: PathBuf::new(),
                line: 1,
                column: 1,
                excerpt: None,
            },
        }
    }

    /// As wide as the number of the line.
    fn margin(&self) -> String {
        " ".repeat(self.line.to_string().len())
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, ink: Ink, mark: &str) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            excerpt,
        } = self;
        let margin = self.margin();
        let bar = ink.paint(FRAME, &format!("{margin} |"));
        let arrow = ink.paint(FRAME, "-->");
        writeln!(f, "{margin}{arrow} {}:{line}:{column}", file.display())?;
        let Some(excerpt) = excerpt else {
            return Ok(());
        };
        writeln!(f, "{bar}")?;
        let numbered = ink.paint(FRAME, &format!("{line} |"));
        writeln!(f, "{}", format!("{numbered} {}", excerpt.text).trim_end())?;
        let underline = ink.paint(mark, &"^".repeat(excerpt.mark));
        writeln!(f, "{bar} {}{underline}", " ".repeat(excerpt.before))
    }
}

impl Ink {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colored => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Ink::Plain)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Ink::Plain)
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests;
