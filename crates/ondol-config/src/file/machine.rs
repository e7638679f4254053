//! `[box]`: the machine and the person who runs it.

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// The name of a box that has none: the machine's own name is not known here, because the same text
/// must give the same plan everywhere.
const NAME: &str = "box";
/// A name is for log lines and subjects of mails.
const NAME_CHARACTERS_MAX: usize = 64;

pub(super) static BOX: Table = Table {
    title: "`[box]`",
    doc: "The machine and the person who runs it.",
    keys: &[
        Key {
            name: "name",
            doc: "What the box is called in messages.",
            shape: Shape::Text(Form {
                what: "a name",
                example: "seocho",
            }),
            absent: Absent::Default("\"box\""),
        },
        Key {
            name: "email",
            doc: "The address of the person who runs the box, which issuers of certificates are told. Without it, they are told \
                  none.",
            shape: Shape::Text(Form {
                what: "an e-mail address",
                example: "me@example.com",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "timezone",
            doc: "The time zone that times are told in, by its IANA name; apps have it as `TZ`. Without it, the machine's \
                  own. The access log has UTC.",
            shape: Shape::Text(Form {
                what: "an IANA time zone",
                example: "Asia/Seoul",
            }),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// What `[box]` says.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) timezone: Option<String>,
}

pub(super) fn machine(section: Option<Section<'_>>, report: &mut Report) -> Machine {
    let word = |key| section.and_then(|section| section.text(key));
    let mut checked = |key, is_fine: fn(&str) -> bool, what| {
        let word: Word<'_> = word(key)?;
        if !is_fine(word.text) {
            report.add(
                word.at,
                format!("\"{}\" is not {what}", repeated(word.text)),
            );
        }
        Some(word.text.to_owned())
    };
    let name = checked("name", is_name, "a name of 1 to 64 characters on one line");
    Machine {
        name: name.unwrap_or_else(|| NAME.to_owned()),
        email: checked(
            "email",
            is_email,
            "an e-mail address such as me@example.com",
        ),
        timezone: checked(
            "timezone",
            is_timezone,
            "the IANA name of a time zone, such as Asia/Seoul or UTC",
        ),
    }
}

fn is_name(text: &str) -> bool {
    let is_short = text.chars().count() <= NAME_CHARACTERS_MAX;
    is_short && !text.trim().is_empty() && !text.contains(char::is_control)
}

/// Form alone: whether the address exists is for its server to say.
pub(super) fn is_email(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_control() || c.is_whitespace() || c == '@')
    };
    text.split_once('@')
        .is_some_and(|(person, host)| is_part(person) && is_part(host))
}

/// Form alone: which zones exist depends on the machine.
pub(super) fn is_timezone(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
    text.split('/').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.chars().all(is_letter)
    })
}
