//! Goes through folders in the order of a snapshot: names by their bytes, folders before what is in them. On the way to
//! a destination only the folders themselves are met.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::databases::Moment;
use crate::databases::beside;
use crate::failure::FailureKind;
use crate::source::Scene;
use crate::source::folder;
use crate::source::folder::Folder;
use crate::source::folder::Nature;
use crate::source::pseudo;
use crate::source::reader;

/// What a walk has met.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) what: What,
}

/// What that is.
#[derive(Debug)]
pub(super) enum What {
    /// A folder, a link or a file.
    Plain(Metadata),
    /// A file that is a database in use: itself, its log, and how many bytes it has with what is in the log.
    Database {
        meta: Metadata,
        log: Option<Metadata>,
        bytes: u64,
    },
    /// What is no file, or is read in a way of its own.
    Other,
}

impl Found {
    pub(super) fn is_file(&self) -> bool {
        match &self.what {
            What::Plain(meta) => meta.is_file(),
            What::Database { .. } | What::Other => true,
        }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.what {
            What::Plain(meta) => meta.len(),
            What::Database { bytes, .. } => *bytes,
            What::Other => 0,
        }
    }
}

/// Goes through folders.
#[derive(Debug)]
pub(super) struct Walk {
    scene: Arc<Scene>,
    /// The folders that are being read, the innermost last.
    folders: Vec<Folder>,
    /// Whether it only counts: then nothing is told of what can't be read, and no database is opened.
    is_counting: bool,
}

impl Walk {
    pub(super) fn new(scene: Arc<Scene>) -> Self {
        let mut walk = Self {
            scene,
            folders: Vec::new(),
            is_counting: false,
        };
        let root = Path::new("/");
        let is_root = walk.scene.destinations.is_root(root);
        let device = fs::metadata(root).ok().map(|meta| meta.dev());
        let folder = if is_root {
            walk.listed(root, device, is_root)
        } else {
            Some(walk.passage(root, device))
        };
        walk.folders.extend(folder);
        walk
    }

    /// One that only counts.
    pub(super) fn counting(scene: Arc<Scene>) -> Self {
        let mut walk = Self::new(scene);
        walk.is_counting = true;
        walk
    }

    pub(super) fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    /// What is met under a name of the innermost folder; `None` when that is left out.
    fn meet(&mut self, name: &OsStr) -> Option<Found> {
        let folder = self.folders.last()?;
        let path = folder.path.join(name);
        let Scene {
            destinations,
            patterns,
            others,
            ..
        } = &*self.scene;
        if others.contains_key(&path) {
            let what = What::Other;
            return Some(Found { path, what });
        }
        if patterns.paths(&path) || folder.is_sidecar(name) {
            return None;
        }
        let leads_on = destinations.are_below(&path);
        let is_root = destinations.is_root(&path);
        if !is_root && !leads_on && patterns.names(name) {
            return None;
        }
        // On the way to a destination links are followed: that is how the owner names it.
        let meta = if leads_on {
            fs::metadata(&path)
        } else {
            fs::symlink_metadata(&path)
        };
        let meta = match meta {
            Ok(meta) => meta,
            Err(error) => {
                self.unmet(&path, &error);
                return None;
            }
        };
        let is_left_out = destinations.is_left_out(&path, &meta);
        let is_wanted = is_root || folder.is_whole && !is_left_out && !patterns.names(name);
        if is_wanted || leads_on && meta.is_dir() {
            return self.enter(path, name, meta, is_wanted);
        }
        if is_left_out && meta.is_file() {
            self.folders.last_mut()?.set_database(name);
        }
        None
    }

    fn unmet(&mut self, path: &Path, error: &io::Error) {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let destinations = &self.scene.destinations;
        if is_missing && destinations.are_below(path) {
            // What is no file may lie in a folder that is none.
            let passage = self.passage(path, None);
            self.folders.push(passage);
        } else if is_missing && destinations.is_root(path) {
            self.note(|| {
                let path = path.display();
                format!("{path} is not there, and so not in the backup.")
            });
        } else if !self.is_counting {
            self.scene.gaps.error(path, error);
        }
    }

