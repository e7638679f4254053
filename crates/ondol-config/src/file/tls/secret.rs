//! `{ env }` or `{ file }`: where a secret is. It is never read here.

use std::path::Path;

use ondol_model::plan::Secret;

use crate::file;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(in crate::file) const SHAPE: Shape = Shape::Secret(&SECRET);

const ACCEPTED: &str = "accepted: { env = \"NAME\" } or { file = \"path\" }";

static SECRET: Table = Table {
    title: "a secret",
    doc: "Where a secret is: in a variable of the environment, or in a file. It is read when it is used.",
    keys: &[
        Key {
            name: "env",
            doc: "The variable of the agent's environment that has it. The process that talks to visitors is not told.",
            shape: Shape::Text(Form {
                what: "the name of a variable",
                example: "CF_TOKEN",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "file",
            doc: "The file that has it, and nothing else; others must not be able to read it. Relative to this file.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/etc/ondol/cloudflare.token",
            }),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// The secret of a key. What is wrong is reported, without its line where that may hold the secret itself.
pub(in crate::file) fn secret(
    section: Section<'_>,
    key: &str,
    folder: &Path,
    report: &mut Report,
) -> Option<Secret> {
    of(section.table(key)?, key, folder, report)
}

/// The secret that a table of a key says where to find.
pub(in crate::file) fn of(
    table: Section<'_>,
    key: &str,
    folder: &Path,
    report: &mut Report,
) -> Option<Secret> {
    match (table.text("env"), table.text("file")) {
        (Some(name), None) => variable(name, report),
        (None, Some(path)) => file::path(path, folder, report).map(Secret::File),
        (Some(_), Some(_)) => {
            let problem = format!("`{key}` is in two places");
            report.add(table.at(), problem).help(ACCEPTED);
            None
        }
        (None, None) => {
            let is_empty = table.is_known(&SECRET) && !table.has("env") && !table.has("file");
            if is_empty {
                let problem = format!("`{key}` does not say where the secret is");
                report.lack(table.at(), problem).help(ACCEPTED);
            }
            None
        }
    }
}

fn variable(word: Word<'_>, report: &mut Report) -> Option<Secret> {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = word.text.starts_with(is_letter)
        && word
            .text
            .chars()
            .all(|c| is_letter(c) || c.is_ascii_digit());
    if !is_name {
        report
            .add(word.at, "`env` is not the name of a variable")
            .help("accepted: the name alone, of letters, digits and `_`, such as { env = \"CF_TOKEN\" }; the secret itself is its value")
            .hide_line();
        return None;
    }
    Some(Secret::Environment(word.text.into()))
}
