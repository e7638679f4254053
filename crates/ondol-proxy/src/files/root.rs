//! The folder that a `files` target serves, and when it is opened again.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use tokio::time::Instant;

use super::open;
use super::open::Folder;
use crate::failure::Failure;

/// How long an opened folder is used before its path is looked up again: a deploy that switches a
/// symlink is seen after this time at the latest.
const KEEP: Duration = Duration::from_secs(1);

/// A folder, of one worker thread.
#[derive(Debug)]
pub(crate) struct Root {
    path: Arc<Path>,
    opened: RefCell<Option<Opened>>,
}

#[derive(Debug, Clone)]
struct Opened {
    folder: Arc<Folder>,
    at: Instant,
}

impl Root {
    /// Opens nothing yet. The path may be a symlink that is switched to another folder now and then.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: Arc::from(path),
            opened: RefCell::new(None),
        }
    }

    /// Closes a folder that was opened too long ago to be used again, so that its disk can be taken away.
    pub(crate) fn rest(&self, now: Instant) {
        let mut opened = self.opened.borrow_mut();
        if opened
            .as_ref()
            .is_some_and(|opened| now.duration_since(opened.at) >= KEEP)
        {
            *opened = None;
        }
    }

    /// The folder as of at most a second ago. A folder that is gone is our failure and not the
    /// visitor's: a disk that is not mounted must not look like thousands of removed pages.
    pub(super) async fn folder(&self) -> Result<Arc<Folder>, Failure> {
        let now = clock::now();
        if let Some(opened) = &*self.opened.borrow()
            && now.duration_since(opened.at) < KEEP
        {
            return Ok(Arc::clone(&opened.folder));
        }
        let folder = open::root(&self.path).await;
        let folder = Arc::new(folder.map_err(|source| Failure::Folder {
            path: self.path.to_path_buf(),
            source,
        })?);
        *self.opened.borrow_mut() = Some(Opened {
            folder: Arc::clone(&folder),
            at: now,
        });
        Ok(folder)
    }
}
