//! `[log]`: the access log.

mod redact;
mod rotate;

use ondol_model::plan::AccessLog;
use ondol_model::plan::AccessLogFormat;

use crate::file::rules;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::share;

const COMBINED: &str = "combined";
const JSON: &str = "json";

/// A part of all requests, for messages.
pub(super) const SHARE: Form = Form {
    what: "a share",
    example: "10%",
};

pub(super) static LOG: Table = Table {
    title: "`[log]`",
    doc: "The access log: `access.log` in the folder of logs, and the files that sites ask for.",
    keys: &[
        Key {
            name: "access",
            doc: "How its lines look: Apache's combined format, or one JSON object a line.",
            shape: Shape::Choice(&[COMBINED, JSON]),
            absent: Absent::Default("\"combined\""),
        },
        Key {
            name: "rotate",
            doc: "When a file makes room for a new one, and how long it is kept. With `false`, another program such as logrotate sees to that, and then sends SIGUSR1 to `ondol run`.",
            shape: Shape::AnyOf(&[Shape::Flag, Shape::Table(&rotate::ROTATE)]),
            absent: Absent::Means,
        },
        redact::REDACT,
        Key {
            name: "sample",
            doc: "How many of the requests that went well (2xx and 3xx) have a line. All others always have one.",
            shape: Shape::Text(SHARE),
            absent: Absent::Default("\"100%\""),
        },
    ],
    later: &[],
};

pub(super) fn access_log(section: Option<Section<'_>>, report: &mut Report) -> AccessLog {
    let mut log = AccessLog::default();
    let Some(section) = section else {
        return log;
    };
    match section.text("access").map(|access| access.text) {
        Some(JSON) => log.format = AccessLogFormat::Json,
        Some(COMBINED) => log.format = AccessLogFormat::Combined,
        Some(_) | None => {}
    }
    log.rotation = rotate::rotation(section, report);
    redact::read(section, &mut log.redact, report);
    if let Some(share) = rules::read(section, "sample", share::parse, report) {
        log.sample = share;
    }
    log
}
