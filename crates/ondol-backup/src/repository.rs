//! A repository in restic's format, opened. rustic_core writes it and thins it out, and is seen from here and the
//! files below alone, but for the types of its nodes and sources; what is read is read by Ondol itself, so that a
//! damaged object costs what is in it and nothing else.

mod adapter;
mod archive;
mod claim;
mod index;
mod lock;
mod manifests;
mod mend;
mod open;
mod read;
mod rewrite;
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
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use rustic_core::repofile::MasterKey;
use rustic_core::repofile::SnapshotFile;

use crate::failure::Failure;
use crate::repository::adapter::Adapter;
use crate::repository::open::Opened;
use crate::repository::seal::Seal;
use crate::repository::trees::Blocks;
use crate::target::Target;

pub(crate) use archive::Archived;
pub(crate) use archive::ToArchive;
pub(crate) use index::Index;
pub(crate) use index::Pack;
pub(crate) use index::Piece;
pub(crate) use lock::Lock;
pub(crate) use rewrite::NewPack;
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
    /// Its configuration, as the claim has a copy of it.
    config: String,
    /// The configuration to write, when the stored one is damaged.
    copy: Option<Bytes>,
    /// What the snapshots say that were read; none ever changes.
    read: Mutex<HashMap<String, SnapshotFile>>,
    /// Where every piece is stored, once that was asked; what is written afterwards is not in it.
    index: Mutex<Option<Arc<Index>>>,
    /// Parts of packs with folders, that were read last.
    blocks: Mutex<Blocks>,
    /// Whether nothing is taken for unchanged.
    is_anew: AtomicBool,
}

impl Repository {
    fn of(target: Arc<dyn Target>, adapter: Arc<Adapter>, opened: Opened) -> Self {
        Self {
            target,
            adapter,
            master: opened.master,
            seal: Arc::new(opened.seal),
            id: opened.id,
            config: opened.config,
            copy: opened.copy,
            read: Mutex::new(HashMap::new()),
            index: Mutex::new(None),
            blocks: Mutex::new(Blocks::default()),
            is_anew: AtomicBool::new(false),
        }
    }

    /// The same, with nothing read yet; a password is slow on purpose.
    #[cfg(test)]
    pub(crate) fn afresh(&self) -> Self {
        let adapter = Adapter::new(Arc::clone(&self.target));
        adapter.know_config(self.target.read(&crate::target::Object::Config).unwrap());
        let opened = Opened {
            master: self.master.clone(),
            seal: Seal::of(&self.master).unwrap(),
            id: self.id.clone(),
            config: self.config.clone(),
            copy: None,
        };
        Self::of(Arc::clone(&self.target), Arc::new(adapter), opened)
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

    /// From now on all that is saved is read, and nothing taken for unchanged. The library does not look whether a
    /// folder that is as it was is still stored.
    pub(crate) fn read_anew(&self) {
        self.is_anew.store(true, Ordering::Relaxed);
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
