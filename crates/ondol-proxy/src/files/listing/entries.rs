//! Reads a folder. It blocks.

use std::io;

use ondol_model::limits::LISTING_ENTRIES_MAX;
use ondol_model::plan::Files;
use ondol_model::plan::Symlinks;
use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Stat;

use super::is_hidden;
use crate::failure::Failure;
use crate::files::open;
use crate::files::open::Folder;
use crate::files::open::Found;
use crate::files::open::Patience;
use crate::files::open::Stop;

/// What is in a folder.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) items: Vec<Item>,
    /// Whether there is more than is listed.
    pub(super) is_cut: bool,
}

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Seconds since the Unix epoch.
    pub(super) modified: i64,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Folder,
    File {
        /// In bytes.
        size: u64,
    },
}

/// Entries that are looked at, for the sake of folders with a million names that visitors may not see.
const SEEN_MAX: usize = 10 * LISTING_ENTRIES_MAX;

impl Entries {
    /// What visitors may see of the folder that a path leads to. What cannot be asked for is left out:
    /// names that are not UTF-8, pipes and their like, and symlinks that are not followed.
    pub(super) fn read(root: &Folder, path: &str, files: &Files) -> io::Result<Self> {
        let name = path.trim_matches('/');
        let name = if name.is_empty() { "." } else { name };
        let folder = match open::open(root, name, files.symlinks, Patience::Waits) {
            Ok(Some(Found::Folder(folder))) => folder,
            Ok(Some(Found::File(_)) | None) => return Err(io::ErrorKind::NotFound.into()),
            Err(Stop::Failure(Failure::File(error))) => return Err(error),
            Err(Stop::Failure(_) | Stop::MustWait) => {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
        };
        let mut items = Vec::new();
        for (seen, entry) in Dir::read_from(&folder)?.enumerate() {
            if seen == SEEN_MAX {
                let is_cut = true;
                return Ok(Self { items, is_cut });
            }
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if matches!(name, "." | "..") || is_hidden(name, path, files.dotfiles) {
                continue;
            }
            if items.len() == LISTING_ENTRIES_MAX {
                let is_cut = true;
                return Ok(Self { items, is_cut });
            }
            items.extend(item(root, &folder, (path, name), files.symlinks));
        }
        let is_cut = false;
        Ok(Self { items, is_cut })
    }
}

fn item(
    root: &Folder,
    folder: &Folder,
    (path, name): (&str, &str),
    symlinks: Symlinks,
) -> Option<Item> {
    let mut stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
        stat = followed(
            root,
            &format!("{}{name}", path.trim_start_matches('/')),
            symlinks,
        )?;
    }
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Folder,
        FileType::RegularFile => Kind::File {
            size: u64::try_from(stat.st_size).unwrap_or(0),
        },
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => return None,
    };
    Some(Item {
        name: name.to_owned(),
        kind,
        modified: stat.st_mtime,
    })
}

/// What a symlink leads to, where visitors may follow it.
fn followed(root: &Folder, name: &str, symlinks: Symlinks) -> Option<Stat> {
    match open::open(root, name, symlinks, Patience::Waits).ok()?? {
        Found::File(opened) => Some(opened.stat),
        Found::Folder(folder) => rustix::fs::fstat(folder).ok(),
    }
}
