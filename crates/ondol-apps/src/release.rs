//! A version of an app's files.

use std::fmt;
use std::path::PathBuf;

/// A version of an app's files, ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its number; `None` when it is the app's own folder, which its owner changes in place.
    pub number: Option<u64>,
    /// The folder; its real path.
    pub folder: PathBuf,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "release {number}"),
            None => f.write_str("its own folder"),
        }
    }
}
