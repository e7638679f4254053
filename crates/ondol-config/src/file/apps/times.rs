//! How long things may take: `watch`, `idle_stop`, `start_timeout`, `stop_timeout`, `drain_timeout`.

use std::time::Duration;

use ondol_model::plan::App;

use crate::duration;
use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

const TIME: Shape = Shape::Text(Form {
    what: "a time",
    example: "30s",
});

pub(super) const WATCH: Key = Key {
    name: "watch",
    doc: "How long a new release is watched after it has taken over: when a process of it ends, its health fails or its errors rise, the old one comes back by itself. \"0s\" is not at all.",
    shape: TIME,
    absent: Absent::Default("\"2m\""),
};

pub(super) const IDLE_STOP: Key = Key {
    name: "idle_stop",
    doc: "It is stopped when it had nothing to do for so long, and started by the next request, which waits for it. \"0s\" is never.",
    shape: Shape::Text(Form {
        what: "a time",
        example: "15m",
    }),
    absent: Absent::Default("\"0s\""),
};

pub(super) const START_TIMEOUT: Key = Key {
    name: "start_timeout",
    doc: "How long it may take from its start until it is ready.",
    shape: TIME,
    absent: Absent::Default("\"60s\""),
};

pub(super) const STOP_TIMEOUT: Key = Key {
    name: "stop_timeout",
    doc: "How long it may take to end after it was asked to (SIGTERM); then it is killed.",
    shape: TIME,
    absent: Absent::Default("\"30s\""),
};

pub(super) const DRAIN_TIMEOUT: Key = Key {
    name: "drain_timeout",
    doc: "How long requests and WebSockets of a release that was replaced may last before it is stopped.",
    shape: TIME,
    absent: Absent::Default("\"30s\""),
};

pub(super) fn read(section: Section<'_>, app: &mut App, report: &mut Report) {
    let mut time = |key, parse| read_text(section, key, parse, report);
    if let Some(watch) = time(WATCH.name, or_zero) {
        app.watch = watch;
    }
    if let Some(idle) = time(IDLE_STOP.name, or_zero) {
        app.idle_stop = Some(idle).filter(|idle| !idle.is_zero());
    }
    if let Some(start) = time(START_TIMEOUT.name, duration::parse) {
        app.start_timeout = start;
    }
    if let Some(stop) = time(STOP_TIMEOUT.name, duration::parse) {
        app.stop_timeout = stop;
    }
    if let Some(drain) = time(DRAIN_TIMEOUT.name, duration::parse) {
        app.drain_timeout = drain;
    }
}

/// Reads a span of time where zero is the word for none.
fn or_zero(text: &str) -> Result<Duration, String> {
    match text {
        "0s" | "0" => Ok(Duration::ZERO),
        text => duration::parse(text),
    }
}
