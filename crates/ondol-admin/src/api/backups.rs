//! The JSON about backups: how they are, what the owner asks for, and how that goes on.

use serde::Deserialize;
use serde::Serialize;

use super::Time;

mod follow;
mod restore;

pub use follow::Backup;
pub use follow::BackupAmount;
pub use follow::BackupDatabase;
pub use follow::BackupEnd;
pub use follow::BackupFollowing;
pub use follow::BackupFound;
pub use follow::BackupLine;
pub use follow::BackupPart;
pub use follow::KeptBeside;
pub use restore::RestoreAnswer;
pub use restore::RestoreQuestion;
pub use restore::RestoreWhat;

/// `GET /backups`: how backups are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Backups {
    /// The moment whose data was shown to be restorable: it was restored and compared. `None` when none was.
    pub proven_as_of: Option<Time>,
    /// The end of the newest good backup.
    pub last_good_at: Option<Time>,
    /// The targets, in the order of the configuration; empty when nothing is backed up.
    pub targets: Vec<BackupTarget>,
    /// How old the data of each database is that could be put back now.
    pub databases: Vec<DatabaseAge>,
    /// What runs now.
    pub running: Option<RunningBackupJob>,
    /// What is due next.
    pub next: Option<NextBackupJob>,
    /// When the owner typed a part of the recovery kit back; `None` for never.
    pub kit_confirmed_at: Option<Time>,
    /// What the owner should know.
    pub warnings: Vec<String>,
}

/// A place where backups go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupTarget {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// How many backups are there, as far as is known.
    pub backups: u64,
    /// What the newest good backup of everything holds, in bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// The end of the newest good backup of everything.
    pub last_good_at: Option<Time>,
    /// The moment whose data was shown to be restorable from here.
    pub proven_as_of: Option<Time>,
    /// Why the last proof failed; `None` when it did not.
    pub failed_proof: Option<String>,
    /// The last job of each kind.
    pub last: Vec<LastBackupJob>,
}

/// How the last job of a kind went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBackupJob {
    /// `full`, `databases`, `prune`, `check`, `repair`, `prove`, `drill` or `restore`.
    pub kind: String,
    /// When it began.
    pub began_at: Time,
    /// When it ended; `None` while it goes on.
    pub ended_at: Option<Time>,
    /// `good`, `partial`, `failed`, `interrupted` or `skipped`; `None` while it goes on.
    pub outcome: Option<String>,
    /// A sentence about it.
    pub message: String,
}

/// How old the data of a database is that could be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseAge {
    /// Its name.
    pub name: String,
    /// The moment whose data the newest backup has; `None` when there is none.
    pub as_of: Option<Time>,
    /// The moment whose data was restored and compared.
    pub proven_as_of: Option<Time>,
    /// At which target the newest is.
    pub target: Option<String>,
}

/// A job that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningBackupJob {
    /// As in [`LastBackupJob::kind`].
    pub kind: String,
    /// At which target.
    pub target: String,
    /// Since when.
    pub since: Time,
    /// What it does now.
    pub step: String,
    /// So much of that is done.
    pub done: BackupAmount,
    /// Of so much; `None` while that is not known.
    pub total: Option<BackupAmount>,
}

/// What is due next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextBackupJob {
    /// As in [`LastBackupJob::kind`].
    pub kind: String,
    /// When.
    pub at: Time,
}

/// The body of `POST /backups/now`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupQuestion {
    /// At which target; `None` means at each, one after another.
    #[serde(default)]
    pub target: Option<String>,
    /// Whether the databases alone are saved.
    #[serde(default)]
    pub databases_only: bool,
}

/// The body of `POST /backups/verify`: what is stored is read back, then restored and compared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyQuestion {
    /// At which target; `None` means at each, one after another.
    #[serde(default)]
    pub target: Option<String>,
    /// Whether everything is read back, and not only the share that is due.
    #[serde(default)]
    pub everything: bool,
}

