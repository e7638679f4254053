//! Where a release comes from.

use std::path::PathBuf;

/// Where the files of a release come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The folder of the app, as the configuration names it.
    Dir,
    /// A folder on this machine.
    Folder(PathBuf),
    /// A tar archive on this machine, plain or compressed.
    Archive(PathBuf),
    /// A commit, branch or tag of the app's repository.
    Git(String),
}
