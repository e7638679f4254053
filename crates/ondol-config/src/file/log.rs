//! `[log]`: the access log.

use ondol_model::plan::AccessLogFormat;

use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

const COMBINED: &str = "combined";
const JSON: &str = "json";

/// The format that fail2ban, GoAccess and people know.
const FORMAT: AccessLogFormat = AccessLogFormat::Combined;

pub(super) static LOG: Table = Table {
    title: "`[log]`",
    doc: "The access log.",
    keys: &[Key {
        name: "access",
        doc: "How its lines look: Apache's combined format, or one JSON object a line.",
        shape: Shape::Choice(&[COMBINED, JSON]),
        absent: Absent::Default("\"combined\""),
    }],
    later: &[],
};

pub(super) fn access_log(section: Option<Section<'_>>) -> AccessLogFormat {
    let access = section.and_then(|section| section.text("access"));
    match access.map(|access| access.text) {
        Some(JSON) => AccessLogFormat::Json,
        Some(_) | None => FORMAT,
    }
}
