//! Going through what a snapshot has, and making it in its place. What is damaged costs what is in it, no more.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustic_core::repofile::Metadata;
use rustic_core::repofile::Node;
use rustic_core::repofile::NodeType;
use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::batch::Batch;
use super::batch::Faults;
use super::batch::Means;
use super::batch::settle;
use super::file;
use super::fill::is_of_one_pack;
use super::metadata;
use crate::failure::Failure;

/// The mode of a folder of which nothing is known.
pub(super) const FOLDER_MODE: u32 = 0o755;
/// So many files with several names are known at a time.
const LINKED_MAX: usize = 100_000;

/// A walk through what is restored below one base.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    means: Means<'a>,
    batch: Batch,
    pub(super) faults: Faults,
    /// Files with several names: where the first was restored, by device and number.
    linked: HashMap<(u64, u64), PathBuf>,
}

/// A folder that is walked through.
#[derive(Debug)]
struct Level {
    place: Arc<Path>,
    meta: Metadata,
    rest: std::vec::IntoIter<Node>,
    is_new: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(means: Means<'a>) -> Self {
        Self {
            means,
            batch: Batch::default(),
            faults: Faults::new(),
            linked: HashMap::new(),
        }
    }

    /// Makes a thing, with all that is in it, at a path relative to the base whose parent is there.
    pub(super) fn make(&mut self, node: Node, place: &Path) -> Result<(), Failure> {
        let Some(folder) = place.parent() else {
            return Ok(());
        };
        let folder: Arc<Path> = folder.into();
        let mut levels = Vec::new();
        // It may have another name than in the backup.
        let named = Node {
            name: Node::new_node(
                place.file_name().unwrap_or_default(),
                NodeType::File,
                Metadata::default(),
            )
            .name,
            ..node
        };
        self.meet(&folder, named, false, &mut levels)?;
        while let Some(level) = levels.last_mut() {
            let (folder, is_new) = (Arc::clone(&level.place), level.is_new);
            match level.rest.next() {
                Some(node) => self.meet(&folder, node, is_new, &mut levels)?,
                None => self.leave(&mut levels),
            }
            if self.batch.is_full() {
                self.batch.run(&self.means, &mut self.faults)?;
            }
        }
        Ok(())
    }

    /// Restores what was met and is not yet there, and has all of it written to disk.
    pub(super) fn finish(mut self) -> Result<Faults, Failure> {
        self.batch.run(&self.means, &mut self.faults)?;
        let synced = self.means.folders.sync();
        settle(&self.means, PathBuf::new(), synced, &mut self.faults)?;
        Ok(self.faults)
    }

    fn leave(&mut self, levels: &mut Vec<Level>) {
        if let Some(level) = levels.pop() {
            let mut meta = level.meta;
            if level.is_new {
                // Folders above what was backed up may say nothing of themselves.
                meta.mode.get_or_insert(FOLDER_MODE);
            }
            self.batch.leave(level.place.to_path_buf(), meta);
        }
    }

    fn meet(
        &mut self,
        folder: &Arc<Path>,
        node: Node,
        is_new: bool,
        levels: &mut Vec<Level>,
    ) -> Result<(), Failure> {
        let name = node.name().into_owned();
        if !is_name(&name) {
            let why = "its name in the backup is not one that a file can have, so it is left out"
                .to_owned();
            self.faults.push((
                folder.join(name.to_string_lossy().replace('/', "\u{fffd}")),
                why,
            ));
            return Ok(());
        }
        match &node.node_type {
            NodeType::Dir => self.enter(&folder.join(&name), node, levels),
            NodeType::File => {
                self.file(folder, node, is_new);
                Ok(())
            }
            NodeType::Socket => Ok(()),
            _ => {
                let made = self.special(folder, &name, &node);
                settle(&self.means, folder.join(&name), made, &mut self.faults)
            }
        }
    }

    fn enter(&mut self, place: &Path, node: Node, levels: &mut Vec<Level>) -> Result<(), Failure> {
        let is_new = match self.means.folders.make(place) {
            Ok(is_new) => is_new,
            Err(error) => {
                return settle(&self.means, place.to_owned(), Err(error), &mut self.faults);
            }
        };
        let nodes = match node.subtree.map(|tree| self.means.repository.folder(tree)) {
            None => Vec::new(),
            Some(Ok(nodes)) => nodes,
            Some(Err(failure)) => {
                if !is_of_one_pack(&failure) {
                    return Err(failure);
                }
                let why = format!("what is in this folder can't be read: {}", failure.sentence);
                self.faults.push((place.to_owned(), why));
                Vec::new()
            }
        };
        levels.push(Level {
            place: place.into(),
            meta: node.meta,
            rest: nodes.into_iter(),
            is_new,
        });
        Ok(())
    }

    fn file(&mut self, folder: &Arc<Path>, node: Node, is_new: bool) {
        let key = (node.meta.device_id, node.meta.inode);
        let place = folder.join(node.name());
        if node.meta.links > 1 && key.1 != 0 {
            if let Some(first) = self.linked.get(&key) {
                self.batch
                    .link(folder, node.name().into_owned(), first.clone());
                return;
            }
            if self.linked.len() < LINKED_MAX {
                self.linked.insert(key, place);
            }
        }
        self.batch.file(folder, node, is_new);
    }

    /// A symbolic link, a pipe or a device: written beside, and renamed.
    fn special(&self, folder: &Path, name: &OsStr, node: &Node) -> io::Result<()> {
        let folder = self.means.folders.at(folder)?;
        let unfinished = file::unfinished(name);
        let make = || match &node.node_type {
            NodeType::Symlink { .. } => {
                rustix::fs::symlinkat(node.node_type.to_link(), &folder, &unfinished)
            }
            NodeType::Fifo => {
                rustix::fs::mknodat(&folder, &unfinished, FileType::Fifo, Mode::RUSR, 0)
            }
            NodeType::Dev { device } => rustix::fs::mknodat(
                &folder,
                &unfinished,
                FileType::BlockDevice,
                Mode::RUSR,
                *device,
            ),
            NodeType::Chardev { device } => {
                let kind = FileType::CharacterDevice;
                rustix::fs::mknodat(&folder, &unfinished, kind, Mode::RUSR, *device)
            }
            NodeType::File | NodeType::Dir | NodeType::Socket => Ok(()),
        };
        match make() {
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&folder, &unfinished, AtFlags::empty())?;
                make()?;
            }
            made => made?,
        }
        metadata::apply_at(
            &folder,
            OsStr::new(&unfinished),
            &node.meta,
            self.means.owners,
        )?;
        if let (Some(mode), false) = (node.meta.mode, node.is_symlink()) {
            metadata::set_mode_at(&folder, OsStr::new(&unfinished), mode)?;
        }
        Ok(rustix::fs::renameat(&folder, &unfinished, &folder, name)?)
    }
}

/// Whether a name can only be that of something in its folder.
fn is_name(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let leads_elsewhere = matches!(bytes, b"" | b"." | b"..");
    !leads_elsewhere && !bytes.contains(&b'/') && !bytes.contains(&0)
}
