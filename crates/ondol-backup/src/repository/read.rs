//! Reading what snapshots have.

use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use rustic_core::DataId;
use rustic_core::repofile::Node;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::repository::Repository;
use crate::repository::Snapshot;

/// Where a piece of a file is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Piece {
    /// The pack, by its id in hexadecimal digits.
    pub(crate) pack: String,
    /// Where it begins there.
    pub(crate) offset: u32,
    /// How many bytes it has there.
    pub(crate) stored: u32,
    /// How many bytes it has when it is unsealed.
    pub(crate) length: u32,
    /// Whether it is stored compressed.
    pub(crate) is_compressed: bool,
}

impl Repository {
    /// What is at an absolute path of a snapshot; `None` when there is nothing.
    pub(crate) fn node(&self, _snapshot: &Snapshot, _path: &Path) -> Result<Option<Node>, Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// Visits all that is at and below an absolute path of a snapshot, folders before what is in them, by absolute
    /// paths. A folder that can't be read is `Damaged`, and ends it.
    pub(crate) fn walk(
        &self,
        _snapshot: &Snapshot,
        _under: &Path,
        _visit: &mut dyn FnMut(&Path, &Node) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// Writes what a file has.
    pub(crate) fn write_file(&self, _node: &Node, _out: &mut dyn Write) -> Result<(), Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// Where a piece of a file is stored. `Damaged` when it is nowhere.
    pub(crate) fn piece(&self, _id: &DataId) -> Result<Piece, Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// So many bytes of a pack, as they are stored.
    pub(crate) fn read_pack(
        &self,
        _pack: &str,
        _offset: u64,
        _length: u64,
    ) -> Result<Bytes, Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }

    /// A piece of a file from its stored bytes: decrypted, decompressed, and found to be the one of this id.
    pub(crate) fn unseal(
        &self,
        _id: &DataId,
        _piece: &Piece,
        _stored: &[u8],
    ) -> Result<Bytes, Failure> {
        Err(Failure::new(FailureKind::Internal, "This is not yet done."))
    }
}
