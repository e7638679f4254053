//! `ntfy`: topics of ntfy servers.

use std::path::Path;

use ondol_model::plan::Channel;
use ondol_model::plan::Topic;
use ondol_model::plan::Value;

use crate::file::address;
use crate::file::tls::secret;
use crate::file::value;
use crate::file::value::Wrong;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

const URL: Form = Form {
    what: "the URL of a topic",
    example: "https://ntfy.sh/ondol-8f0e4c58a4be",
};
/// What a topic can have (https://docs.ntfy.sh/publish).
const TOPIC_BYTES_MAX: usize = 64;

pub(super) const NTFY: Key = Key {
    name: "ntfy",
    doc: "A topic of ntfy, by its URL, or a list of them. On ntfy.sh, who knows the name of a topic reads along: take one that nobody can guess. A button of the message says that you look after it; Ondol hears of it by the topic `NAME-ack`.",
    shape: Shape::OneOrMore(&Shape::TextOrTable(URL, &TOPIC)),
    absent: Absent::Means,
};

static TOPIC: Table = Table {
    title: "`ntfy`",
    doc: "A topic of an ntfy server.",
    keys: &[
        Key {
            name: "url",
            doc: "Its URL, or where that is kept.",
            shape: Shape::AnyOf(&[Shape::Text(URL), secret::SHAPE]),
            absent: Absent::Mistake,
        },
        Key {
            name: "token",
            doc: "The access token (`tk_…`) that lets Ondol in where topics are protected.",
            shape: Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "an access token",
                    example: "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2",
                }),
                secret::SHAPE,
            ]),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

pub(super) fn topics(
    person: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Vec<(Channel, Place)> {
    let entries = person.eithers(NTFY.name).unwrap_or_default().into_iter();
    let topics = entries.filter_map(|entry| {
        let at = value::place(&entry);
        Some((Channel::Ntfy(topic(entry, folder, report)?), at))
    });
    topics.collect()
}

fn topic(entry: Either<'_>, folder: &Path, report: &mut Report) -> Option<Topic> {
    match entry {
        Either::Short(word) => match check(word.text) {
            Ok(()) => Some(Topic {
                url: Value::Plain(word.text.to_owned()),
                token: None,
            }),
            Err(wrong) => {
                wrong.tell(NTFY.name, word.at, report);
                None
            }
        },
        Either::Long(table) => {
            let token = value::value(table, "token", check_token, folder, report);
            Some(Topic {
                url: value::value(table, "url", check, folder, report)?,
                token,
            })
        }
    }
}

/// A topic is all of the path: ntfy lies at the top of its host.
fn check(text: &str) -> Result<(), Wrong> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_topic =
        |topic: &str| (1..=TOPIC_BYTES_MAX).contains(&topic.len()) && topic.bytes().all(is_letter);
    if is_topic(text) {
        let help =
            "write the URL of the topic, with its server in front, such as \"https://ntfy.sh/…\"";
        return Err(Wrong::new("has no server", help));
    }
    let path = address::path(text)?;
    match is_topic(path.trim_start_matches('/')) {
        true => Ok(()),
        false => Err(Wrong::new(
            "is not the URL of a topic",
            "accepted: the server and the topic alone, such as \"https://ntfy.sh/ondol-8f0e4c58a4be\"; a topic has letters, digits, `-` and `_`",
        )),
    }
}

fn check_token(text: &str) -> Result<(), Wrong> {
    let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    match is_token {
        true => Ok(()),
        false => Err(Wrong::new(
            "is not an access token",
            "`ntfy token add` prints one",
        )),
    }
}
