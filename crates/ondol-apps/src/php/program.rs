//! Which php-fpm there is on this machine.

use std::path::Path;
use std::path::PathBuf;

/// Where programs of this kind are besides `PATH`, which often lacks the folders of the administrator.
const FOLDERS: [&str; 4] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];

/// There is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoProgram {
    /// None at all.
    #[error(
        "no php-fpm was found in {0}: install it (Debian and Ubuntu: `apt install php-fpm`), or name it with `program`"
    )]
    Nowhere(String),
    /// Not the one that is named.
    #[error(
        "{0} is no program that can be run: name a php-fpm, as in `program = \"/usr/sbin/php-fpm8.2\"`, or none for the newest"
    )]
    NotThis(String),
}

/// The php-fpm that is named, by its path or by its name, or else the newest that is found. Looks at the disk.
pub(crate) fn program(named: Option<&str>) -> Result<PathBuf, NoProgram> {
    program_in(named, &folders())
}

fn program_in(named: Option<&str>, folders: &[PathBuf]) -> Result<PathBuf, NoProgram> {
    if let Some(named) = named {
        let mut places: Box<dyn Iterator<Item = PathBuf>> = match named.contains('/') {
            true => Box::new(std::iter::once(PathBuf::from(named))),
            false => Box::new(folders.iter().map(|folder| folder.join(named))),
        };
        let found = places.find(|path| is_program(path));
        return found.ok_or_else(|| NoProgram::NotThis(named.to_owned()));
    }
    let all = folders.iter().flat_map(|folder| versions_in(folder));
    // The first folder counts where two have the same version.
    let newest = all.reduce(|best, other| if other.0 > best.0 { other } else { best });
    newest.map(|(_, path)| path).ok_or_else(|| {
        let names: Vec<_> = folders.iter().map(|it| it.display().to_string()).collect();
        NoProgram::Nowhere(names.join(", "))
    })
}

fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    for more in FOLDERS.map(PathBuf::from) {
        if !folders.contains(&more) {
            folders.push(more);
        }
    }
    folders
}

/// Those of a folder with their versions: `php-fpm8.2` (Debian), `php-fpm83` (Alpine), `php-fpm` (one for all).
fn versions_in(folder: &Path) -> Vec<([u16; 2], PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let name = entry.file_name();
        let version = version(name.to_str()?.strip_prefix("php-fpm")?)?;
        Some((version, entry.path())).filter(|(_, path)| is_program(path))
    });
    found.collect()
}

/// The version that a name ends with; without one it is the least, for nothing is known of it.
fn version(text: &str) -> Option<[u16; 2]> {
    let text = text.strip_prefix('-').unwrap_or(text);
    if text.is_empty() {
        return Some([0, 0]);
    }
    let (major, minor) = match text.split_once('.') {
        Some(parts) => parts,
        None => text.split_at_checked(1)?,
    };
    let minor = if minor.is_empty() { "0" } else { minor };
    Some([major.parse().ok()?, minor.parse().ok()?])
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_systems_tell_versions() {
        for (name, expected) in [
            ("", Some([0, 0])),
            ("8.2", Some([8, 2])),
            ("8.10", Some([8, 10])),
            ("83", Some([8, 3])),
            ("-8.1", Some([8, 1])),
            ("7", Some([7, 0])),
            (".conf", None),
            ("8.2.dpkg-new", None),
            ("checkconf", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }

    #[test]
    fn the_newest_is_found_or_the_one_that_is_named() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let paths = [&folders[0], &folders[1]].map(|it| it.path().to_path_buf());
        let nothing = program_in(None, &paths).unwrap_err().to_string();
        assert!(nothing.contains("apt install php-fpm"), "{nothing}");
        for (folder, name, mode) in [
            (0, "php-fpm", 0o755),
            (0, "php-fpm8.2", 0o755),
            (1, "php-fpm8.10", 0o755),
            (1, "php-fpm8.4", 0o755),
            (1, "php-fpm9.0", 0o644),
        ] {
            use std::os::unix::fs::PermissionsExt;
            let path = paths[folder].join(name);
            ondol_base::file::replace(&path, b"", 0o600).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let find = |named| program_in(named, &paths);
        assert_eq!(find(None), Ok(paths[1].join("php-fpm8.10")));
        assert_eq!(find(Some("php-fpm8.2")), Ok(paths[0].join("php-fpm8.2")));
        let path = paths[1].join("php-fpm8.4");
        assert_eq!(find(path.to_str()), Ok(path.clone()));
        let missing = find(Some("php-fpm9.0")).unwrap_err();
        assert_eq!(missing, NoProgram::NotThis("php-fpm9.0".to_owned()));
    }
}
