//! When a request that a server of `proxy` failed is sent to another.

use ondol_model::plan::Retry;

use super::failing::STATUSES;
use super::failing::statuses;
use crate::duration;
use crate::file::rules::read;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const RETRIES: Key = Key {
    name: "retries",
    doc: "How often a request is sent to another server after one broke off before it answered: only what may happen twice (GET, HEAD, OPTIONS, PUT, DELETE) and has no body. A server that can't be reached is passed over in any case.",
    shape: Shape::Number { min: 0, max: 10 },
    absent: Absent::Default("1"),
};
pub(super) const RETRY_TIME: Key = Key {
    name: "retry_time",
    doc: "No further server is asked after this time.",
    shape: Shape::Text(Form {
        what: "a time",
        example: "10s",
    }),
    absent: Absent::Default("\"10s\""),
};
pub(super) const RETRY_STATUS: Key = Key {
    name: "retry_status",
    doc: "Answers after which such a request is sent to another server too, such as `[502, 503, 504]`.",
    shape: STATUSES,
    absent: Absent::Default("[]"),
};

pub(super) fn retry(table: Section<'_>, report: &mut Report) -> Retry {
    let mut retry = Retry::default();
    if let Some(times) = table.number(RETRIES.name) {
        retry.times = times.try_into().unwrap_or(retry.times);
    }
    if let Some(within) = read(table, RETRY_TIME.name, duration::parse, report) {
        retry.within = within;
    }
    if let Some(statuses) = statuses(table, RETRY_STATUS.name) {
        retry.statuses = statuses;
    }
    retry
}
