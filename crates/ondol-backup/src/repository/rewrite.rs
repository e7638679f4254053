//! New indexes in place of old ones, without packs that are damaged, and new packs for what could still be read of those.

use std::collections::HashSet;

use bytes::Bytes;
use rustic_core::repofile::IndexFile;
use rustic_core::repofile::IndexPack;
use serde_json::json;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::repository::Piece;
use crate::repository::Repository;
use crate::repository::index::read_index;
use crate::repository::seal::hash;
use crate::repository::seal::hex;
use crate::repository::seal::unhex;
use crate::repository::trouble::of_target;
use crate::target::Folder;
use crate::target::Object;
use crate::target::TargetError;

/// An index has about so many pieces at most, as the library writes them.
const PIECES_MAX: usize = 50_000;

/// A pack that is put together from pieces of others.
#[derive(Debug)]
pub(crate) struct NewPack {
    has_folders: bool,
    content: Vec<u8>,
    pieces: Vec<([u8; 32], Piece)>,
}

impl NewPack {
    /// One without anything in it.
    pub(crate) fn new(has_folders: bool) -> Self {
        Self {
            has_folders,
            content: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// Adds a piece with its bytes, as they are stored.
    pub(crate) fn add(&mut self, id: [u8; 32], piece: Piece, stored: &[u8]) {
        let offset = u32::try_from(self.content.len()).unwrap_or(u32::MAX);
        self.pieces.push((id, Piece { offset, ..piece }));
        self.content.extend_from_slice(stored);
    }

    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        self.content.len()
    }

    /// What its end says is in it, before that is sealed.
    fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        for (id, piece) in &self.pieces {
            let kind = u8::from(self.has_folders) + 2 * u8::from(piece.is_compressed);
            header.push(kind);
            header.extend_from_slice(&piece.stored.to_le_bytes());
            if piece.is_compressed {
                header.extend_from_slice(&piece.length.to_le_bytes());
            }
            header.extend_from_slice(id);
        }
        header
    }
}

impl Repository {
    /// Writes a pack; what an index says of it comes back.
    pub(crate) fn write_pack(&self, pack: NewPack) -> Result<IndexPack, Failure> {
        let header = self.seal.close(&pack.header()).ok_or_else(no_numbers)?;
        let length = u32::try_from(header.len()).unwrap_or(u32::MAX);
        let (mut content, pieces) = (pack.content, pack.pieces);
        content.extend_from_slice(&header);
        content.extend_from_slice(&length.to_le_bytes());
        let id = hash(&content);
        let object = Object::In(Folder::Data, hex(&id));
        let written = self.target.write(&object, &[Bytes::from(content)]);
        written.map_err(|error| of_target(&self.place(), &error))?;
        told(&id, pack.has_folders, pieces.iter())
    }

    /// From now on the index does not name these packs, but the new ones, and all that only damaged indexes named. New
    /// indexes are there before old ones go, so that this may end at any moment.
    pub(crate) fn leave_out(
        &self,
        bad: &HashSet<[u8; 32]>,
        mut new: Vec<IndexPack>,
    ) -> Result<(), Failure> {
        let failed = |error: TargetError| of_target(&self.place(), &error);
        let is_bad =
            |pack: &IndexPack| unhex(pack.id.to_hex().as_str()).is_none_or(|id| bad.contains(&id));
        let mut named = HashSet::new();
        let mut old = Vec::new();
        for (id, _) in self.target.list(Folder::Index).map_err(failed)? {
            let object = Object::In(Folder::Index, id);
            let Some(mut file) = read_index(&*self.target, &self.seal, &object).map_err(failed)?
            else {
                old.push(object);
                continue;
            };
            let packs = file.packs.iter();
            named.extend(packs.filter_map(|pack| unhex(pack.id.to_hex().as_str())));
            if file.packs.iter().any(is_bad) {
                file.packs.retain(|pack| !is_bad(pack));
                file.packs_to_delete.retain(|pack| !is_bad(pack));
                file.supersedes = None;
                self.write_index(&file)?;
                old.push(object);
            }
        }
        new.extend(self.unnamed(bad, &named)?);
        let mut file = IndexFile::default();
        let mut pieces = 0;
        for pack in new {
            pieces += pack.blobs.len();
            file.packs.push(pack);
            if pieces >= PIECES_MAX {
                self.write_index(&std::mem::take(&mut file))?;
                pieces = 0;
            }
        }
        self.write_index(&file)?;
        for object in old {
            self.target.remove(&object).map_err(failed)?;
        }
        self.forget_index();
        Ok(())
    }

    /// The packs that are known from their own headers alone.
    fn unnamed(
        &self,
        bad: &HashSet<[u8; 32]>,
        named: &HashSet<[u8; 32]>,
    ) -> Result<Vec<IndexPack>, Failure> {
        let index = self.index()?;
        let layout = index.layout();
        let packs = index.packs().iter().enumerate();
        let unnamed =
            packs.filter(|(_, pack)| !bad.contains(&pack.id) && !named.contains(&pack.id));
        let told = unnamed.map(|(number, pack)| {
            let pieces: Vec<_> = index.in_pack(&layout, number).collect();
            told(&pack.id, pack.has_folders, pieces.iter())
        });
        told.collect()
    }

    /// Writes an index, unless nothing is in it.
    fn write_index(&self, file: &IndexFile) -> Result<(), Failure> {
        if file.packs.is_empty() && file.packs_to_delete.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_vec(file).map_err(|error| internal(&error.to_string()))?;
        let sealed = self.seal.close(&text).ok_or_else(no_numbers)?;
        let object = Object::In(Folder::Index, hex(&hash(&sealed)));
        let written = self.target.write(&object, &[Bytes::from(sealed)]);
        written.map_err(|error| of_target(&self.place(), &error))
    }
}

/// What an index says of a pack.
fn told<'p>(
    id: &[u8; 32],
    has_folders: bool,
    pieces: impl Iterator<Item = &'p ([u8; 32], Piece)>,
) -> Result<IndexPack, Failure> {
    let kind = if has_folders { "tree" } else { "data" };
    let blobs = pieces.map(|(id, piece)| {
        let mut blob = json!({
            "id": hex(id), "type": kind, "offset": piece.offset, "length": piece.stored,
        });
        if piece.is_compressed {
            blob["uncompressed_length"] = piece.length.into();
        }
        blob
    });
    let pack = json!({ "id": hex(id), "blobs": blobs.collect::<Vec<_>>() });
    serde_json::from_value(pack).map_err(|error| internal(&error.to_string()))
}

fn no_numbers() -> Failure {
    internal("there are no random numbers")
}

fn internal(why: &str) -> Failure {
    let sentence = format!("Nothing was repaired: {why}. What is stored is as it was.");
    Failure::new(FailureKind::Internal, sentence)
}
