//! Reading what snapshots have.

use std::io::Write;
use std::path::Component;
use std::path::Path;

use bytes::Bytes;
use rustic_core::DataId;
use rustic_core::repofile::Node;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::repository::Piece;
use crate::repository::Repository;
use crate::repository::Snapshot;
use crate::repository::seal::hash;
use crate::repository::seal::hex;
use crate::repository::seal::unhex;
use crate::repository::trouble::damaged;
use crate::repository::trouble::of_target;
use crate::target::Folder;
use crate::target::Object;

/// Neighbours in a pack are read at once, up to so many bytes.
const READ_MAX: u32 = 4 * 1024 * 1024;

impl Repository {
    /// What is at an absolute path of a snapshot; `None` when there is nothing. The root is a folder without a name.
    pub(crate) fn node(&self, snapshot: &Snapshot, path: &Path) -> Result<Option<Node>, Failure> {
        let mut node = Node {
            node_type: rustic_core::repofile::NodeType::Dir,
            subtree: Some(snapshot.file.tree),
            ..Node::default()
        };
        for component in path.components() {
            let name = match component {
                Component::RootDir | Component::CurDir => continue,
                Component::Normal(name) => name,
                Component::ParentDir | Component::Prefix(_) => return Ok(None),
            };
            let Some(tree) = node.subtree else {
                return Ok(None);
            };
            let found = self
                .folder(tree)?
                .into_iter()
                .find(|node| node.name() == name);
            match found {
                Some(found) => node = found,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// Writes what a file has.
    pub(crate) fn write_file(&self, node: &Node, out: &mut dyn Write) -> Result<(), Failure> {
        let content = node.content.as_deref().unwrap_or_default();
        let mut next = 0;
        while next < content.len() {
            let (read, count) = self.read_some(&content[next..])?;
            for blob in read {
                out.write_all(&blob).map_err(|error| {
                    let what = format!("What was read could not be written here: {error}.");
                    Failure::new(FailureKind::Here, what)
                })?;
            }
            next += count;
        }
        Ok(())
    }

    /// The first pieces, as many as lie next to each other, and how many those are.
    fn read_some(&self, content: &[DataId]) -> Result<(Vec<Bytes>, usize), Failure> {
        let Some(first) = content.first() else {
            return Ok((Vec::new(), 0));
        };
        let start = self.piece(first)?;
        let mut together = vec![start];
        let mut end = start.offset + start.stored;
        for id in &content[1..] {
            let piece = self.piece(id)?;
            let is_next = piece.pack == start.pack && piece.offset == end;
            if !is_next || piece.offset + piece.stored - start.offset > READ_MAX {
                break;
            }
            end += piece.stored;
            together.push(piece);
        }
        let read = self.read_pack(
            &start.pack,
            start.offset.into(),
            (end - start.offset).into(),
        );
        let pieces = together.iter().zip(content).map(|(piece, id)| {
            let at = |place: u32| usize::try_from(place - start.offset).unwrap_or(usize::MAX);
            let stored = read
                .as_ref()
                .ok()
                .and_then(|read| read.get(at(piece.offset)..at(piece.offset + piece.stored)));
            let blob = stored.and_then(|stored| self.unseal(id, piece, stored).ok());
            blob.map_or_else(|| self.read_piece(id), Ok)
        });
        Ok((pieces.collect::<Result<_, _>>()?, together.len()))
    }

    /// A piece of a file, from wherever it can be read.
    pub(crate) fn read_piece(&self, id: &DataId) -> Result<Bytes, Failure> {
        let hash = self.hash_of(id)?;
        let mut last = None;
        for piece in self.index()?.find(&hash) {
            let read = self.read_pack(&piece.pack, piece.offset.into(), piece.stored.into());
            match read.and_then(|stored| self.unseal(id, &piece, &stored)) {
                Ok(blob) => return Ok(blob),
                Err(failure) => last = Some(failure),
            }
        }
        Err(last.unwrap_or_else(|| self.nowhere(id)))
    }

    /// Where a piece of a file is stored. `Damaged` when it is nowhere.
    pub(crate) fn piece(&self, id: &DataId) -> Result<Piece, Failure> {
        let hash = self.hash_of(id)?;
        let index = self.index()?;
        let piece = index.find(&hash).next();
        piece.ok_or_else(|| self.nowhere(id))
    }

    /// So many bytes of a pack, as they are stored.
    pub(crate) fn read_pack(
        &self,
        pack: &[u8; 32],
        offset: u64,
        length: u64,
    ) -> Result<Bytes, Failure> {
        let object = Object::In(Folder::Data, hex(pack));
        let read = self.target.read_range(&object, offset, length);
        read.map_err(|error| of_target(&self.place(), &error))
    }

    /// A piece of a file from its stored bytes: decrypted, decompressed, and found to be the one of this id.
    pub(crate) fn unseal(
        &self,
        id: &DataId,
        piece: &Piece,
        stored: &[u8],
    ) -> Result<Bytes, Failure> {
        let hash = self.hash_of(id)?;
        self.unseal_as(&hash, piece, stored).map(Bytes::from)
    }

    /// The same, for pieces and folders alike.
    pub(crate) fn unseal_as(
        &self,
        id: &[u8; 32],
        piece: &Piece,
        stored: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let length = usize::try_from(piece.length).unwrap_or(usize::MAX);
        let blob = self
            .seal
            .open_blob(stored, piece.is_compressed.then_some(length));
        let blob = blob.filter(|blob| hash(blob) == *id);
        blob.ok_or_else(|| {
            let object = Object::In(Folder::Data, hex(&piece.pack));
            let what = format!("the piece {} of `{}`", hex(id), object.path());
            damaged(&self.place(), &what)
        })
    }

    fn hash_of(&self, id: &DataId) -> Result<[u8; 32], Failure> {
        unhex(id.to_hex().as_str()).ok_or_else(|| self.nowhere(id))
    }

    fn nowhere(&self, id: &DataId) -> Failure {
        let what = format!("the piece {} is in no index", id.to_hex().as_str());
        damaged(&self.place(), &what)
    }
}
