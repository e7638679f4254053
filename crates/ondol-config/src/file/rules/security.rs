//! `security_headers` and `hsts`: what browsers are told about safety.

use std::time::Duration;

use ondol_model::plan::Hsts;
use ondol_model::plan::Rules;

use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) const SECURITY_HEADERS: Key = Key {
    name: "security_headers",
    doc: "Whether `X-Content-Type-Options: nosniff`, `X-Frame-Options: SAMEORIGIN` and `Referrer-Policy: strict-origin-when-cross-origin` are sent where the app says nothing of the kind itself. They are not without it.",
    shape: Shape::Flag,
    absent: Absent::Means,
};

pub(super) const HSTS: Key = Key {
    name: "hsts",
    doc: "Whether browsers are told, over HTTPS, to visit this name by HTTPS alone from now on, for a year (`Strict-Transport-Security`). They cannot be told otherwise by a site that has lost its HTTPS. Without it that is left to the app.",
    shape: Shape::AnyOf(&[Shape::Flag, Shape::Table(&HSTS_TABLE)]),
    absent: Absent::Means,
};

static HSTS_TABLE: Table = Table {
    title: "`hsts`",
    doc: "What browsers remember about HTTPS.",
    keys: &[
        Key {
            name: "max_age",
            doc: "How long they remember it; \"0s\" makes them forget.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "1y",
            }),
            absent: Absent::Default("\"1y\""),
        },
        Key {
            name: "subdomains",
            doc: "Whether it holds for every name below this one too.",
            shape: Shape::Flag,
            absent: Absent::Default("false"),
        },
        Key {
            name: "preload",
            doc: "Whether browsers may have it built in (hstspreload.org). That can hardly be undone.",
            shape: Shape::Flag,
            absent: Absent::Default("false"),
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    let security = &mut rules.security;
    if let Some(flag) = section.flag(SECURITY_HEADERS.name) {
        security.has_usual_headers = flag;
    }
    if let Some(flag) = section.flag(HSTS.name) {
        security.hsts = flag.then(Hsts::default);
    }
    let Some(table) = section.table(HSTS.name) else {
        return;
    };
    let hsts = security.hsts.get_or_insert_default();
    if let Some(max_age) = super::read(table, "max_age", span, report) {
        hsts.max_age = max_age;
    }
    if let Some(flag) = table.flag("subdomains") {
        hsts.has_subdomains = flag;
    }
    if let Some(flag) = table.flag("preload") {
        hsts.may_be_preloaded = flag;
    }
}

/// Longer spans than those of [`crate::duration`], which are for waiting.
fn span(text: &str) -> Result<Duration, String> {
    const ACCEPTED: &str = "a time is a whole number and a unit: s, h, d, w or y (365 days)";
    /// No browser remembers anything for longer.
    const YEARS_MAX: u64 = 100;
    const YEAR: u64 = 365 * 24 * 3_600;
    let unit_at = text.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = text.split_at(unit_at.unwrap_or(text.len()));
    let unit = match unit {
        "s" => 1,
        "h" => 3_600,
        "d" => 24 * 3_600,
        "w" => 7 * 24 * 3_600,
        "y" => YEAR,
        _ => return Err(ACCEPTED.to_owned()),
    };
    let seconds = digits.parse::<u64>().ok();
    let seconds = seconds.and_then(|number| number.checked_mul(unit));
    let seconds = seconds.filter(|seconds| *seconds <= YEARS_MAX * YEAR);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("{ACCEPTED}, and at most {YEARS_MAX}y"))
}
