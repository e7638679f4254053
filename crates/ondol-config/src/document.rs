//! One file as a TOML document, with its syntax errors as mistakes.

use toml::Spanned;
use toml::de::DeTable;

use crate::report::Report;
use crate::section::Section;
use crate::text::Place;

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Document<'d> {
    file: usize,
    root: Spanned<DeTable<'d>>,
}

impl<'d> Document<'d> {
    /// Parses a text. Of a broken one the document holds what could be read.
    pub(crate) fn parse(file: usize, text: &'d str, report: &mut Report) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let end = text.len()..text.len();
            let at = Place::new(file, error.span().unwrap_or(end));
            report.add(at, format!("not TOML: {}", error.message()));
        }
        Self { file, root }
    }

    /// The top of the document.
    pub(crate) fn root(&'d self) -> Section<'d> {
        Section::new(self.file, Place::top(self.file), self.root.get_ref())
    }

    pub(crate) fn table(&self) -> &DeTable<'d> {
        self.root.get_ref()
    }
}
