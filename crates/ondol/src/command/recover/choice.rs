//! Which backups a box is brought back from, and how old the data of each site is then. Pure.

use ondol_backup::Manifest;
use ondol_backup::ManifestDatabase;
use ondol_base::clock;
use ondol_model::backup::Part;

/// What is brought back.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// The newest backup with everything.
    pub(super) manifest: Manifest,
    /// The newest of each database.
    pub(super) databases: Vec<ManifestDatabase>,
    /// Databases of which no backup has anything, and why.
    pub(super) lost: Vec<(String, String)>,
    /// Nothing is younger than this.
    pub(super) at: i64,
}

/// The age of a site's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SiteAge {
    pub(super) name: String,
    /// The moment of its files, and of its apps' code.
    pub(super) files: Option<i64>,
    /// The oldest of its databases.
    pub(super) databases: Option<i64>,
}

/// Chooses among the backups that there are, the newest first. The error is a sentence.
pub(super) fn choose(backups: &[Manifest], at: Option<i64>) -> Result<Choice, String> {
    let newest = backups.iter().map(|backup| backup.ended_at).max();
    let at = at
        .or(newest)
        .ok_or("there is no backup there: the repository opens with this kit, and is empty")?;
    let has_all = |backup: &&Manifest| {
        let mut parts = backup.parts.iter();
        backup.began_at <= at && parts.any(|part| part.part == Part::Box.word())
    };
    let manifest = backups.iter().filter(has_all);
    let manifest = manifest
        .max_by_key(|backup| backup.began_at)
        .ok_or_else(|| {
            let first = backups.iter().map(|backup| backup.began_at).min();
            let first = first.map_or(String::new(), |first| {
                format!("; the oldest is of {}", clock::minute_in(None, first))
            });
            let at = clock::minute_in(None, at);
            format!("there is no backup of everything of {at} or before{first}")
        })?;
    let mut names: Vec<&String> = backups
        .iter()
        .filter(|backup| backup.began_at >= manifest.began_at && backup.began_at <= at)
        .flat_map(|backup| {
            let saved = backup.databases.iter().map(|database| &database.name);
            saved.chain(backup.failed_databases.keys())
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut databases = Vec::new();
    let mut lost = Vec::new();
    for name in names {
        let all = backups.iter().flat_map(|backup| &backup.databases);
        let its = all.filter(|database| database.name == *name && database.as_of <= at);
        match its.max_by_key(|database| database.as_of) {
            Some(database) => databases.push(database.clone()),
            None => {
                let mut failures = backups
                    .iter()
                    .filter_map(|backup| backup.failed_databases.get(name));
                let why = failures.next().cloned().unwrap_or_default();
                lost.push((name.clone(), why));
            }
        }
    }
    Ok(Choice {
        manifest: manifest.clone(),
        databases,
        lost,
        at,
    })
}

impl Choice {
    /// The sites with the age of their data.
    pub(super) fn sites(&self) -> Vec<SiteAge> {
        let sites = self.manifest.sites.iter().map(|site| {
            let apps = self.manifest.apps.iter();
            let apps: Vec<_> = apps.filter(|app| site.apps.contains(&app.name)).collect();
            let its = self.databases.iter().filter(|database| {
                let is_of = |name: &String| site.apps.contains(name);
                let is_named = apps
                    .iter()
                    .any(|app| app.databases.contains(&database.name));
                database.app.as_ref().is_some_and(is_of) || is_named
            });
            let has_files = !site.folders.is_empty() || !apps.is_empty();
            SiteAge {
                name: site.name.clone(),
                files: has_files.then_some(self.manifest.began_at),
                databases: its.map(|database| database.as_of).min(),
            }
        });
        sites.collect()
    }

    /// Files and bytes of all parts.
    pub(super) fn size(&self) -> (u64, u64) {
        let parts = self.manifest.parts.iter();
        let files = parts.clone().map(|part| part.files).sum();
        (files, parts.map(|part| part.bytes).sum())
    }
}

#[cfg(test)]
mod tests;
