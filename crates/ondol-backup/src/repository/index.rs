//! Where every piece is stored. A damaged index costs nothing but time: what it said is read from the packs.

use std::collections::HashMap;

use rustic_core::repofile::BlobType;
use rustic_core::repofile::IndexFile;
use rustic_core::repofile::IndexPack;

use crate::failure::Failure;
use crate::parallel;
use crate::repository::adapter::read_whole;
use crate::repository::seal::Seal;
use crate::repository::seal::hex;
use crate::repository::seal::unhex;
use crate::repository::trouble::of_target;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Target;
use crate::target::TargetError;
use crate::target::Trouble;

/// How many indexes, or ends of packs, are read at once: each waits for the line most of the time.
const AT_ONCE: usize = 6;
/// How many bytes sealing adds.
const SEAL: u32 = 32;
/// The length of a pack's header is in its last bytes.
const HEADER_LENGTH: u64 = 4;

/// Where a piece of a file, or a folder, is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Piece {
    /// The pack, by its id.
    pub(crate) pack: [u8; 32],
    /// How many bytes the whole pack has.
    pub(crate) pack_bytes: u32,
    /// Where it begins there.
    pub(crate) offset: u32,
    /// How many bytes it has there.
    pub(crate) stored: u32,
    /// How many bytes it has when it is unsealed.
    pub(crate) length: u32,
    /// Whether it is stored compressed.
    pub(crate) is_compressed: bool,
}

/// Where every piece is stored.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Sorted by their ids; one may be in several packs.
    entries: Vec<Entry>,
    packs: Vec<Pack>,
    /// Indexes that can't be read, by their paths.
    pub(crate) damaged: Vec<String>,
}

/// A piece, as small as it can be: there may be a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    id: [u8; 32],
    /// Its number among the packs.
    pack: u32,
    offset: u32,
    stored: u32,
    /// 0 when it is not compressed.
    length: u32,
}

/// A pack.
#[derive(Debug, Clone)]
pub(crate) struct Pack {
    pub(crate) id: [u8; 32],
    pub(crate) bytes: u32,
    pub(crate) has_folders: bool,
}

impl Index {
    /// Reads all indexes.
    pub(super) fn load(target: &dyn Target, seal: &Seal) -> Result<Self, Failure> {
        let place = target.place();
        let listed = target.list(Folder::Index);
        let ids = listed.map_err(|error| of_target(&place, &error))?;
        let objects: Vec<_> = ids
            .into_iter()
            .map(|(id, _)| Object::In(Folder::Index, id))
            .collect();
        let files = parallel::each(&objects, AT_ONCE, |object| read_index(target, seal, object));
        let mut index = Self::default();
        let mut known = HashMap::new();
        for (object, file) in objects.iter().zip(files) {
            match file.map_err(|error| of_target(&place, &error))? {
                Some(file) => {
                    for pack in &file.packs {
                        index.add(pack, &mut known);
                    }
                }
                None => index.damaged.push(object.path()),
            }
        }
        if !index.damaged.is_empty() {
            let found = index.add_unlisted(target, seal, &mut known);
            found.map_err(|error| of_target(&place, &error))?;
        }
        index.entries.sort_unstable();
        index.entries.dedup();
        Ok(index)
    }

    fn add(&mut self, pack: &IndexPack, known: &mut HashMap<[u8; 32], u32>) {
        let Some(id) = unhex(pack.id.to_hex().as_str()) else {
            return;
        };
        let number = *known.entry(id).or_insert_with(|| {
            self.packs.push(Pack {
                id,
                bytes: pack.pack_size(),
                has_folders: pack.blob_type() == BlobType::Tree,
            });
            u32::try_from(self.packs.len() - 1).unwrap_or(u32::MAX)
        });
        let entries = pack.blobs.iter().filter_map(|blob| {
            Some(Entry {
                id: unhex(blob.id.to_hex().as_str())?,
                pack: number,
                offset: blob.location.offset,
                stored: blob.location.length,
                length: blob.location.uncompressed_length.map_or(0, u32::from),
            })
        });
        self.entries.extend(entries);
    }

    /// Reads the headers of packs that no index knows.
    fn add_unlisted(
        &mut self,
        target: &dyn Target,
        seal: &Seal,
        known: &mut HashMap<[u8; 32], u32>,
    ) -> Result<(), TargetError> {
        let packs = target.list(Folder::Data)?.into_iter();
        let unlisted: Vec<_> = packs
            .filter_map(|(id, bytes)| Some((unhex(&id)?, bytes)))
            .filter(|(id, _)| !known.contains_key(id))
            .collect();
        let headers = parallel::each(&unlisted, AT_ONCE, |(id, bytes)| {
            read_header(target, seal, &hex(id), *bytes)
        });
        for ((id, bytes), header) in unlisted.into_iter().zip(headers) {
            // A pack whose header can't be read was cut off, or is damaged: nothing can be found in it.
            let Some((blobs, has_folders)) = header? else {
                continue;
            };
            let number = u32::try_from(self.packs.len()).unwrap_or(u32::MAX);
            known.insert(id, number);
            self.packs.push(Pack {
                id,
                bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
                has_folders,
            });
            let entries = blobs.into_iter().map(|entry| Entry {
                pack: number,
                ..entry
            });
            self.entries.extend(entries);
        }
        Ok(())
    }

