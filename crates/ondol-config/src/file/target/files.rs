//! `files`: a folder answers.

use std::path::Path;

use ondol_model::plan::Files;

use crate::file;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const FILES: Key = Key {
    name: "files",
    doc: "Target: a folder to serve. Relative to this file. The path of a route is not part of the names in it.",
    shape: Shape::Text(Form {
        what: "the path of a folder",
        example: "/srv/example",
    }),
    absent: Absent::Means,
};

pub(super) fn files(section: Section<'_>, folder: &Path, report: &mut Report) -> Option<Files> {
    let root = file::path(section.text(FILES.name)?, folder, report)?;
    Some(Files::at(root))
}
