//! One file on its way back: written under a name of its own beside its place, and renamed when all of it is there.
//! What an earlier try left is used again, as far as it is right.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use aws_lc_rs::digest;
use rustic_core::DataId;
use rustic_core::repofile::Metadata;
use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::folders::Folders;
use super::metadata;
use super::owners::Owners;

/// What the names of files begin with that are not yet whole.
const UNFINISHED: &str = ".ondol-restore-";
/// As much of a digest as tells the names of one folder apart.
const NAME_BYTES: usize = 12;
/// So many files are kept open between two pieces; the others are opened for each.
const OPEN_MAX: usize = 128;
/// Shorter runs of zeros are written like anything else.
const HOLE_MIN: usize = 4096;

/// A file on its way back.
#[derive(Debug)]
pub(super) struct FileWork {
    /// The folder where it goes, relative to the base.
    pub(super) folder: Arc<Path>,
    /// Its name there.
    pub(super) name: OsString,
    pub(super) meta: Metadata,
    /// Its pieces, one after another.
    pub(super) content: Vec<DataId>,
    /// Whether nothing of this name can be there, for the folder was just made.
    pub(super) is_new: bool,
    /// How many bytes its pieces have.
    pub(super) size: u64,
    /// Whether an earlier try left something that is used.
    is_resumed: bool,
    /// So many pieces are not yet there.
    missing: AtomicUsize,
    /// Why it can't be restored.
    fault: OnceLock<String>,
    /// Kept open between two pieces.
    open: Mutex<Option<Arc<File>>>,
}

/// Where a piece of a file is, as far as a comparison needs to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) id: DataId,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// What a file is restored with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tools<'a> {
    pub(super) folders: &'a Folders,
    pub(super) owners: &'a Owners,
    /// How many files are kept open now.
    pub(super) open: &'a AtomicUsize,
}

impl FileWork {
    pub(super) fn new(
        folder: Arc<Path>,
        name: OsString,
        meta: Metadata,
        content: Vec<DataId>,
        is_new: bool,
    ) -> Self {
        Self {
            folder,
            name,
            meta,
            content,
            is_new,
            size: 0,
            is_resumed: false,
            missing: AtomicUsize::new(0),
            fault: OnceLock::new(),
            open: Mutex::new(None),
        }
    }

