//! When a server of `proxy` that fails is left out for a while.

use std::time::Duration;

use ondol_model::plan::Failing;

use crate::duration;
use crate::file::rules::read;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

const TIME: Shape = Shape::Text(Form {
    what: "a time",
    example: "10s",
});
/// Answers that are no answer for the visitor.
pub(super) const STATUSES: Shape = Shape::List(&Shape::Number { min: 400, max: 599 });

pub(super) const MAX_FAILS: Key = Key {
    name: "max_fails",
    doc: "So many failures within `fail_window`, and a server is left out for `fail_time`; then one request tries it. A failure is a connection that can't be made, or an answer that does not begin. When all servers are out, all are used. 0 leaves none out.",
    shape: Shape::Number { min: 0, max: 100 },
    absent: Absent::Default("3"),
};
pub(super) const FAIL_WINDOW: Key = Key {
    name: "fail_window",
    doc: "How long a failure counts.",
    shape: TIME,
    absent: Absent::Default("\"10s\""),
};
pub(super) const FAIL_TIME: Key = Key {
    name: "fail_time",
    doc: "How long a server that failed too often is left out.",
    shape: TIME,
    absent: Absent::Default("\"10s\""),
};
pub(super) const FAIL_STATUS: Key = Key {
    name: "fail_status",
    doc: "Answers that are failures too, such as `[502, 503, 504]`.",
    shape: STATUSES,
    absent: Absent::Default("[]"),
};
pub(super) const SLOW_START: Key = Key {
    name: "slow_start",
    doc: "After a server is back, its share grows to the full one over this time. `\"0s\"` gives it at once.",
    shape: TIME,
    absent: Absent::Default("\"10s\""),
};

pub(super) fn failing(table: Section<'_>, report: &mut Report) -> Failing {
    let mut failing = Failing::default();
    if let Some(max) = table.number(MAX_FAILS.name) {
        failing.max_fails = max.try_into().unwrap_or(failing.max_fails);
    }
    let mut time = |key, parse| read(table, key, parse, report);
    if let Some(window) = time(FAIL_WINDOW.name, duration::parse) {
        failing.window = window;
    }
    if let Some(out) = time(FAIL_TIME.name, duration::parse) {
        failing.out = out;
    }
    if let Some(slow_start) = time(SLOW_START.name, slow_start) {
        failing.slow_start = slow_start;
    }
    if let Some(statuses) = statuses(table, FAIL_STATUS.name) {
        failing.statuses = statuses;
    }
    failing
}

fn slow_start(text: &str) -> Result<Duration, String> {
    match text {
        "0s" => Ok(Duration::ZERO),
        _ => duration::parse(text),
    }
}

/// The statuses of a list, in order and once each.
pub(super) fn statuses(table: Section<'_>, key: &str) -> Option<Vec<u16>> {
    let numbers = table.numbers(key)?.into_iter();
    let mut statuses: Vec<_> = numbers
        .filter_map(|number| number.try_into().ok())
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    Some(statuses)
}
