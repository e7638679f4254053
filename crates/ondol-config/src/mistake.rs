//! A mistake as a person reads it: what is wrong, where, the line with the place underlined, and
//! what to do.

mod excerpt;

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::limits::MISTAKES_MAX;

use crate::mistake::excerpt::Excerpt;
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

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    file: PathBuf,
    line: usize,
    column: usize,
    excerpt: Excerpt,
}

impl Mistake {
    pub(crate) fn new(note: Note, texts: &Texts) -> Self {
        let Note {
            at,
            problem,
            help,
            related,
        } = note;
        Self {
            problem,
            help,
            shown: Shown::new(at, texts),
            related: related.map(|(at, label)| (label, Shown::new(at, texts))),
        }
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
        let mut out = String::new();
        let red = |text: &str| ink.paint("1;31", text);
        let blue = |text: &str| ink.paint("1;34", text);
        out += &format!("{}{}\n", red("error: "), ink.paint("1", &self.problem));
        self.shown.render(&mut out, &red, &blue);
        if let Some((label, shown)) = &self.related {
            out += &format!("{}{label}\n", blue("note: "));
            shown.render(&mut out, &blue, &blue);
        }
        let margin = " ".repeat(self.shown.margin());
        for (index, line) in self.help.iter().flat_map(|help| help.lines()).enumerate() {
            let lead = if index == 0 { "= help: " } else { "        " };
            out += &format!("{margin} {}{line}\n", blue(lead));
        }
        out
    }
}

impl Mistakes {
    /// The rendered text of the first [`MISTAKES_MAX`] and a count, ending with a line end.
    pub fn render(&self, ink: Ink) -> String {
        let shown = self.0.iter().take(MISTAKES_MAX);
        let mut out: String = shown.map(|mistake| mistake.render(ink) + "\n").collect();
        let mistakes = self.0.len();
        if mistakes > MISTAKES_MAX {
            out += &format!("and {} more\n", mistakes - MISTAKES_MAX);
        } else {
            let plural = if mistakes == 1 { "" } else { "s" };
            out += &format!("{mistakes} mistake{plural}\n");
        }
        out
    }
}

impl Shown {
    fn new(at: Place, texts: &Texts) -> Self {
        match texts.spot(at) {
            Some(spot) => Self {
                file: spot.path.to_path_buf(),
                line: spot.line,
                column: spot.column,
                excerpt: Excerpt::new(spot.text, spot.marked),
            },
            None => Self {
                file: PathBuf::new(),
                line: 1,
                column: 1,
                excerpt: Excerpt::new("", 0..0),
            },
        }
    }

    fn margin(&self) -> usize {
        self.line.to_string().len()
    }

    fn render(
        &self,
        out: &mut String,
        mark: &dyn Fn(&str) -> String,
        frame: &dyn Fn(&str) -> String,
    ) {
        let Self {
            file,
            line,
            column,
            excerpt,
        } = self;
        let margin = " ".repeat(self.margin());
        let file = file.display();
        *out += &format!("{margin}{}{file}:{line}:{column}\n", frame("--> "));
        *out += &format!("{margin}{}\n", frame(" |"));
        let text = format!("{} {}", frame(&format!("{line} |")), excerpt.text);
        *out += &format!("{}\n", text.trim_end());
        let underline = mark(&"^".repeat(excerpt.mark));
        let before = " ".repeat(excerpt.before);
        *out += &format!("{margin}{} {before}{underline}\n", frame(" |"));
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
        f.write_str(&self.render(Ink::Plain))
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Ink::Plain))
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests;