    /// Its path, relative to the base.
    pub(super) fn place(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Why it can't be restored; `None` when it can, as far as is known.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    /// The first reason counts.
    pub(super) fn give_up(&self, why: String) {
        let _ = self.fault.set(why);
    }

    /// Finds out what of it is there already; gives back which spans are not. `None` when the file itself is there.
    pub(super) fn prepare(
        &mut self,
        spans: &[Span],
        tools: Tools<'_>,
    ) -> io::Result<Option<Vec<Span>>> {
        self.size = spans.iter().map(|span| span.length).sum();
        let missing = match self.is_new {
            true => spans.to_vec(),
            false => match self.left_over(spans, tools)? {
                None => return Ok(None),
                Some(missing) => missing,
            },
        };
        self.missing = AtomicUsize::new(missing.len());
        if missing.is_empty() {
            self.finish(tools)?;
        }
        Ok(Some(missing))
    }

    fn left_over(&mut self, spans: &[Span], tools: Tools<'_>) -> io::Result<Option<Vec<Span>>> {
        let folder = tools.folders.at(&self.folder)?;
        if let Some(file) = opened_as_is(&folder, &self.name)?
            && file.metadata()?.len() == self.size
            && differing(&file, spans)?.is_empty()
        {
            metadata::apply(&file, &self.meta, tools.owners)?;
            return Ok(None);
        }
        let unfinished = unfinished(&self.name);
        let Some(file) = opened_as_is(&folder, OsStr::new(&unfinished))? else {
            return Ok(Some(spans.to_vec()));
        };
        self.is_resumed = true;
        differing(&file, spans).map(Some)
    }

    /// Writes a piece where it belongs, and finishes the file when it was the last; whether it was.
    pub(super) fn write(&self, offset: u64, piece: &[u8], tools: Tools<'_>) -> io::Result<bool> {
        if self.fault.get().is_some() {
            return self.one_less(None, tools);
        }
        let is_only = self.missing.load(Ordering::Acquire) == 1;
        let file = self.opened(!is_only, tools)?;
        // What was never written reads as zeros, and takes no room.
        if self.is_resumed || !is_hole(piece) {
            file.write_all_at(piece, offset)?;
        }
        self.one_less(Some(&file), tools)
    }

    /// A piece can't be had: without it the file is not restored. Whether it was the last one to wait for.
    pub(super) fn lack(&self, why: String, tools: Tools<'_>) -> io::Result<bool> {
        self.give_up(why);
        self.one_less(None, tools)
    }

    fn one_less(&self, file: Option<&File>, tools: Tools<'_>) -> io::Result<bool> {
        if self.missing.fetch_sub(1, Ordering::AcqRel) != 1 {
            return Ok(false);
        }
        if self.fault.get().is_some() {
            self.close(tools);
            self.discard(tools);
            return Ok(true);
        }
        match file {
            Some(file) => self.conclude(file, tools)?,
            None => self.finish(tools)?,
        }
        self.close(tools);
        Ok(true)
    }

    fn finish(&self, tools: Tools<'_>) -> io::Result<()> {
        let file = self.opened(false, tools)?;
        self.conclude(&file, tools)
    }

    /// All of it is there: it gets what belongs to it, and its name.
    fn conclude(&self, file: &File, tools: Tools<'_>) -> io::Result<()> {
        metadata::apply(file, &self.meta, tools.owners)?;
        let folder = tools.folders.at(&self.folder)?;
        rustix::fs::renameat(&folder, unfinished(&self.name), &folder, &self.name)?;
        Ok(())
    }

    /// Removes what is not whole, and never will be.
    fn discard(&self, tools: Tools<'_>) {
        let Ok(folder) = tools.folders.at(&self.folder) else {
            return;
        };
        // It may never have been made; and its fault is told anyway.
        let _ = rustix::fs::unlinkat(&folder, unfinished(&self.name), AtFlags::empty());
    }

    fn opened(&self, is_kept: bool, tools: Tools<'_>) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*open {
            return Ok(Arc::clone(file));
        }
        let folder = tools.folders.at(&self.folder)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mode = Mode::RUSR | Mode::WUSR;
        let opened = rustix::fs::openat(&folder, unfinished(&self.name), flags, mode)?;
        let file = Arc::new(File::from(opened));
        file.set_len(self.size)?;
        if is_kept && tools.open.fetch_add(1, Ordering::Relaxed) < OPEN_MAX {
            *open = Some(Arc::clone(&file));
        } else if is_kept {
            tools.open.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(file)
    }

    fn close(&self, tools: Tools<'_>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.take().is_some() {
            tools.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The name of a file that is not yet whole: always the same one, so that another try finds it, and short enough
/// however long the file's own name is.
pub(super) fn unfinished(name: &OsStr) -> String {
    let digest = digest::digest(&digest::SHA256, name.as_bytes());
    let mut text = UNFINISHED.to_owned();
    for byte in &digest.as_ref()[..NAME_BYTES] {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A regular file as it is there; `None` when there is none.
fn opened_as_is(folder: &OwnedFd, name: &OsStr) -> io::Result<Option<File>> {
    let found = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    // Whoever owns the folder may put a pipe there meanwhile, which must not hold the job.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        // One that can't be read is written anew.
        Err(Errno::ACCESS | Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Which spans of a file are not what they should be.
fn differing(file: &File, spans: &[Span]) -> io::Result<Vec<Span>> {
    let length = file.metadata()?.len();
    let mut differing = Vec::new();
    let mut reader = file;
    for span in spans {
        let is_there = span.offset + span.length <= length;
        reader.seek(SeekFrom::Start(span.offset))?;
        if !is_there
            || !span
                .id
                .blob_matches_reader(span.length, &mut reader.take(span.length))
        {
            differing.push(*span);
        }
    }
    Ok(differing)
}

fn is_hole(piece: &[u8]) -> bool {
    piece.len() >= HOLE_MIN && piece.iter().all(|byte| *byte == 0)
}
