//! Reading what files need out of packs, and writing it where it belongs: each pack in few long reads, by several
//! threads, with what they hold at a time bounded.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use rustic_core::DataId;
use rustix::io::Errno;

use super::file::FileWork;
use super::file::Span;
use super::file::Tools;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::parallel;
use crate::report::Amount;
use crate::reporter::Reporter;
use crate::repository::Piece;
use crate::repository::Repository;

/// So many read and write at a time. Each holds one read and one piece: together less than 64 MB.
const WORKERS: usize = 4;
/// As much is read at once, unless a single piece is longer.
const READ_MAX: u64 = 8 * 1024 * 1024;
/// What lies between two wanted pieces is read along when it is no more than this: a request costs more.
const GAP_MAX: u64 = 256 * 1024;

/// A piece that files need, and where it is stored.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) id: DataId,
    pub(super) piece: Piece,
    /// The files by their number in the batch, and where in them it goes.
    pub(super) users: Vec<(usize, u64)>,
}

/// Pieces that are read at once.
#[derive(Debug)]
struct Read {
    from: u64,
    to: u64,
    needs: Vec<Need>,
}

/// What is counted while files are restored.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) files: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl Count {
    pub(super) fn amount(&self) -> Amount {
        Amount {
            items: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// What the workers share.
#[derive(Debug)]
pub(super) struct Filling<'a> {
    pub(super) repository: &'a Repository,
    pub(super) reporter: &'a Reporter,
    pub(super) tools: Tools<'a>,
    pub(super) count: &'a Count,
    pub(super) total: Option<Amount>,
    /// Why nothing more can be restored at all.
    pub(super) stop: OnceLock<Failure>,
}

impl Filling<'_> {
    /// Whether something happened after which nothing more can be restored.
    pub(super) fn is_over(&self) -> bool {
        self.stop.get().is_some()
    }

    /// Finds out what of each file is there, and gives back what is needed for the others.
    pub(super) fn prepare(&self, files: &mut [FileWork]) -> Vec<Need> {
        let files: Vec<Mutex<&mut FileWork>> = files.iter_mut().map(Mutex::new).collect();
        let missing = parallel::each(&files, WORKERS, |file| {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            match self.is_over() {
                true => Vec::new(),
                false => self.prepare_one(&mut file),
            }
        });
        let mut needs: Vec<Need> = Vec::new();
        let mut by_id: HashMap<DataId, usize> = HashMap::new();
        for (number, missing) in missing.into_iter().enumerate() {
            for (span, piece) in missing {
                let user = (number, span.offset);
                let index = *by_id.entry(span.id).or_insert(needs.len());
                match needs.get_mut(index) {
                    Some(need) => need.users.push(user),
                    None => needs.push(Need {
                        id: span.id,
                        piece,
                        users: vec![user],
                    }),
                }
            }
        }
        needs
    }

    fn prepare_one(&self, file: &mut FileWork) -> Vec<(Span, Piece)> {
        let mut spans = Vec::with_capacity(file.content.len());
        let mut pieces = HashMap::with_capacity(file.content.len());
        let mut offset = 0;
        for id in &file.content {
            let piece = match self.repository.piece(id) {
                Ok(piece) => piece,
                Err(failure) => {
                    file.give_up(failure.sentence);
                    return Vec::new();
                }
            };
            let length = u64::from(piece.length);
            spans.push(Span {
                id: *id,
                offset,
                length,
            });
            pieces.insert(*id, piece);
            offset += length;
        }
        match file.prepare(&spans, self.tools) {
            Ok(Some(missing)) => {
                let missing_bytes: u64 = missing.iter().map(|span| span.length).sum();
                self.told(u64::from(missing.is_empty()), file.size - missing_bytes);
                let found = |span: Span| pieces.get(&span.id).map(|piece| (span, *piece));
                missing.into_iter().filter_map(found).collect()
            }
            Ok(None) => {
                self.told(1, file.size);
                Vec::new()
            }
            Err(error) => {
                self.failed(file, &error);
                Vec::new()
            }
        }
    }

    /// Reads and writes what is needed.
    pub(super) fn fill(&self, files: &[FileWork], needs: Vec<Need>) {
        let reads = reads(needs);
        parallel::each(&reads, WORKERS, |read| {
            if !self.is_over() {
                self.read(files, read);
            }
        });
    }

    fn read(&self, files: &[FileWork], read: &Read) {
        let Some(first) = read.needs.first() else {
            return;
        };
        let whole = self
            .repository
            .read_pack(&first.piece.pack, read.from, read.to - read.from);
        match whole {
            Ok(stored) => {
                for need in &read.needs {
                    let start = u64::from(need.piece.offset) - read.from;
                    let end = start + u64::from(need.piece.stored);
                    // Both are within the read, which is at most as long as a pack.
                    let stored = &stored[start as usize..end as usize];
                    let piece = self.repository.unseal(&need.id, &need.piece, stored);
                    self.deal_out(files, need, piece);
                }
            }
            Err(failure) if is_of_one_pack(&failure) => {
                for need in &read.needs {
                    self.deal_out(files, need, Err(failure.clone()));
                }
            }
            Err(failure) => {
                let _ = self.stop.set(failure);
            }
        }
    }

    /// Gives a piece to all files that need it. One that is damaged is looked for elsewhere first, and alone: one bad
    /// place may be all that is wrong with a pack.
    fn deal_out(&self, files: &[FileWork], need: &Need, piece: Result<Bytes, Failure>) {
        if self.is_over() {
            return;
        }
        let again = |failure| match is_of_one_pack(&failure) {
            true => self.repository.read_piece(&need.id),
            false => Err(failure),
        };
        match piece.or_else(again) {
            Ok(piece) => {
                for (number, offset) in &need.users {
                    self.write(&files[*number], *offset, &piece);
                }
            }
            Err(failure) if is_of_one_pack(&failure) => {
                for (number, _) in &need.users {
                    // What is left of it can't be removed: its fault is told anyway.
                    let _ = files[*number].lack(failure.sentence.clone(), self.tools);
                }
            }
            Err(failure) => {
                let _ = self.stop.set(failure);
            }
        }
    }

    fn write(&self, file: &FileWork, offset: u64, piece: &[u8]) {
        match file.write(offset, piece, self.tools) {
            Ok(is_done) => {
                let is_whole = is_done && file.fault().is_none();
                self.told(u64::from(is_whole), piece.len() as u64);
            }
            Err(error) => {
                self.failed(file, &error);
                // Others of its pieces may be on their way.
                let _ = file.lack(String::new(), self.tools);
            }
        }
    }

    fn told(&self, files: u64, bytes: u64) {
        self.count.files.fetch_add(files, Ordering::Relaxed);
        self.count.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.reporter.progress(self.count.amount(), self.total);
    }

    /// A file can't be written: it is one fault, unless none can be.
    fn failed(&self, file: &FileWork, error: &io::Error) {
        let place = self.tools.folders.path().join(file.place());
        match fatal(&place.display().to_string(), error) {
            Some(failure) => {
                let _ = self.stop.set(failure);
            }
            None => file.give_up(error.to_string()),
        }
    }
}

