//! Who is told, by whom it is sent, and in which order.

use std::collections::HashSet;

use ondol_model::plan::Channel;
use ondol_model::plan::Language;
use ondol_model::plan::Person;
use ondol_model::plan::PersonName;
use ondol_model::plan::Role;
use ondol_model::plan::To;

use crate::file::care::Placed;
use crate::file::people::EVERYBODY;
use crate::file::people::OWNER;
use crate::nearest::nearest;
use crate::nearest::repeated;
use crate::report::Report;

/// More names than these are no help.
const NAMES_MAX: usize = 12;

pub(super) fn check(placed: &Placed, report: &mut Report) {
    senders(placed, report);
    twice(placed, report);
    steps(placed, report);
}

/// Who is told: those who are named, else the owner, where mail can be sent.
pub(super) fn people(placed: &Placed, email: Option<&str>) -> Vec<Person> {
    if placed.has_people {
        return placed.people.iter().map(|it| it.plan.clone()).collect();
    }
    let email = email.filter(|_| placed.alarms.plan.smtp.is_some());
    let owner = email.map(|email| Person {
        name: PersonName(OWNER.to_owned()),
        language: Language::default(),
        role: Role::default(),
        runbook: None,
        channels: vec![Channel::Email(email.to_owned())],
    });
    owner.into_iter().collect()
}

/// Some channels need something of Ondol's own; what is missing is said once.
fn senders(placed: &Placed, report: &mut Report) {
    let alarms = &placed.alarms;
    let mut said = HashSet::new();
    for person in &placed.people {
        for (channel, at) in person.plan.channels.iter().zip(&person.channels) {
            let (has, problem, help) = match channel {
                Channel::Email(_) => (
                    alarms.has_smtp,
                    "no server takes the mail: `smtp` of [alarms] is missing",
                    "add it:\n[alarms]\nsmtp = { host = \"smtp.example.com\", user = \"me@example.com\", password = { file = \"/etc/ondol/smtp.key\" } }",
                ),
                Channel::Telegram(_) => (
                    alarms.has_telegram,
                    "no bot sends it: `telegram` of [alarms] is missing",
                    "@BotFather makes a bot and tells its token; put it in a file, and add:\n[alarms]\ntelegram = { file = \"/etc/ondol/telegram.token\" }",
                ),
                Channel::Pushover(_) => (
                    alarms.has_pushover,
                    "no application sends it: `pushover` of [alarms] is missing",
                    "https://pushover.net/apps/build makes one and tells its token; put it in a file, and add:\n[alarms]\npushover = { file = \"/etc/ondol/pushover.token\" }",
                ),
                Channel::Ntfy(_)
                | Channel::Slack(_)
                | Channel::Discord(_)
                | Channel::Webhook(_)
                | Channel::Exec(_) => continue,
            };
            if !has && said.insert(channel.word()) {
                report.add(*at, problem).help(help).hide_line();
            }
        }
    }
}

/// Whoever is told by an address is told once.
fn twice(placed: &Placed, report: &mut Report) {
    let people = placed.people.iter();
    let all: Vec<_> = people
        .flat_map(|person| {
            let channels = person.plan.channels.iter().zip(&person.channels);
            channels.map(move |(channel, at)| (person, channel, *at))
        })
        .collect();
    for (index, (person, channel, at)) in all.iter().enumerate() {
        let mut before = all.iter().take(index);
        let Some((other, ..)) = before.find(|(_, other, _)| are_one(channel, other)) else {
            continue;
        };
        let (word, other) = (channel.word(), &other.plan.name.0);
        let problem = match *other == person.plan.name.0 {
            true => format!("this `{word}` stands here twice"),
            false => format!("this `{word}` is one of `{other}` already"),
        };
        report
            .add(*at, problem)
            .help("whoever reads there would get everything twice: give each person an own address, or remove one of the two")
            .hide_line();
    }
}

fn are_one(one: &Channel, other: &Channel) -> bool {
    match (one, other) {
        (Channel::Email(one), Channel::Email(other)) => one.eq_ignore_ascii_case(other),
        (Channel::Ntfy(one), Channel::Ntfy(other)) => one.url == other.url,
        (one, other) => one == other,
    }
}

/// Whom an alarm goes to must be known before it is there.
fn steps(placed: &Placed, report: &mut Report) {
    let names: Vec<_> = match placed.has_people {
        true => placed
            .people
            .iter()
            .map(|it| it.plan.name.0.as_str())
            .collect(),
        false if placed.alarms.has_smtp => vec![OWNER],
        false => Vec::new(),
    };
    let steps = placed.alarms.plan.escalate.iter();
    for (step, at) in steps.zip(&placed.alarms.steps) {
        let To::Person(PersonName(name)) = &step.to else {
            continue;
        };
        if names.contains(&name.as_str()) {
            continue;
        }
        let shown = repeated(name);
        let known = names.iter().copied().chain([EVERYBODY]);
        let help = match nearest(name, known) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None if names.is_empty() => {
                format!(
                    "say how to reach them, such as:\n[people.{shown}]\nemail = \"me@example.com\""
                )
            }
            None => {
                let names: Vec<_> = names.iter().copied().take(NAMES_MAX).collect();
                let names = names.join(", ");
                format!(
                    "there are {names}; or \"{EVERYBODY}\"; a person is described so:\n[people.{shown}]\nemail = \"me@example.com\""
                )
            }
        };
        report
            .add(*at, format!("there is no person `{shown}`"))
            .help(help);
    }
}
