//! How a job goes on, and what it found.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::api::Time;

/// `GET /backups/follow`: how a job goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFollowing {
    /// Which job.
    pub job: u64,
    /// At which target it is now; empty before it begins.
    pub target: String,
    /// What it does now; empty while it waits for its turn.
    pub step: String,
    /// So much of that is done.
    pub done: BackupAmount,
    /// Of so much; `None` while that is not known.
    pub total: Option<BackupAmount>,
    /// That the target does not answer, as long as it does not.
    pub waiting: Option<String>,
    /// Lines from the one that was asked for on; not always all that there are.
    pub lines: Vec<BackupLine>,
    /// The number of the next line.
    pub next: u64,
    /// For the next question.
    pub seen: u64,
    /// How it ended, target by target, as far as it did.
    pub ends: Vec<BackupEnd>,
    /// Whether all is over.
    pub over: bool,
}

/// So much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupAmount {
    /// Files, or other objects.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A line about a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupLine {
    /// At which target.
    pub target: String,
    /// A sentence.
    pub text: String,
}

/// How a job ended at a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupEnd {
    /// Which target.
    pub target: String,
    /// Whether it is as it should be.
    pub good: bool,
    /// What happened, and where it failed what is safe and what to do.
    pub message: String,
    /// What was found.
    #[serde(default)]
    pub found: BackupFound,
}

/// What a job found; what it did not look for is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFound {
    /// Backups, the newest first.
    #[serde(default)]
    pub backups: Vec<Backup>,
    /// Names in a folder of a backup; those of folders end in `/`.
    #[serde(default)]
    pub names: Vec<String>,
    /// What is not as it should be, a sentence each.
    #[serde(default)]
    pub faults: Vec<String>,
    /// What was shown, a sentence each.
    #[serde(default)]
    pub shown: Vec<String>,
    /// Where what was there before is kept, by the place that something else has now.
    #[serde(default)]
    pub kept: Vec<KeptBeside>,
}

/// Something that gave way to what was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBeside {
    /// Where it was.
    pub place: String,
    /// Where it is now.
    pub kept: String,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its run: what `browse` takes; later ones sort after earlier ones.
    pub run: String,
    /// `full` or `databases`.
    pub kind: String,
    /// When it began.
    pub began_at: Time,
    /// When it ended.
    pub ended_at: Time,
    /// Whether nothing is missing in it.
    pub good: bool,
    /// The box that it is of.
    pub of: String,
    /// The version of Ondol that took it.
    pub ondol: String,
    /// Its parts.
    pub parts: Vec<BackupPart>,
    /// The databases in it.
    pub databases: Vec<BackupDatabase>,
    /// Databases that could not be saved, and why.
    pub failed_databases: BTreeMap<String, String>,
}

/// A part of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPart {
    /// `box`, `databases`, `apps` or `files`.
    pub part: String,
    /// Its snapshot, as `restic` knows it.
    pub snapshot: String,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that were not stored before.
    pub added: u64,
    /// Files that could not be read.
    pub unreadable: u64,
}

/// A database in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupDatabase {
    /// Its name.
    pub name: String,
    /// `sqlite`, `postgres` or `mysql`.
    pub kind: String,
    /// The moment whose data it has.
    pub as_of: Time,
    /// The bytes of its file.
    pub bytes: u64,
    /// The rows of all its tables; `None` when they were not counted.
    pub rows: Option<u64>,
}
