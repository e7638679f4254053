//! What everything that is done for one app has in common.

use std::path::PathBuf;
use std::sync::Arc;

use crate::group::Groups;
use crate::log::AppLog;
use crate::places::Places;

/// What everything that is done for one app has in common. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// Where things lie.
    pub(crate) places: Arc<Places>,
    /// How this machine limits processes.
    pub(crate) groups: Arc<Groups>,
    /// Where the app's words go.
    pub(crate) log: AppLog,
    /// Folders that the app sees nothing of, though everybody else may read them: see [`crate::Reach`].
    pub(crate) hidden: Arc<[PathBuf]>,
}