/// The body of `POST /backups/prove` and `drill`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupTargetQuestion {
    /// At which target; `None` means at each, one after another.
    #[serde(default)]
    pub target: Option<String>,
}

/// The body of `POST /backups/prune` and `repair`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneQuestion {
    /// At which target; `None` means at each, one after another.
    #[serde(default)]
    pub target: Option<String>,
    /// What opens it besides the credential of the box; `None` for that one.
    #[serde(default)]
    pub credential: Option<BackupCredential>,
}

/// A credential for a target. It is used once, and not written down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum BackupCredential {
    /// An access key of a bucket.
    Key {
        /// Its id.
        key: String,
        /// Its secret.
        secret: String,
    },
    /// A user of a REST server.
    User {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A private key for `ssh`.
    Identity {
        /// Its file, by its absolute path.
        path: String,
    },
}

impl std::fmt::Debug for BackupCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupCredential(…)")
    }
}

/// The body of `POST /backups/list`: what backups there are, as the target itself says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuestion {
    /// At which target; `None` means the one with the newest good backup.
    #[serde(default)]
    pub target: Option<String>,
    /// A run whose files are wanted.
    #[serde(default)]
    pub run: Option<String>,
    /// The folder in it, by its absolute path.
    #[serde(default)]
    pub path: Option<String>,
}

/// The answer to `POST /backups/now`, `verify`, `prove`, `drill`, `prune`, `repair`, `list` and `restore`: status 200 when
/// accepted, 422 when not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BackupAnswer {
    /// Whether what was asked for happens.
    pub accepted: bool,
    /// Why not, as a sentence; empty when it does.
    pub message: String,
    /// Its number, to be followed; `None` when nothing happens.
    #[serde(default)]
    pub job: Option<u64>,
    /// The targets, in their order.
    #[serde(default)]
    pub targets: Vec<String>,
}

/// The query of `GET /backups/jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupJobsQuery {
    /// At which target; `None` for all.
    pub target: Option<String>,
    /// As in [`LastBackupJob::kind`]; `None` for all.
    pub kind: Option<String>,
    /// How many at most; `None` means 50, and never more than 1,000 come.
    pub limit: Option<u32>,
}

/// `GET /backups/jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BackupJobs {
    /// The jobs, the newest first.
    pub jobs: Vec<BackupJob>,
}

/// A job that was done, or is being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupJob {
    /// At which target.
    pub target: String,
    /// The backup that it takes; `None` for other kinds.
    pub run: Option<String>,
    /// How it went.
    #[serde(flatten)]
    pub job: LastBackupJob,
}

/// The body of `POST /backups/kit`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KitQuestion {
    /// Of which target; `None` means the first that is not on this machine, else the first.
    #[serde(default)]
    pub target: Option<String>,
}

/// The answer to `POST /backups/kit`: status 200 when accepted, 422 when not.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KitAnswer {
    /// Whether there is a kit.
    pub accepted: bool,
    /// Why not, as a sentence; empty when there is.
    pub message: String,
    /// The sheet, with secrets in it.
    #[serde(default)]
    pub sheet: Option<String>,
    /// Of which target.
    #[serde(default)]
    pub target: Option<String>,
}

impl std::fmt::Debug for KitAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KitAnswer")
            .field("accepted", &self.accepted)
            .field("message", &self.message)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// The answer to `POST /backups/kit/confirmed`: status 200 when accepted, 422 when not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KitConfirmedAnswer {
    /// Whether it is written down.
    pub accepted: bool,
    /// Why not, as a sentence; empty when it is.
    pub message: String,
}

/// The query of `GET /backups/follow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFollowQuery {
    /// Which job, by [`BackupAnswer::job`].
    pub job: u64,
    /// The number of the first line that is wanted.
    #[serde(default)]
    pub from: u64,
    /// What the answer before said as [`BackupFollowing::seen`]: then this one waits, some seconds at most, until there
    /// is something else to see.
    pub seen: Option<u64>,
}
