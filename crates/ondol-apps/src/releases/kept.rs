//! Which releases there are on disk. One counts when its record is written, which is the last of what is done for it;
//! a folder without a record is what an accident left.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::file;
use serde::Deserialize;
use serde::Serialize;

use super::Made;
use super::assets::Shown;

/// What is written of a release beside its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// When it was made, in seconds since the Unix epoch.
    pub(super) at: i64,
    /// What it was made of, in words.
    pub(super) of: String,
    /// What it takes of the disk, in bytes.
    pub(super) bytes: u64,
}

/// The folder of an app's releases. All of it reads or writes the disk.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    releases: PathBuf,
    current: PathBuf,
}

impl Kept {
    pub(super) fn new(releases: PathBuf, current: PathBuf) -> Self {
        Self { releases, current }
    }

    pub(super) fn folder(&self, number: u64) -> PathBuf {
        self.releases.join(number.to_string())
    }

    /// The assets of a release.
    pub(super) fn shown(&self, number: u64) -> Shown {
        Shown {
            folder: self.folder(number),
            list: self.releases.join(format!("{number}.assets")),
        }
    }

    fn record(&self, number: u64) -> PathBuf {
        self.releases.join(format!("{number}.json"))
    }

    /// From now on the release counts, also after a power cut.
    pub(super) fn keep(&self, number: u64, record: &Record) -> io::Result<()> {
        // All its files in one go; one by one would take minutes for some.
        let folder = std::fs::File::open(self.folder(number))?;
        rustix::fs::syncfs(&folder)?;
        let record = serde_json::to_vec(record).map_err(io::Error::other)?;
        file::replace(&self.record(number), &record, 0o600)
    }

    /// Those that count, the newest first.
    pub(super) fn all(&self) -> Vec<(Made, u64)> {
        let numbers = self.numbers(".json");
        let known = numbers.into_iter().rev().filter_map(|number| {
            let record = std::fs::read(self.record(number)).ok()?;
            let record: Record = serde_json::from_slice(&record).ok()?;
            let made = Made {
                number,
                folder: self.folder(number).canonicalize().ok()?,
                at: record.at,
                of: record.of,
            };
            Some((made, record.bytes))
        });
        known.collect()
    }

    /// Removes what does not count: what an accident left, and what was being removed at that time.
    pub(super) fn clear(&self) {
        let counted = self.numbers(".json");
        for number in self.numbers("") {
            if !counted.contains(&number) {
                self.remove(number);
            }
        }
        for number in self.numbers(".tar") {
            let _ = std::fs::remove_file(self.archive(number));
        }
    }

    /// The highest number that anything here has.
    pub(super) fn highest(&self) -> u64 {
        let kinds = ["", ".json", ".assets", ".tar"];
        let all = kinds.iter().flat_map(|ending| self.numbers(ending));
        all.max().unwrap_or(0)
    }

    /// Where git puts a version that becomes a release.
    pub(super) fn archive(&self, number: u64) -> PathBuf {
        self.releases.join(format!("{number}.tar"))
    }

    /// Removes a release. It stops to count first, so that half of one never does.
    pub(super) fn remove(&self, number: u64) {
        let removed = unless_missing(std::fs::remove_file(self.record(number)))
            .and_then(|()| remove_tree(&self.folder(number)))
            .and_then(|()| unless_missing(std::fs::remove_file(self.shown(number).list)));
        if let Err(error) = removed {
            let folder = self.folder(number);
            let folder = folder.display();
            tracing::warn!(%folder, %error, "an old release was not removed; it is tried again at the next deploy");
        }
    }

    /// Removes the oldest until so many are left, but none of `keep`, not the one that `current` leads to, and none
    /// that a process runs in.
    pub(super) fn thin_out(&self, keep: &[u64], at_most: usize) {
        let all = self.all();
        let too_many = all.len().saturating_sub(at_most);
        let current = self.current();
        let is_free = |made: &&Made| !keep.contains(&made.number) && current != Some(made.number);
        let oldest = all.iter().map(|(made, _)| made).rev().take(too_many);
        let gone: Vec<_> = oldest.filter(is_free).collect();
        if gone.is_empty() {
            return;
        }
        let used = used_paths();
        for made in gone {
            if !used.iter().any(|path| path.starts_with(&made.folder)) {
                self.remove(made.number);
            }
        }
    }

    /// The release that the link `current` leads to.
    pub(super) fn current(&self) -> Option<u64> {
        let target = std::fs::read_link(&self.current).ok()?;
        let number = target.strip_prefix("releases").ok()?.to_str()?;
        number.parse().ok()
    }

    /// Lets the link `current` lead there, in one step; whether it led elsewhere.
    pub(super) fn point(&self, to: &Path) -> io::Result<bool> {
        if std::fs::read_link(&self.current).is_ok_and(|target| target == to) {
            return Ok(false);
        }
        let above = self.current.parent().unwrap_or(&self.releases);
        let new = above.join(".current.new");
        unless_missing(std::fs::remove_file(&new))?;
        std::os::unix::fs::symlink(to, &new)?;
        std::fs::rename(&new, &self.current)?;
        file::sync_folder(above)?;
        Ok(true)
    }

