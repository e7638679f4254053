//! What tests of several files need: a plain folder as target, and files as source.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use ondol_model::backup::Part;
use rustic_core::Excludes;
use rustic_core::LocalSource;
use rustic_core::LocalSourceFilterOptions;
use rustic_core::LocalSourceSaveOptions;
use rustic_core::repofile::Node;

use crate::identity::BoxIdentity;
use crate::repository::Archived;
use crate::repository::Kind;
use crate::repository::Repository;
use crate::repository::Snapshot;
use crate::repository::ToArchive;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Target;
use crate::target::TargetError;
use crate::target::Trouble;
use crate::target::is_id;

/// The password of all repositories in tests.
pub(crate) const PASSWORD: &str = "correct horse";

/// A folder as target, without any of the care that a real one takes; what it is told to, it refuses.
#[derive(Debug)]
pub(crate) struct PlainFolder {
    path: PathBuf,
    refused: Mutex<Option<(Call, TargetError)>>,
}

/// What is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    List(Folder),
    Write(Folder),
    Read(Folder),
    Remove(Folder),
}

impl PlainFolder {
    pub(crate) fn at(path: &Path) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            refused: Mutex::new(None),
        })
    }

    /// From now on, this fails.
    pub(crate) fn refuse(&self, call: Call, trouble: Trouble) {
        let error = TargetError::new(trouble, "the test says so");
        *self.refused.lock().unwrap() = Some((call, error));
    }

    fn ask(&self, asked: Call) -> Result<(), TargetError> {
        match &*self.refused.lock().unwrap() {
            Some((call, error)) if *call == asked => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn file(&self, object: &Object) -> PathBuf {
        self.path.join(object.path())
    }
}

fn error(error: &io::Error) -> TargetError {
    let trouble = match error.kind() {
        io::ErrorKind::NotFound => Trouble::Missing,
        _ => Trouble::Other,
    };
    TargetError::new(trouble, error.to_string())
}

fn folder_of(object: &Object) -> Folder {
    match object {
        Object::In(folder, _) => *folder,
        Object::Config => Folder::Keys,
    }
}

impl Target for PlainFolder {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn create(&self) -> Result<(), TargetError> {
        for folder in Folder::ALL {
            fs::create_dir_all(self.path.join(folder.word())).map_err(|e| error(&e))?;
        }
        Ok(())
    }

    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
        self.ask(Call::List(folder))?;
        let mut found = Vec::new();
        let mut folders = vec![self.path.join(folder.word())];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).map_err(|e| error(&e))? {
                let entry = entry.map_err(|e| error(&e))?;
                let metadata = entry.metadata().map_err(|e| error(&e))?;
                let name = entry.file_name().into_string().unwrap_or_default();
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else if is_id(&name) {
                    found.push((name, metadata.len()));
                }
            }
        }
        Ok(found)
    }

    fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
        self.ask(Call::Read(folder_of(object)))?;
        let content = fs::read(self.file(object)).map_err(|e| error(&e))?;
        Ok(content.into())
    }

    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError> {
        let whole = self.read(object)?;
        let start = usize::try_from(offset).unwrap();
        let end = start + usize::try_from(length).unwrap();
        if end > whole.len() {
            return Err(TargetError::new(Trouble::Wrong, "too short"));
        }
        Ok(whole.slice(start..end))
    }

    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
        self.ask(Call::Write(folder_of(object)))?;
        let path = self.file(object);
        fs::create_dir_all(path.parent().unwrap()).map_err(|e| error(&e))?;
        fs::write(path, content.concat()).map_err(|e| error(&e))
    }

    fn remove(&self, object: &Object) -> Result<(), TargetError> {
        self.ask(Call::Remove(folder_of(object)))?;
        match fs::remove_file(self.file(object)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(error(&e)),
            _ => Ok(()),
        }
    }
}

/// The box of all tests.
pub(crate) fn this_box() -> BoxIdentity {
    BoxIdentity {
        id: "box-1".to_owned(),
        name: "attic".to_owned(),
    }
}

/// A new repository in a folder.
pub(crate) fn new_repository(path: &Path) -> (Arc<PlainFolder>, Repository) {
    let target = PlainFolder::at(path);
    let repository = Repository::create(Arc::clone(&target) as _, PASSWORD).unwrap();
    (target, repository)
}

/// A snapshot of real files, as part of a run.
pub(crate) fn archive_files(
    repository: &Repository,
    run: &str,
    part: Part,
    at: i64,
    root: &Path,
) -> Archived {
    let source = LocalSource::new(
        LocalSourceSaveOptions::default(),
        &Excludes::default(),
        &LocalSourceFilterOptions::default(),
        &[root.to_owned()],
    );
    let of = this_box();
    let what = ToArchive {
        of: &of,
        run,
        kind: Kind::Part(part),
        at,
        roots: &[root.to_owned()],
        on_bytes: Arc::new(|_| ()),
    };
    repository.archive(&what, source.unwrap()).unwrap()
}

/// The largest object of a folder.
pub(crate) fn largest(place: &Path, folder: Folder) -> PathBuf {
    let listed = PlainFolder::at(place).list(folder).unwrap();
    let (id, _) = listed.into_iter().max_by_key(|(_, bytes)| *bytes).unwrap();
    place.join(Object::In(folder, id).path())
}

/// Changes a byte of a file.
pub(crate) fn flip(path: &Path, at: usize) {
    let mut content = fs::read(path).unwrap();
    content[at] ^= 1;
    fs::write(path, content).unwrap();
}

/// What stock restic says about a repository; `None` when there is none on this machine.
pub(crate) fn restic(repository: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let mut restic = Command::new("restic");
    restic
        .arg("--no-cache")
        .arg("-r")
        .arg(repository)
        .args(arguments);
    let output = restic.env("RESTIC_PASSWORD", PASSWORD).output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped: restic is not on this machine");
            return None;
        }
        output => output.unwrap(),
    };
    let text = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

/// All files of a snapshot below a path, by their paths.
pub(crate) fn files_of(
    repository: &Repository,
    snapshot: &Snapshot,
    under: &Path,
) -> Vec<(PathBuf, Node)> {
    let top = repository.node(snapshot, under).unwrap().unwrap();
    let (mut files, mut left) = (Vec::new(), vec![(under.to_owned(), top)]);
    while let Some((path, node)) = left.pop() {
        if let Some(tree) = node.subtree {
            let below = repository.folder(tree).unwrap().into_iter();
            left.extend(below.map(|node| (path.join(node.name()), node)));
        } else if node.is_file() {
            files.push((path, node));
        }
    }
    files
}
