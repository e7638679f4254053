//! `webhook`: URLs that take JSON.

use std::path::Path;

use ondol_model::plan::Channel;
use ondol_model::plan::Hook;
use ondol_model::plan::Value;
use ondol_model::plan::is_name;

use crate::file::address;
use crate::file::tls::secret;
use crate::file::value;
use crate::file::value::Wrong;
use crate::nearest::nearest;
use crate::nearest::repeated;
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

const URL: Form = Form {
    what: "a URL",
    example: "http://homeassistant.local:8123/api/webhook/ondol",
};
/// What a template says of a message.
const WORDS: [&str; 6] = ["title", "text", "severity", "site", "state", "url"];
const TEMPLATE_BYTES_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 16;
/// Those that whoever sends a request makes by itself.
const OWN: [&str; 5] = [
    "connection",
    "content-length",
    "host",
    "idempotency-key",
    "transfer-encoding",
];

pub(super) const WEBHOOK: Key = Key {
    name: "webhook",
    doc: "A URL that gets each message as JSON, by POST: Home Assistant, a gateway for text messages, anything; or a list of them.",
    shape: Shape::OneOrMore(&Shape::TextOrTable(URL, &HOOK)),
    absent: Absent::Means,
};

static HOOK: Table = Table {
    title: "`webhook`",
    doc: "A URL that gets each message.",
    keys: &[
        Key {
            name: "url",
            doc: "The URL, or where that is kept.",
            shape: Shape::AnyOf(&[Shape::Text(URL), secret::SHAPE]),
            absent: Absent::Mistake,
        },
        Key {
            name: "headers",
            doc: "Header fields besides, such as `Authorization`; their values may be secrets.",
            shape: Shape::Map(
                Form {
                    what: "the names of header fields",
                    example: "Authorization",
                },
                &Shape::AnyOf(&[
                    Shape::Text(Form {
                        what: "a value",
                        example: "Bearer …",
                    }),
                    secret::SHAPE,
                ]),
            ),
            absent: Absent::Means,
        },
        Key {
            name: "template",
            doc: "What is sent instead of Ondol's own JSON: a text in which `{title}`, `{text}`, `{severity}`, `{site}`, `{state}` and `{url}` are put in as a text of JSON has them, without its quotes.",
            shape: Shape::Text(Form {
                what: "a text",
                example: "{\"message\": \"{title}: {text}\"}",
            }),
            absent: Absent::Means,
        },
    ],
    later: &["body", "method"],
};

pub(super) fn hooks(
    person: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Vec<(Channel, Place)> {
    let entries = person.eithers(WEBHOOK.name).unwrap_or_default().into_iter();
    let hooks = entries.filter_map(|entry| {
        let at = value::place(&entry);
        Some((Channel::Webhook(hook(entry, folder, report)?), at))
    });
    hooks.collect()
}

fn hook(entry: Either<'_>, folder: &Path, report: &mut Report) -> Option<Hook> {
    match entry {
        Either::Short(word) => match address::check(word.text) {
            Ok(()) => Some(Hook {
                url: Value::Plain(word.text.to_owned()),
                headers: Vec::new(),
                template: None,
            }),
            Err(wrong) => {
                wrong.tell(WEBHOOK.name, word.at, report);
                None
            }
        },
        Either::Long(table) => {
            let headers = headers(table, folder, report);
            let template = table.text("template");
            let template = template.and_then(|word| template_of(word, report));
            Some(Hook {
                url: value::value(table, "url", address::check, folder, report)?,
                headers,
                template,
            })
        }
    }
}

fn headers(hook: Section<'_>, folder: &Path, report: &mut Report) -> Vec<(String, Value)> {
    let Some(table) = hook.table("headers") else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (name, _) in table.entries() {
        let value = value::value(table, name, check_value, folder, report);
        let lower = name.to_ascii_lowercase();
        let problem = match &lower {
            name if !is_name(name) => "is not the name of a header field",
            name if OWN.contains(&name.as_str()) => "is a header field that Ondol sets itself",
            _ if headers.len() == HEADERS_MAX => "is one header field more than a webhook can have",
            _ => {
                headers.extend(value.map(|value| (name.to_owned(), value)));
                continue;
            }
        };
        let wrong = Wrong::new(problem, "accepted: such as Authorization = \"Bearer …\"");
        wrong.tell(&repeated(name), table.key_at(name), report);
    }
    headers
}

fn check_value(text: &str) -> Result<(), Wrong> {
    let is_visible = |c: char| c == '\t' || !c.is_control();
    match text.chars().all(is_visible) && text.is_ascii() {
        true => Ok(()),
        false => Err(Wrong::new(
            "is not a value of a header field",
            "accepted: visible ASCII characters, on one line",
        )),
    }
}

fn template_of(word: Word<'_>, report: &mut Report) -> Option<String> {
    let mut wrong = |problem: String, help: String| {
        report.add(word.at, problem).help(help).hide_line();
    };
    let known: Vec<_> = WORDS.iter().map(|word| format!("{{{word}}}")).collect();
    let accepted = format!("accepted: {}", known.join(", "));
    if word.text.len() > TEMPLATE_BYTES_MAX {
        wrong("`template` is longer than 8 KiB".to_owned(), accepted);
        return None;
    }
    let mut said = 0;
    for name in placeholders(word.text) {
        if WORDS.contains(&name) {
            said += 1;
            continue;
        }
        let help = match nearest(name, WORDS.into_iter()) {
            Some(meant) => format!("did you mean {{{meant}}}? {accepted}"),
            None => accepted,
        };
        let problem = format!(
            "`template` has {{{}}}, which nothing is put in for",
            repeated(name)
        );
        wrong(problem, help);
        return None;
    }
    if said == 0 {
        wrong(
            "`template` says nothing of what happened".to_owned(),
            format!("put in at least {{title}} or {{text}}; {accepted}"),
        );
        return None;
    }
    Some(word.text.to_owned())
}

/// The words in braces: JSON itself has a quote, a brace or nothing after one.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split('{').skip(1);
    let inner = after.filter_map(|after| after.split_once('}').map(|(name, _)| name));
    inner.filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_words_in_braces() {
        for (text, expected) in [
            (
                r#"{"a": "{title}", "b": {"c": "{text} {url}"}}"#,
                vec!["title", "text", "url"],
            ),
            ("{titel}", vec!["titel"]),
            ("{}{ }{A}{\"x\":1}", vec![]),
            ("{{title}}", vec!["title"]),
            ("{", vec![]),
        ] {
            assert_eq!(placeholders(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
