//! `check`: how a site is looked at.

mod json;

use std::time::Duration;

use ondol_model::Site;
use ondol_model::Target;
use ondol_model::plan::ClientCertificate;
use ondol_model::plan::SiteCheck;
use ondol_model::plan::Statuses;
use toml::de::DeValue;

use crate::duration;
use crate::file::rules::read as read_text;
use crate::file::target::health_path;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// Whoever waits longer has left.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
const CONTAINS_BYTES_MAX: usize = 1_024;
const PATH: Form = Form {
    what: "a path",
    example: "/up",
};
const TIME: Shape = Shape::Text(Form {
    what: "a time",
    example: "2s",
});

pub(super) const CHECK: Key = Key {
    name: "check",
    doc: "How the box looks whether the site is well: it asks for a path like a visitor, by the site's own name and certificate. As a text alone, its `path`. Without it, `/` is asked for, and any status below 500 is good: who must log in gets 401, an API may have nothing there (404), and both come from an app that lives. With `false`, the site is not looked at; nor is one, without a word, that is a wildcard, redirects alone, always answers 5xx at `/`, or is passed through. Where visitors must show certificates, that it can be connected to is enough.",
    shape: Shape::AnyOf(&[Shape::Text(PATH), Shape::Flag, Shape::Table(&CHECK_TABLE)]),
    absent: Absent::Means,
};

static CHECK_TABLE: Table = Table {
    title: "`check`",
    doc: "How the box looks whether the site is well.",
    keys: &[
        Key {
            name: "path",
            doc: "What is asked for, by GET; it may have a query.",
            shape: Shape::Text(PATH),
            absent: Absent::Default("\"/\""),
        },
        Key {
            name: "status",
            doc: "The answers that are good: classes and single ones, one of them or a list.",
            shape: Shape::OneOrMore(&Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "a class of statuses",
                    example: "2xx",
                }),
                Shape::Number { min: 200, max: 599 },
            ])),
            absent: Absent::Default("[\"2xx\", \"3xx\", \"4xx\"]"),
        },
        Key {
            name: "contains",
            doc: "A text that must be in the body (the first MiB of it). Without it, the body is not looked at.",
            shape: Shape::Text(Form {
                what: "a text",
                example: "Welcome",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "max",
            doc: "A good answer that takes longer is worth a word. Without it, no answer is too slow before `timeout`.",
            shape: TIME,
            absent: Absent::Means,
        },
        json::JSON,
        Key {
            name: "timeout",
            doc: "How long an answer may take.",
            shape: TIME,
            absent: Absent::Default("\"10s\""),
        },
    ],
    later: &["body", "method"],
};

/// How a site is looked at that is complete but for this.
pub(super) fn check(site: &Site, section: Section<'_>, report: &mut Report) -> Option<SiteCheck> {
    if site.passthrough.is_some() || section.flag(CHECK.name) == Some(false) {
        return None;
    }
    let check = match section.either(CHECK.name) {
        None if section.has(CHECK.name) => return Some(SiteCheck::default()),
        None => return lives_by_itself(site).then(SiteCheck::default),
        Some(Either::Short(word)) => SiteCheck {
            path: health_path(word, report)?,
            ..SiteCheck::default()
        },
        Some(Either::Long(table)) => long(table, report),
    };
    let wants = site.client_auth.as_ref().map(|auth| auth.certificate);
    if wants == Some(ClientCertificate::Required) {
        let problem = format!(
            "`{}` lets nobody in without a certificate, and the check has none to ask with",
            site.name
        );
        report
            .add(section.key_at(CHECK.name), problem)
            .help("remove the line: that it can be connected to is looked at; or write `client_certificate = \"optional\"`");
        return None;
    }
    Some(check)
}

/// Whether what answers at `/` may be well or not: what only redirects is never anything else, who says "closed for
/// now" means it, and what a name answers that was made up says little.
fn lives_by_itself(site: &Site) -> bool {
    let is_redirect = |target: &Target| matches!(target, Target::Redirect(_));
    let is_closed =
        |target: &Target| matches!(target, Target::Respond(respond) if respond.status >= 500);
    let mut targets = site.routes.iter().map(|route| &route.target);
    let front = site.routes.iter().find(|route| route.path.as_str() == "/");
    site.name.exact().is_some()
        && targets.any(|target| !is_redirect(target))
        && !front.is_some_and(|route| is_closed(&route.target))
}

fn long(table: Section<'_>, report: &mut Report) -> SiteCheck {
    let usual = SiteCheck::default();
    let path = table
        .text("path")
        .and_then(|word| health_path(word, report));
    let timeout = read_text(table, "timeout", time, report).unwrap_or(usual.timeout);
    let max = read_text(table, "max", time, report);
    if max.is_some_and(|max| max >= timeout) {
        report
            .add(table.key_at("max"), "no answer would ever be too slow: `max` is not below `timeout`")
            .help("an answer that takes longer than `timeout` is none; make that longer, or `max` shorter");
    }
    SiteCheck {
        path: path.unwrap_or(usual.path),
        status: statuses(table, report).unwrap_or(usual.status),
        contains: table
            .text("contains")
            .and_then(|word| contains(word, report)),
        max,
        json: json::json(table, report),
        timeout,
    }
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse_up_to(TIMEOUT_MAX, text)
}

fn statuses(table: Section<'_>, report: &mut Report) -> Option<Vec<Statuses>> {
    let values = table.values("status")?;
    if values.is_empty() {
        report
            .add(table.key_at("status"), "no answer would be a good one")
            .help("accepted: \"2xx\", 204, or a list of such");
    }
    let read = values.into_iter().filter_map(|(value, at)| {
        let text = match value {
            DeValue::Integer(number) => number.as_str(), // Its range is checked already.
            value => value.as_str()?,
        };
        let statuses = Statuses::parse(text);
        if statuses.is_none() && value.is_str() {
            report
                .add(at, format!("\"{}\" is not a status", repeated(text)))
                .help("accepted: a class such as \"2xx\", or one such as 204");
        }
        statuses
    });
    Some(read.collect())
}

fn contains(word: Word<'_>, report: &mut Report) -> Option<String> {
    let is_fine = (1..=CONTAINS_BYTES_MAX).contains(&word.text.len());
    if !is_fine {
        report
            .add(
                word.at,
                format!("`contains` is not a text of 1 to {CONTAINS_BYTES_MAX} bytes"),
            )
            .help("accepted: a part of the page that is only there when all is well");
    }
    is_fine.then(|| word.text.to_owned())
}
