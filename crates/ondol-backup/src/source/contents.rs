//! From what a walk has met to what a snapshot has of it.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use ondol_base::clock;
use rustic_core::ErrorKind;
use rustic_core::ReadSourceEntry;
use rustic_core::ReadSourceOpen;
use rustic_core::RusticError;
use rustic_core::RusticResult;
use rustic_core::repofile::Node;

use crate::databases::Saving;
use crate::source::Other;
use crate::source::Scene;
use crate::source::node;
use crate::source::node::Names;
use crate::source::reader::Reader;
use crate::source::walk::Found;
use crate::source::walk::What;

/// How the content of an entry is read.
#[derive(Debug)]
pub(crate) struct Open {
    content: Content,
    scene: Arc<Scene>,
}

#[derive(Debug)]
enum Content {
    File(PathBuf),
    /// A file that is a database in use.
    Database(PathBuf),
    Bytes(Vec<u8>),
    Saving(Box<Saving>),
}

/// The entry of what was met; `None` when it can't be read, which is then told.
pub(super) fn entry(
    found: Found,
    scene: &Arc<Scene>,
    names: &mut Names,
) -> Option<ReadSourceEntry<Open>> {
    let Found { path, what } = found;
    let (node, content) = match what {
        What::Plain(meta) => {
            let is_file = meta.is_file();
            let node = node::of_file(&path, &meta, names);
            let content = is_file.then(|| Content::File(path.clone()));
            (told(node, &path, scene)?, content)
        }
        What::Database { meta, log, bytes } => {
            let node = node::of_file(&path, &meta, names);
            let mut node = told(node, &path, scene)?;
            node.meta.size = bytes;
            // What is only in the log changes neither the file nor its times.
            if let Some(log) = &log {
                node.meta.mtime = node.meta.mtime.max(node::written(log));
                node.meta.ctime = node.meta.ctime.max(node::changed(log));
                node.meta.atime = node.meta.mtime;
            }
            (node, Some(Content::Database(path.clone())))
        }
        What::Other => other(&path, scene, names)?,
    };
    let open = content.map(|content| Open {
        content,
        scene: Arc::clone(scene),
    });
    Some(ReadSourceEntry { path, node, open })
}

fn told<T>(read: std::io::Result<T>, path: &Path, scene: &Scene) -> Option<T> {
    read.inspect_err(|error| scene.gaps.error(path, error)).ok()
}

fn other(path: &Path, scene: &Scene, names: &mut Names) -> Option<(Node, Option<Content>)> {
    let name = path.file_name()?;
    match scene.others.get(path)? {
        Other::Bytes(bytes) => {
            let node = node::of_other(name, bytes.len() as u64, now());
            Some((node, Some(Content::Bytes(bytes.clone()))))
        }
        Other::Database(access, ledger) => {
            let begun = Saving::begin(access, &scene.scratch, Arc::clone(ledger));
            let saving = match begun {
                Ok(saving) => saving,
                Err(failure) => {
                    ledger.failed(&access.name, failure);
                    return None;
                }
            };
            let size = saving.least_size();
            let mut node = node::of_other(name, size, now());
            // A file of this machine keeps whose it is.
            let own = std::fs::metadata(path).and_then(|meta| node::of_file(path, &meta, names));
            if let Ok(own) = own {
                let time = node.meta.mtime;
                node.meta = own.meta;
                node.meta.size = size;
                (node.meta.mtime, node.meta.atime, node.meta.ctime) = (time, time, time);
            }
            Some((node, Some(Content::Saving(Box::new(saving)))))
        }
    }
}

/// No snapshot before has this time.
fn now() -> Timestamp {
    Timestamp::try_from(clock::wall()).unwrap_or_default()
}

impl ReadSourceOpen for Open {
    type Reader = Reader;

    fn open(self) -> RusticResult<Reader> {
        let Self { content, scene } = self;
        match content {
            Content::Bytes(bytes) => Ok(Reader::of_bytes(bytes)),
            Content::Saving(saving) => Ok(Reader::of_saving(saving)),
            Content::File(path) => Reader::of_file(&path, &scene).map_err(|()| unread(&path)),
            Content::Database(path) => {
                Reader::of_database(&path, &scene).map_err(|()| unread(&path))
            }
        }
    }
}

/// What the library is told; the owner was told already.
fn unread(path: &Path) -> Box<RusticError> {
    let words = "The file could not be opened: `{path}`";
    RusticError::new(ErrorKind::InputOutput, words)
        .attach_context("path", path.display().to_string())
}
