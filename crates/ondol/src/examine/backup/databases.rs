//! Databases: there, databases, and readable by a program that is here.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use ondol_backup::preview;
use ondol_config::KeyPath;
use ondol_model::plan::DatabaseSource;

use super::section;
use crate::examine::Findings;
use crate::examine::Subject;

/// What a file of SQLite begins with (https://sqlite.org/fileformat.html, 1.3).
const HEADER: &[u8; 16] = b"SQLite format 3\0";

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let mut missing = BTreeSet::new();
    for (index, database) in subject.plan.backup.databases.iter().enumerate() {
        let key = section().key("databases").index(index);
        let key = key.key(database.source.word());
        if let DatabaseSource::Sqlite(path) = &database.source {
            sqlite(subject, path, &key, findings);
        }
        // What is missing for one is missing for all of its kind.
        if let Some(failure) = preview::missing_program(&database.source)
            && missing.insert(database.source.word())
        {
            let (problem, help) = failure
                .sentence
                .split_once(": ")
                .unwrap_or((&failure.sentence, "install it"));
            let help = help.trim_end_matches('.');
            findings.mistake(subject, &key, problem.to_owned(), help);
        }
    }
}

fn sqlite(subject: Subject<'_>, path: &Path, key: &KeyPath, findings: &mut Findings) {
    let shown = path.display();
    match is_database(path) {
        Ok(true) => {}
        Ok(false) => {
            let problem = format!("{shown} is not a SQLite database");
            let help = "name its file; what is encrypted or of another kind is backed up as a file (`include`)";
            findings.mistake(subject, key, problem, help);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = format!("the database {shown} does not exist");
            let help = "backups count as incomplete until it does: mend the path, or remove it";
            findings.warn(subject, key, problem, help);
        }
        Err(error) => {
            let problem = format!("the database {shown} cannot be read: {error}");
            findings.mistake(
                subject,
                key,
                problem,
                "let the user that runs Ondol read it",
            );
        }
    }
}

/// An empty file is a database without tables.
fn is_database(path: &Path) -> io::Result<bool> {
    if !path.metadata()?.is_file() {
        return Ok(false);
    }
    let mut begin = Vec::new();
    let header = HEADER.len() as u64;
    File::open(path)?.take(header).read_to_end(&mut begin)?;
    Ok(begin.is_empty() || begin == HEADER)
}
