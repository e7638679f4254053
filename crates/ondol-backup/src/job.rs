//! A job: a child process that opens a repository and does one thing with it.

mod leash;
mod run;
mod start;

use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::access::BandwidthLimit;
use crate::access::Hidden;
use crate::access::TargetAccess;
use crate::identity::BoxIdentity;
use crate::work::Work;

pub(crate) use leash::Leash;
pub use run::run;
pub use start::Job;
pub use start::begin;

/// All that a job is told, as one JSON value on its standard input, which then stays open: its end ends the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// The repository.
    pub target: TargetAccess,
    /// Its password.
    pub password: Hidden,
    /// The id of the repository, when it was opened before; another one is not touched.
    pub repository: Option<String>,
    /// The box that asks.
    pub of: BoxIdentity,
    /// How fast it may be, by the time of day.
    pub bandwidth: Vec<BandwidthLimit>,
    /// The IANA time zone of those times; `None` means the machine's own.
    pub timezone: Option<String>,
    /// How long it waits for a target that does not answer before it gives up, in seconds.
    pub patience: u64,
    /// Folders of this machine.
    pub places: Placement,
    /// What it is to do.
    pub work: Work,
}

/// Folders of this machine that a job may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// For packs that are needed several times; what is in it may be removed at any time between jobs.
    pub cache: PathBuf,
}