    /// The numbers of what is named by a number and this ending.
    fn numbers(&self, ending: &str) -> BTreeSet<u64> {
        let names = self.releases.read_dir().into_iter().flatten().flatten();
        let numbers = names.filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.strip_suffix(ending)?.parse().ok()
        });
        numbers.collect()
    }
}

/// The folders and programs of all processes, as far as this one may know them.
fn used_paths() -> Vec<PathBuf> {
    let processes = Path::new("/proc")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    let is_number = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let folders = processes.filter(|entry| is_number(&entry.file_name()));
    folders
        .flat_map(|entry| ["cwd", "exe"].map(|link| entry.path().join(link)))
        .filter_map(|link| std::fs::read_link(link).ok())
        .collect()
}

/// Removes a folder with all that is in it; one that is not there is removed already. Some tools take the right to
/// write from folders that they keep (Go's modules).
pub(super) fn remove_tree(folder: &Path) -> io::Result<()> {
    match unless_missing(std::fs::remove_dir_all(folder)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            unless_missing(std::fs::remove_dir_all(folder))
        }
        removed => removed,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

fn unless_missing(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stage {
        folder: tempfile::TempDir,
        kept: Kept,
    }

    fn stage(numbers: impl IntoIterator<Item = u64>) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let releases = folder.path().join("releases");
        std::fs::create_dir(&releases).unwrap();
        let kept = Kept::new(releases, folder.path().join("current"));
        for number in numbers {
            std::fs::create_dir(kept.folder(number)).unwrap();
            let record = Record {
                at: 0,
                of: String::new(),
                bytes: number,
            };
            kept.keep(number, &record).unwrap();
        }
        Stage { folder, kept }
    }

    #[track_caller]
    fn left(kept: &Kept, expected: &[u64]) {
        let all: Vec<_> = kept.all().iter().map(|(made, _)| made.number).collect();
        assert_eq!(all, expected);
        let folders: Vec<_> = kept.numbers("").into_iter().rev().collect();
        assert_eq!(folders, expected);
    }

    #[test]
    fn the_oldest_go_but_for_those_that_are_needed() {
        let Stage {
            kept,
            folder: _folder,
        } = stage(1..=12);
        kept.thin_out(&[2], 12);
        left(&kept, &[12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
        kept.point(Path::new("releases/3")).unwrap();
        kept.thin_out(&[2], 10);
        left(&kept, &[12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        kept.thin_out(&[2], 5);
        left(&kept, &[12, 11, 10, 9, 8, 3, 2]);
    }

    #[test]
    fn one_that_a_process_runs_in_stays() {
        let Stage {
            kept,
            folder: _folder,
        } = stage(1..=3);
        let mut sleep = std::process::Command::new("sleep");
        let mut sleep = sleep
            .arg("1000")
            .current_dir(kept.folder(1))
            .spawn()
            .unwrap();
        kept.thin_out(&[], 1);
        left(&kept, &[3, 1]);
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        kept.thin_out(&[], 1);
        left(&kept, &[3]);
    }

    #[test]
    fn what_an_accident_left_does_not_count() {
        let Stage { kept, folder } = stage([1]);
        let half = kept.folder(2).join("node_modules/x");
        std::fs::create_dir_all(&half).unwrap();
        file::replace(&half.join("y"), b"", 0o400).unwrap();
        std::fs::set_permissions(&half, Permissions::from_mode(0o500)).unwrap();
        file::replace(&kept.archive(3), b"", 0o600).unwrap();
        file::replace(&folder.path().join("releases/notes"), b"", 0o600).unwrap();
        assert_eq!(kept.all().len(), 1);
        kept.clear();
        left(&kept, &[1]);
        assert!(!kept.archive(3).exists());
        assert!(folder.path().join("releases/notes").exists());
    }

    #[test]
    fn current_is_switched_in_one_step() {
        let Stage { kept, folder } = stage([1, 2]);
        let current = folder.path().join("current");
        assert_eq!(kept.current(), None);
        for number in [1, 2, 2, 1] {
            kept.point(Path::new(&format!("releases/{number}")))
                .unwrap();
            assert_eq!(kept.current(), Some(number));
            assert_eq!(
                current.canonicalize().unwrap(),
                kept.folder(number).canonicalize().unwrap()
            );
        }
        kept.point(Path::new("/srv/coffee")).unwrap();
        assert_eq!(kept.current(), None);
    }

    #[test]
    fn folders_that_may_not_be_written_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::fs::set_permissions(top.join("a/b"), Permissions::from_mode(0o000)).unwrap();
        std::fs::set_permissions(top.join("a"), Permissions::from_mode(0o500)).unwrap();
        remove_tree(&top).unwrap();
        assert!(!top.exists());
        remove_tree(&top).unwrap();
    }
}
