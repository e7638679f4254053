//! Writing that lasts: every object is either whole, on disk and under its name, or not there.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use ondol_base::clock;
use rustix::fs::AtFlags;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::super::Folder;
use super::super::Object;
use super::Local;
use super::forget;
use super::names_in;
use super::open_folder;
use super::start_of;

/// What is in the name of an object that is not whole yet, as restic has it.
const TEMPORARY: &str = "-tmp-";
/// So old is what nobody writes any more, in seconds: no object takes a day to write.
const LEFT_BEHIND_AFTER: i64 = 24 * 60 * 60;

impl Local {
    /// All folders of a repository, those of the packs too, as restic makes them.
    pub(super) fn create_folders(&self) -> Result<(), super::TargetError> {
        let base = self.base.folder()?;
        let made = Folder::ALL
            .into_iter()
            .try_for_each(|folder| make_folder(&base, folder.word()))
            .and_then(|()| create_pack_folders(&base))
            .and_then(|()| sync_folder(&base));
        made.map_err(|error| self.explain("make the folders of a repository", error))
    }

    pub(super) fn write_object(
        &self,
        base: &OwnedFd,
        object: &Object,
        content: &[Bytes],
    ) -> std::io::Result<()> {
        let (folder, name) = place_for(base, object)?;
        self.sweep(&folder, object);
        let temporary = temporary_name(name);
        let written = write_new(&folder, &temporary, object, content)
            .and_then(|()| Ok(rustix::fs::renameat(&folder, &*temporary, &folder, name)?));
        if written.is_err() {
            // The first error is the one worth telling.
            let _ = rustix::fs::unlinkat(&folder, &*temporary, AtFlags::empty());
        }
        written?;
        Ok(sync_folder(&folder)?)
    }

    /// Removes what a job that was killed left half written in this folder; looked for once in each job.
    fn sweep(&self, folder: &OwnedFd, object: &Object) {
        let path = object.path();
        let place = path.rsplit_once('/').map_or("", |(place, _)| place);
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.iter().any(|swept| swept == place) {
            return;
        }
        swept.push(place.to_owned());
        drop(swept);
        for name in names_in(folder).unwrap_or_default() {
            if name.contains(TEMPORARY) && is_left_behind(folder, &name) {
                // It costs room, and nothing else: the next job tries again.
                let _ = rustix::fs::unlinkat(folder, &*name, AtFlags::empty());
            }
        }
    }
}

fn is_left_behind(folder: &OwnedFd, name: &str) -> bool {
    let status = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    status.is_ok_and(|status| status.st_mtime < clock::unix_seconds() - LEFT_BEHIND_AFTER)
}

/// A name that no other writer has, of this process or another.
fn temporary_name(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}{TEMPORARY}{}-{count}", std::process::id())
}

fn write_new(
    folder: &OwnedFd,
    name: &str,
    object: &Object,
    content: &[Bytes],
) -> std::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let mut file = File::from(rustix::fs::openat(folder, name, flags, mode)?);
    for piece in content {
        file.write_all(piece)?;
    }
    // Nothing is ever changed in place. Not all file systems know modes.
    let _ = rustix::fs::fchmod(&file, Mode::RUSR);
    file.sync_all()?;
    forget(&file, object);
    Ok(())
}

/// The folder that an object is to be in, made where it is missing, and its name there.
fn place_for<'o>(base: &OwnedFd, object: &'o Object) -> rustix::io::Result<(OwnedFd, &'o str)> {
    match super::open_place(base, object) {
        Err(Errno::NOENT) => {}
        found => return found,
    }
    if let Object::In(folder, id) = object {
        make_folder(base, folder.word())?;
        sync_folder(base)?;
        if *folder == Folder::Data {
            let data = open_folder(base, folder.word())?;
            make_folder(&data, start_of(id))?;
            sync_folder(&data)?;
        }
    }
    super::open_place(base, object)
}

fn create_pack_folders(base: &OwnedFd) -> rustix::io::Result<()> {
    let data = open_folder(base, Folder::Data.word())?;
    for start in 0..=u8::MAX {
        make_folder(&data, &format!("{start:02x}"))?;
    }
    sync_folder(&data)
}

fn make_folder(within: &OwnedFd, name: &str) -> rustix::io::Result<()> {
    match rustix::fs::mkdirat(within, name, Mode::RWXU) {
        Err(Errno::EXIST) => Ok(()),
        made => made,
    }
}

/// Has a folder's list of names written to disk. File systems that can't do that apart do it by themselves, or
/// never.
pub(super) fn sync_folder(folder: &impl AsFd) -> rustix::io::Result<()> {
    match rustix::fs::fsync(folder) {
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        synced => synced,
    }
}
