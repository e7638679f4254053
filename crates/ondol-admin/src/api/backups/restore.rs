//! What is to be put back, and what that means for the box.

use serde::Deserialize;
use serde::Serialize;

use crate::api::Time;

/// The body of `POST /backups/restore`, and of `POST /backups/restore/plan`, which only says what would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreQuestion {
    /// What.
    pub what: RestoreWhat,
    /// From which target; `None` means the one with the newest good backup.
    #[serde(default)]
    pub target: Option<String>,
    /// As it was at this moment, or as short before it as there is a backup; `None` for the newest.
    #[serde(default)]
    pub at: Option<Time>,
    /// Below this folder, by its absolute path; `None` for where it was.
    #[serde(default)]
    pub to: Option<String>,
    /// Whether it takes the place of what is there also when some of it could not be restored.
    #[serde(default)]
    pub incomplete: bool,
}

/// What is to be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreWhat {
    /// Files and folders, by their absolute paths.
    Paths(Vec<String>),
    /// Databases, by name.
    Databases(Vec<String>),
    /// An app: what it is started from, its data, its databases.
    App(String),
    /// A site: its folders, and its apps.
    Site(String),
    /// All sites and apps.
    Everything,
}

/// The answer to `POST /backups/restore/plan`: status 200 when accepted, 422 when not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RestoreAnswer {
    /// Whether it can be done.
    pub accepted: bool,
    /// Why not, as a sentence; empty when it can.
    pub message: String,
    /// Files and folders that are put back.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Databases that are put back.
    #[serde(default)]
    pub databases: Vec<String>,
    /// Apps that are stopped for a moment meanwhile.
    #[serde(default)]
    pub stopped: Vec<String>,
    /// What else the owner should know before.
    #[serde(default)]
    pub notes: Vec<String>,
}
