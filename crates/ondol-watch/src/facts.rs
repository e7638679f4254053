//! What other parts of the agent know of themselves, told by the boot; this crate does not ask them.

use std::net::SocketAddr;

/// How the other parts of the agent are. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whether a data plane serves visitors.
    pub is_served: bool,
    /// Where the box listens for plain HTTP, as a peer on this machine reaches it; `None` when it doesn't.
    pub http: Option<SocketAddr>,
    /// The same for HTTPS.
    pub https: Option<SocketAddr>,
    /// The apps.
    pub apps: Vec<AppFact>,
    /// The certificates.
    pub certificates: Vec<CertificateFact>,
    /// Backups, by target.
    pub backups: Vec<BackupFact>,
    /// The parts of the agent.
    pub services: Vec<ServiceFact>,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppFact {
    /// Its name.
    pub name: String,
    /// How it is.
    pub condition: AppCondition,
    /// A sentence about what went wrong last; may be empty.
    pub note: String,
    /// How often its processes were started again since its launch.
    pub restarts: u64,
}

/// How an app is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppCondition {
    /// It answers.
    Well,
    /// It starts, or is deployed.
    Starting,
    /// Nobody asked for it for a while; whoever asks wakes it.
    Asleep,
    /// Its owner stopped it.
    Stopped,
    /// It ended again and again.
    Failed,
}

/// A certificate that sites are served with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFact {
    /// The first of its names.
    pub name: String,
    /// When it ends; `None` while there is none.
    pub not_after: Option<i64>,
    /// Whether it is renewed by itself, so that only the last days are worth a word.
    pub is_managed: bool,
    /// Whether it is of Ondol's own CA, in place of one of an issuer that is asked.
    pub is_stand_in: bool,
    /// Why the last try to get another failed; `None` when it did not.
    pub problem: Option<String>,
}

/// Backups at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFact {
    /// The name of the target.
    pub target: String,
    /// When the newest good backup ended.
    pub last_good_at: Option<i64>,
    /// The end of the backup that was shown to be restorable.
    pub proven_as_of: Option<i64>,
    /// Why a proof failed, as long as none has succeeded since.
    pub failed_proof: Option<String>,
    /// Since when backups are wanted there, as far as this process knows.
    pub wanted_since: i64,
}

/// A part of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFact {
    /// Its name.
    pub name: String,
    /// Why it is not running, while it isn't.
    pub trouble: Option<String>,
}
