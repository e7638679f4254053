//! What takes the place of what, for an app that is tried: its release, its data, and all else that it may write.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::plan;

use crate::places::Places;
use crate::release::Release;
use crate::spec::StandIn;

use super::below;
use super::is_covered;

/// An app, and where it lies restored.
pub(super) struct Ground {
    pub(super) places: Arc<Places>,
    pub(super) app: Arc<plan::App>,
    pub(super) release: Release,
    pub(super) root: PathBuf,
}

/// What is to be done about a path that was not restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// The app can't be tried.
    Fails,
    /// It matters where there is something in use.
    FailsUnlessEmpty,
    /// It gets an empty folder: what is there is of no worth, or is made again.
    Made,
}

impl Ground {
    /// What takes the place of what, and which release that is. The error is a sentence about what is missing. Blocks on
    /// the disk.
    pub(super) fn stand_ins(&self) -> Result<(Vec<StandIn>, Release), String> {
        let release = self.restored_release()?;
        let name = &self.app.name;
        let code = match release.number {
            Some(_) => self.places.releases(name),
            None => release.folder.clone(),
        };
        let mut wanted = vec![
            (code, Missing::Fails),
            (self.places.data(name), Missing::FailsUnlessEmpty),
            (self.places.tmp(name), Missing::Made),
        ];
        let data = self.app.data.iter();
        wanted.extend(data.map(|path| (path.clone(), Missing::FailsUnlessEmpty)));
        let write = self.app.write.iter();
        wanted.extend(write.map(|path| (path.clone(), Missing::Made)));
        // What lies in another that has a stand-in is there with that.
        wanted.sort_by_key(|(path, _)| path.components().count());
        let mut stand_ins: Vec<StandIn> = Vec::new();
        for (path, missing) in wanted {
            let path = path.canonicalize().unwrap_or(path);
            let by = self.restored(&path, missing)?;
            if !is_covered(&path, &stand_ins) && path.exists() {
                stand_ins.push(StandIn { path, by });
            }
        }
        Ok((stand_ins, release))
    }

    /// The release that visitors get, or else the newest that was restored.
    fn restored_release(&self) -> Result<Release, String> {
        let Some(number) = self.release.number else {
            return Ok(self.release.clone());
        };
        let name = &self.app.name;
        let releases = below(&self.root, &self.places.releases(name));
        let names = fs::read_dir(&releases).into_iter().flatten().flatten();
        let numbers = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.sort_unstable();
        let has_it = numbers.contains(&number);
        let found = if has_it { Some(number) } else { numbers.pop() };
        let number = found.ok_or("no release of it is in the backup")?;
        let folder = self.places.release(name, number);
        // A folder without links, as far as it is there: the restored one takes its place.
        let releases = self.places.releases(name);
        let folder = match releases.canonicalize() {
            Ok(real) => real.join(number.to_string()),
            Err(_) => folder,
        };
        Ok(Release {
            number: Some(number),
            folder,
        })
    }

    /// Where a path was restored to.
    fn restored(&self, path: &Path, missing: Missing) -> Result<PathBuf, String> {
        let by = below(&self.root, path);
        let root = self.root.canonicalize();
        let is_inside = |by: &Path| {
            let real = by.canonicalize().ok();
            real.zip(root.as_ref().ok())
                .is_some_and(|(real, root)| real.starts_with(root))
        };
        if is_inside(&by) {
            return Ok(by);
        }
        let is_there = by.symlink_metadata().is_ok();
        let is_empty = fs::read_dir(path).is_ok_and(|mut names| names.next().is_none());
        let is_fatal = match missing {
            Missing::Fails => true,
            Missing::FailsUnlessEmpty => path.exists() && !is_empty,
            Missing::Made => path.is_file(),
        };
        if is_there || is_fatal {
            return Err(format!("{} is not in the backup", path.display()));
        }
        let made = make_like(path, &by);
        made.map_err(|error| format!("{} could not be made: {error}", by.display()))?;
        Ok(by)
    }
}

/// An empty folder with the owner and the rights of another, where there is one.
fn make_like(path: &Path, by: &Path) -> io::Result<()> {
    fs::create_dir_all(by)?;
    if let Ok(like) = fs::metadata(path) {
        fs::set_permissions(by, fs::Permissions::from_mode(like.mode() & 0o7777))?;
        std::os::unix::fs::chown(by, Some(like.uid()), Some(like.gid()))?;
    }
    Ok(())
}
