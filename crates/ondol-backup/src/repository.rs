//! A repository in restic's format, opened. rustic_core writes it and thins it out, and is seen from here and the
//! files below alone, but for the types of its nodes and sources; what is read is read by Ondol itself, so that a
//! damaged object costs what is in it and nothing else.

mod adapter;
mod archive;
mod claim;
mod index;
mod lock;
mod manifests;
mod open;
mod read;
mod seal;
mod snapshots;
mod texts;
mod trees;
mod trouble;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustic_core::repofile::MasterKey;
use rustic_core::repofile::SnapshotFile;

use crate::failure::Failure;
use crate::repository::adapter::Adapter;
use crate::repository::seal::Seal;
use crate::repository::trees::Blocks;
use crate::target::Target;

pub(crate) use adapter::read_whole;
pub(crate) use archive::Archived;
pub(crate) use archive::ToArchive;
pub(crate) use index::Index;
pub(crate) use index::Pack;
pub(crate) use index::Piece;
pub(crate) use lock::Lock;
pub(crate) use seal::hash;
pub(crate) use seal::hex;
pub(crate) use seal::unhex;
pub(crate) use snapshots::Kind;
pub(crate) use snapshots::Snapshot;
pub(crate) use snapshots::Snapshots;
pub(crate) use trouble::of_target;

/// A repository, opened.
pub(crate) struct Repository {
    target: Arc<dyn Target>,
    adapter: Arc<Adapter>,
    seal: Arc<Seal>,
    master: MasterKey,
    id: String,
    /// What the snapshots say that were read; none ever changes.
    read: Mutex<HashMap<String, SnapshotFile>>,
    /// Where every piece is stored, once that was asked; what is written afterwards is not in it.
    index: Mutex<Option<Arc<Index>>>,
    /// Parts of packs with folders, that were read last.
    blocks: Mutex<Blocks>,
}

impl Repository {
    fn of(
        target: Arc<dyn Target>,
        adapter: Arc<Adapter>,
        keys: (MasterKey, Seal),
        id: String,
    ) -> Self {
        Self {
            target,
            adapter,
            master: keys.0,
            seal: Arc::new(keys.1),
            id,
            read: Mutex::new(HashMap::new()),
            index: Mutex::new(None),
            blocks: Mutex::new(Blocks::default()),
        }
    }

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

    /// Where every piece is stored.
    pub(crate) fn index(&self) -> Result<Arc<Index>, Failure> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = &*index {
            return Ok(Arc::clone(index));
        }
        let loaded = Arc::new(Index::load(&*self.target, &self.seal)?);
        Ok(Arc::clone(index.insert(loaded)))
    }

    /// Something was written: the index is read again when it is needed.
    pub(crate) fn forget_index(&self) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        *index = None;
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("target", &self.target)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
