//! Where things lie on this machine. It knows paths, not what is in them.

use std::path::PathBuf;

/// The folders of the box, as far as watching has a part in them. All are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The configuration file.
    pub configuration: PathBuf,
    /// What must survive; Ondol's database is in it.
    pub state: PathBuf,
    /// What ends with the machine's run.
    pub runtime: PathBuf,
    /// Logs.
    pub logs: PathBuf,
}
