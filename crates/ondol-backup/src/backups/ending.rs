//! How a job ended, in words, for the store and for the owner.

use ondol_model::backup::JobKind;
use ondol_model::backup::JobOutcome;
use ondol_model::backup::has_shrunk;
use ondol_model::event::EventKind;
use ondol_store::CatalogueEntry;

use crate::backups::memory::Memory;
use crate::backups::memory::manifest;
use crate::backups::memory::size;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::Manifest;
use crate::report::Found;
use crate::words;

/// What a drill says of each app that it has started.
const STARTED: &str = " was started on what was restored";

/// As many faults are told as an owner reads.
const FAULTS_TOLD_MAX: usize = 5;

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) outcome: JobOutcome,
    pub(crate) message: String,
    pub(crate) manifest: Option<String>,
    pub(crate) proven_run: Option<String>,
    /// Backups that there are now, as far as they are new to the catalogue.
    pub(crate) added: Vec<CatalogueEntry>,
    /// Backups that there are no longer.
    pub(crate) removed: Vec<String>,
    /// Packs that were found to be damaged or missing.
    pub(crate) damaged: Vec<String>,
}

impl Ending {
    fn of(outcome: JobOutcome, message: String) -> Self {
        Self {
            outcome,
            message,
            manifest: None,
            proven_run: None,
            added: Vec::new(),
            removed: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// The event that it is; `None` for what need not be told: the same failure as before, or what goes on every
    /// hour.
    pub(crate) fn event(&self, kind: JobKind, memory: &Memory) -> Option<EventKind> {
        let before = memory.jobs.get(&kind).and_then(|jobs| jobs.first());
        let before = before.and_then(|job| job.ended.as_ref());
        let is_news = before
            .is_none_or(|before| before.outcome != self.outcome || before.message != self.message);
        let has_failed = matches!(self.outcome, JobOutcome::Failed | JobOutcome::Partial);
        if matches!(self.outcome, JobOutcome::Skipped | JobOutcome::Interrupted) {
            return (is_news && kind != JobKind::Prune).then_some(EventKind::Backup);
        }
        match (kind, has_failed) {
            (_, true) if !is_news => None,
            (kind, true) if kind.proves() => Some(EventKind::BackupProofFailed),
            (_, true) => Some(EventKind::BackupFailed),
            (JobKind::Full, false) => Some(EventKind::BackupTaken),
            (JobKind::Prove | JobKind::Drill, false) => Some(EventKind::BackupProven),
            (JobKind::Restore, false) => Some(EventKind::BackupRestored),
            // It goes on every hour, and is worth telling when it had failed before.
            (JobKind::Databases, false) => before
                .is_some_and(|before| before.outcome == JobOutcome::Failed)
                .then_some(EventKind::BackupTaken),
            (JobKind::Repair, false) => Some(EventKind::Backup),
            (JobKind::Check | JobKind::Prune, false) => None,
        }
    }
}

/// How one ended that could not be done.
pub(crate) fn of_failure(failure: &Failure, kind: Option<JobKind>, memory: &Memory) -> Ending {
    // What says nothing of the backups themselves is no failed proof; what nobody can open is not restorable.
    let shows_loss = match failure.kind {
        FailureKind::Damaged | FailureKind::WrongPassword => true,
        FailureKind::NoRepository => memory.repository.is_some(),
        FailureKind::Unreachable
        | FailureKind::Refused
        | FailureKind::Full
        | FailureKind::NotThere
        | FailureKind::Foreign
        | FailureKind::Locked
        | FailureKind::NotFound
        | FailureKind::Here
        | FailureKind::Power
        | FailureKind::Internal => false,
    };
    let is_silent = kind.is_some_and(JobKind::proves) && !shows_loss
        || kind == Some(JobKind::Prune) && failure.kind == FailureKind::Here;
    let outcome = if failure.kind == FailureKind::Power {
        JobOutcome::Interrupted
    } else if is_silent {
        JobOutcome::Skipped
    } else {
        JobOutcome::Failed
    };
    Ending::of(outcome, failure.sentence.clone())
}

/// How one ended that was done.
pub(crate) fn of_found(found: &Found, began_at: i64, memory: &Memory) -> Ending {
    match found {
        Found::Taken(manifest) => of_taken(manifest, began_at, memory),
        Found::Pruned { runs, freed } => {
            let message = match runs.len() {
                0 => format!("nothing was to be removed; {} freed", words::bytes(*freed)),
                count => format!(
                    "{} removed, {} freed",
                    words::count(count as u64, "backup"),
                    words::bytes(*freed)
                ),
            };
            Ending {
                removed: runs.clone(),
                ..Ending::of(JobOutcome::Good, message)
            }
        }
        Found::Checked {
            packs,
            faults,
            damaged,
        } => {
            let good = format!("{} read back, nothing wrong", words::count(*packs, "pack"));
            Ending {
                damaged: damaged.clone(),
                ..of_faults(faults, good)
            }
        }
        Found::Repaired { packs, done } if done.is_empty() => {
            let read = words::count(*packs, "pack");
            let message = format!("{read} read, and nothing was to be repaired");
            Ending::of(JobOutcome::Good, message)
        }
        Found::Repaired { done, .. } => Ending::of(JobOutcome::Good, done.join("; ")),
        Found::Proven { run, shown, faults } => Ending {
            proven_run: faults.is_empty().then(|| run.clone()),
            ..of_faults(faults, in_short(shown))
        },
        Found::Restored {
            files,
            bytes,
            faults,
            ..
        } => {
            let good = match bytes {
                // It was read before, beside its place.
                0 => format!("{} put back in place", words::count(*files, "path")),
                bytes => {
                    let files = words::count(*files, "file");
                    format!("{files} restored, {}", words::bytes(*bytes))
                }
            };
            of_faults(faults, good)
        }
        Found::Listed { backups, .. } => of_listed(backups, memory),
        Found::Claimed => Ending::of(JobOutcome::Good, "the repository is this box's".to_owned()),
    }
}

/// What was shown by a proof, in a line; who asked for it has read it all.
fn in_short(shown: &[String]) -> String {
    let things = words::count(shown.len() as u64, "thing");
    let mut all = vec![format!("{things} tried, nothing wrong")];
    let starts = shown.iter().filter(|shown| shown.contains(STARTED));
    all.extend(starts.cloned());
    all.join("; ")
}

fn of_faults(faults: &[String], good: String) -> Ending {
    if faults.is_empty() {
        return Ending::of(JobOutcome::Good, good);
    }
    let told = faults[..faults.len().min(FAULTS_TOLD_MAX)].join("; ");
    let more = match faults.len().saturating_sub(FAULTS_TOLD_MAX) {
        0 => String::new(),
        count => format!("; and {count} more"),
    };
    Ending::of(JobOutcome::Failed, format!("{told}{more}"))
}

fn of_taken(taken: &Manifest, began_at: i64, memory: &Memory) -> Ending {
    let entry = entry_of(taken);
    let now = size(taken);
    let added: u64 = taken.parts.iter().map(|part| part.added).sum();
    let mut message = format!(
        "{}, {} ({} new), {} in {}",
        words::count(now.items, "file"),
        words::bytes(now.bytes),
        words::bytes(added),
        words::count(taken.databases.len() as u64, "database"),
        words::seconds(taken.ended_at.saturating_sub(began_at)),
    );
    let faults = faults_of(taken);
    if !faults.is_empty() {
        message = format!(
            "{}. Saved: {message}",
            of_faults(&faults, String::new()).message
        );
    }
    let before = memory.newest_good(entry.kind).and_then(manifest);
    if before.is_some_and(|before| has_shrunk(size(&before), now)) {
        message.push_str(
            ". It is less than half of the one before: look whether something is missing. Until the next one nothing old is removed",
        );
    }
    let outcome = if entry.is_good {
        JobOutcome::Good
    } else {
        JobOutcome::Partial
    };
    Ending {
        manifest: Some(entry.manifest.clone()),
        added: vec![entry],
        ..Ending::of(outcome, message)
    }
}

fn faults_of(taken: &Manifest) -> Vec<String> {
    let databases = taken.failed_databases.iter();
    let databases = databases.map(|(name, why)| format!("the database {name} is not in it: {why}"));
    let files = taken.parts.iter().filter(|part| part.unreadable > 0);
    let files = files.map(|part| {
        let (what, which) = match part.unreadable {
            1 => ("1 file".to_owned(), "is"),
            count => (format!("{count} files"), "are"),
        };
        let first = part.unreadable_first.first();
        let first = first.map(|(path, why)| format!(" (the first: {}: {why})", path.display()));
        format!(
            "{what} of the part {} could not be read and {which} not in it{}",
            part.part,
            first.unwrap_or_default()
        )
    });
    databases.chain(files).collect()
}

/// A backup, as the catalogue has it.
pub(crate) fn entry_of(manifest: &Manifest) -> CatalogueEntry {
    CatalogueEntry {
        run: manifest.run.clone(),
        kind: JobKind::parse(&manifest.kind).unwrap_or(JobKind::Full),
        at: manifest.began_at,
        is_good: faults_of(manifest).is_empty(),
        manifest: serde_json::to_string(manifest).unwrap_or_default(),
    }
}

/// What is in the repository is what there is: the catalogue follows, as after a recovery. What is only in the catalogue
/// stays there, so that nothing is removed while something is missing.
fn of_listed(backups: &[Manifest], memory: &Memory) -> Ending {
    let known = |run: &str| memory.catalogue.iter().any(|entry| entry.run == run);
    let new = backups.iter().filter(|manifest| !known(&manifest.run));
    Ending {
        added: new.map(entry_of).collect(),
        ..Ending::of(
            JobOutcome::Good,
            words::count(backups.len() as u64, "backup"),
        )
    }
}

#[cfg(test)]
mod tests;
