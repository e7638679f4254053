//! Writing a snapshot.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustic_core::ReadSource;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::repository::Kind;
use crate::repository::Repository;

/// What a new snapshot is of.
pub(crate) struct ToArchive<'a> {
    /// The box; its name is the host of the snapshot.
    pub(crate) of: &'a BoxIdentity,
    /// The run.
    pub(crate) run: &'a str,
    /// What it is of. What the newest snapshot of the same kind and host has unchanged is not read again.
    pub(crate) kind: Kind,
    /// Its time, in seconds since the Unix epoch.
    pub(crate) at: i64,
    /// The absolute paths that it has, for people.
    pub(crate) roots: &'a [PathBuf],
    /// Is told how many bytes more are done, whether they were read or found to be unchanged.
    pub(crate) on_bytes: Arc<dyn Fn(u64) + Send + Sync>,
}

impl fmt::Debug for ToArchive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToArchive")
            .field("run", &self.run)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A snapshot that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archived {
    /// Its id, in hexadecimal digits.
    pub(crate) snapshot: String,
    /// How many files are in it.
    pub(crate) files: u64,
    /// How many bytes they have.
    pub(crate) bytes: u64,
    /// How many bytes the repository grew by.
    pub(crate) added: u64,
}

impl Repository {
    /// Writes a snapshot of all that the source has. Its entries come as rustic_core's own source gives them: sorted
    /// as a walk meets them, folders before what is in them. What the source does not tell is not noticed: an error
    /// of an entry is only left out.
    pub(crate) fn archive<R>(&self, _what: &ToArchive<'_>, _source: R) -> Result<Archived, Failure>
    where
        R: ReadSource + 'static,
        R::Open: Send,
        R::Iter: Send,
    {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }
}
