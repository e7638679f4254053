//! The folders of an app that outlive its processes: made, given to its user, and reachable for it. What is above
//! them may be walked through by everybody, and read by nobody else.

use std::fs;
use std::fs::DirBuilder;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::app::AppName;
use rustix::fs::Gid;
use rustix::fs::Uid;

use crate::places::Places;
use crate::places::app_in;
use crate::spec::Identity;

/// To walk through, not to list.
const WAY: u32 = 0o711;
/// Of an app alone.
const OWN: u32 = 0o700;
/// Of all who are let into the app's folder.
const RELEASES: u32 = 0o755;

/// A folder, or what lies in it, could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot prepare {}", path.display())]
pub(crate) struct GroundsError {
    /// What.
    path: PathBuf,
    /// Why.
    source: io::Error,
}

/// Makes the app's data folder and its `/tmp`. Blocks on the disk.
pub(crate) fn prepare(
    places: &Places,
    app: &AppName,
    identity: Option<&Identity>,
) -> Result<(), GroundsError> {
    way(&places.state, &places.app(app))?;
    for folder in [places.data(app), places.tmp(app)] {
        own(&folder, OWN, identity.map(|it| (it.uid, it.gid)))?;
    }
    Ok(())
}

/// Makes the folder for an app's releases with a way to it, for those who serve files of releases that are yet to be
/// made: they can be let into what they reach at their start alone. Blocks on the disk.
///
/// # Errors
///
/// When a folder on the way can't be made.
pub fn way_to_releases(state: &Path, app: &AppName) -> io::Result<()> {
    let folder = app_in(state, app);
    way(state, &folder).map_err(|error| error.source)?;
    // One that was made for its owner alone; who else is let in by a list stays so.
    let is_shut = |path: &Path| Ok::<_, io::Error>(fs::metadata(path)?.mode() & 0o011 == 0);
    for above in [folder.as_path(), folder.parent().unwrap_or(state)] {
        if rustix::process::geteuid().is_root() && is_shut(above)? {
            open_way(above)?;
        }
    }
    make(&folder.join("releases"), RELEASES).map_err(|error| error.source)
}

/// Makes `folder` and what is between it and `base`, each to be walked through. `base` itself becomes so where this
/// process is root and owns it: apps and data planes are other users then.
pub(crate) fn way(base: &Path, folder: &Path) -> Result<(), GroundsError> {
    if rustix::process::geteuid().is_root() {
        at(base, open_way(base))?;
    }
    let mut above: Vec<_> = folder
        .ancestors()
        .take_while(|path| *path != base && path.starts_with(base))
        .collect();
    above.reverse();
    above.into_iter().try_for_each(|path| make(path, WAY))
}

/// Makes a folder of this mode that belongs to such a user and group. One that is there is only given to them where
/// it is not theirs.
pub(crate) fn own(folder: &Path, mode: u32, owner: Option<(u32, u32)>) -> Result<(), GroundsError> {
    make(folder, mode)?;
    let Some((uid, gid)) = owner else {
        return Ok(());
    };
    let metadata = at(folder, fs::symlink_metadata(folder))?;
    if (metadata.uid(), metadata.gid()) != (uid, gid) {
        give(folder, uid, gid)?;
    }
    Ok(())
}

/// Gives a path to a user and a group, not what a symbolic link there leads to.
pub(crate) fn give(path: &Path, uid: u32, gid: u32) -> Result<(), GroundsError> {
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    let cwd = rustix::fs::CWD;
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    let given = rustix::fs::chownat(cwd, path, uid, gid, flags);
    at(path, given.map_err(io::Error::from))
}

/// Names what failed.
pub(crate) fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, GroundsError> {
    result.map_err(|source| GroundsError {
        path: path.to_owned(),
        source,
    })
}

fn make(path: &Path, mode: u32) -> Result<(), GroundsError> {
    match DirBuilder::new().mode(mode).create(path) {
        // The umask may have taken bits from the mode.
        Ok(()) => at(
            path,
            fs::set_permissions(path, Permissions::from_mode(mode)),
        ),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => at(path, Err(error)),
    }
}

/// Lets others through a folder of root to what they may enter below it. What is in it keeps its own rights.
pub(crate) fn open_way(base: &Path) -> io::Result<()> {
    const WALK: u32 = 0o011;
    let metadata = fs::metadata(base)?;
    let mode = metadata.permissions().mode();
    if metadata.uid() != 0 || mode & WALK == WALK {
        return Ok(());
    }
    fs::set_permissions(base, Permissions::from_mode(mode & 0o7777 | WALK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_way_is_walked_through_and_its_end_is_ones_own() {
        let state = tempfile::tempdir().unwrap();
        let app = state.path().join("apps/coffee");
        way(state.path(), &app).unwrap();
        assert_eq!(mode(&state.path().join("apps")), WAY);
        assert_eq!(mode(&app), WAY);
        own(&app.join("data"), OWN, None).unwrap();
        assert_eq!(mode(&app.join("data")), OWN);
        // What an owner has changed stays.
        fs::set_permissions(app.join("data"), Permissions::from_mode(0o750)).unwrap();
        own(&app.join("data"), OWN, None).unwrap();
        assert_eq!(mode(&app.join("data")), 0o750);
    }

    #[test]
    fn releases_are_reached_before_there_is_one_and_nothing_else_is() {
        let state = tempfile::tempdir().unwrap();
        let app = AppName::parse("coffee").unwrap();
        let folder = state.path().join("apps/coffee");
        fs::set_permissions(state.path(), Permissions::from_mode(OWN)).unwrap();
        own(&state.path().join("apps"), OWN, None).unwrap();
        own(&folder, OWN, None).unwrap();
        way_to_releases(state.path(), &app).unwrap();
        way_to_releases(state.path(), &app).unwrap();
        assert_eq!(mode(&folder.join("releases")), RELEASES);
        if rustix::process::geteuid().is_root() {
            assert_eq!(mode(state.path()), WAY);
            assert_eq!(mode(&state.path().join("apps")), WAY);
            assert_eq!(mode(&folder), WAY);
        }
        // Whom a list lets in is the list's affair.
        fs::set_permissions(&folder, Permissions::from_mode(0o710)).unwrap();
        way_to_releases(state.path(), &app).unwrap();
        assert_eq!(mode(&folder), 0o710);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let state = tempfile::tempdir().unwrap();
        let apps = state.path().join("apps");
        ondol_base::file::replace(&apps, b"", 0o600).unwrap();
        let error = way(state.path(), &apps.join("coffee")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot prepare {}", apps.display())
        );
    }
}
