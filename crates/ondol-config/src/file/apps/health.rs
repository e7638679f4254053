//! When an app counts as ready, and whether it is well: `ready`, `health`.

use ondol_model::plan::App;
use ondol_model::plan::AppHealth;
use ondol_model::plan::Ready;

use crate::duration;
use crate::file::rules::read as read_text;
use crate::file::target::health_host;
use crate::file::target::health_interval;
use crate::file::target::health_path;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

const PATH: Form = Form {
    what: "a path",
    example: "/up",
};

const TIME: Shape = Shape::Text(Form {
    what: "a time",
    example: "10s",
});

pub(super) const READY: Key = Key {
    name: "ready",
    doc: "When its web process counts as ready: `http`, it answers the path of `health` with 2xx or 3xx (without one, `/` with anything); `connect`, it takes connections; `notify`, it says `READY=1` to `$NOTIFY_SOCKET` (sd_notify); or it has written a line to its log.",
    shape: Shape::AnyOf(&[
        Shape::Choice(&["http", "connect", "notify"]),
        Shape::Table(&READY_TABLE),
    ]),
    absent: Absent::Default("\"http\""),
};

static READY_TABLE: Table = Table {
    title: "`ready`",
    doc: "The line that says that it is ready.",
    keys: &[Key {
        name: "log",
        doc: "What is in that line of its output.",
        shape: Shape::Text(Form {
            what: "a text",
            example: "Listening on",
        }),
        absent: Absent::Mistake,
    }],
    later: &[],
};

pub(super) const HEALTH: Key = Key {
    name: "health",
    doc: "Asks each of its web processes again and again whether it is well; one that fails three times is restarted. As a text alone, its `path`. Off without it.",
    shape: Shape::TextOrTable(PATH, &HEALTH_TABLE),
    absent: Absent::Means,
};

static HEALTH_TABLE: Table = Table {
    title: "`health` of an app",
    doc: "How an app is asked whether it is well.",
    keys: &[
        Key {
            name: "path",
            doc: "What it is asked for, by GET. 2xx and 3xx are well.",
            shape: Shape::Text(PATH),
            absent: Absent::Mistake,
        },
        Key {
            name: "host",
            doc: "The host that it is asked for. Without it, the first site that it answers.",
            shape: Shape::Text(Form {
                what: "a host",
                example: "coffee.example.com",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "interval",
            doc: "From one question to the next.",
            shape: TIME,
            absent: Absent::Default("\"10s\""),
        },
        Key {
            name: "timeout",
            doc: "How long an answer may take.",
            shape: TIME,
            absent: Absent::Default("\"5s\""),
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, app: &mut App, report: &mut Report) {
    app.ready = match section.either(READY.name) {
        Some(Either::Short(word)) => match word.text {
            "connect" => Ready::Connect,
            "notify" => Ready::Notify,
            _ => Ready::Http,
        },
        Some(Either::Long(table)) => log(table, report).map_or(Ready::Http, Ready::Log),
        None => Ready::Http,
    };
    if let Some(health) = section.either(HEALTH.name) {
        app.health = match health {
            Either::Short(word) => AppHealth {
                path: health_path(word, report),
                ..AppHealth::default()
            },
            Either::Long(table) => health_of(table, report),
        };
    }
}

fn log(table: Section<'_>, report: &mut Report) -> Option<String> {
    let word = table.text("log")?;
    if word.text.trim().is_empty() || word.text.contains(char::is_control) {
        report
            .add(word.at, "`log` is not a part of a line")
            .help("accepted: a text in quotes that is in the line, such as \"Listening on\"");
        return None;
    }
    Some(word.text.to_owned())
}

fn health_of(table: Section<'_>, report: &mut Report) -> AppHealth {
    let path = table
        .text("path")
        .and_then(|word| health_path(word, report));
    let mut health = AppHealth {
        path,
        host: table
            .text("host")
            .and_then(|word| health_host(word, report)),
        ..AppHealth::default()
    };
    if let Some(interval) = read_text(table, "interval", health_interval, report) {
        health.interval = interval;
    }
    if let Some(timeout) = read_text(table, "timeout", duration::parse, report) {
        health.timeout = timeout;
    }
    health
}
