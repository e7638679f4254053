//! What a process sees of the disk: everything that its user may read but what is hidden.
//!
//! Landlock only allows. So a folder with something hidden in it is split: what lies in it is allowed one by one, but
//! for the hidden. What is made in a split folder later stays out of sight, and its list of names can't be read.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::spec::Reach;

/// Names in folders that are split; more are left out of sight.
const NAMES_MAX: usize = 20_000;
/// Never split: files in it are replaced by others (resolv.conf), which would be out of sight. What is hidden in it is
/// masked by a mount, or else guarded by its mode alone.
const WHOLE: [&str; 8] = [
    "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/sys",
];
/// What every program may write, as far as its user may: devices, and what the kernel shows of the process itself.
const WRITABLE: [&str; 2] = ["/dev", "/proc"];
/// What every user may write.
const SHARED: [&str; 2] = ["/tmp", "/var/tmp"];

/// What a process may do where.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// Read and execute there.
    pub(super) read: Vec<PathBuf>,
    /// Read and write existing files and devices there.
    pub(super) devices: Vec<PathBuf>,
    /// Everything there.
    pub(super) write: Vec<PathBuf>,
}

/// The view that goes with a reach, of the disk as it is now.
pub(super) fn of(reach: &Reach) -> View {
    let hidden: Vec<PathBuf> = reach.hidden.iter().map(|path| real(path)).collect();
    let mut names_left = NAMES_MAX;
    let mut split = |from: &str| {
        let mut visible = Vec::new();
        visit(Path::new(from), &hidden, &mut names_left, &mut visible);
        visible
    };
    let mut read = split("/");
    read.extend(WHOLE.iter().map(PathBuf::from));
    let mut write: Vec<PathBuf> = SHARED.into_iter().flat_map(&mut split).collect();
    read.extend(reach.read.iter().cloned());
    write.extend(reach.write.iter().chain(&reach.tmp).cloned());
    View {
        read,
        devices: WRITABLE.iter().map(PathBuf::from).collect(),
        write,
    }
}

/// What is hidden in a folder that is never split, and holds nothing that the process needs.
pub(super) fn to_mask(reach: &Reach) -> Vec<PathBuf> {
    let is_whole = |path: &PathBuf| {
        WHOLE
            .iter()
            .any(|whole| path.starts_with(whole) && path != Path::new(whole))
    };
    let is_needed = |path: &PathBuf| {
        let needed = reach.read.iter().chain(&reach.write).chain(&reach.tmp);
        needed
            .into_iter()
            .any(|needed| real(needed).starts_with(path))
    };
    let hidden = reach.hidden.iter().map(|path| real(path));
    hidden
        .filter(|path| is_whole(path) && path.is_dir() && !is_needed(path))
        .collect()
}

fn visit(path: &Path, hidden: &[PathBuf], names_left: &mut usize, visible: &mut Vec<PathBuf>) {
    if WHOLE.iter().any(|whole| path == Path::new(whole))
        || hidden.iter().any(|hidden| path == hidden)
    {
        return;
    }
    if !hidden.iter().any(|hidden| hidden.starts_with(path)) {
        visible.push(path.to_owned());
        return;
    }
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        if *names_left == 0 {
            return;
        }
        *names_left -= 1;
        // What a link leads to has a rule of its own, or none.
        if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
            visit(&entry.path(), hidden, names_left, visible);
        }
    }
}

/// A path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let mut above = path.ancestors();
    let found = above.find_map(|above| Some((above, above.canonicalize().ok()?)));
    match found {
        Some((above, real)) => match path.strip_prefix(above) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            Ok(_) | Err(_) => real,
        },
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_hidden_is_split() {
        let temporary = tempfile::tempdir().unwrap();
        let top = temporary.path().canonicalize().unwrap();
        for folder in ["a/secret", "a/open/deep", "b"] {
            fs::create_dir_all(top.join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(top.join("a/secret"), top.join("a/link")).unwrap();
        std::os::unix::fs::symlink(top.join("a"), top.join("c")).unwrap();
        let visible = |hidden: &[&str]| {
            let hidden: Vec<_> = hidden.iter().map(|path| real(&top.join(path))).collect();
            let mut visible = Vec::new();
            visit(&top, &hidden, &mut NAMES_MAX.clone(), &mut visible);
            visible.sort();
            let inner = visible.iter().map(|path| path.strip_prefix(&top).unwrap());
            inner
                .map(|path| path.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(visible(&[]), [""]);
        assert_eq!(visible(&["b"]), ["a"]);
        assert_eq!(visible(&["a/secret"]), ["a/open", "b"]);
        assert_eq!(visible(&["c/secret"]), ["a/open", "b"]);
        assert_eq!(visible(&["a/secret", "a/open/deep"]), ["b"]);
        // One that is made later is hidden then too.
        assert_eq!(visible(&["a/later"]), ["a/open", "a/secret", "b"]);
    }

    #[test]
    fn the_system_stays_in_sight_whatever_is_hidden() {
        let hidden = ["/etc", "/etc/ondol", "/var/lib/ondol", "/usr"]
            .map(PathBuf::from)
            .to_vec();
        let view = of(&Reach {
            hidden,
            ..Reach::default()
        });
        for path in ["/etc", "/usr", "/proc"] {
            assert!(view.read.contains(&PathBuf::from(path)), "{path}: {view:?}");
        }
        assert!(
            !view
                .read
                .iter()
                .any(|path| path == Path::new("/") || path == Path::new("/var"))
        );
        assert_eq!(view.write, SHARED.map(PathBuf::from));
    }

    #[test]
    fn only_what_nothing_is_needed_of_is_masked() {
        let temporary = tempfile::tempdir().unwrap();
        let elsewhere = temporary.path().to_owned();
        let hidden = vec![
            "/etc/ssl".into(),
            "/etc/nowhere".into(),
            "/etc".into(),
            elsewhere,
        ];
        let mut reach = Reach {
            hidden,
            ..Reach::default()
        };
        assert_eq!(to_mask(&reach), [PathBuf::from("/etc/ssl")]);
        reach.read = vec!["/etc/ssl/certs".into()];
        assert!(to_mask(&reach).is_empty());
    }
}