    fn enter(
        &mut self,
        path: PathBuf,
        name: &OsStr,
        meta: Metadata,
        is_wanted: bool,
    ) -> Option<Found> {
        if meta.is_dir() {
            let folder = self.opened(&path, &meta, is_wanted)?;
            self.folders.push(folder);
        } else if meta.is_file() {
            if self.is_counting {
                let what = What::Plain(meta);
                return Some(Found { path, what });
            }
            self.scene.gaps.see();
            return self.file(path, name, meta);
        } else if !meta.is_symlink() {
            return None; // Sockets and the like are made by those who use them.
        }
        let what = What::Plain(meta);
        Some(Found { path, what })
    }

    /// A folder, and what of it is read; `None` when it is left out as a whole.
    fn opened(&self, path: &Path, meta: &Metadata, is_wanted: bool) -> Option<Folder> {
        let device = Some(meta.dev());
        let is_mount = self.folders.last().is_some_and(|it| it.device != device);
        if is_mount && pseudo::is_pseudo(path) {
            return Some(Folder::new(path.to_owned(), device, false, BTreeSet::new()));
        }
        if is_wanted {
            let is_root = self.scene.destinations.is_root(path);
            self.listed(path, device, is_root)
        } else {
            Some(self.passage(path, device))
        }
    }

    /// A folder of which only what leads to destinations is read.
    fn passage(&self, path: &Path, device: Option<u64>) -> Folder {
        let names = self.scene.destinations.names(path);
        Folder::new(path.to_owned(), device, false, names)
    }

    /// A folder that is read as a whole, unless it says that it needs no backup. One that was named needs one.
    fn listed(&self, path: &Path, device: Option<u64>, is_root: bool) -> Option<Folder> {
        let mut names = match folder::list(path) {
            Ok(names) => names,
            Err(error) => {
                if !self.is_counting {
                    self.scene.gaps.error(path, &error);
                }
                BTreeSet::new()
            }
        };
        let nature = if is_root {
            Nature::Plain
        } else {
            folder::nature(path, &names)
        };
        let leads = self.scene.destinations.names(path);
        match nature {
            Nature::Plain => names.extend(leads),
            Nature::Cache if leads.is_empty() => names = [folder::tag()].into(),
            Nature::Repository if leads.is_empty() => {
                self.note(|| {
                    let path = path.display();
                    format!("{path} holds backups itself, and is not in the backup.")
                });
                return None;
            }
            Nature::Cache | Nature::Repository => return Some(self.passage(path, device)),
        }
        Some(Folder::new(path.to_owned(), device, true, names))
    }

    /// A file; one that is a database in use is more than its bytes.
    fn file(&mut self, path: PathBuf, name: &OsStr, meta: Metadata) -> Option<Found> {
        let folder = self.folders.last_mut()?;
        let is_used = ["-wal", "-journal"]
            .iter()
            .any(|end| folder.has_beside(name, end));
        if !is_used || !reader::is_database(&path) {
            let what = What::Plain(meta);
            return Some(Found { path, what });
        }
        match Moment::begin(&path) {
            Ok(moment) => {
                folder.set_database(name);
                let log = fs::symlink_metadata(beside(&path, "-wal")).ok();
                let bytes = moment.bytes();
                let what = What::Database { meta, log, bytes };
                Some(Found { path, what })
            }
            Err(failure) if failure.kind == FailureKind::Locked => {
                folder.set_database(name);
                self.scene.gaps.unreadable(&path, &failure.sentence);
                None
            }
            // A copy of what lies there is all that can be had: the file, and what is beside it.
            Err(failure) => {
                let sentence = format!("{} It was saved as it lies.", failure.sentence);
                self.scene.gaps.note(sentence);
                let what = What::Plain(meta);
                Some(Found { path, what })
            }
        }
    }

    fn note(&self, sentence: impl FnOnce() -> String) {
        if !self.is_counting {
            self.scene.gaps.note(sentence());
        }
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let Some(name) = self.folders.last_mut()?.next() else {
                self.folders.pop();
                continue;
            };
            if let Some(found) = self.meet(&name) {
                return Some(found);
            }
        }
    }
}
