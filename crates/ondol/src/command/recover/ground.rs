//! Where on this machine things come back to, and what is in the way there.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use ondol_backup::Manifest;

use crate::folders::Folders;

use super::journal::Journal;

/// The values of variables that the configuration names, in a backup, and beside the configuration.
const ENVIRONMENT_SAVED: &str = "/ondol/environment";
const ENVIRONMENT: &str = "environment";
/// A folder of this name is all Ondol's.
const OWN: &str = "ondol";

/// Where on this machine things come back to.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// Folders that are elsewhere now.
    pub(super) moved: Vec<(PathBuf, PathBuf)>,
    /// Those of them that the owner named.
    pub(super) named: Vec<(PathBuf, PathBuf)>,
    /// The folders of this box.
    pub(super) folders: Folders,
    /// Folders of sites and apps.
    others: Vec<PathBuf>,
}

/// The folders that the owner wants elsewhere.
pub(super) fn moves(texts: &[String]) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let pairs = texts.iter().map(|text| {
        let pair = text.split_once('=');
        let pair = pair.filter(|(old, new)| old.starts_with('/') && !new.is_empty());
        let (old, new) = pair.with_context(|| {
            format!("`--moved {text}` is not understood: `--moved /srv=/data/srv` says that what was in /srv is in /data/srv now")
        })?;
        let old = PathBuf::from(old.trim_end_matches('/'));
        Ok((old, std::path::absolute(new.trim_end_matches('/'))?))
    });
    pairs.collect()
}

impl Ground {
    pub(super) fn new(
        folders: &Folders,
        manifest: &Manifest,
        named: Vec<(PathBuf, PathBuf)>,
    ) -> Self {
        let mut moved = named.clone();
        let own = |path: &Path| {
            let folder = path.parent()?;
            folder.ends_with(OWN).then(|| folder.to_owned())
        };
        let here = folders.config.parent().unwrap_or(Path::new("/"));
        if manifest.configuration != folders.config {
            moved.push((manifest.configuration.clone(), folders.config.clone()));
            moved.extend(own(&manifest.configuration).map(|from| (from, here.to_owned())));
        }
        if manifest.state != folders.state {
            moved.push((manifest.state.clone(), folders.state.clone()));
        }
        moved.push((PathBuf::from(ENVIRONMENT_SAVED), here.join(ENVIRONMENT)));
        let apps = manifest.apps.iter();
        let others = apps.flat_map(|app| app.code.iter().chain(&app.data));
        let others = others.chain(manifest.sites.iter().flat_map(|site| &site.folders));
        let mut ground = Self {
            moved,
            named,
            folders: folders.clone(),
            others: Vec::new(),
        };
        let mut others: Vec<_> = others
            .filter(|path| !path.starts_with(&manifest.state))
            .map(|path| ground.here(path))
            .collect();
        others.sort();
        others.dedup();
        ground.others = others;
        ground
    }

    /// Where a path of the backup is on this machine: of the folders that are elsewhere, the longest counts.
    pub(super) fn here(&self, path: &Path) -> PathBuf {
        let moves = self.moved.iter();
        let found = moves.filter_map(|(from, to)| Some((from, to, path.strip_prefix(from).ok()?)));
        let longest = found.max_by_key(|(from, _, _)| from.components().count());
        match longest {
            Some((_, to, rest)) if rest.as_os_str().is_empty() => to.clone(),
            Some((_, to, rest)) => to.join(rest),
            None => path.to_owned(),
        }
    }

    /// The file with the values of variables.
    pub(super) fn environment(&self) -> PathBuf {
        self.folders.config.with_file_name(ENVIRONMENT)
    }

    /// What is here already, and what becomes of it; a sentence each.
    pub(super) fn obstacles(&self, journal: Option<&Journal>) -> Vec<String> {
        let mut obstacles = Vec::new();
        if journal.is_none() {
            let own = self.in_the_way().into_iter();
            obstacles.extend(own.map(|path| {
                let path = path.display();
                format!("{path} is here already: it is kept as {path}.before-recovery-…")
            }));
        }
        let is_full = |path: &&PathBuf| {
            let mut names = fs::read_dir(path).into_iter().flatten();
            path.is_file() || names.next().is_some()
        };
        let full: Vec<_> = self.others.iter().filter(is_full).collect();
        if let ([_, ..], None) = (&*full, journal) {
            let named: Vec<_> = full.iter().map(|path| path.display().to_string()).collect();
            obstacles.push(format!(
                "There are files in {}: those that the backup has too become as they are in the backup, others stay",
                named.join(", ")
            ));
        }
        obstacles
    }

    /// Moves aside what is Ondol's own here, under names that end with `stamp`; says under which.
    pub(super) fn clear(&self, stamp: &str) -> io::Result<Vec<PathBuf>> {
        let mut kept = Vec::new();
        for path in self.in_the_way() {
            let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
            name.push(format!(".before-recovery-{stamp}"));
            let aside = path.with_file_name(name);
            fs::rename(&path, &aside)?;
            kept.push(aside);
        }
        Ok(kept)
    }

    /// Makes the folders that sites are served from: who serves them is let into what is there when it starts.
    pub(super) fn make_folders(&self, manifest: &Manifest) {
        let folders = manifest.sites.iter().flat_map(|site| &site.folders);
        for folder in folders.map(|folder| self.here(folder)) {
            // What can't be made can't be restored either, which is told then.
            let _ = fs::create_dir_all(folder);
        }
    }

    /// What is Ondol's own, and here.
    fn in_the_way(&self) -> Vec<PathBuf> {
        let config = &self.folders.config;
        let folder = config.parent().filter(|folder| folder.ends_with(OWN));
        let candidates: [&Path; 2] = [folder.unwrap_or(config), &self.folders.state];
        let is_in_the_way = |path: &&Path| match fs::read_dir(path) {
            Ok(mut names) => names.next().is_some(),
            Err(_) => path.symlink_metadata().is_ok(),
        };
        let found = candidates.into_iter().filter(is_in_the_way);
        found.map(Path::to_owned).collect()
    }
}

#[cfg(test)]
mod tests;
