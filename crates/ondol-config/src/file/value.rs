//! A text that may be a secret: written in the file, or kept elsewhere. No message repeats it, and none shows its line.

use std::path::Path;

use ondol_model::plan::Value;

use crate::file::tls::secret;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::text::Place;

/// What is wrong with a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What follows the key in a sentence: `is not …`.
    pub(super) problem: String,
    pub(super) help: String,
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            help: help.into(),
        }
    }

    /// Says it of a key.
    pub(super) fn tell(self, key: &str, at: Place, report: &mut Report) {
        let problem = format!("`{key}` {}", self.problem);
        report.add(at, problem).help(self.help).hide_line();
    }
}

/// The value of a key; `check` says of a text whether it is one.
pub(super) fn value(
    section: Section<'_>,
    key: &str,
    check: fn(&str) -> Result<(), Wrong>,
    folder: &Path,
    report: &mut Report,
) -> Option<Value> {
    of(section.either(key)?, key, check, folder, report)
}

/// The values of a key with their places.
pub(super) fn values(
    section: Section<'_>,
    key: &str,
    check: fn(&str) -> Result<(), Wrong>,
    folder: &Path,
    report: &mut Report,
) -> Vec<(Value, Place)> {
    let entries = section.eithers(key).unwrap_or_default().into_iter();
    let read = entries.filter_map(|entry| {
        let at = place(&entry);
        Some((of(entry, key, check, folder, report)?, at))
    });
    read.collect()
}

/// Where a value stands.
pub(super) fn place(entry: &Either<'_>) -> Place {
    match entry {
        Either::Short(word) => word.at,
        Either::Long(table) => table.at(),
    }
}

fn of(
    entry: Either<'_>,
    key: &str,
    check: fn(&str) -> Result<(), Wrong>,
    folder: &Path,
    report: &mut Report,
) -> Option<Value> {
    let word = match entry {
        Either::Long(table) => return secret::of(table, key, folder, report).map(Value::Secret),
        Either::Short(word) => word,
    };
    match check(word.text) {
        Ok(()) => Some(Value::Plain(word.text.to_owned())),
        Err(wrong) => {
            wrong.tell(key, word.at, report);
            None
        }
    }
}
