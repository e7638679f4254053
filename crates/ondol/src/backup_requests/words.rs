//! What a job found, as sentences and values for the owner. Pure.

use std::path::Path;

use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_backup::Failure;
use ondol_backup::Found;
use ondol_backup::Manifest;
use ondol_backup::ManifestDatabase;
use ondol_backup::ManifestPart;
use ondol_base::clock;

use crate::output;

/// Sentences that are shown of many; how many there are is said.
const SHOWN_MAX: usize = 20;

/// How a job ended at a target.
pub(super) fn end(
    target: &str,
    outcome: Result<Found, Failure>,
    zone: Option<&str>,
) -> api::BackupEnd {
    match outcome {
        Ok(found) => {
            let (good, message, found) = done(found, zone);
            api::BackupEnd {
                target: target.to_owned(),
                good,
                message,
                found,
            }
        }
        Err(failure) => bad(target, failure.sentence),
    }
}

/// One that ended badly, and why.
pub(super) fn bad(target: &str, message: impl Into<String>) -> api::BackupEnd {
    api::BackupEnd {
        target: target.to_owned(),
        good: false,
        message: message.into(),
        found: api::BackupFound::default(),
    }
}

fn done(found: Found, zone: Option<&str>) -> (bool, String, api::BackupFound) {
    let nothing = api::BackupFound::default();
    match found {
        Found::Taken(manifest) => {
            let good = is_good(&manifest);
            let message = taken(&manifest);
            let found = api::BackupFound {
                backups: vec![backup(&manifest)],
                ..nothing
            };
            (good, message, found)
        }
        Found::Pruned { runs, freed } => (true, pruned(runs.len() as u64, freed), nothing),
        Found::Checked { packs, faults, .. } => {
            let read = format!("{} read back", were(packs, "pack"));
            let (good, message) = verdict(&read, "all is as it was written", &faults);
            (good, message, api::BackupFound { faults, ..nothing })
        }
        Found::Repaired { packs, done } if done.is_empty() => {
            let read = were(packs, "pack");
            (
                true,
                format!("{read} read, and nothing was to be repaired"),
                nothing,
            )
        }
        Found::Repaired { done, .. } => (true, done.join("; "), nothing),
        Found::Proven { run, shown, faults } => {
            let restored = format!("the backup of {} was restored", moment(&run, zone));
            let (good, message) = verdict(&restored, "all is as it was saved", &faults);
            let found = api::BackupFound {
                faults,
                shown,
                ..nothing
            };
            (good, message, found)
        }
        Found::Listed {
            backups,
            damaged,
            names,
        } => {
            let found = api::BackupFound {
                backups: backups.iter().map(backup).collect(),
                names,
                faults: damaged,
                ..nothing
            };
            (true, String::new(), found)
        }
        Found::Restored {
            run,
            files,
            bytes,
            faults,
            staged: _,
        } => {
            let message = restored(&run, files, bytes, zone);
            let (good, message) = verdict(&message, "all of it is there", &faults);
            (good, message, api::BackupFound { faults, ..nothing })
        }
        Found::Claimed => (true, "the repository is this box's now".to_owned(), nothing),
    }
}

/// What was done, and whether that is well.
fn verdict(done: &str, well: &str, faults: &[String]) -> (bool, String) {
    if faults.is_empty() {
        return (true, format!("{done}, and {well}"));
    }
    let shown = faults.iter().take(SHOWN_MAX).cloned();
    let mut lines: Vec<_> = shown.collect();
    let more = faults.len() - lines.len();
    if more > 0 {
        lines.push(format!("and {} more", output::grouped(more as u64)));
    }
    let faults = output::counted(faults.len() as u64, "thing");
    let message = format!(
        "{done}, but {faults} in it can't be relied on:\n{}",
        lines.join("\n")
    );
    (false, message)
}

fn pruned(runs: u64, freed: u64) -> String {
    if runs == 0 && freed == 0 {
        return "there was nothing to remove".to_owned();
    }
    let freed = match freed {
        0 => "what only they used comes free with a later one".to_owned(),
        freed => format!("{} came free", output::bytes(freed)),
    };
    format!("{} removed, and {freed}", were(runs, "old backup"))
}