/// What an error of the disk means for all files; `None` when only one is concerned.
pub(super) fn fatal(place: &str, error: &io::Error) -> Option<Failure> {
    let sentence = match Errno::from_io_error(error)? {
        Errno::NOSPC | Errno::DQUOT => format!(
            "There is no room left for {place}. Nothing in use was changed, and what was restored so far stays: make room and \
             ask for the same again, and it goes on from there."
        ),
        Errno::ROFS => format!(
            "The disk of {place} can only be read. Nothing was changed: mount it so that it can be written to, or restore to \
             another folder."
        ),
        Errno::MFILE | Errno::NFILE => format!(
            "Too many files are open to write {place}. Nothing in use was changed: ask for the same again, and it goes on."
        ),
        _ => return None,
    };
    Some(Failure::new(FailureKind::Here, sentence))
}

/// Whether a failure is that of a pack or a piece: files that do without it can be restored all the same.
pub(crate) fn is_of_one_pack(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        // A disk that can't read one place says nothing of others.
        FailureKind::Damaged | FailureKind::NotFound | FailureKind::Internal | FailureKind::Here
    )
}

/// Puts together what is read at once, in the order in which files need it.
fn reads(needs: Vec<Need>) -> Vec<Read> {
    let mut packs: HashMap<[u8; 32], Vec<Need>> = HashMap::new();
    for need in needs {
        packs.entry(need.piece.pack).or_default().push(need);
    }
    let mut reads: Vec<Read> = packs.into_values().flat_map(reads_of_pack).collect();
    reads.sort_by_key(|read| read.needs.iter().filter_map(first_user).min());
    reads
}

fn first_user(need: &Need) -> Option<usize> {
    need.users.first().map(|(number, _)| *number)
}

fn reads_of_pack(mut needs: Vec<Need>) -> Vec<Read> {
    needs.sort_by_key(|need| need.piece.offset);
    let mut reads: Vec<Read> = Vec::new();
    for need in needs {
        let from = u64::from(need.piece.offset);
        let to = from + u64::from(need.piece.stored);
        let fits = |read: &&mut Read| from <= read.to + GAP_MAX && to <= read.from + READ_MAX;
        match reads.last_mut().filter(fits) {
            Some(read) => {
                read.to = read.to.max(to);
                read.needs.push(need);
            }
            None => reads.push(Read {
                from,
                to,
                needs: vec![need],
            }),
        }
    }
    reads
}

#[cfg(test)]
mod tests;
