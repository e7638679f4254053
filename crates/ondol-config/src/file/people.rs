//! `[people.NAME]`: who is told when something is wrong, and how they are reached.

mod addresses;
mod channels;
mod ntfy;
mod webhook;

use std::path::Path;

use ondol_model::plan::Channel;
use ondol_model::plan::Language;
use ondol_model::plan::Person;
use ondol_model::plan::PersonName;
use ondol_model::plan::Role;

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

pub(super) use addresses::check_bot;
pub(super) use addresses::check_pushover;
pub(super) use addresses::is_address;

/// Who is meant where everybody is.
pub(super) const EVERYBODY: &str = "everybody";
/// Who is told without a word of people: the owner of `box.email`.
pub(super) const OWNER: &str = "me";
pub(super) const NAME_ACCEPTED: &str =
    "accepted: 1 to 40 letters and digits, with `-`, `_` and `.` between them";
const NAME_CHARACTERS_MAX: usize = 40;
/// Each has a queue for each channel.
const PEOPLE_MAX: usize = 32;
/// More is a manual, which nobody reads at night.
const RUNBOOK_CHARACTERS_MAX: usize = 1_000;

pub(super) const NAME: Form = Form {
    what: "the name of a person",
    example: "me",
};

pub(super) const PEOPLE: Key = Key {
    name: "people",
    doc: "Who is told when something is wrong, each under a name: `[people.me]`. Without them, `email` of `[box]`, when there is `smtp` in `[alarms]`; else nobody.",
    shape: Shape::Named(NAME, &PERSON),
    absent: Absent::Means,
};

pub(super) static PERSON: Table = Table {
    title: "a person",
    doc: "Somebody who is told when something is wrong, by each of the channels that stand here: at least one.",
    keys: &[
        channels::EMAIL,
        ntfy::NTFY,
        channels::TELEGRAM,
        channels::SLACK,
        channels::DISCORD,
        channels::PUSHOVER,
        webhook::WEBHOOK,
        channels::EXEC,
        Key {
            name: "language",
            doc: "What messages to this person are written in: `en` or `ko`.",
            shape: Shape::Choice(&["en", "ko"]),
            absent: Absent::Default("\"en\""),
        },
        Key {
            name: "role",
            doc: "What the person can do: an `operator` knows the box; `hands` are near it, and are told one thing to do, which `runbook` says.",
            shape: Shape::Choice(&["operator", "hands"]),
            absent: Absent::Default("\"operator\""),
        },
        Key {
            name: "runbook",
            doc: "What somebody with the role `hands` is asked to do, in your words.",
            shape: Shape::Text(Form {
                what: "a text",
                example: "Press the button of the black box beside the router.",
            }),
            absent: Absent::Means,
        },
    ],
    later: &["login"],
};

/// A person with the places that checks across people show.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) plan: Person,
    /// Where each channel stands.
    pub(super) channels: Vec<Place>,
}

/// In the order of their names. One whose name cannot be read is reported and left out.
pub(super) fn people(main: Option<Section<'_>>, folder: &Path, report: &mut Report) -> Vec<Placed> {
    let table = main.and_then(|main| main.table(PEOPLE.name));
    let mut named: Vec<_> = table.iter().flat_map(Section::named).collect();
    named.sort_by_key(|(name, _)| name.text);
    if let Some((name, _)) = named.get(PEOPLE_MAX) {
        let problem = format!("these are more than {PEOPLE_MAX} people");
        report.add(name.at, problem);
    }
    let named = named.into_iter().take(PEOPLE_MAX);
    named
        .filter_map(|(name, section)| person(name, section, folder, report))
        .collect()
}

/// What somebody, or somebody's job, can be called: it stands in commands, and in names of channels.
pub(super) fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_whole = text.starts_with(char::is_alphanumeric) && text.ends_with(char::is_alphanumeric);
    is_whole && text.chars().count() <= NAME_CHARACTERS_MAX && text.chars().all(is_letter)
}

fn person(
    name: Word<'_>,
    section: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Option<Placed> {
    let is_fine = check_name(name, report);
    let channels = channels::channels(section, folder, report);
    if !channels.is_any && section.is_known(&PERSON) {
        report
            .lack(section.at(), format!("nothing says how to reach `{}`", repeated(name.text)))
            .help("give it at least one of email, ntfy, telegram, slack, discord, pushover, webhook, exec");
    }
    let (channels, places): (Vec<Channel>, _) = channels.found.into_iter().unzip();
    let word = |key| section.text(key).map(|word| word.text);
    let plan = Person {
        name: PersonName(name.text.to_owned()),
        language: match word("language") {
            Some("ko") => Language::Korean,
            Some(_) | None => Language::English,
        },
        role: match word("role") {
            Some("hands") => Role::Hands,
            Some(_) | None => Role::Operator,
        },
        runbook: section
            .text("runbook")
            .and_then(|word| runbook(word, report)),
        channels,
    };
    is_fine.then_some(Placed {
        plan,
        channels: places,
    })
}

fn check_name(name: Word<'_>, report: &mut Report) -> bool {
    let help = match name.text {
        EVERYBODY => "that word means all of them: choose another name",
        text if is_name(text) => return true,
        _ => NAME_ACCEPTED,
    };
    let problem = format!("a person cannot be called \"{}\"", repeated(name.text));
    report.add(name.at, problem).help(help);
    false
}

fn runbook(word: Word<'_>, report: &mut Report) -> Option<String> {
    let is_short = word.text.chars().count() <= RUNBOOK_CHARACTERS_MAX;
    let is_text = !word.text.contains(|c: char| c.is_control() && c != '\n');
    if !is_short || !is_text || word.text.trim().is_empty() {
        let problem =
            format!("`runbook` is not a text of 1 to {RUNBOOK_CHARACTERS_MAX} characters");
        report
            .add(word.at, problem)
            .help("accepted: what to do, in a sentence or two");
        return None;
    }
    Some(word.text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_a_command() {
        for text in [
            "me",
            "a",
            "nas-backup",
            "아내",
            "web.2",
            "x_1",
            &"a".repeat(40),
        ] {
            assert!(is_name(text), "{text}");
        }
        for text in ["", "-a", "a-", "a b", "a/b", "a\n", ".", &"a".repeat(41)] {
            assert!(!is_name(text), "{text}");
        }
    }
}
