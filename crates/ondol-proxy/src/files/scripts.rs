//! What a folder has for a path, for those who run scripts in it: which files there are, not what is in them.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::io::Errno;

use super::known::What;
use super::open;
use super::open::Folder;
use super::read;
use super::root::Root;
use crate::failure::Failure;

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Place {
    /// A file, by its name below the folder.
    File(Box<str>),
    /// A folder that shows something, at an address without its slash.
    Slash,
    /// Nothing.
    Nothing,
}

impl Root {
    /// What a path leads to, a moment ago or now.
    pub(crate) async fn place(&self, path: &str) -> Result<Place, Failure> {
        let looked = self.look(path).await?;
        Ok(match &looked.located.what {
            What::File(document) => match document.versions.first() {
                Some(version) => Place::File(version.name.clone()),
                None => Place::Nothing,
            },
            What::Slash => Place::Slash,
            What::Listing | What::Instead(_) | What::Nothing => Place::Nothing,
        })
    }

    /// Whether there is a regular file of this name, which need not be readable: a script is often for the eyes
    /// of its own user alone.
    pub(crate) async fn has_file(&self, name: &str) -> Result<bool, Failure> {
        let folder = self.folder().await?;
        let resolve = open::resolve(self.files.symlinks);
        let found = match is_file(&folder, name, resolve | ResolveFlags::CACHED) {
            // A disk has to be waited for.
            Err(Errno::AGAIN) => {
                let (folder, name) = (Arc::clone(&folder), name.to_owned());
                let looking = move || Ok(is_file(&folder, &name, resolve));
                read::off_thread(looking).await.map_err(Failure::File)?
            }
            found => found,
        };
        match found {
            Ok(is_file) => Ok(is_file),
            // The kernel does not know the call, or keeps it from us.
            Err(Errno::NOSYS | Errno::PERM) => Ok(self.open(name).await?.is_some()),
            Err(errno) => open::why(errno).map_or(Ok(false), Err),
        }
    }

    /// The path of the folder without a symbolic link in it.
    pub(crate) async fn real_path(&self) -> Result<Rc<Path>, Failure> {
        let folder = self.folder().await?;
        Ok(self.real_path_of(&folder))
    }
}

fn is_file(folder: &Folder, name: &str, resolve: ResolveFlags) -> Result<bool, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(folder, name, flags, Mode::empty(), resolve)?;
    let stat = rustix::fs::fstat(&opened)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}
