//! `[alarms]`: how people are told of what is wrong.

mod escalate;
mod smtp;
mod times;

use std::path::Path;
use std::time::Duration;

use ondol_model::plan::Alarms;

use crate::duration;
use crate::file::address;
use crate::file::backup::verify::OFTEN;
use crate::file::backup::verify::often;
use crate::file::people;
use crate::file::rules::read as read_text;
use crate::file::tls::secret;
use crate::file::value;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

/// Healthchecks takes five reports a minute.
const HEARTBEAT_MIN: Duration = Duration::from_secs(15);
const HEARTBEAT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Each is told every minute.
const HEARTBEATS_MAX: usize = 8;

pub(super) static ALARMS: Table = Table {
    title: "`[alarms]`",
    doc: "How people are told of what is wrong.",
    keys: &[
        Key {
            name: "smtp",
            doc: "The server that takes mail, which people with `email` need.",
            shape: Shape::Table(&smtp::SMTP),
            absent: Absent::Means,
        },
        Key {
            name: "telegram",
            doc: "The token of your bot, which people with `telegram` need; @BotFather makes one.",
            shape: Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "a token",
                    example: "123456789:AAF0abcdefghijklmnopqrstuvwxyz-_012",
                }),
                secret::SHAPE,
            ]),
            absent: Absent::Means,
        },
        Key {
            name: "pushover",
            doc: "The token of your application, which people with `pushover` need.",
            shape: Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "a token of 30 characters",
                    example: "azGDORePK8gMaC0QOYAMyEEuzJnyUi",
                }),
                secret::SHAPE,
            ]),
            absent: Absent::Means,
        },
        Key {
            name: "escalate",
            doc: "Who is told of what is critical (a site that is down, a backup that is too old, a disk that dies), and when, until somebody answers: names, who are told at once, and tables with `after` and `to`. Without it, everybody at once. What is not critical goes to those who are told first.",
            shape: Shape::OneOrMore(&Shape::TextOrTable(people::NAME, &escalate::STEP)),
            absent: Absent::Means,
        },
        Key {
            name: "quiet",
            doc: "When nobody is told of what is not critical: it is held back until then, and watched meanwhile. In the time zone of the box. Without it, never.",
            shape: Shape::Text(Form {
                what: "two times of day",
                example: "23:30-07:00",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "budget",
            doc: "How many messages a person gets in a day that are not critical; what is more comes in one digest.",
            shape: Shape::Number { min: 0, max: 1_000 },
            absent: Absent::Default("6"),
        },
        Key {
            name: "reminders",
            doc: "How long after the first message one is reminded of what is critical, still wrong, and nobody looks after; after the last of them daily, as of everything else. With `[]`, daily alone.",
            shape: Shape::List(&Shape::Text(Form {
                what: "a time",
                example: "1h",
            })),
            absent: Absent::Default("[\"1h\", \"4h\", \"12h\"]"),
        },
        Key {
            name: "drill",
            doc: "How often everybody gets a message that wants an answer, so that you know that alarms arrive: `daily`, `weekly`, `monthly` or `never`.",
            shape: OFTEN,
            absent: Absent::Default("\"monthly\""),
        },
        Key {
            name: "heartbeat",
            doc: "A URL outside of the house that is told again and again that the box lives, or a list of them: Healthchecks, Uptime Kuma (push), or `/ping/TOKEN` of another Ondol. It tells you when the box can't. Without it nobody does.",
            shape: Shape::OneOrMore(&Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "a URL",
                    example: "https://hc-ping.com/8a1f6a5e-8f0e-4c58-a4be-1f0f0f2a9c11",
                }),
                secret::SHAPE,
            ])),
            absent: Absent::Means,
        },
        Key {
            name: "heartbeat_interval",
            doc: "How often. What waits there should wait five times as long before it alarms.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "60s",
            }),
            absent: Absent::Default("\"60s\""),
        },
    ],
    later: &[],
};

/// What `[alarms]` says, and where it names people.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) plan: Alarms,
    /// Where each step of `escalate` names who is told.
    pub(super) steps: Vec<Place>,
    /// Whether it has `smtp`, `telegram` and `pushover`, be they wrong.
    pub(super) has_smtp: bool,
    pub(super) has_telegram: bool,
    pub(super) has_pushover: bool,
}

/// `email` is that of the box.
pub(super) fn alarms(
    section: Option<Section<'_>>,
    email: Option<&str>,
    folder: &Path,
    report: &mut Report,
) -> Placed {
    let mut alarms = Alarms::default();
    let Some(section) = section else {
        return Placed::default();
    };
    alarms.smtp = smtp::smtp(section, email, folder, report);
    alarms.telegram = value::value(section, "telegram", people::check_bot, folder, report);
    alarms.pushover = value::value(section, "pushover", people::check_pushover, folder, report);
    let (escalate, steps) = escalate::escalate(section, report);
    alarms.escalate = escalate;
    times::read(section, &mut alarms, report);
    if let Some(budget) = section.number("budget") {
        alarms.budget = budget.try_into().unwrap_or(alarms.budget);
    }
    if let Some(drill) = often(section, "drill", report) {
        alarms.drill = drill;
    }
    heartbeat(section, &mut alarms, folder, report);
    Placed {
        plan: alarms,
        steps,
        has_smtp: section.has("smtp"),
        has_telegram: section.has("telegram"),
        has_pushover: section.has("pushover"),
    }
}

fn heartbeat(section: Section<'_>, alarms: &mut Alarms, folder: &Path, report: &mut Report) {
    let key = "heartbeat";
    let urls = value::values(section, key, address::check, folder, report);
    if let Some((_, at)) = urls.get(HEARTBEATS_MAX) {
        let problem = format!("these are more than {HEARTBEATS_MAX} URLs");
        report.add(*at, problem);
    }
    let urls = urls.into_iter().take(HEARTBEATS_MAX);
    alarms.heartbeat = urls.map(|(url, _)| url).collect();
    if let Some(interval) = read_text(section, "heartbeat_interval", interval, report) {
        alarms.heartbeat_interval = interval;
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    duration::parse_within(HEARTBEAT_MIN, HEARTBEAT_MAX, text)
}
