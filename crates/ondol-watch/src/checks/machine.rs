//! Reads what the kernel tells of the machine in `/proc` and `/sys`; in tests, of a machine that a folder describes.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use ondol_base::tasks;

/// The longest of these files: a table of mounts with a thousand containers.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Entries of a folder that are looked at: more sensors, drives or interfaces are nobody's.
const ENTRIES_MAX: usize = 1024;

/// The machine; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    root: Arc<Path>,
}

impl Machine {
    /// The machine that this folder describes; `/` for this one.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// The path of something, given by its path on the machine.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The text of a file without the blanks around it; `None` when there is none, or nothing can be read. Blocks.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        let file = File::open(self.path(path)).ok()?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(text.trim().to_owned())
    }

    /// The value that is all of a file. Blocks.
    pub(super) fn value<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// The names in a folder, in order. Blocks.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(folder)) else {
            return Vec::new();
        };
        let names = entries.take(ENTRIES_MAX).flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Lets somebody read it where that may block; `None` when that panicked.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Option<T> {
        let machine = self.clone();
        tasks::spawn_blocking(move || read(&machine)).await.ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A machine with these files.
    pub(in crate::checks) fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::at(folder.path());
        for (path, text) in files {
            put(&machine, path, text);
        }
        (folder, machine)
    }

    /// Writes a file of such a machine.
    pub(in crate::checks) fn put(machine: &Machine, path: &str, text: &str) {
        let path = machine.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        ondol_base::file::replace(&path, text.as_bytes(), 0o644).unwrap();
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        let files = [("/sys/a/b", " 12\n"), ("/sys/a/c", "x"), ("/sys/a/d/e", "")];
        let (_folder, machine) = machine(&files);
        assert_eq!(machine.value::<u64>("/sys/a/b"), Some(12));
        assert_eq!(machine.value::<u64>("/sys/a/c"), None);
        assert_eq!(machine.text("/sys/a/nothing"), None);
        assert_eq!(machine.names("/sys/a"), ["b", "c", "d"]);
        assert!(machine.names("/sys/nothing").is_empty());
    }
}
