//! What a backup of everything holds: which folder belongs to which part, so that nothing is left out and nothing is
//! there twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::Plan;
use ondol_model::backup::Part;
use ondol_model::plan::DatabaseSource;
use ondol_model::plan::Storage;

use crate::manifest::ManifestApp;
use crate::places::Places;
use crate::scope::Scope;
use crate::work::PartWork;

/// Where the values of variables are that the configuration names: a file that systemd can read.
pub(crate) const ENVIRONMENT_PATH: &str = "/ondol/environment";

/// What restores leave beside a place: half of it, and what was there before.
const OF_RESTORES: [&str; 3] = [
    ".*.ondol-restore-*",
    ".*.ondol-swap-*",
    "*.before-restore-*",
];

/// What a backup of everything holds, without the databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) parts: Vec<PartWork>,
    pub(crate) scope: Scope,
}

/// Says what a backup holds. `sources` are the files of the configuration; `environment` is a text of lines
/// `NAME="value"`, or empty.
pub(crate) fn contents(
    plan: &Plan,
    places: &Places,
    sources: &[PathBuf],
    environment: String,
) -> Contents {
    let scope = Scope::of(plan, &places.state);
    let apps = &scope.apps;
    let roots = [
        (Part::Box, box_roots(plan, places, sources)),
        (
            Part::Apps,
            apps.iter().flat_map(|app| app.code.clone()).collect(),
        ),
        (Part::Files, files_roots(plan, apps)),
    ];
    let roots = roots.map(|(part, roots)| (part, BTreeSet::from_iter(roots)));
    let never = never(plan, places);
    let parts = roots.iter().map(|(part, all)| {
        let others = roots.iter().filter(|(other, _)| other != part);
        // What two parts name belongs to the first of them.
        let own = all.iter().filter(|root| {
            let mut earlier = others.clone().filter(|(other, _)| other < part);
            !earlier.any(|(_, theirs)| theirs.contains(*root))
        });
        let own: Vec<_> = own.cloned().collect();
        let mut left_out = never.clone();
        left_out.extend(others.flat_map(|(_, theirs)| theirs.iter().cloned()));
        left_out.retain(|path| !own.contains(path));
        let texts = match part {
            Part::Box if !environment.is_empty() => {
                vec![(PathBuf::from(ENVIRONMENT_PATH), environment.clone())]
            }
            _ => Vec::new(),
        };
        PartWork {
            part: part.word().to_owned(),
            roots: own,
            left_out: left_out.into_iter().collect(),
            patterns: OF_RESTORES
                .map(str::to_owned)
                .into_iter()
                .chain(plan.backup.exclude.iter().cloned())
                .collect(),
            texts,
        }
    });
    let parts = parts.collect();
    Contents { parts, scope }
}

fn box_roots(plan: &Plan, places: &Places, sources: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots = vec![places.state.clone(), places.configuration.clone()];
    roots.extend_from_slice(sources);
    // A folder of Ondol's own holds what belongs to it: included files, keys, environment files.
    let folder = places.configuration.parent();
    let own = folder.filter(|folder| folder.file_name().is_some_and(|name| name == "ondol"));
    roots.extend(own.map(Path::to_owned));
    roots.extend(plan.files_named().map(Path::to_owned));
    roots
}

fn files_roots(plan: &Plan, apps: &[ManifestApp]) -> Vec<PathBuf> {
    // A folder in an app's own is saved with it: the way there may be a link to a release.
    let is_of_an_app = |folder: &Path| {
        let mut code = apps.iter().flat_map(|app| &app.code);
        code.any(|code| folder.starts_with(code))
    };
    let sites = plan.sites.iter().flat_map(|site| site.folders());
    let sites = sites
        .filter(|folder| !is_of_an_app(folder))
        .map(Path::to_owned);
    let data = apps.iter().flat_map(|app| app.data.iter().cloned());
    let named = plan.backup.include.iter().cloned();
    sites.chain(data).chain(named).collect()
}

/// What no backup holds: backups, logs, what lasts only as long as the machine runs, and the files of databases that
/// are saved as such.
fn never(plan: &Plan, places: &Places) -> BTreeSet<PathBuf> {
    let mut never: BTreeSet<_> = [
        places.cache(),
        places.scratch(),
        places.runtime.clone(),
        places.logs.clone(),
        places.state.join("ondol.lock"),
    ]
    .into();
    for app in &plan.apps {
        never.insert(
            places
                .state
                .join("apps")
                .join(app.name.as_str())
                .join("tmp"),
        );
    }
    never.extend(
        plan.backup
            .to
            .iter()
            .filter_map(|target| match &target.storage {
                Storage::Local(path) => Some(path.clone()),
                Storage::S3(_) | Storage::Rest(_) | Storage::Sftp(_) => None,
            }),
    );
    for database in &plan.backup.databases {
        if let DatabaseSource::Sqlite(path) = &database.source {
            never.extend(with_companions(path));
        }
    }
    never
}

/// A database of SQLite with the files that it has beside it while it is used.
pub(crate) fn with_companions(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    })
}

#[cfg(test)]
mod tests;
