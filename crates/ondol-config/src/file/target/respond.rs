//! `respond`: a fixed answer.

use std::path::Path;

use ondol_model::plan::Respond;
use ondol_model::plan::RespondBody;

use crate::file;
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

/// What an answer is without a word about it.
const STATUS: u16 = 200;
/// What a text in the file is, in the encoding that the file has.
const CONTENT_TYPE: &str = "text/plain; charset=utf-8";
/// Answers that have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5).
const BODILESS: [u16; 3] = [204, 205, 304];

pub(super) const RESPOND: Key = Key {
    name: "respond",
    doc: "Target: a fixed answer. As a text alone, its body.",
    shape: Shape::TextOrTable(
        Form {
            what: "the body of the answer",
            example: "Back on Monday.",
        },
        &RESPOND_TABLE,
    ),
    absent: Absent::Means,
};

static RESPOND_TABLE: Table = Table {
    title: "`respond`",
    doc: "A fixed answer.",
    keys: &[
        Key {
            name: "status",
            doc: "The status.",
            shape: Shape::Number { min: 200, max: 599 },
            absent: Absent::Default("200"),
        },
        Key {
            name: "body",
            doc: "The body.",
            shape: Shape::Text(Form {
                what: "a text",
                example: "Back on Monday.",
            }),
            absent: Absent::Default("\"\""),
        },
        Key {
            name: "file",
            doc: "A file that is the body, in place of `body`; read for each answer. Relative to this file.",
            shape: Shape::Text(Form {
                what: "the path of a file",
                example: "/srv/pages/maintenance.html",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "content_type",
            doc: "The `Content-Type` of the body; that of a `file` goes by its name.",
            shape: Shape::Text(Form {
                what: "a media type",
                example: "text/html; charset=utf-8",
            }),
            absent: Absent::Default("\"text/plain; charset=utf-8\""),
        },
    ],
    later: &[],
};

pub(super) fn respond(section: Section<'_>, folder: &Path, report: &mut Report) -> Option<Respond> {
    let table = match section.either(RESPOND.name)? {
        Either::Short(body) => return Some(Respond::text(STATUS, body.text)),
        Either::Long(table) => table,
    };
    let status = table
        .number("status")
        .and_then(|status| status.try_into().ok());
    let status = status.unwrap_or(STATUS);
    let content_type = table.text("content_type");
    check_content_type(content_type, report);
    let body = body(table, status, folder, report)?;
    let usual = matches!(body, RespondBody::Text(_)).then_some(CONTENT_TYPE);
    let content_type = content_type.map(|word| word.text).or(usual);
    Some(Respond {
        status,
        body,
        content_type: content_type.map(str::to_owned),
    })
}

fn body(
    table: Section<'_>,
    status: u16,
    folder: &Path,
    report: &mut Report,
) -> Option<RespondBody> {
    let text = table.text("body").filter(|body| !body.text.is_empty());
    let named = table.text("file");
    if let Some(body) = text.or(named)
        && BODILESS.contains(&status)
    {
        report
            .add(body.at, format!("an answer of status {status} has no body"))
            .help("leave the body out, or choose another status");
    }
    match (text, named) {
        (Some(_), Some(named)) => {
            report
                .add(
                    named.at,
                    "`file` stands beside `body`, but only one can be the answer",
                )
                .help("keep one of them");
            None
        }
        (_, Some(named)) => file::path(named, folder, report).map(RespondBody::File),
        (text, None) => {
            let text = text.map_or("", |body| body.text);
            Some(RespondBody::Text(text.to_owned()))
        }
    }
}

fn check_content_type(word: Option<Word<'_>>, report: &mut Report) {
    let Some(word) = word else { return };
    let (kind, subtype) = word.text.split_once('/').unwrap_or_default();
    let is_visible = |c: char| c.is_ascii_graphic() || c == ' ';
    let is_fine =
        !kind.is_empty() && !subtype.trim().is_empty() && word.text.chars().all(is_visible);
    if !is_fine {
        report
            .add(
                word.at,
                format!("\"{}\" is not a media type", repeated(word.text)),
            )
            .help(format!(
                "accepted: \"{CONTENT_TYPE}\", \"application/json\" and the like"
            ));
    }
}
