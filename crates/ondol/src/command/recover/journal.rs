//! How far a recovery is, on disk: who runs it again goes on there.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use ondol_base::file;
use serde::Deserialize;
use serde::Serialize;

const NAME: &str = "recovery.json";
const MODE: u32 = 0o600;

/// How far a recovery is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The backup that the box is brought back from.
    pub(super) run: String,
    /// Nothing is younger than this.
    pub(super) at: i64,
    /// When it was begun.
    pub(super) began_at: i64,
    /// What was moved aside.
    pub(super) kept: Vec<PathBuf>,
    /// What is done, by name.
    pub(super) done: Vec<String>,
    #[serde(skip)]
    folder: PathBuf,
}

impl Journal {
    /// The one of a recovery that is not over.
    pub(super) fn read(state: &Path) -> anyhow::Result<Option<Self>> {
        let path = state.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("could not read {}", path.display()));
            }
        };
        let read: Result<Self, _> = serde_json::from_slice(&text);
        let read = read.with_context(|| {
            format!(
                "{} is not what a recovery left; remove it to begin anew",
                path.display()
            )
        })?;
        Ok(Some(Self {
            folder: state.to_owned(),
            ..read
        }))
    }

    /// Of one that begins now.
    pub(super) fn begin(state: &Path, run: &str, at: i64, began_at: i64) -> Self {
        Self {
            run: run.to_owned(),
            at,
            began_at,
            kept: Vec::new(),
            done: Vec::new(),
            folder: state.to_owned(),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    pub(super) fn has(&self, what: &str) -> bool {
        self.done.iter().any(|done| done == what)
    }

    /// Notes that something is done.
    pub(super) fn note(&mut self, what: &str) -> anyhow::Result<()> {
        if !self.has(what) {
            self.done.push(what.to_owned());
        }
        self.write()
    }

    pub(super) fn write(&self) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        let path = self.path();
        let written = self
            .make_folder()
            .and_then(|()| file::replace(&path, &text, MODE));
        written.with_context(|| format!("could not write {}", path.display()))
    }

    /// The folder alone is private: those above it may be others' way to their files.
    fn make_folder(&self) -> io::Result<()> {
        if let Some(above) = self.folder.parent() {
            fs::create_dir_all(above)?;
        }
        file::create_dir_private(&self.folder)
    }

    /// It is over.
    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(self.path())?;
        file::sync_folder(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn who_had_a_way_through_the_folder_above_has_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        let usual = folder.path().join("usual");
        fs::create_dir(&usual).unwrap();
        let state = folder.path().join("box/state");
        Journal::begin(&state, "run", 0, 0).write().unwrap();
        assert_eq!(mode(&folder.path().join("box")), mode(&usual));
        assert_eq!(mode(&state) & 0o777, 0o700);
    }
}
