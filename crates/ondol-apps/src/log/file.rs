//! The file of one app's log: appended to in whole lines, moved aside when it is large.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::file::rotated;

use super::folder;
use super::folder::Folder;

/// A file that would become larger makes room for a new one. With five that are kept, compressed, an app's log takes
/// 15 MiB of the disk as logs usually are; were nothing compressible, 60 MiB.
pub(super) const FILE_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// The file; opened with the first line.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    open: Option<Open>,
    /// Lines that are missing where the next one will stand.
    lost: u64,
    is_failing: bool,
}

#[derive(Debug)]
struct Open {
    folder: Folder,
    file: File,
}

/// Whether there is something to do for [`super::keep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// No file was moved aside.
    No,
    /// One was, or may have been before.
    Yes,
}

impl LogFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            lost: 0,
            is_failing: false,
        }
    }

    /// Appends lines, each with its end, after so many that were lost on their way. What the disk does not take is
    /// lost too: that is said in the agent's own log at once, and in this one as soon as it can be written.
    pub(super) fn append(&mut self, lines: &str, lost: u64) -> Moved {
        self.lost += lost;
        if lines.is_empty() && self.lost == 0 {
            return Moved::No;
        }
        match self.try_append(lines) {
            Ok(moved) => {
                self.is_failing = false;
                self.lost = 0;
                moved
            }
            Err(error) => {
                self.open = None;
                self.lost += lines.lines().count() as u64;
                if !std::mem::replace(&mut self.is_failing, true) {
                    let path = self.path.display();
                    let error = Chain(&error);
                    tracing::error!(%path, %error, "an app's log can't be written, so its lines are lost");
                }
                Moved::No
            }
        }
    }

    fn try_append(&mut self, lines: &str) -> io::Result<Moved> {
        let gap = match self.lost {
            0 => String::new(),
            lost => {
                let time = clock::rfc3339_milliseconds(clock::unix_milliseconds());
                format!(
                    "{time} {} {lost} lines were lost here: the disk did not take them\n",
                    super::OURSELVES
                )
            }
        };
        let mut moved = Moved::No;
        let mut open = match self.open.take() {
            Some(open) if open.is_in_place(&self.path) => open,
            Some(_) | None => {
                moved = Moved::Yes;
                Open::new(&self.path)?
            }
        };
        let size = open.file.metadata()?.len();
        let added = (gap.len() + lines.len()) as u64;
        if size > 0 && size + added > FILE_BYTES_MAX {
            moved = Moved::Yes;
            open = open.moved_aside(&self.path)?;
        }
        for part in [gap.as_str(), lines] {
            open.append(part)?;
        }
        self.open = Some(open);
        Ok(moved)
    }
}

impl Open {
    fn new(log: &Path) -> io::Result<Self> {
        Self::in_folder(Folder::make(log)?, log)
    }

    fn in_folder(folder: Folder, log: &Path) -> io::Result<Self> {
        let mut options = folder::options();
        let file = options
            .append(true)
            .create(true)
            .open(folder.path_of(log))?;
        Ok(Self { folder, file })
    }

    /// Whether the path still leads here; somebody may have moved or removed the file.
    fn is_in_place(&self, log: &Path) -> bool {
        let there = fs::symlink_metadata(log);
        let (Ok(here), Ok(there)) = (self.file.metadata(), there) else {
            return false;
        };
        (here.dev(), here.ino()) == (there.dev(), there.ino())
    }

    fn moved_aside(self, log: &Path) -> io::Result<Self> {
        let path = self.folder.path_of(log);
        fs::rename(&path, rotated::next(&path)?)?;
        Self::in_folder(self.folder, log)
    }

    /// All of the text, or nothing of it.
    fn append(&mut self, text: &str) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(text.as_bytes());
        if written.is_err() {
            // A torn line is worse than a missing one; that there is an error is known already.
            let _ = self.file.set_len(before);
        }
        written
    }
}
