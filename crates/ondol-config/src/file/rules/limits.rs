//! `limits`: what a visitor may ask for.

use ondol_model::plan::Rules;

use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::size;

pub(super) const LIMITS: Key = Key {
    name: "limits",
    doc: "What a visitor may ask for.",
    shape: Shape::Table(&LIMITS_TABLE),
    absent: Absent::Means,
};

static LIMITS_TABLE: Table = Table {
    title: "`limits`",
    doc: "What a visitor may ask for.",
    keys: &[Key {
        name: "body",
        doc: "The largest body of a request; a larger one is answered with 413.",
        shape: Shape::Text(Form {
            what: "a size",
            example: "32MB",
        }),
        absent: Absent::Default("\"10GiB\""),
    }],
    later: &["burst", "concurrency", "per", "queue", "requests"],
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    let Some(table) = section.table(LIMITS.name) else {
        return;
    };
    if let Some(bytes) = super::read(table, "body", size::parse, report) {
        rules.body_bytes_max = bytes;
    }
}
