//! A repository in restic's format, opened. rustic_core is seen from here and the files below alone, but for the
//! types of its nodes and sources.

mod archive;
mod claim;
mod lock;
mod manifests;
mod open;
mod read;
mod snapshots;

use std::sync::Arc;

pub(crate) use archive::Archived;
pub(crate) use archive::ToArchive;
pub(crate) use lock::Lock;
pub(crate) use manifests::Manifests;
pub(crate) use read::Piece;
pub(crate) use snapshots::Kind;
pub(crate) use snapshots::Snapshot;
pub(crate) use snapshots::Snapshots;

use crate::target::Target;

/// A repository, opened.
#[derive(Debug)]
pub(crate) struct Repository {
    target: Arc<dyn Target>,
    id: String,
}

impl Repository {
    /// Its own id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Where it is, for people.
    pub(crate) fn place(&self) -> String {
        self.target.place()
    }

    /// Its objects, as they are stored.
    pub(crate) fn target(&self) -> &Arc<dyn Target> {
        &self.target
    }
}
