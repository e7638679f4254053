//! The channels of a person, in the order in which they are told of.

use std::path::Path;

use ondol_model::plan::Channel;
use toml::de::DeValue;

use super::addresses;
use super::ntfy;
use super::webhook;
use crate::file;
use crate::file::address;
use crate::file::apps::is_command;
use crate::file::tls::secret;
use crate::file::value;
use crate::file::value::Wrong;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::text::Place;

/// Each has a queue.
const CHANNELS_MAX: usize = 16;

const URL: Shape = Shape::OneOrMore(&Shape::AnyOf(&[
    Shape::Text(Form {
        what: "a URL",
        example: "https://hooks.slack.com/services/T000/B000/XXXX",
    }),
    secret::SHAPE,
]));

pub(super) const EMAIL: Key = Key {
    name: "email",
    doc: "Mail to this address, or to each of a list; sent by `smtp` of `[alarms]`.",
    shape: Shape::OneOrMore(&Shape::Text(Form {
        what: "an address of mail",
        example: "me@example.com",
    })),
    absent: Absent::Means,
};

pub(super) const TELEGRAM: Key = Key {
    name: "telegram",
    doc: "A chat of Telegram, by its number or the name of a channel, or a list of them; sent by the bot of `telegram` in `[alarms]`. A button below the message, or the word `ack` as an answer, says that you look after it.",
    shape: Shape::OneOrMore(&Shape::AnyOf(&[
        Shape::Number {
            min: i64::MIN,
            max: i64::MAX,
        },
        Shape::Text(Form {
            what: "a chat",
            example: "@name",
        }),
    ])),
    absent: Absent::Means,
};

pub(super) const SLACK: Key = Key {
    name: "slack",
    doc: "An incoming webhook of Slack, or of Mattermost: its URL, which is a secret (`{ file = \"path\" }`), or a list of them.",
    shape: URL,
    absent: Absent::Means,
};

pub(super) const DISCORD: Key = Key {
    name: "discord",
    doc: "A webhook of Discord: its URL, which is a secret (`{ file = \"path\" }`), or a list of them.",
    shape: URL,
    absent: Absent::Means,
};

pub(super) const PUSHOVER: Key = Key {
    name: "pushover",
    doc: "The key of a user or a group of Pushover, or a list of them; sent by the application of `pushover` in `[alarms]`. What is critical rings until somebody answers, also through silence.",
    shape: Shape::OneOrMore(&Shape::AnyOf(&[
        Shape::Text(Form {
            what: "a key of 30 characters",
            example: "uQiRzpo4DXghDmr9QzzfQu27cmVRsG",
        }),
        secret::SHAPE,
    ])),
    absent: Absent::Means,
};

pub(super) const EXEC: Key = Key {
    name: "exec",
    doc: "A program that is run for each message, with its arguments as a list: a modem, a lamp, a service of your own. It reads the message from its standard input, as JSON, and has 30 seconds.",
    shape: Shape::OneOrMore(&Shape::Text(Form {
        what: "a path",
        example: "/etc/ondol/tell",
    })),
    absent: Absent::Means,
};

/// The keys of channels.
const KEYS: [&str; 8] = [
    EMAIL.name,
    ntfy::NTFY.name,
    TELEGRAM.name,
    SLACK.name,
    DISCORD.name,
    PUSHOVER.name,
    webhook::WEBHOOK.name,
    EXEC.name,
];

/// The channels of a person.
#[derive(Debug)]
pub(super) struct Channels {
    pub(super) found: Vec<(Channel, Place)>,
    /// Whether there is any, be it a wrong one.
    pub(super) is_any: bool,
}

pub(super) fn channels(person: Section<'_>, folder: &Path, report: &mut Report) -> Channels {
    let mut found = emails(person, report);
    found.extend(ntfy::topics(person, folder, report));
    found.extend(chats(person, report));
    let mut urls = |key, channel: fn(_) -> Channel, report: &mut Report| {
        let values = value::values(person, key, address::check, folder, report);
        found.extend(values.into_iter().map(|(value, at)| (channel(value), at)));
    };
    urls(SLACK.name, Channel::Slack, report);
    urls(DISCORD.name, Channel::Discord, report);
    let key = PUSHOVER.name;
    let keys = value::values(person, key, addresses::check_pushover, folder, report);
    found.extend(
        keys.into_iter()
            .map(|(value, at)| (Channel::Pushover(value), at)),
    );
    found.extend(webhook::hooks(person, folder, report));
    found.extend(exec(person, folder, report));
    if let Some((_, at)) = found.get(CHANNELS_MAX) {
        let problem =
            format!("this is one channel more than the {CHANNELS_MAX} that a person can have");
        report.add(*at, problem);
    }
    found.truncate(CHANNELS_MAX);
    Channels {
        found,
        is_any: KEYS
            .iter()
            .any(|key| person.has(key) && !person.is_empty_list(key)),
    }
}

fn emails(person: Section<'_>, report: &mut Report) -> Vec<(Channel, Place)> {
    let words = person.texts(EMAIL.name).unwrap_or_default().into_iter();
    let addresses = words.filter_map(|word| {
        if addresses::is_address(word.text) {
            return Some((Channel::Email(word.text.to_owned()), word.at));
        }
        let problem = format!("\"{}\" is not an address of mail", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: one address alone, such as \"me@example.com\", or a list of such");
        None
    });
    addresses.collect()
}

fn chats(person: Section<'_>, report: &mut Report) -> Vec<(Channel, Place)> {
    let values = person.values(TELEGRAM.name).unwrap_or_default().into_iter();
    let chats = values.filter_map(|(value, at)| {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => return None,
        };
        match addresses::check_chat(&text) {
            Ok(()) => Some((Channel::Telegram(text), at)),
            Err(wrong) => {
                wrong.tell(TELEGRAM.name, at, report);
                None
            }
        }
    });
    chats.collect()
}

fn exec(person: Section<'_>, folder: &Path, report: &mut Report) -> Option<(Channel, Place)> {
    let key = EXEC.name;
    let words = person.texts(key)?;
    let (program, arguments) = words.split_first()?;
    if arguments.is_empty() && program.text.contains(char::is_whitespace) {
        let words: Vec<_> = program.text.split_whitespace().collect();
        let words = repeated(&words.join("\", \""));
        Wrong::new(
            "is not a program",
            format!("no shell reads it: write each argument by itself, {key} = [\"{words}\"]"),
        )
        .tell(key, program.at, report);
        return None;
    }
    let arguments = arguments.iter().map(|word| word.text.to_owned());
    let path = match program.text.contains('/') {
        true => file::path(*program, folder, report)?.to_str()?.to_owned(),
        false => program.text.to_owned(), // It is looked for where programs are.
    };
    let command: Vec<_> = std::iter::once(path).chain(arguments).collect();
    if !is_command(command.first()?) || command.iter().any(|word| word.contains('\0')) {
        let help = "accepted: a path, or a list of a path and arguments: [\"/etc/ondol/tell\", \"--loud\"]";
        Wrong::new("is not a program", help).tell(key, program.at, report);
        return None;
    }
    Some((Channel::Exec(command), person.key_at(key)))
}
