//! `request_id`: whether visitors are told the ids of their requests.

use ondol_model::plan::RequestIdHeader;
use ondol_model::plan::Rules;

use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const REQUEST_ID: Key = Key {
    name: "request_id",
    doc: "Whether an answer carries the id of its request in `X-Request-Id`; without it, it does not. The log and the app have it in any case. What a trusted proxy has given it, it keeps.",
    shape: Shape::Flag,
    absent: Absent::Means,
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules) {
    if let Some(is_told) = section.flag(REQUEST_ID.name) {
        rules.request_id = match is_told {
            true => RequestIdHeader::Present,
            false => RequestIdHeader::Absent,
        };
    }
}
