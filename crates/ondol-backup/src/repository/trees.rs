//! Folders, as they are stored: small, next to each other, and often asked for one after another.

use std::collections::VecDeque;
use std::sync::PoisonError;

use bytes::Bytes;
use rustic_core::TreeId;
use rustic_core::repofile::Node;
use rustic_core::repofile::Tree;

use crate::failure::Failure;
use crate::repository::Piece;
use crate::repository::Repository;
use crate::repository::seal::hex;
use crate::repository::seal::unhex;
use crate::repository::trouble::damaged;

/// Packs of folders are read in blocks of this size: what is asked for next is mostly in the same.
const BLOCK: u64 = 256 * 1024;
/// How many of them are kept: 16 MiB.
const BLOCKS_MAX: usize = 64;

/// Parts of packs with folders, those that were used last at the end.
#[derive(Debug, Default)]
pub(super) struct Blocks(VecDeque<Block>);

#[derive(Debug)]
struct Block {
    pack: [u8; 32],
    number: u64,
    content: Bytes,
}

impl Blocks {
    fn get(&mut self, pack: &[u8; 32], number: u64) -> Option<Bytes> {
        let found = self
            .0
            .iter()
            .position(|block| block.number == number && block.pack == *pack)?;
        let block = self.0.remove(found)?;
        let content = block.content.clone();
        self.0.push_back(block);
        Some(content)
    }

    fn put(&mut self, block: Block) {
        if self.0.len() >= BLOCKS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(block);
    }
}

impl Repository {
    /// What is in a folder, by its tree. `Damaged` when that can't be read.
    pub(crate) fn folder(&self, id: TreeId) -> Result<Vec<Node>, Failure> {
        let text = id.to_hex().as_str().to_owned();
        let lost = |why: &str| damaged(&self.place(), &format!("the folder `{text}` {why}"));
        let hash = unhex(&text).ok_or_else(|| lost("has no id"))?;
        let index = self.index()?;
        let mut last = lost("is in no index");
        for piece in index.find(&hash) {
            let read = self.read_blocks(&piece);
            let blob = read.and_then(|stored| self.unseal_as(&hash, &piece, &stored));
            match blob {
                Ok(blob) => {
                    let tree: Tree =
                        serde_json::from_slice(&blob).map_err(|_| lost("is no folder"))?;
                    return Ok(tree.nodes);
                }
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    /// The stored bytes of a folder.
    fn read_blocks(&self, piece: &Piece) -> Result<Vec<u8>, Failure> {
        let pack_bytes = u64::from(piece.pack_bytes);
        let start = u64::from(piece.offset);
        let end = start + u64::from(piece.stored);
        if end > pack_bytes {
            let what = format!("the pack `{}` is too short", hex(&piece.pack));
            return Err(damaged(&self.place(), &what));
        }
        let mut stored = Vec::new();
        for number in start / BLOCK..end.div_ceil(BLOCK) {
            let block = self.block(&piece.pack, number, pack_bytes)?;
            let from = start.saturating_sub(number * BLOCK);
            let to = (end - number * BLOCK).min(BLOCK);
            let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
            stored.extend_from_slice(block.get(at(from)..at(to)).unwrap_or_default());
        }
        Ok(stored)
    }

    fn block(&self, pack: &[u8; 32], number: u64, pack_bytes: u64) -> Result<Bytes, Failure> {
        let kept = || self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = kept().get(pack, number) {
            return Ok(content);
        }
        let start = number * BLOCK;
        let content = self.read_pack(pack, start, BLOCK.min(pack_bytes - start))?;
        kept().put(Block {
            pack: *pack,
            number,
            content: content.clone(),
        });
        Ok(content)
    }
}
