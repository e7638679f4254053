//! A version of an app's files.

use std::path::PathBuf;

/// A version of an app's files, ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its number; `None` when it is the app's own folder, which its owner changes in place.
    pub number: Option<u64>,
    /// The folder; its real path.
    pub folder: PathBuf,
}
