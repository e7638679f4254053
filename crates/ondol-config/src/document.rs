//! One file as a TOML document.

use toml::Spanned;
use toml::de::DeTable;

use crate::report::Report;
use crate::section::Section;
use crate::syntax;
use crate::syntax::Broken;
use crate::text::Place;
use crate::text::Texts;

/// A parsed file; of a broken one, what could be read.
#[derive(Debug)]
pub(crate) struct Document<'d> {
    file: usize,
    root: Spanned<DeTable<'d>>,
    pub(crate) broken: Option<Broken>,
}

impl<'d> Document<'d> {
    /// Parses a text, and reports its syntax errors.
    pub(crate) fn parse(file: usize, text: &'d str, texts: &Texts, report: &mut Report) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        Self {
            file,
            root,
            broken: syntax::report(errors, (file, text), texts, report),
        }
    }

    /// The top of the document.
    pub(crate) fn root(&'d self) -> Section<'d> {
        Section::new(self.file, Place::top(self.file), self.root.get_ref())
    }
}
