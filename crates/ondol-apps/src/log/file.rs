//! The file of one app's log: appended to in whole lines.

use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The file; opened with the first line.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
}

impl LogFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Appends lines, each with its end. What the disk does not take is lost, and said in the agent's own log.
    pub(super) fn append(&mut self, lines: &str, lost: u64) {
        if lines.is_empty() {
            return;
        }
        let written = self.try_append(lines);
        if let Err(error) = written {
            let path = self.path.display();
            tracing::warn!(%error, %path, lost, "lines of an app's log could not be written");
        }
    }

    fn try_append(&mut self, lines: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        file.write_all(lines.as_bytes())
    }
}

fn open(path: &std::path::Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o640).open(path)
}
