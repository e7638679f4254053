//! Reading packs whole, and every piece in them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use rustic_core::repofile::Tree;

use crate::check::affected::Lost;
use crate::check::budget::Budget;
use crate::failure::Failure;
use crate::parallel;
use crate::report::Amount;
use crate::reporter::Reporter;
use crate::repository::Index;
use crate::repository::Pack;
use crate::repository::Piece;
use crate::repository::Repository;
use crate::repository::hash;
use crate::repository::hex;
use crate::repository::of_target;
use crate::repository::unhex;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Trouble;
use crate::work::CheckWork;

/// So many bytes of packs are in memory at once.
const MEMORY: u64 = 64 * 1024 * 1024;
/// At least so many packs are read at once: while one is waited for, another is decrypted.
const AT_ONCE_MIN: usize = 2;
/// At most.
const AT_ONCE_MAX: usize = 4;

/// What is in each folder that was read.
pub(crate) type Folders = HashMap<[u8; 32], Below>;

/// What is in a folder, as far as it matters.
#[derive(Debug, Default)]
pub(crate) struct Below {
    /// The folders in it.
    pub(crate) folders: Vec<[u8; 32]>,
    /// Pieces of its files that are in no index.
    pub(crate) nowhere: Vec<[u8; 32]>,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) packs: u64,
    pub(crate) folders: Folders,
}

/// Reads the packs that are wanted, but for those that are lost already.
pub(crate) fn read(
    repository: &Repository,
    index: &Index,
    is_wanted: impl Fn(&Pack) -> bool,
    lost: &mut Lost,
    reporter: &Reporter,
) -> Result<Read, Failure> {
    let packs = index.packs().iter().enumerate();
    let wanted: Vec<_> = packs
        .filter(|(_, pack)| is_wanted(pack))
        .filter(|(_, pack)| !lost.has_pack(&pack.id))
        .collect();
    let total = Amount {
        items: count(wanted.len()),
        bytes: wanted.iter().map(|(_, pack)| u64::from(pack.bytes)).sum(),
    };
    reporter.step("reading the packs");
    let layout = index.layout();
    let (budget, is_over) = (Budget::of(MEMORY), AtomicBool::new(false));
    let done = Mutex::new(Amount::default());
    let workers = parallel::processors().clamp(AT_ONCE_MIN, AT_ONCE_MAX);
    let found = parallel::each(&wanted, workers, |(number, pack)| {
        if is_over.load(Ordering::Relaxed) {
            return Ok(InPack::default());
        }
        let _share = budget.take(pack.bytes.into());
        let pieces = index.in_pack(&layout, *number);
        let found = read_pack(repository, index, pack, pieces);
        is_over.fetch_or(found.is_err(), Ordering::Relaxed);
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        done.items += 1;
        done.bytes += u64::from(pack.bytes);
        reporter.progress(*done, Some(total));
        found
    });
    let mut read = Read {
        packs: total.items,
        folders: Folders::new(),
    };
    for ((_, pack), found) in wanted.iter().zip(found) {
        let found = found?;
        read.folders.extend(found.folders);
        if let Some(why) = found.why {
            lost.pieces(pack.id, why, found.lost);
        }
    }
    Ok(read)
}

/// Whether a pack is read at this turn; each is at one of them.
pub(super) fn is_in_share(id: &[u8; 32], work: &CheckWork) -> bool {
    let [a, b, c, d, ..] = *id;
    let of = u32::from(work.of.max(1));
    u32::from_be_bytes([a, b, c, d]) % of == u32::from(work.share.saturating_sub(1)) % of
}

/// What was found in a pack.
#[derive(Debug, Default)]
struct InPack {
    folders: Vec<([u8; 32], Below)>,
    /// Pieces that can't be read.
    lost: Vec<[u8; 32]>,
    /// Why.
    why: Option<String>,
}

fn read_pack(
    repository: &Repository,
    index: &Index,
    pack: &Pack,
    pieces: impl Iterator<Item = ([u8; 32], Piece)>,
) -> Result<InPack, Failure> {
    let object = Object::In(Folder::Data, hex(&pack.id));
    let content = match repository.target().read(&object) {
        Ok(content) => content,
        Err(error) if matches!(error.trouble, Trouble::Wrong | Trouble::Missing) => {
            return Ok(InPack {
                lost: pieces.map(|(id, _)| id).collect(),
                why: Some(format!("can't be read: {}", error.what)),
                ..InPack::default()
            });
        }
        Err(error) => return Err(of_target(&repository.place(), &error)),
    };
    let mut found = InPack::default();
    if hash(&content) != pack.id {
        found.why = Some("is not what was stored".to_owned());
    }
    for (id, piece) in pieces {
        let start = usize::try_from(piece.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(piece.stored).unwrap_or(usize::MAX));
        let stored = content.get(start..end).unwrap_or_default();
        let blob = repository.unseal_as(&id, &piece, stored).ok();
        let below = match blob {
            Some(blob) if pack.has_folders => below(&blob, index),
            Some(_) => continue,
            None => None,
        };
        match below {
            Some(below) => found.folders.push((id, below)),
            None => found.lost.push(id),
        }
    }
    if !found.lost.is_empty() && found.why.is_none() {
        found.why = Some("has pieces that are not what they should be".to_owned());
    }
    Ok(found)
}

/// What is in a folder; `None` when it is none.
fn below(blob: &[u8], index: &Index) -> Option<Below> {
    let tree: Tree = serde_json::from_slice(blob).ok()?;
    let mut below = Below::default();
    for node in &tree.nodes {
        if let Some(folder) = node.subtree {
            below.folders.push(unhex(folder.to_hex().as_str())?);
        }
        for piece in node.content.iter().flatten() {
            let id = unhex(piece.to_hex().as_str())?;
            if !index.has(&id) {
                below.nowhere.push(id);
            }
        }
    }
    Some(below)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
