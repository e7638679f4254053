//! `[heartbeats.NAME]`: somebody else's job that reports to this box.

use std::path::Path;
use std::time::Duration;

use ondol_model::HostPattern;
use ondol_model::plan::Heartbeat;

use crate::duration;
use crate::file::people;
use crate::file::rules::read as read_text;
use crate::file::tls::secret;
use crate::file::value;
use crate::file::value::Wrong;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

/// Who reports more often learns nothing more by it.
const PERIOD_MIN: Duration = Duration::from_secs(10);
/// What is done more seldom than once a year is not watched.
const PERIOD_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// A restart on either side, or a short outage, is no alarm.
const GRACE_MIN: Duration = Duration::from_secs(5 * 60);
/// A daily job that is two hours late is worth a word.
const GRACE_MAX: Duration = Duration::from_secs(60 * 60);
/// Each is looked at again and again.
const HEARTBEATS_MAX: usize = 200;
/// So many letters nobody guesses.
const TOKEN_BYTES_MIN: usize = 16;
const TOKEN_BYTES_MAX: usize = 128;

const NAME: Form = Form {
    what: "the name of a job",
    example: "nas-backup",
};

pub(super) const HEARTBEATS: Key = Key {
    name: "heartbeats",
    doc: "Others' jobs that report to this box, each under its name, by the protocol of Healthchecks: a script, a machine, another Ondol. A report is a request to `https://SITE/ping/TOKEN`, also with `/start`, `/fail`, `/log` or an exit code behind it. One that is overdue is an alarm.",
    shape: Shape::Named(NAME, &HEARTBEAT),
    absent: Absent::Means,
};

static HEARTBEAT: Table = Table {
    title: "a heartbeat",
    doc: "Somebody else's job that reports to this box.",
    keys: &[
        Key {
            name: "period",
            doc: "How often it reports.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "1d",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "grace",
            doc: "How much later it may be. Without it, half of the period, but 5 minutes at least and an hour at most.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "1h",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "site",
            doc: "The site that takes its reports, by its main name.",
            shape: Shape::Text(Form {
                what: "the main name of a site",
                example: "example.com",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "token",
            doc: "The last part of its address, which nobody can guess (`uuidgen` makes one): letters, digits, `-` and `_`. Who knows it can report.",
            shape: Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "a text",
                    example: "8a1f6a5e-8f0e-4c58-a4be-1f0f0f2a9c11",
                }),
                secret::SHAPE,
            ]),
            absent: Absent::Mistake,
        },
    ],
    later: &[],
};

/// A heartbeat, and where its site and its token stand.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) plan: Heartbeat,
    pub(super) site: Place,
    pub(super) token: Place,
}

/// In the order of their names.
pub(super) fn heartbeats(
    main: Option<Section<'_>>,
    folder: &Path,
    report: &mut Report,
) -> Vec<Placed> {
    let table = main.and_then(|main| main.table(HEARTBEATS.name));
    let mut named: Vec<_> = table.iter().flat_map(Section::named).collect();
    named.sort_by_key(|(name, _)| name.text);
    if let Some((name, _)) = named.get(HEARTBEATS_MAX) {
        let problem = format!("these are more than {HEARTBEATS_MAX} heartbeats");
        report.add(name.at, problem);
    }
    let named = named.into_iter().take(HEARTBEATS_MAX);
    named
        .filter_map(|(name, section)| heartbeat(name, section, folder, report))
        .collect()
}

fn heartbeat(
    name: Word<'_>,
    section: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Option<Placed> {
    let is_name = people::is_name(name.text);
    if !is_name {
        let problem = format!("a heartbeat cannot be called \"{}\"", repeated(name.text));
        report.add(name.at, problem).help(people::NAME_ACCEPTED);
    }
    let period = read_text(section, "period", period, report);
    let grace = read_text(section, "grace", grace, report);
    let site = section.text("site");
    let site = site.and_then(|word| Some((site_name(word, report)?, word.at)));
    let token = value::value(section, "token", check_token, folder, report);
    let (period, (site, at)) = (period?, site?);
    Some(Placed {
        plan: Heartbeat {
            name: is_name.then(|| name.text.to_owned())?,
            period,
            grace: grace.unwrap_or((period / 2).clamp(GRACE_MIN, GRACE_MAX)),
            site,
            token: token?,
        },
        site: at,
        token: section.key_at("token"),
    })
}

fn period(text: &str) -> Result<Duration, String> {
    duration::parse_within(PERIOD_MIN, PERIOD_MAX, text)
}

fn grace(text: &str) -> Result<Duration, String> {
    duration::parse_up_to(PERIOD_MAX, text)
}

fn site_name(word: Word<'_>, report: &mut Report) -> Option<HostPattern> {
    let name = HostPattern::parse(word.text);
    if let Err(error) = &name {
        let problem = format!("\"{}\" is not the name of a site", repeated(word.text));
        report.add(word.at, problem).help(error.to_string());
    }
    name.ok()
}

fn check_token(text: &str) -> Result<(), Wrong> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !text.bytes().all(is_letter) {
        return Err(Wrong::new(
            "has characters that have another meaning in an address",
            "accepted: letters, digits, `-` and `_`, as `uuidgen` prints them",
        ));
    }
    if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&text.len()) {
        return Err(Wrong::new(
            format!("has not {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} characters"),
            "`uuidgen` prints one that nobody can guess",
        ));
    }
    Ok(())
}
