//! Files that pages of an earlier release still ask for: they are linked into the release that takes its place, where
//! it has none of these names. So whoever serves them, the app or Ondol, finds them where they were, for a day.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::file;
use ondol_model::app::assets;
use rustix::fs::AtFlags;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::inside;

/// More are not linked: an app whose every deploy brings so many would fill the disk with names.
const FILES_MAX: usize = 20_000;

/// A release, as far as its assets matter.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) folder: PathBuf,
    /// The list of files that are of an earlier release, with the time at which that one was replaced.
    pub(super) list: PathBuf,
}

type List = BTreeMap<PathBuf, i64>;

/// Links what `old` has and `new` lacks; what is younger than a day where it is of a release before `old`. How many
/// files were linked. To be asked as often as one likes.
pub(super) fn carry(old: &Shown, new: &Shown, now: i64) -> io::Result<usize> {
    if old.folder == new.folder {
        return Ok(0);
    }
    let mut carrying = Carrying {
        old_list: read(&old.list),
        new_list: read(&new.list),
        now,
        linked: 0,
    };
    let before = carrying.new_list.clone();
    let open = |folder: &Path| inside::open_folder(rustix::fs::CWD, folder, OFlags::NOFOLLOW);
    let (from, to) = (open(&old.folder)?, open(&new.folder)?);
    for folder in assets::FOLDERS.map(Path::new) {
        match inside::below(from.as_fd(), folder) {
            Ok(inner) => carrying.folder(inner.as_fd(), to.as_fd(), folder)?,
            // Where links lead is elsewhere, and stays.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    if carrying.new_list != before {
        write(&new.list, &carrying.new_list)?;
    }
    Ok(carrying.linked)
}

struct Carrying {
    old_list: List,
    new_list: List,
    now: i64,
    linked: usize,
}

impl Carrying {
    /// `from` is the folder at `path` of the old release, `to` is the whole new one.
    fn folder(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
        for entry in inside::entries(from)? {
            let path = path.join(&entry.name);
            if entry.kind.is_dir() {
                let inner = inside::open_folder(from, &entry.name, OFlags::NOFOLLOW)?;
                self.folder(inner.as_fd(), to, &path)?;
                continue;
            }
            let until = self.old_list.get(&path).copied().unwrap_or(self.now);
            let is_text = path.to_str().is_some_and(|text| !text.contains('\n'));
            if !entry.kind.is_file() || !is_text || !assets::is_kept(until, self.now) {
                continue;
            }
            if self.linked == FILES_MAX {
                return Ok(());
            }
            if link(from, to, &path)? {
                self.linked += 1;
                self.new_list.insert(path, until);
            } else if let Some(known) = self.new_list.get_mut(&path) {
                *known = until.max(*known);
            }
        }
        Ok(())
    }
}

/// Whether it was linked: the new release has nothing at this path.
fn link(from: BorrowedFd<'_>, to: BorrowedFd<'_>, path: &Path) -> io::Result<bool> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(false);
    };
    let make = |at: BorrowedFd<'_>, name: &std::ffi::OsStr| {
        rustix::fs::mkdirat(at, name, Mode::RWXU)?;
        let made = inside::open_folder(at, name, OFlags::NOFOLLOW)?;
        rustix::fs::fchmod(made, Mode::from_raw_mode(0o755))
    };
    let folder = match inside::step_by_step(to, above, make) {
        // The new release has a file, or a link, where the old one had a folder.
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        folder => folder?,
    };
    match rustix::fs::linkat(from, name, &folder, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        // A file that the system keeps from being linked, or that has links enough.
        Err(Errno::PERM | Errno::MLINK | Errno::XDEV) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// A line for each file: the time and the path. What can't be read counts as nothing: its files are then those of the
/// release itself, and stay a day longer.
fn read(path: &Path) -> List {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter_map(|(until, path)| Some((path.into(), until.parse().ok()?)))
        .collect()
}

fn write(path: &Path, list: &List) -> io::Result<()> {
    let mut text = String::new();
    for (path, until) in list {
        let _infallible = writeln!(text, "{until} {}", path.display());
    }
    file::replace(path, text.as_bytes(), 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Box {
        folder: tempfile::TempDir,
    }

    impl Box {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
            }
        }

        fn release(&self, number: u64, files: &[&str]) -> Shown {
            let folder = self.folder.path().join(number.to_string());
            for path in files {
                let path = folder.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                file::replace(&path, number.to_string().as_bytes(), 0o644).unwrap();
            }
            let list = self.folder.path().join(format!("{number}.assets"));
            Shown { folder, list }
        }
    }

    #[track_caller]
    fn has(release: &Shown, expected: &[(&str, Option<&str>)]) {
        for (path, content) in expected {
            let found = std::fs::read_to_string(release.folder.join(path)).ok();
            assert_eq!(found.as_deref(), *content, "{path}");
        }
    }

    const HOUR: i64 = 60 * 60;

    #[test]
    fn assets_of_the_last_day_stay_readable() {
        let boxed = Box::new();
        let one = boxed.release(
            1,
            &[
                "public/assets/a-1.js",
                "public/assets/both.js",
                "public/old.html",
            ],
        );
        let two = boxed.release(2, &["public/assets/deep/a-2.js", "public/assets/both.js"]);
        let three = boxed.release(3, &["public/assets/a-3.js"]);
        let four = boxed.release(4, &["app.js"]);
        assert_eq!(carry(&one, &two, 0).unwrap(), 1);
        assert_eq!(carry(&one, &two, 0).unwrap(), 0);
        has(
            &two,
            &[
                ("public/assets/a-1.js", Some("1")),
                ("public/assets/both.js", Some("2")),
                ("public/old.html", None),
            ],
        );
        assert_eq!(carry(&two, &three, 23 * HOUR).unwrap(), 3);
        has(
            &three,
            &[
                ("public/assets/a-1.js", Some("1")),
                ("public/assets/deep/a-2.js", Some("2")),
                ("public/assets/both.js", Some("2")),
            ],
        );
        // The first one's is a day old now.
        assert_eq!(carry(&three, &four, 25 * HOUR).unwrap(), 3);
        has(
            &four,
            &[
                ("public/assets/a-1.js", None),
                ("public/assets/deep/a-2.js", Some("2")),
                ("public/assets/a-3.js", Some("3")),
            ],
        );
    }

    #[test]
    fn going_back_shows_what_was_new_and_takes_nothing_for_old() {
        let boxed = Box::new();
        let one = boxed.release(1, &["dist/assets/a-1.js"]);
        let two = boxed.release(2, &["dist/assets/a-2.js"]);
        carry(&one, &two, 0).unwrap();
        assert_eq!(carry(&two, &one, 30 * HOUR).unwrap(), 1);
        has(
            &one,
            &[
                ("dist/assets/a-2.js", Some("2")),
                ("dist/assets/a-1.js", Some("1")),
            ],
        );
        // Forward again, a day after the first was first replaced: its own file is of a moment ago.
        let three = boxed.release(3, &["x"]);
        carry(&one, &three, 40 * HOUR).unwrap();
        has(
            &three,
            &[
                ("dist/assets/a-1.js", Some("1")),
                ("dist/assets/a-2.js", Some("2")),
            ],
        );
    }

    #[test]
    fn links_are_not_followed() {
        let boxed = Box::new();
        let outside = boxed.release(9, &["secret/x"]);
        let one = boxed.release(1, &["public/assets/a.js"]);
        let two = boxed.release(2, &["x"]);
        std::os::unix::fs::symlink(outside.folder.join("secret"), one.folder.join("dist")).unwrap();
        std::os::unix::fs::symlink(
            outside.folder.join("secret/x"),
            one.folder.join("public/assets/b.js"),
        )
        .unwrap();
        std::os::unix::fs::symlink(&outside.folder, two.folder.join("public")).unwrap();
        assert_eq!(carry(&one, &two, 0).unwrap(), 0);
        assert!(!outside.folder.join("assets").exists());
    }
}
