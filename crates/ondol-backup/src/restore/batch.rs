//! So many files at a time: enough that each pack is read once for many of them, few enough that the plan for them is
//! small.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;

use rustic_core::DataId;
use rustic_core::repofile::Metadata;
use rustic_core::repofile::Node;
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::file;
use super::file::FileWork;
use super::file::Tools;
use super::fill::Count;
use super::fill::Filling;
use super::fill::fatal;
use super::folders::Folders;
use super::metadata;
use super::owners::Owners;
use crate::failure::Failure;
use crate::report::Amount;
use crate::reporter::Reporter;
use crate::repository::Repository;

/// So many pieces at most, where a file has no more.
const PIECES_MAX: usize = 32 * 1024;
/// So many files at most.
const FILES_MAX: usize = 16 * 1024;

/// What was met in a walk, and is not yet restored.
#[derive(Debug, Default)]
pub(super) struct Batch {
    files: Vec<FileWork>,
    pieces: usize,
    links: Vec<Link>,
    /// Folders that are left, which get what belongs to them when all in them is there.
    left: Vec<(PathBuf, Metadata)>,
}

/// Another name of a file.
#[derive(Debug)]
struct Link {
    folder: Arc<Path>,
    name: OsString,
    of: PathBuf,
}

/// What a batch is restored with.
#[derive(Debug)]
pub(super) struct Means<'a> {
    pub(super) repository: &'a Repository,
    pub(super) reporter: &'a Reporter,
    pub(super) folders: &'a Folders,
    pub(super) owners: &'a Owners,
    pub(super) count: &'a Count,
    pub(super) total: Option<Amount>,
}

/// What could not be restored, relative to the base, and why.
pub(super) type Faults = Vec<(PathBuf, String)>;

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.pieces >= PIECES_MAX || self.files.len() + self.links.len() >= FILES_MAX
    }

    pub(super) fn file(&mut self, folder: &Arc<Path>, node: Node, is_new: bool) {
        let name = node.name().into_owned();
        let content: Vec<DataId> = node.content.unwrap_or_default();
        self.pieces += content.len();
        let folder = Arc::clone(folder);
        self.files
            .push(FileWork::new(folder, name, node.meta, content, is_new));
    }

    pub(super) fn link(&mut self, folder: &Arc<Path>, name: OsString, of: PathBuf) {
        let folder = Arc::clone(folder);
        self.links.push(Link { folder, name, of });
    }

    pub(super) fn leave(&mut self, folder: PathBuf, meta: Metadata) {
        self.left.push((folder, meta));
    }

    /// Restores all of it. An error means that nothing more can be restored.
    pub(super) fn run(&mut self, means: &Means<'_>, faults: &mut Faults) -> Result<(), Failure> {
        let Self {
            mut files,
            links,
            left,
            ..
        } = std::mem::take(self);
        let open = AtomicUsize::new(0);
        let filling = Filling {
            repository: means.repository,
            reporter: means.reporter,
            tools: Tools {
                folders: means.folders,
                owners: means.owners,
                open: &open,
            },
            count: means.count,
            total: means.total,
            stop: OnceLock::new(),
        };
        let needs = filling.prepare(&mut files);
        filling.fill(&files, needs);
        if let Some(failure) = filling.stop.into_inner() {
            return Err(failure);
        }
        let lost = files
            .iter()
            .filter_map(|file| Some((file.place(), file.fault()?.to_owned())));
        faults.extend(lost);
        for link in links {
            let outcome = link.make(means.folders);
            settle(means, link.folder.join(&link.name), outcome, faults)?;
        }
        for (folder, meta) in left {
            let outcome = means.folders.at(&folder);
            let outcome = outcome.and_then(|opened| metadata::apply(&opened, &meta, means.owners));
            settle(means, folder, outcome, faults)?;
        }
        Ok(())
    }
}

/// Notes what went wrong with one thing; an error when it goes wrong with all.
pub(super) fn settle(
    means: &Means<'_>,
    place: PathBuf,
    outcome: io::Result<()>,
    faults: &mut Faults,
) -> Result<(), Failure> {
    let Err(error) = outcome else {
        return Ok(());
    };
    let shown = means.folders.path().join(&place).display().to_string();
    match fatal(&shown, &error) {
        Some(failure) => Err(failure),
        None => {
            faults.push((place, error.to_string()));
            Ok(())
        }
    }
}

impl Link {
    fn make(&self, folders: &Folders) -> io::Result<()> {
        let (Some(parent), Some(first)) = (self.of.parent(), self.of.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let (parent, folder) = (folders.at(parent)?, folders.at(&self.folder)?);
        let unfinished = file::unfinished(&self.name);
        let made = rustix::fs::linkat(&parent, first, &folder, &unfinished, AtFlags::empty());
        match made {
            Err(Errno::NOENT) => {
                return Err(io::Error::other(
                    "the file that it is another name of could not be restored",
                ));
            }
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&folder, &unfinished, AtFlags::empty())?;
                rustix::fs::linkat(&parent, first, &folder, &unfinished, AtFlags::empty())?;
            }
            made => made?,
        }
        rustix::fs::renameat(&folder, &unfinished, &folder, &self.name)?;
        // Nothing happens to two names of the same file when one is renamed to the other.
        let _ = rustix::fs::unlinkat(&folder, &unfinished, AtFlags::empty());
        Ok(())
    }
}
