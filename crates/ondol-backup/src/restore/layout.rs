//! Where what is restored goes: below a folder, or beside what is there now. Folders that can't be exchanged as a whole
//! (a disk is mounted in them, a database that is not restored lies in them) are taken apart.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::work::Destination;

/// What is no file of the machine lies below this in snapshots.
pub(crate) const VIRTUAL: &str = "/ondol";
/// What file systems have as the longest name.
const NAME_MAX: usize = 255;

/// Where what is restored goes.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    to: Destination,
    moved: Vec<(PathBuf, PathBuf)>,
    /// What stays as it is within folders that are exchanged.
    stays: Vec<PathBuf>,
}

/// Where one thing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Goal {
    /// A folder that is there, or is made; links that lead to it are followed.
    pub(crate) base: PathBuf,
    /// The path below it, where no link is followed.
    pub(crate) place: PathBuf,
    /// What it takes the place of, when it is beside it.
    pub(crate) stands_for: Option<PathBuf>,
}

impl Goal {
    /// The whole path.
    pub(crate) fn path(&self) -> PathBuf {
        self.base.join(&self.place)
    }
}

impl Layout {
    pub(crate) fn new(to: &Destination, moved: &[(PathBuf, PathBuf)], stays: Vec<PathBuf>) -> Self {
        Self {
            to: to.clone(),
            moved: moved.to_vec(),
            stays,
        }
    }

    /// Where a path of the backup is on this machine: the longest folder that was moved counts.
    pub(crate) fn moved(&self, source: &Path) -> PathBuf {
        let fits = self
            .moved
            .iter()
            .filter(|(from, _)| source.starts_with(from));
        let longest = fits.max_by_key(|(from, _)| from.components().count());
        match longest {
            Some((from, to)) => match source.strip_prefix(from) {
                Ok(rest) if rest.as_os_str().is_empty() => to.clone(),
                Ok(rest) => to.join(rest),
                Err(_) => source.to_owned(),
            },
            None => source.to_owned(),
        }
    }

    /// Whether something is restored of what is no file of the machine.
    pub(crate) fn takes_virtual(&self, source: &Path) -> bool {
        let is_moved = self.moved.iter().any(|(from, _)| source.starts_with(from));
        is_moved || matches!(&self.to, Destination::Into(folder) if folder != Path::new("/"))
    }

    /// Whether a folder can't be restored as a whole, but only by what is in it.
    pub(crate) fn is_taken_apart(&self, source: &Path) -> bool {
        let is_below = |path: &Path, folder: &Path| path != folder && path.starts_with(folder);
        if source.parent().is_none() || self.moved.iter().any(|(from, _)| is_below(from, source)) {
            return true;
        }
        let place = real(&self.moved(source));
        self.to == Destination::Beside
            && (place.parent().is_none() || self.stays.iter().any(|path| path.starts_with(&place)))
    }

    /// Where a thing of a run goes, whose path in the backup this is.
    pub(crate) fn goal(&self, source: &Path, run: &str) -> Option<Goal> {
        let path = self.moved(source);
        let name = path.file_name()?.to_owned();
        let parent = path.parent()?;
        match &self.to {
            Destination::Into(folder) if folder != Path::new("/") => Some(Goal {
                base: folder.clone(),
                place: path.strip_prefix("/").ok()?.to_owned(),
                stands_for: None,
            }),
            Destination::Into(_) => Some(there(parent, &name, None)),
            Destination::Beside => {
                let staged = beside(&name, &format!("ondol-restore-{run}"));
                Some(there(parent, &staged, Some(path.clone())))
            }
            Destination::Place { .. } => None,
        }
    }
}

/// A path without the links that lead to it, as far as it is there.
pub(super) fn real(path: &Path) -> PathBuf {
    let there = path
        .ancestors()
        .find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    match there.and_then(|(folder, real)| Some((real, path.strip_prefix(folder).ok()?))) {
        Some((real, rest)) if rest.as_os_str().is_empty() => real,
        Some((real, rest)) => real.join(rest),
        None => path.to_owned(),
    }
}

/// Split where folders begin that are not there yet.
fn there(parent: &Path, name: &OsStr, stands_for: Option<PathBuf>) -> Goal {
    let base = parent.ancestors().find(|folder| folder.is_dir());
    let base = base.unwrap_or(Path::new("/"));
    let rest = parent.strip_prefix(base).unwrap_or(Path::new(""));
    Goal {
        base: base.to_owned(),
        place: rest.join(name),
        stands_for,
    }
}

/// `.NAME.SUFFIX`, cut where that is too long for a name.
pub(super) fn beside(name: &OsStr, suffix: &str) -> OsString {
    let mut beside = b".".to_vec();
    beside.extend(cut(name, suffix.len() + 2));
    beside.push(b'.');
    beside.extend(suffix.as_bytes());
    OsString::from_vec(beside)
}

/// `NAME.SUFFIX`, cut where that is too long for a name.
pub(super) fn after(name: &OsStr, suffix: &str) -> OsString {
    let mut after = cut(name, suffix.len() + 1).to_vec();
    after.push(b'.');
    after.extend(suffix.as_bytes());
    OsString::from_vec(after)
}

fn cut(name: &OsStr, room: usize) -> &[u8] {
    let bytes = name.as_bytes();
    &bytes[..bytes.len().min(NAME_MAX.saturating_sub(room))]
}

/// Whether a path is absolute and leads nowhere but where it says.
pub(crate) fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path
            .components()
            .all(|component| matches!(component, Component::RootDir | Component::Normal(_)))
}

#[cfg(test)]
mod tests;
