//! How backups are, for those who look.

use ondol_model::backup::JobKind;
use ondol_model::backup::JobOutcome;

use crate::report::Amount;

/// How backups are. All times are in seconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupStatus {
    /// The targets, in the order of the configuration.
    pub targets: Vec<TargetStatus>,
    /// The moment whose data was shown to be restorable at some target, files and databases alike; the headline.
    pub proven_as_of: Option<i64>,
    /// The newest good backup at any target.
    pub last_good_at: Option<i64>,
    /// How old the data of each database is that could be put back now.
    pub databases: Vec<DatabaseAge>,
    /// What runs now.
    pub running: Option<RunningJob>,
    /// When something is due next, and what.
    pub next: Option<(i64, JobKind)>,
    /// When the owner typed back a part of the recovery kit.
    pub kit_confirmed_at: Option<i64>,
    /// What the owner should know, a sentence each.
    pub warnings: Vec<String>,
}

/// How one target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStatus {
    /// Its name.
    pub name: String,
    /// Where it is, for people.
    pub place: String,
    /// The last job of each kind, as far as there was one.
    pub last: Vec<LastJob>,
    /// The end of the newest good backup of everything.
    pub last_good_at: Option<i64>,
    /// The end of the backup that was shown to be restorable, unless a proof failed since.
    pub proven_as_of: Option<i64>,
    /// Why a proof failed, as long as none has succeeded since.
    pub failed_proof: Option<String>,
    /// How many backups there are, as far as is known.
    pub backups: u64,
    /// What the newest good backup of everything holds, in bytes.
    pub bytes: Option<u64>,
}

/// How the last job of a kind ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastJob {
    /// What it did.
    pub kind: JobKind,
    /// When it began.
    pub began_at: i64,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<i64>,
    /// How; `None` while it runs.
    pub outcome: Option<JobOutcome>,
    /// A sentence about it.
    pub message: String,
}

/// How old the data of a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAge {
    /// Its name.
    pub name: String,
    /// The moment whose data the newest backup has; `None` when there is none.
    pub as_of: Option<i64>,
    /// The moment whose data was restored and compared.
    pub proven_as_of: Option<i64>,
    /// At which target.
    pub target: Option<String>,
}

/// A job that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningJob {
    /// What it does.
    pub kind: JobKind,
    /// At which target.
    pub target: String,
    /// Since when.
    pub since: i64,
    /// What it does now.
    pub step: String,
    /// So much is done.
    pub done: Amount,
    /// Of so much.
    pub total: Option<Amount>,
}
