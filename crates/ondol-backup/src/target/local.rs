//! A folder of this machine as a target, in restic's layout and with restic's modes. An object is written beside its
//! name, synced, renamed, and its folder is synced: when a write returns well, a power cut does not lose it.
//!
//! Everything goes through the folder as it was opened, without following links below it: a disk that is unplugged
//! meanwhile is an error, and never another folder by the same path.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use rustix::fs::Advice;
use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Folder;
use super::OBJECT_BYTES_MAX;
use super::Object;
use super::Pace;
use super::Pacing;
use super::Target;
use super::TargetError;
use super::Trouble;
use super::is_id;
use base::Base;

mod base;
mod trouble;
mod write;

/// A folder of this machine.
#[derive(Debug)]
struct Local {
    path: PathBuf,
    base: Base,
    /// Folders in which what was left half written was looked for.
    swept: Mutex<Vec<String>>,
}

/// The folder, which may not be made yet. An error when the disk that it was on, or is to be on, is not there.
pub(super) fn open(path: &Path, file_system: Option<&str>) -> Result<Arc<dyn Target>, TargetError> {
    let local = Local {
        path: path.to_owned(),
        base: Base::new(path, file_system),
        swept: Mutex::default(),
    };
    match local.base.folder() {
        Err(error) if error.trouble == Trouble::Missing => local.base.check_above()?,
        found => drop(found?),
    }
    Ok(Arc::new(local))
}

impl Target for Local {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn create(&self) -> Result<(), TargetError> {
        self.base.create()?;
        self.create_folders()
    }

    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
        let base = self.base.folder()?;
        let listed = match folder {
            Folder::Data => list_packs(&base),
            Folder::Keys | Folder::Locks | Folder::Snapshots | Folder::Index => {
                list_folder(&base, folder.word(), "")
            }
        };
        match listed {
            // Copies of a repository may lack its empty folders; where there is none, nothing is empty.
            Err(Errno::NOENT) if self.is_there(&base, "config") => Ok(Vec::new()),
            listed => listed.map_err(|error| {
                self.explain(&format!("list the folder `{}`", folder.word()), error)
            }),
        }
    }

    fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
        let (file, length) = self.open_object(object)?;
        let explain = |error| self.explain_io(&format!("read {}", object.path()), &error);
        let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        (&file)
            .take(length)
            .read_to_end(&mut content)
            .map_err(explain)?;
        if content.len() as u64 != length {
            return Err(self.wrong(object, "it became shorter while it was read"));
        }
        forget(&file, object);
        Ok(content.into())
    }

    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError> {
        let (file, there) = self.open_object(object)?;
        let is_within = offset.checked_add(length).is_some_and(|end| end <= there);
        let wanted = usize::try_from(length).ok().filter(|_| is_within);
        let Some(wanted) = wanted else {
            let what = format!("it has {there} bytes, and {length} from {offset} on were wanted");
            return Err(self.wrong(object, &what));
        };
        let mut content = vec![0; wanted];
        file.read_exact_at(&mut content, offset)
            .map_err(|error| self.explain_io(&format!("read {}", object.path()), &error))?;
        Ok(content.into())
    }

    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
        let base = self.base.folder()?;
        self.write_object(&base, object, content)
            .map_err(|error| self.explain_io(&format!("write {}", object.path()), &error))
    }

    fn remove(&self, object: &Object) -> Result<(), TargetError> {
        let base = self.base.folder()?;
        match self.remove_object(&base, object) {
            Err(Errno::NOENT) => Ok(()),
            removed => {
                removed.map_err(|error| self.explain(&format!("remove {}", object.path()), error))
            }
        }
    }

    fn pace(&self, _pace: &Arc<Pace>) -> Pacing {
        Pacing::Needless
    }
}

impl Local {
    /// An object that is a file with something in it, and how much.
    fn open_object(&self, object: &Object) -> Result<(File, u64), TargetError> {
        let base = self.base.folder()?;
        let explain = |error| self.explain(&format!("read {}", object.path()), error);
        let (folder, name) = open_place(&base, object).map_err(explain)?;
        // A pipe by that name must not hold the job.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(folder, name, flags, Mode::empty()).map_err(explain)?;
        let status = rustix::fs::fstat(&file).map_err(explain)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(self.wrong(object, "it is no file"));
        }
        match u64::try_from(status.st_size) {
            Ok(0) | Err(_) => Err(self.wrong(object, "it is empty")),
            Ok(length) if length > OBJECT_BYTES_MAX => Err(self.wrong(object, "it is too large")),
            Ok(length) => Ok((file.into(), length)),
        }
    }

    fn remove_object(&self, base: &OwnedFd, object: &Object) -> rustix::io::Result<()> {
        let (folder, name) = open_place(base, object)?;
        rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
        // An index that came back after its packs are gone would name packs that aren't there.
        match object {
            Object::In(Folder::Index | Folder::Snapshots, _) => write::sync_folder(&folder),
            Object::In(Folder::Data | Folder::Locks | Folder::Keys, _) | Object::Config => Ok(()),
        }
    }

    fn is_there(&self, base: &OwnedFd, name: &str) -> bool {
        rustix::fs::statat(base, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }
}

/// The folder that an object is in, and its name there.
fn open_place<'o>(base: &OwnedFd, object: &'o Object) -> rustix::io::Result<(OwnedFd, &'o str)> {
    match object {
        Object::Config => Ok((rustix::io::fcntl_dupfd_cloexec(base, 0)?, "config")),
        Object::In(Folder::Data, id) => {
            let data = open_folder(base, Folder::Data.word())?;
            Ok((open_folder(&data, start_of(id))?, id))
        }
        Object::In(folder, id) => Ok((open_folder(base, folder.word())?, id)),
    }
}

/// The folder of a pack.
fn start_of(id: &str) -> &str {
    id.get(..2).unwrap_or(id)
}

fn open_folder(within: &impl AsFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(within, name, flags, Mode::empty())
}

fn list_packs(base: &OwnedFd) -> rustix::io::Result<Vec<(String, u64)>> {
    let data = open_folder(base, Folder::Data.word())?;
    let mut packs = Vec::new();
    for start in names_in(&data)? {
        let is_start = start.len() == 2 && start.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_start {
            packs.append(&mut list_folder(&data, &start, &start)?);
        }
    }
    Ok(packs)
}

/// The objects in a folder whose ids begin like this.
fn list_folder(
    within: &OwnedFd,
    name: &str,
    start: &str,
) -> rustix::io::Result<Vec<(String, u64)>> {
    let folder = open_folder(within, name)?;
    let mut objects = Vec::new();
    for name in names_in(&folder)? {
        if !is_id(&name) || !name.starts_with(start) {
            continue;
        }
        match rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) if FileType::from_raw_mode(status.st_mode) == FileType::RegularFile => {
                objects.push((name, u64::try_from(status.st_size).unwrap_or(0)));
            }
            // No object, or removed meanwhile.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(objects)
}

/// All names in a folder that are UTF-8, as those of objects are.
fn names_in(folder: &impl AsFd) -> rustix::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        if let Ok(name) = entry?.file_name().to_str() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Packs are read and written once: they are not to push what sites need out of memory.
fn forget(file: &impl AsFd, object: &Object) {
    if matches!(object, Object::In(Folder::Data, _)) {
        // Advice alone.
        let _ = rustix::fs::fadvise(file, 0, None, Advice::DontNeed);
    }
}

#[cfg(test)]
mod tests;
