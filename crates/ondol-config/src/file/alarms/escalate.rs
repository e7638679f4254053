//! `escalate`: who is told when, until somebody answers.

use std::time::Duration;

use ondol_model::plan::Escalation;
use ondol_model::plan::PersonName;
use ondol_model::plan::To;

use crate::duration;
use crate::file::people;
use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

/// Who hasn't answered by then doesn't.
const AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const STEPS_MAX: usize = 16;

pub(super) static STEP: Table = Table {
    title: "a step of `escalate`",
    doc: "Who is told when nobody has answered.",
    keys: &[
        Key {
            name: "after",
            doc: "How long after the first message.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "15m",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "to",
            doc: "The name of a person, or `everybody`.",
            shape: Shape::Text(people::NAME),
            absent: Absent::Mistake,
        },
    ],
    later: &[],
};

/// The steps in the order of time, and where each names who is told.
pub(super) fn escalate(alarms: Section<'_>, report: &mut Report) -> (Vec<Escalation>, Vec<Place>) {
    let entries = alarms.eithers("escalate").unwrap_or_default();
    if let Some(entry) = entries.get(STEPS_MAX) {
        let problem = format!("these are more than {STEPS_MAX} steps");
        report.add(crate::file::value::place(entry), problem);
    }
    let entries = entries.into_iter().take(STEPS_MAX);
    let mut steps: Vec<_> = entries.filter_map(|entry| step(entry, report)).collect();
    steps.sort_by_key(|(step, _)| step.after);
    steps.into_iter().unzip()
}

fn step(entry: Either<'_>, report: &mut Report) -> Option<(Escalation, Place)> {
    let (after, word) = match entry {
        Either::Short(word) => (Duration::ZERO, word),
        Either::Long(table) => (after(table, report)?, table.text("to")?),
    };
    Some((
        Escalation {
            after,
            to: to(word),
        },
        word.at,
    ))
}

fn after(table: Section<'_>, report: &mut Report) -> Option<Duration> {
    let parse = |text: &str| match text {
        "0s" | "0m" => Ok(Duration::ZERO),
        text => duration::parse_up_to(AFTER_MAX, text),
    };
    read_text(table, "after", parse, report)
}

fn to(word: Word<'_>) -> To {
    match word.text {
        people::EVERYBODY => To::Everybody,
        name => To::Person(PersonName(name.to_owned())),
    }
}
