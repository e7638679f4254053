//! Why a release could not be made.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use ondol_base::chain::Chain;
use ondol_base::program::RunError;
use ondol_model::app::AppName;
use ondol_model::app::room::Short;
use ondol_model::app::room::size;

use super::copy::CopyError;
use crate::command::CommandError;
use crate::repository::RepositoryError;
use crate::settings::SettingsError;

/// Why a release could not be made. Each is a sentence for the owner; what ran before goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    /// What it is made with could not be read.
    #[error("it can't be prepared")]
    Settings(#[source] SettingsError),
    /// Too little room before anything was begun.
    #[error(
        "the disk of {} has {free} free, and the release needs about {expected} and {reserve} that are kept for others: \
         remove something, or keep fewer `releases`",
        path.display(), free = size(short.free), expected = size(short.expected), reserve = size(short.reserve),
    )]
    Room {
        /// Where releases are.
        path: PathBuf,
        /// What there is, and what is missing.
        short: Short,
    },
    /// The disk was filled.
    #[error("{what} was stopped, because the disk of {} was nearly full: {} were left", path.display(), size(*free))]
    Full {
        /// What filled it.
        what: &'static str,
        /// Where releases are.
        path: PathBuf,
        /// What was left.
        free: u64,
    },
    /// Nothing says where the files come from.
    #[error(
        "nothing says which files {0} is made of: name them (`ondol deploy {0} PATH`), or give it a `dir` or a `git` in the \
         configuration"
    )]
    NoSource(AppName),
    /// No repository of it.
    #[error(
        "what was named is no folder or archive here, and {0} has no repository that could know it as a version: a folder is \
         named by its path (`ondol deploy {0} ./folder`), and `ondol apps git {0}` makes a repository to push to"
    )]
    NoRepository(AppName),
    /// What was named is no version.
    #[error("{0:?} is no name of a commit, branch or tag")]
    NoVersion(String),
    /// It is not what it should be.
    #[error("{} is {is}: a release is made of a folder, a tar archive or a version in git", path.display())]
    Kind {
        /// What was named.
        path: PathBuf,
        /// What it is.
        is: &'static str,
    },
    /// There are no files.
    #[error("there are no files in it: {0}")]
    Empty(String),
    /// A folder was not copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// Something on disk.
    #[error("could not {what} {}", path.display())]
    Disk {
        /// What could not be done, up to the path.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Git could not be asked.
    #[error("git could not be run to its end; is it installed?")]
    NoGit(#[source] RunError),
    /// Its own repository could not be made.
    #[error(transparent)]
    Repository(RepositoryError),
    /// Git refused.
    #[error("git could not get {version}: {complaint}")]
    Git {
        /// What was asked for.
        version: String,
        /// Its words.
        complaint: String,
    },
    /// A command could not be run to its end.
    #[error("{what}, `{command}`, was not run to its end")]
    Command {
        /// Which: `the build command`.
        what: &'static str,
        /// As the owner wrote it.
        command: String,
        /// Why.
        source: CommandError,
    },
    /// A command failed.
    #[error("{what}, `{command}`, failed ({status})")]
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
    /// All of it, with the last lines of the command that failed, if one did.
    pub(crate) fn sentence(&self) -> String {
        let mut text = Chain(self).to_string();
        let (Self::Failed { last, .. }
        | Self::Command {
            source: CommandError::Slow { last, .. },
            ..
        }) = self
        else {
            return text;
        };
        if last.is_empty() {
            text.push_str("\nIt wrote nothing.");
        } else {
            let _infallible = write!(text, "\nIts last lines:\n{}", last.join("\n"));
        }
        text
    }
}

impl From<io::Error> for MakeError {
    /// Of work on the disk that says no more.
    fn from(source: io::Error) -> Self {
        let what = "work on the disk for";
        let path = "a release".into();
        Self::Disk { what, path, source }
    }
}

/// What could not be done with a path.
pub(super) fn disk(
    what: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> MakeError {
    let path = path.into();
    move |source| MakeError::Disk { what, path, source }
}
