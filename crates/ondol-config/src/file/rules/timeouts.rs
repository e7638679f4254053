//! `timeouts`: how long an upstream may take, and how slow a visitor may be.

use ondol_model::plan::Rules;

use crate::duration;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::size;

pub(super) const TIMEOUTS: Key = Key {
    name: "timeouts",
    doc: "How long an upstream may take, and how slow a visitor may be.",
    shape: Shape::Table(&TIMEOUTS_TABLE),
    absent: Absent::Means,
};

static TIMEOUTS_TABLE: Table = Table {
    title: "`timeouts`",
    doc: "How long an upstream may take, and how slow a visitor may be.",
    keys: &[
        Key {
            name: "connect",
            doc: "For a connection to be made; then the visitor gets 504. One that is refused is 502 at once.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "3s",
            }),
            absent: Absent::Default("\"3s\""),
        },
        Key {
            name: "response",
            doc: "Until its answer begins, and between two parts of it; then the visitor gets 504, or a cut.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "60s",
            }),
            absent: Absent::Default("\"60s\""),
        },
        Key {
            name: "body",
            doc: "How long a visitor may send nothing of its request's body; then it gets 408.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "60s",
            }),
            absent: Absent::Default("\"60s\""),
        },
        Key {
            name: "send",
            doc: "How long a visitor may take nothing of its answer; then it is cut.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "60s",
            }),
            absent: Absent::Default("\"60s\""),
        },
        Key {
            name: "min_rate",
            doc: "What a visitor must send of a body before its answer begins, and take of an answer, on the average of `body` or `send`; only while nothing else is waited for. \"0B/s\" asks for nothing.",
            shape: Shape::Text(Form {
                what: "a rate",
                example: "240B/s",
            }),
            absent: Absent::Default("\"240B/s\""),
        },
        Key {
            name: "head",
            doc: "Until its answer begins, where that may take another time than `response`, as with long polls.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "5m",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "silence",
            doc: "Between two parts of its answer, where that may take another time than `response`. Without it, a stream of events (`text/event-stream`) may be silent for an hour.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "5m",
            }),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    let Some(table) = section.table(TIMEOUTS.name) else {
        return;
    };
    let mut time = |key| super::read(table, key, duration::parse, report);
    if let Some(connect) = time("connect") {
        rules.timeouts.connect = connect;
    }
    if let Some(response) = time("response") {
        rules.timeouts.response = response;
    }
    if let Some(body) = time("body") {
        rules.patience.body = body;
    }
    if let Some(send) = time("send") {
        rules.patience.send = send;
    }
    if let Some(head) = time("head") {
        rules.timeouts.head = Some(head);
    }
    if let Some(silence) = time("silence") {
        rules.timeouts.silence = Some(silence);
    }
    if let Some(rate) = super::read(table, "min_rate", parse_rate, report) {
        rules.patience.bytes_per_second_min = rate;
    }
}

/// Reads bytes per second; zero is the word for no least.
fn parse_rate(text: &str) -> Result<u64, String> {
    let Some(bytes) = text.strip_suffix("/s") else {
        return Err("a rate is a size per second, as in \"240B/s\"".into());
    };
    if bytes == "0B" {
        return Ok(0);
    }
    size::parse(bytes).map_err(|reason| {
        format!("a rate is a size per second (\"0B/s\" asks for nothing), and {reason}")
    })
}