fn taken(manifest: &Manifest) -> String {
    let files: u64 = manifest.parts.iter().map(|part| part.files).sum();
    let bytes: u64 = manifest.parts.iter().map(|part| part.bytes).sum();
    let added: u64 = manifest.parts.iter().map(|part| part.added).sum();
    let databases = manifest.databases.len() as u64;
    let mut what = Vec::new();
    if manifest.kind != "databases" {
        what.push(output::counted(files, "file"));
    }
    if databases > 0 || what.is_empty() {
        what.push(output::counted(databases, "database"));
    }
    let is_one = what.len() == 1 && what[0].starts_with("1 ");
    let are = if is_one { "is" } else { "are" };
    let what = what.join(" and ");
    let size = format!(
        "{}, {} of that new",
        output::bytes(bytes),
        output::bytes(added)
    );
    if is_good(manifest) {
        return format!("{what} {are} saved ({size})");
    }
    let mut missing = Vec::new();
    for (name, why) in &manifest.failed_databases {
        missing.push(format!(
            "the database {name}: {}",
            why.trim_end_matches('.')
        ));
    }
    for part in &manifest.parts {
        let first = part.unreadable_first.iter();
        missing.extend(first.map(|(path, why)| file(path, why)));
    }
    let unreadable: u64 = manifest.parts.iter().map(|part| part.unreadable).sum();
    let all = unreadable + manifest.failed_databases.len() as u64;
    missing.truncate(SHOWN_MAX);
    let more = all.saturating_sub(missing.len() as u64);
    if more > 0 {
        missing.push(format!("and {} more", output::grouped(more)));
    }
    format!(
        "{what} {are} saved ({size}), but {} could not be read, so this one does not count as good:\n{}",
        output::counted(all, "thing"),
        missing.join("\n")
    )
}

fn file(path: &Path, why: &str) -> String {
    format!("{}: {}", path.display(), why.trim_end_matches('.'))
}

/// What came back, as the beginning of a sentence.
pub(super) fn restored(run: &str, files: u64, bytes: u64, zone: Option<&str>) -> String {
    let files = were(files, "file");
    let (size, moment) = (output::bytes(bytes), moment(run, zone));
    format!("{files} restored ({size}) as of {moment}")
}

/// `1 file was`, `2 files were`.
fn were(number: u64, noun: &str) -> String {
    let verb = if number == 1 { "was" } else { "were" };
    format!("{} {verb}", output::counted(number, noun))
}

/// The moment in the name of a run, as people read it.
pub(super) fn moment(run: &str, zone: Option<&str>) -> String {
    match began(run) {
        Some(at) => clock::minute_in(zone, at),
        None => run.to_owned(),
    }
}

/// `20261121T033000Z-…`
fn began(run: &str) -> Option<i64> {
    let text = run.split('-').next()?;
    if !text.is_ascii() || text.len() != "20261121T033000Z".len() {
        return None;
    }
    let (date, time) = (&text[..8], &text[9..]);
    clock::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[..2],
        &time[2..4],
        &time[4..6]
    ))
}

fn is_good(manifest: &Manifest) -> bool {
    let is_whole = |part: &ManifestPart| part.unreadable == 0;
    manifest.parts.iter().all(is_whole) && manifest.failed_databases.is_empty()
}

fn backup(manifest: &Manifest) -> api::Backup {
    let parts = manifest.parts.iter().map(|part| api::BackupPart {
        part: part.part.clone(),
        snapshot: part.snapshot.clone(),
        files: part.files,
        bytes: part.bytes,
        added: part.added,
        unreadable: part.unreadable,
    });
    api::Backup {
        run: manifest.run.clone(),
        kind: manifest.kind.clone(),
        began_at: Time::from_unix_seconds(manifest.began_at),
        ended_at: Time::from_unix_seconds(manifest.ended_at),
        good: is_good(manifest),
        of: manifest.of.name.clone(),
        ondol: manifest.ondol.clone(),
        parts: parts.collect(),
        databases: manifest.databases.iter().map(database).collect(),
        failed_databases: manifest.failed_databases.clone(),
    }
}

fn database(database: &ManifestDatabase) -> api::BackupDatabase {
    let rows = database.rows.values().sum();
    api::BackupDatabase {
        name: database.name.clone(),
        kind: database.kind.clone(),
        as_of: Time::from_unix_seconds(database.as_of),
        bytes: database.bytes,
        rows: (!database.rows.is_empty()).then_some(rows),
    }
}

#[cfg(test)]
mod tests;
