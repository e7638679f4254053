//! Why a release could not be made.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::command::CommandError;
use crate::settings::SettingsError;

/// Why a release could not be made. Each is a sentence for the owner; what ran before goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    /// What it is made with could not be read.
    #[error("it can't be prepared")]
    Settings(#[source] SettingsError),
    /// Something on disk.
    #[error("{what} {}", path.display())]
    Disk {
        /// What could not be done, up to the path.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A command could not be run to its end.
    #[error("{what}, `{command}`, did not end by itself")]
    Command {
        /// Which: `the build command`.
        what: &'static str,
        /// As the owner wrote it.
        command: String,
        /// Why.
        source: CommandError,
    },
    /// A command failed.
    #[error("{what}, `{command}`, failed: {status}")]
    Failed {
        /// Which: `the build command`.
        what: &'static str,
        /// As the owner wrote it.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote.
        last: Vec<String>,
    },
}

impl MakeError {
    /// The last lines of the command that failed, if one did.
    pub(crate) fn last_lines(&self) -> &[String] {
        match self {
            Self::Failed { last, .. }
            | Self::Command {
                source: CommandError::Slow { last, .. },
                ..
            } => last,
            Self::Settings(_) | Self::Disk { .. } | Self::Command { .. } => &[],
        }
    }
}