    /// Where a piece is stored; several places when it was stored more than once.
    pub(crate) fn find(&self, id: &[u8; 32]) -> impl Iterator<Item = Piece> {
        let start = self.entries.partition_point(|entry| entry.id < *id);
        let found = self.entries[start..].iter();
        let found = found.take_while(move |entry| entry.id == *id);
        found.filter_map(|entry| {
            Some(self.piece(entry, self.packs.get(usize::try_from(entry.pack).ok()?)?))
        })
    }

    /// Whether it is stored anywhere.
    pub(crate) fn has(&self, id: &[u8; 32]) -> bool {
        self.entries
            .binary_search_by(|entry| entry.id.cmp(id))
            .is_ok()
    }

    fn piece(&self, entry: &Entry, pack: &Pack) -> Piece {
        let is_compressed = entry.length > 0;
        Piece {
            pack: pack.id,
            pack_bytes: pack.bytes,
            offset: entry.offset,
            stored: entry.stored,
            length: if is_compressed {
                entry.length
            } else {
                entry.stored.saturating_sub(SEAL)
            },
            is_compressed,
        }
    }

    /// The packs that are in use.
    pub(crate) fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// The entries by pack, and in each by their offsets.
    pub(crate) fn layout(&self) -> Layout {
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..count).collect();
        let entry = |number: &u32| {
            self.entries
                .get(usize::try_from(*number).unwrap_or(usize::MAX))
        };
        order.sort_unstable_by_key(|number| entry(number).map(|entry| (entry.pack, entry.offset)));
        Layout(order)
    }

    /// What is in a pack, by its number, in the order in which it lies there.
    pub(crate) fn in_pack(
        &self,
        layout: &Layout,
        number: usize,
    ) -> impl Iterator<Item = ([u8; 32], Piece)> {
        let entry = |number: &u32| self.entries.get(usize::try_from(*number).ok()?);
        let wanted = u32::try_from(number).unwrap_or(u32::MAX);
        let pack_of = move |number: &u32| entry(number).map(|entry| entry.pack);
        let start = layout
            .0
            .partition_point(|number| pack_of(number) < Some(wanted));
        let found: Vec<_> = layout.0[start..]
            .iter()
            .map_while(entry)
            .take_while(|entry| entry.pack == wanted)
            .filter_map(|entry| Some((entry.id, self.piece(entry, self.packs.get(number)?))))
            .collect();
        found.into_iter()
    }
}

/// The numbers of entries, by pack and offset.
#[derive(Debug)]
pub(crate) struct Layout(Vec<u32>);

/// `None` when it is damaged, or vanished.
pub(super) fn read_index(
    target: &dyn Target,
    seal: &Seal,
    object: &Object,
) -> Result<Option<IndexFile>, TargetError> {
    let sealed = match read_whole(target, object) {
        Ok(sealed) => sealed,
        Err(error) if matches!(error.trouble, Trouble::Wrong | Trouble::Missing) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let text = seal.open_file(&sealed);
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

/// What a pack's own header says is in it; `None` when it has none that can be read. The number of the pack in the
/// entries means nothing.
fn read_header(
    target: &dyn Target,
    seal: &Seal,
    pack: &str,
    bytes: u64,
) -> Result<Option<(Vec<Entry>, bool)>, TargetError> {
    let object = Object::In(Folder::Data, pack.to_owned());
    let Some(end) = bytes.checked_sub(HEADER_LENGTH) else {
        return Ok(None);
    };
    let read = |offset, length| match target.read_range(&object, offset, length) {
        Ok(content) => Ok(Some(content)),
        Err(error) if matches!(error.trouble, Trouble::Wrong | Trouble::Missing) => Ok(None),
        Err(error) => Err(error),
    };
    let Some(length) = read(end, HEADER_LENGTH)? else {
        return Ok(None);
    };
    let length = <[u8; 4]>::try_from(&*length).map_or(0, u32::from_le_bytes);
    let Some(start) = end.checked_sub(length.into()).filter(|_| length > SEAL) else {
        return Ok(None);
    };
    let Some(sealed) = read(start, length.into())? else {
        return Ok(None);
    };
    Ok(seal.open(&sealed).and_then(|header| parse_header(&header)))
}

/// The header of a pack: for each piece its kind, its stored length, its length when it is compressed, and its id.
fn parse_header(mut header: &[u8]) -> Option<(Vec<Entry>, bool)> {
    let mut entries = Vec::new();
    let mut has_folders = false;
    let mut offset = 0u32;
    let number = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
    while let Some((kind, rest)) = header.split_first() {
        let (stored, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = match kind {
            0 | 1 => (0, rest),
            2 | 3 => rest
                .split_first_chunk::<4>()
                .map(|(length, rest)| (number(length), rest))?,
            _ => return None,
        };
        let (id, rest) = rest.split_first_chunk::<32>()?;
        has_folders |= matches!(kind, 1 | 3);
        entries.push(Entry {
            id: *id,
            pack: 0,
            offset,
            stored: number(stored),
            length,
        });
        offset = offset.checked_add(number(stored))?;
        header = rest;
    }
    Some((entries, has_folders))
}
