//! The folder that a `files` target serves, and when it is looked into again.

use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use ondol_base::clock;
use ondol_model::limits::FILES_KNOWN;
use ondol_model::plan::Files;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::find::Finding;
use super::find::Search;
use super::known::Known;
use super::known::Located;
use super::known::Shelf;
use super::known::What;
use super::open;
use super::open::Folder;
use super::open::Opened;
use super::open::Patience;
use super::open::Stop;
use super::read;
use super::version::Document;
use crate::failure::Failure;

/// All folders of a worker. One outlives the view that made it while the next one wants the same, so a
/// reload forgets nothing that is still of use.
#[derive(Debug)]
pub(crate) struct Folders {
    of: RefCell<HashMap<Arc<Files>, Rc<Root>>>,
    shelf: Rc<Shelf>,
}

/// A folder, of one worker thread.
#[derive(Debug)]
pub(crate) struct Root {
    pub(super) files: Arc<Files>,
    opened: RefCell<Option<OpenedFolder>>,
    known: Known,
    /// Leave to read what is in a folder.
    pub(super) listings: Arc<Semaphore>,
}

#[derive(Debug, Clone)]
struct OpenedFolder {
    folder: Arc<Folder>,
    at: Instant,
    /// Its path without a symbolic link, once that was asked for.
    real_path: OnceCell<Rc<Path>>,
}

/// What a key leads to; with its files, where they have just been opened for that.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) located: Rc<Located>,
    /// As many as the document has versions, or none.
    pub(super) opened: Vec<Opened>,
}

/// Folders that are listed at once, of one root and worker.
const LISTINGS_MAX: usize = 4;

impl Folders {
    /// Folders that together keep at most so many bytes of small files.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            of: RefCell::default(),
            shelf: Rc::new(Shelf::new(bytes_max)),
        }
    }

    pub(crate) fn of(&self, files: &Files) -> Rc<Root> {
        let mut roots = self.of.borrow_mut();
        if let Some(root) = roots.get(files) {
            return Rc::clone(root);
        }
        let root = Rc::new(Root::new(files.clone(), &self.shelf));
        roots.insert(Arc::clone(&root.files), Rc::clone(&root));
        root
    }

    /// Closes folders that were opened too long ago to be used again, so that their disks can be taken
    /// away, and forgets those that no view uses.
    pub(crate) fn rest(&self, now: Instant) {
        let mut roots = self.of.borrow_mut();
        let before = roots.len();
        roots.retain(|_, root| {
            root.rest(now);
            Rc::strong_count(root) > 1
        });
        if roots.len() < before {
            self.shelf.sweep();
        }
    }
}

impl Root {
    /// Opens nothing yet. The path may be a symlink that is switched to another folder now and then.
    pub(super) fn new(files: Files, shelf: &Rc<Shelf>) -> Self {
        Self {
            files: Arc::new(files),
            opened: RefCell::new(None),
            known: Known::new(shelf),
            listings: Arc::new(Semaphore::new(LISTINGS_MAX)),
        }
    }

    fn rest(&self, now: Instant) {
        let mut opened = self.opened.borrow_mut();
        let is_old = |opened: &OpenedFolder| now.duration_since(opened.at) >= FILES_KNOWN;
        if opened.as_ref().is_some_and(is_old) {
            *opened = None;
        }
    }

    /// What a key leads to: the path of a request, or the name of a file. A moment ago, or now.
    pub(super) async fn look(&self, key: &str) -> Result<Looked, Failure> {
        let now = clock::now();
        if let Some(located) = self.known.located(key, now) {
            return Ok(Looked {
                located,
                opened: Vec::new(),
            });
        }
        let folder = self.folder().await?;
        let (what, opened) = match self.find(&folder, key).await? {
            Finding::File(found) => {
                let document = Document::new(&found, &self.files);
                let opened = found.into_iter().map(|found| found.opened).collect();
                (What::File(document), opened)
            }
            Finding::Slash => (What::Slash, Vec::new()),
            Finding::Listing => (What::Listing, Vec::new()),
            Finding::Instead(place) => (What::Instead(place), Vec::new()),
            Finding::Nothing => (What::Nothing, Vec::new()),
        };
        // As of the beginning: what has changed meanwhile is seen the sooner.
        let located = self.known.remember(key, what, now);
        Ok(Looked { located, opened })
    }

    /// Looks again at the next occasion, because a file is not what it was.
    pub(super) fn doubt(&self, key: &str) {
        self.known.doubt(key, clock::now());
    }

    /// Opens a file by its name below the root.
    pub(super) async fn open(&self, name: &str) -> Result<Option<Opened>, Failure> {
        let folder = self.folder().await?;
        open::open_file(&folder, name, self.files.symlinks).await
    }

    async fn find(&self, folder: &Arc<Folder>, key: &str) -> Result<Finding, Failure> {
        let search = Search {
            folder,
            files: &self.files,
            patience: Patience::None,
        };
        let finding = match search.find(key) {
            Err(Stop::MustWait) => {
                let (folder, files) = (Arc::clone(folder), Arc::clone(&self.files));
                let key = key.to_owned();
                let finding = move || {
                    let search = Search {
                        folder: &folder,
                        files: &files,
                        patience: Patience::Waits,
                    };
                    Ok(search.find(&key))
                };
                read::off_thread(finding).await.map_err(Failure::File)?
            }
            finding => finding,
        };
        finding.map_err(Stop::into_failure)
    }

    /// The folder as of a moment ago. A folder that is gone is our failure and not the visitor's: a disk
    /// that is not mounted must not look like thousands of removed pages.
    pub(super) async fn folder(&self) -> Result<Arc<Folder>, Failure> {
        let now = clock::now();
        if let Some(opened) = &*self.opened.borrow()
            && now.duration_since(opened.at) < FILES_KNOWN
        {
            return Ok(Arc::clone(&opened.folder));
        }
        let folder = open::root(&self.files.root).await;
        let folder = Arc::new(folder.map_err(|source| Failure::Folder {
            path: self.files.root.clone(),
            source,
        })?);
        *self.opened.borrow_mut() = Some(OpenedFolder {
            folder: Arc::clone(&folder),
            at: now,
            real_path: OnceCell::new(),
        });
        Ok(folder)
    }

    /// The path of an open folder without a symbolic link in it; the configured one where nobody knows.
    pub(super) fn real_path_of(&self, folder: &Arc<Folder>) -> Rc<Path> {
        let read = || {
            let link = format!("/proc/self/fd/{}", folder.as_raw_fd());
            let path = std::fs::read_link(link);
            let path = path.ok().filter(|path| path.is_absolute());
            Rc::from(path.as_deref().unwrap_or(&self.files.root))
        };
        match &*self.opened.borrow() {
            Some(opened) if Arc::ptr_eq(&opened.folder, folder) => {
                Rc::clone(opened.real_path.get_or_init(read))
            }
            Some(_) | None => read(),
        }
    }
}
