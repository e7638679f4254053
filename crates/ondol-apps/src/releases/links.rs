//! What a release does not hold but leads to: the folders that its app writes, where the owner keeps them in the
//! app's own folder. They are the same for every release.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::plan;
use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::io::Result;

use super::inside;
use super::work::Owner;

/// What keeps an otherwise empty folder in a repository.
const PLACEHOLDERS: [&str; 3] = [".gitignore", ".gitkeep", ".keep"];

/// By the path in a release, what is linked to: what the app may write, or what must be backed up, of its `dir`.
pub(super) fn of(app: &plan::App) -> BTreeMap<PathBuf, PathBuf> {
    let Some(dir) = &app.dir else {
        return BTreeMap::new();
    };
    let written = app.write.iter().chain(&app.data);
    let inner = written.filter_map(|path| Some((path.strip_prefix(dir).ok()?, path)));
    let mut links = BTreeMap::new();
    for (place, target) in inner.filter(|(place, _)| !place.as_os_str().is_empty()) {
        links.insert(place.to_owned(), target.clone());
    }
    // What lies in a folder that is linked comes with it.
    let all: Vec<PathBuf> = links.keys().cloned().collect();
    links.retain(|place, _| {
        !all.iter()
            .any(|above| place != above && place.starts_with(above))
    });
    links
}

/// Makes those links that are not there yet. The places at which the release has something of its own, which stays.
pub(super) fn make(
    release: &Path,
    links: &BTreeMap<PathBuf, PathBuf>,
    owner: Option<Owner>,
) -> Result<Vec<PathBuf>> {
    let top = inside::open_folder(rustix::fs::CWD, release, OFlags::NOFOLLOW)?;
    let mut taken = Vec::new();
    for (place, target) in links {
        if !make_one(top.as_fd(), place, target, owner)? {
            taken.push(place.clone());
        }
    }
    Ok(taken)
}

fn make_one(
    top: BorrowedFd<'_>,
    place: &Path,
    target: &Path,
    owner: Option<Owner>,
) -> Result<bool> {
    let (Some(above), Some(name)) = (place.parent(), place.file_name()) else {
        return Ok(false);
    };
    let made = |at: BorrowedFd<'_>, name: &OsStr| {
        rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o755))?;
        own(at, name, owner)
    };
    let folder = match inside::step_by_step(top, above, made) {
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        folder => folder?,
    };
    match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
        Ok(found) => match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => {
                let there = rustix::fs::readlinkat(&folder, name, Vec::new())?;
                return Ok(inside::path_of(&there) == target);
            }
            FileType::Directory if remove_empty(folder.as_fd(), name)? => {}
            _ => return Ok(false),
        },
    }
    rustix::fs::symlinkat(target, &folder, name)?;
    own(folder.as_fd(), name, owner)?;
    Ok(true)
}

/// Removes a folder with nothing in it but what kept it in a repository.
fn remove_empty(at: BorrowedFd<'_>, name: &OsStr) -> Result<bool> {
    let folder = inside::open_folder(at, name, OFlags::NOFOLLOW)?;
    let entries = inside::entries(folder.as_fd())?;
    let is_placeholder = |name: &OsStr| PLACEHOLDERS.iter().any(|known| name == *known);
    if !entries
        .iter()
        .all(|entry| entry.kind.is_file() && is_placeholder(&entry.name))
    {
        return Ok(false);
    }
    for entry in entries {
        rustix::fs::unlinkat(&folder, &entry.name, AtFlags::empty())?;
    }
    rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR)?;
    Ok(true)
}

pub(super) fn own(at: BorrowedFd<'_>, name: &OsStr, owner: Option<Owner>) -> Result<()> {
    let Some(owner) = owner else { return Ok(()) };
    let (user, group) = owner.raw();
    rustix::fs::chownat(at, name, user, group, AtFlags::SYMLINK_NOFOLLOW)
}

#[cfg(test)]
mod tests {
    use ondol_model::app::AppName;

    use super::*;

    fn app(dir: &str, write: &[&str], data: &[&str]) -> plan::App {
        let mut app = plan::App::named(AppName::parse("coffee").unwrap());
        app.dir = Some(dir.into());
        app.write = write.iter().map(PathBuf::from).collect();
        app.data = data.iter().map(PathBuf::from).collect();
        app
    }

    #[test]
    fn what_is_written_in_the_apps_folder_is_linked() {
        let app = app(
            "/srv/coffee",
            &["/srv/coffee/storage", "/var/spool/coffee", "/srv/coffee"],
            &[
                "/srv/coffee/storage/db",
                "/srv/coffee/var/uploads",
                "/srv/coffeehouse",
            ],
        );
        let links = of(&app);
        let links: Vec<_> = links
            .iter()
            .map(|(place, target)| (place.to_str().unwrap(), target.to_str().unwrap()))
            .collect();
        assert_eq!(
            links,
            [
                ("storage", "/srv/coffee/storage"),
                ("var/uploads", "/srv/coffee/var/uploads")
            ]
        );
    }

    #[test]
    fn links_take_the_place_of_nothing_but_placeholders() {
        let release = tempfile::tempdir().unwrap();
        let top = release.path();
        for folder in ["storage", "own", "deep"] {
            std::fs::create_dir(top.join(folder)).unwrap();
        }
        for file in ["storage/.keep", "own/file"] {
            ondol_base::file::replace(&top.join(file), b"", 0o600).unwrap();
        }
        std::os::unix::fs::symlink("/etc", top.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("/srv/there", top.join("there")).unwrap();
        let places = ["storage", "own", "deep/new/place", "elsewhere/x", "there"];
        let links = places.map(|place| (PathBuf::from(place), Path::new("/srv").join(place)));
        let links = BTreeMap::from(links);
        let taken = make(top, &links, None).unwrap();
        assert_eq!(taken, [Path::new("elsewhere/x"), Path::new("own")]);
        for place in ["storage", "deep/new/place", "there"] {
            let target = std::fs::read_link(top.join(place)).unwrap();
            assert_eq!(target, Path::new("/srv").join(place));
        }
        assert!(top.join("own/file").is_file());
        assert_eq!(make(top, &links, None).unwrap(), taken);
    }
}
