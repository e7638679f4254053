//! `health` of `proxy`: how the servers are asked whether they are well.

use std::time::Duration;

use ondol_model::host;
use ondol_model::plan::HealthCheck;
use ondol_model::plan::Statuses;

use crate::duration;
use crate::file::rules::read;
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

/// Servers should not spend their time on telling how they are.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// What a path of a request may be.
const PATH_BYTES_MAX: usize = 1024;

pub(super) const HEALTH: Key = Key {
    name: "health",
    doc: "Asks each server again and again whether it is well; one that is not gets no requests while others are. Off without it.",
    shape: Shape::TextOrTable(
        Form {
            what: "a path",
            example: "/up",
        },
        &HEALTH_TABLE,
    ),
    absent: Absent::Means,
};

static HEALTH_TABLE: Table = Table {
    title: "`health`",
    doc: "How servers are asked whether they are well.",
    keys: &[
        Key {
            name: "path",
            doc: "What is asked for, by GET.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/up",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "host",
            doc: "The host that is asked for. Without it, the address of the server.",
            shape: Shape::Text(Form {
                what: "a host",
                example: "app.example.com",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "interval",
            doc: "How long from one question to the next.",
            shape: TIME,
            absent: Absent::Default("\"10s\""),
        },
        Key {
            name: "timeout",
            doc: "How long the answer may take to begin.",
            shape: TIME,
            absent: Absent::Default("\"5s\""),
        },
        Key {
            name: "status",
            doc: "The answers of a server that is well: a class as `\"2xx\"`, or one as `\"204\"`; one of them or a list.",
            shape: Shape::OneOrMore(&Shape::Text(Form {
                what: "a status",
                example: "2xx",
            })),
            absent: Absent::Default("\"2xx\""),
        },
        Key {
            name: "fails",
            doc: "So many bad answers in a row, and a server is down.",
            shape: Shape::Number { min: 1, max: 100 },
            absent: Absent::Default("3"),
        },
        Key {
            name: "passes",
            doc: "So many good answers in a row, and it is up again.",
            shape: Shape::Number { min: 1, max: 100 },
            absent: Absent::Default("2"),
        },
    ],
    later: &["body", "method"],
};

const TIME: Shape = Shape::Text(Form {
    what: "a time",
    example: "10s",
});

pub(super) fn health(proxy: Section<'_>, report: &mut Report) -> Option<HealthCheck> {
    match proxy.either(HEALTH.name)? {
        Either::Short(word) => Some(HealthCheck::of(path(word, report)?)),
        Either::Long(table) => long(table, report),
    }
}

fn long(table: Section<'_>, report: &mut Report) -> Option<HealthCheck> {
    let path = table.text("path").and_then(|word| path(word, report));
    let mut check = HealthCheck::of(path.clone().unwrap_or_default());
    check.host = table.text("host").and_then(|word| host(word, report));
    if let Some(interval) = read(table, "interval", interval, report) {
        check.interval = interval;
    }
    if let Some(timeout) = read(table, "timeout", duration::parse, report) {
        check.timeout = timeout;
    }
    if let Some(words) = table.texts("status") {
        check.statuses = words
            .into_iter()
            .filter_map(|word| status(word, report))
            .collect();
        if table.is_empty_list("status") {
            report
                .add(table.key_at("status"), "no answer would be a good one")
                .help("accepted: \"2xx\", \"204\", or a list of such");
        }
    }
    let count = |key, default| {
        let number = table.number(key).and_then(|number| number.try_into().ok());
        number.unwrap_or(default)
    };
    check.fails = count("fails", check.fails);
    check.passes = count("passes", check.passes);
    path.map(|_| check)
}

pub(in crate::file) fn path(word: Word<'_>, report: &mut Report) -> Option<String> {
    let is_path = word.text.starts_with('/')
        && word.text.len() <= PATH_BYTES_MAX
        && word
            .text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !is_path {
        let problem = format!("\"{}\" is not a path to ask for", repeated(word.text));
        report
            .add(word.at, problem)
            .help("it begins with `/`, and what is not ASCII is percent-encoded: \"/up\"");
    }
    is_path.then(|| word.text.to_owned())
}

pub(in crate::file) fn host(word: Word<'_>, report: &mut Report) -> Option<String> {
    let host = host::authority(word.text);
    if host.is_none() {
        let problem = format!("\"{}\" is not a host", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: \"app.example.com\", with a port if it has one");
    }
    host.map(|_| word.text.to_owned())
}

pub(in crate::file) fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text)?;
    if interval < INTERVAL_MIN {
        return Err("a server is asked once a second at most".to_owned());
    }
    Ok(interval)
}

fn status(word: Word<'_>, report: &mut Report) -> Option<Statuses> {
    let statuses = Statuses::parse(word.text);
    if statuses.is_none() {
        let problem = format!("\"{}\" is not a status", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: a class such as \"2xx\", or one such as \"204\"");
    }
    statuses
}
