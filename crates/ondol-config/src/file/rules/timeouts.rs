//! `timeouts`: how long an upstream may take.

use ondol_model::plan::Rules;

use crate::duration;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) const TIMEOUTS: Key = Key {
    name: "timeouts",
    doc: "How long an upstream may take.",
    shape: Shape::Table(&TIMEOUTS_TABLE),
    absent: Absent::Means,
};

static TIMEOUTS_TABLE: Table = Table {
    title: "`timeouts`",
    doc: "How long an upstream may take.",
    keys: &[
        Key {
            name: "connect",
            doc: "For a connection to be made; then the visitor gets 502.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "3s",
            }),
            absent: Absent::Default("\"3s\""),
        },
        Key {
            name: "response",
            doc: "Until its answer begins, and between two parts of it; then the visitor gets 504, or a cut.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "60s",
            }),
            absent: Absent::Default("\"60s\""),
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    let Some(table) = section.table(TIMEOUTS.name) else {
        return;
    };
    let mut time = |key| super::read(table, key, duration::parse, report);
    if let Some(connect) = time("connect") {
        rules.timeouts.connect = connect;
    }
    if let Some(response) = time("response") {
        rules.timeouts.response = response;
    }
}
