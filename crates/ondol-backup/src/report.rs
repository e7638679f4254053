//! What a job says while it works: one line of JSON after another on its standard output.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::failure::Failure;
use crate::manifest::Manifest;

/// A line of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// It begins another step; what it does, as the start of a sentence: `reading the packs`.
    Step(String),
    /// How far the step is; at most a few times a second.
    Progress {
        /// So much is done.
        done: Amount,
        /// Of so much; `None` while that is not known.
        total: Option<Amount>,
    },
    /// A sentence for the owner.
    Note(String),
    /// A file could not be read, and is not in the backup.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The target does not answer; the job waits, and tries again.
    Waiting(String),
    /// A repository was made, or opened for the first time: what it is to be known by from now on.
    Repository {
        /// Its own id.
        id: String,
        /// The file system of a local one.
        file_system: Option<String>,
    },
    /// What apps are to be started on lies ready; the job waits for [`Job::go_on`](crate::Job::go_on), and clears it away
    /// then.
    Ready(Ground),
    /// The end: what was found or done.
    Done(Box<Found>),
    /// The end: why it could not be done.
    Failed(Failure),
}

/// What apps are started on in a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// Where what was restored lies: each file at its whole path below this.
    pub root: PathBuf,
    /// The addresses of copies of databases of servers, by their names.
    pub copies: BTreeMap<String, String>,
}

/// So much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Files, or other objects.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a job found or did.
#[expect(
    clippy::large_enum_variant,
    reason = "a job has one, which is boxed on its way"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// A backup was taken. It is good when nothing was unreadable and no database failed.
    Taken(Manifest),
    /// Old ones were removed.
    Pruned {
        /// Runs that were removed.
        runs: Vec<String>,
        /// Bytes that the repository shrank by; what is only marked for removal is not counted.
        freed: u64,
    },
    /// A share of what is stored was read back.
    Checked {
        /// Packs that were read.
        packs: u64,
        /// What is not right, a sentence each; empty when all is.
        faults: Vec<String>,
        /// The ids of packs that are damaged or missing.
        #[serde(default)]
        damaged: Vec<String>,
    },
    /// What is damaged is no longer in the index.
    Repaired {
        /// Packs that were read.
        packs: u64,
        /// What was done, a sentence each; empty when nothing was to be done.
        done: Vec<String>,
    },
    /// Files and databases were restored and compared.
    Proven {
        /// The run that was.
        run: String,
        /// What was compared, a sentence each.
        shown: Vec<String>,
        /// What is not right, a sentence each; empty when all is.
        faults: Vec<String>,
    },
    /// What there is.
    Listed {
        /// Backups, the newest first.
        backups: Vec<Manifest>,
        /// What can't be read, a sentence each.
        damaged: Vec<String>,
        /// Names in a folder of a backup, when one was asked for.
        names: Vec<String>,
    },
    /// Something was put back, or lies ready to be.
    Restored {
        /// The run that it is of.
        run: String,
        /// Files.
        files: u64,
        /// Bytes.
        bytes: u64,
        /// What could not be restored, and why; the rest was.
        faults: Vec<String>,
        /// When it was restored beside: what takes the place of what. When it was put in place: where what was there
        /// before is kept, and the place that it had.
        staged: Vec<(PathBuf, PathBuf)>,
    },
    /// The repository is this box's now.
    Claimed,
}
