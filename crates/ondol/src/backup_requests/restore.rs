//! What a restore means for the box, by the plan: what is put back, who is stopped meanwhile, and what is refused
//! before anything happens. Pure.

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use ondol_admin::api;
use ondol_backup::ManifestApp;
use ondol_backup::Scope;
use ondol_backup::What;
use ondol_model::Plan;
use ondol_model::app::AppName;
use ondol_model::backup::Part;
use ondol_model::plan::DatabaseSource;
use ondol_model::plan::Storage;

use crate::folders::Folders;
use crate::near;

/// A restore that can be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meant {
    /// What is put back, one after another: files before the databases that lie among them.
    pub(super) what: Vec<What>,
    /// Apps that must not run while something takes the place of what they use.
    pub(super) apps: Vec<AppName>,
    /// What the owner should know before.
    pub(super) notes: Vec<String>,
    /// What is left to do afterwards.
    pub(super) left_to_do: Vec<String>,
}

/// What is put back.
#[derive(Debug, Default)]
struct Wanted {
    paths: Vec<PathBuf>,
    databases: Vec<String>,
    parts: Vec<Part>,
}

/// What a question means; or why it can't be done.
pub(super) fn meant(
    question: &api::RestoreQuestion,
    plan: &Plan,
    folders: &Folders,
) -> Result<Meant, String> {
    let scope = Scope::of(plan, &folders.state);
    let is_elsewhere = question.to.is_some();
    if let Some(to) = &question.to {
        absolute(to)?;
    }
    let wanted = wanted(&question.what, plan, &scope, folders, is_elsewhere)?;
    let what = wanted.what();
    if is_elsewhere {
        return Ok(Meant {
            what,
            apps: Vec::new(),
            notes: Vec::new(),
            left_to_do: Vec::new(),
        });
    }
    for path in &wanted.paths {
        refuse_own(path, plan, folders)?;
    }
    Ok(Meant {
        what,
        apps: wanted.apps(&scope, plan),
        notes: wanted.notes(plan, folders),
        left_to_do: wanted.left_to_do(folders),
    })
}

fn wanted(
    what: &api::RestoreWhat,
    plan: &Plan,
    scope: &Scope,
    folders: &Folders,
    is_elsewhere: bool,
) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    match what {
        api::RestoreWhat::Paths(paths) => {
            let paths = paths.iter().map(|path| absolute(path));
            wanted.paths = paths.collect::<Result<_, _>>()?;
        }
        api::RestoreWhat::Databases(names) => {
            for name in names {
                // One that is gone from the configuration can't be put in place, but its copy can be had.
                if !is_elsewhere {
                    known_database(name, plan)?;
                }
            }
            wanted.databases.clone_from(names);
        }
        api::RestoreWhat::App(name) => wanted.add_app(found_app(name, scope)?, plan, folders),
        api::RestoreWhat::Site(name) => {
            let names = scope.sites.iter().map(|site| site.name.as_str());
            let site = scope.sites.iter().find(|site| site.name == *name);
            let site = site.ok_or_else(|| near::unknown("site", name, names))?;
            wanted.paths.extend(site.folders.iter().cloned());
            for app in &site.apps {
                wanted.add_app(found_app(app, scope)?, plan, folders);
            }
            if wanted.paths.is_empty() && wanted.databases.is_empty() {
                return Err(format!(
                    "{name} has no folder and no app of its own, so there is nothing of it to put back"
                ));
            }
        }
        api::RestoreWhat::Everything if is_elsewhere => wanted.parts = Part::ALL.to_vec(),
        api::RestoreWhat::Everything => {
            wanted.parts = vec![Part::Apps, Part::Files, Part::Databases];
        }
    }
    if wanted.is_empty() {
        return Err("nothing is named that is to be put back".to_owned());
    }
    wanted.paths.sort();
    wanted.paths.dedup();
    Ok(wanted)
}

fn found_app<'s>(name: &str, scope: &'s Scope) -> Result<&'s ManifestApp, String> {
    let names = scope.apps.iter().map(|app| app.name.as_str());
    let found = scope.apps.iter().find(|app| app.name == name);
    found.ok_or_else(|| near::unknown("app", name, names))
}

fn known_database(name: &str, plan: &Plan) -> Result<(), String> {
    let names = plan
        .backup
        .databases
        .iter()
        .map(|database| database.name.as_str());
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    Err(near::unknown("database", name, names))
}

/// An absolute path without `..`: what is compared with others must mean the same as they do.
fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    let is_plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() || !path.components().all(is_plain) {
        return Err(format!("`{text}` is no absolute path without `..`"));
    }
    Ok(path.components().collect())
}

/// What Ondol itself needs while it puts something back can't be put back by it.
fn refuse_own(path: &Path, plan: &Plan, folders: &Folders) -> Result<(), String> {
    let shown = path.display();
    if folders.database().starts_with(path) {
        let database = folders.database();
        return Err(format!(
            "{} lies in {shown}, and is in use by Ondol as long as it runs: `--to DIR` puts a copy elsewhere, and \
             `ondol recover` brings a whole box back",
            database.display()
        ));
    }
    for target in &plan.backup.to {
        if let Storage::Local(place) = &target.storage
            && place.starts_with(path)
        {
            return Err(format!(
                "the backups of {} lie in {shown}, and it can't be replaced by what is in them: name folders in it",
                target.name
            ));
        }
    }
    Ok(())
}

impl Wanted {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.databases.is_empty() && self.parts.is_empty()
    }

    /// A database that lies in a folder of the app comes back with it.
    fn add_app(&mut self, app: &ManifestApp, plan: &Plan, folders: &Folders) {
        let own = folders.state.join("apps").join(&app.name);
        // What Ondol keeps of it is one folder: not each app has all that may be in it.
        let paths = app.code.iter().chain(&app.data).map(|path| {
            let is_own = path.starts_with(&own);
            if is_own { own.clone() } else { path.clone() }
        });
        let paths: Vec<_> = paths.collect();
        for name in &app.databases {
            let comes_along = plan.backup.databases.iter().any(|database| {
                let its = database.name.as_str() == name;
                its && file_of(&database.source).is_some_and(|file| is_within(file, &paths))
            });
            if !comes_along && !self.databases.contains(name) {
                self.databases.push(name.clone());
            }
        }
        self.paths.extend(paths);
    }

    fn what(&self) -> Vec<What> {
        let words = |part: &Part| part.word().to_owned();
        let parts = What::Parts(self.parts.iter().map(words).collect());
        let each = [
            (!self.parts.is_empty()).then_some(parts),
            (!self.paths.is_empty()).then(|| What::Paths(self.paths.clone())),
            (!self.databases.is_empty()).then(|| What::Databases(self.databases.clone())),
        ];
        each.into_iter().flatten().collect()
    }

    /// Apps one of whose folders or databases is replaced.
    fn apps(&self, scope: &Scope, plan: &Plan) -> Vec<AppName> {
        let uses = |app: &&ManifestApp| {
            let mut folders = app.code.iter().chain(&app.data);
            let mut databases = plan.backup.databases.iter();
            !self.parts.is_empty()
                || folders.any(|folder| self.touches(folder))
                || app
                    .databases
                    .iter()
                    .any(|name| self.databases.contains(name))
                || databases.any(|database| {
                    app.databases
                        .iter()
                        .any(|name| *name == *database.name.as_str())
                        && file_of(&database.source).is_some_and(|file| self.touches(file))
                })
        };
        let apps = scope.apps.iter().filter(uses);
        apps.filter_map(|app| AppName::parse(&app.name).ok())
            .collect()
    }

    fn touches(&self, path: &Path) -> bool {
        let mut paths = self.paths.iter();
        paths.any(|mine| mine.starts_with(path) || path.starts_with(mine))
    }

    fn notes(&self, plan: &Plan, folders: &Folders) -> Vec<String> {
        let mut notes = Vec::new();
        let is_all = self.parts.contains(&Part::Databases);
        for database in &plan.backup.databases {
            let file = file_of(&database.source);
            let is_wanted = is_all
                || self
                    .databases
                    .iter()
                    .any(|name| *name == *database.name.as_str())
                || file.is_some_and(|file| is_within(file, &self.paths));
            if is_wanted && database.app.is_none() && !self.has_an_app(file, plan, folders) {
                notes.push(format!(
                    "Ondol does not know who uses the database {}: stop that yourself until it is back.",
                    database.name
                ));
            }
        }
        if !self.parts.is_empty() {
            notes.push(
                "The configuration, certificates and what Ondol knows stay as they are: `ondol recover` brings those \
                 back, on any machine."
                    .to_owned(),
            );
        }
        notes
    }

    fn left_to_do(&self, folders: &Folders) -> Vec<String> {
        let mut left = Vec::new();
        if is_within(&folders.config, &self.paths) {
            let reload = "the configuration is another one now: `ondol reload` takes it up";
            left.push(reload.to_owned());
        }
        left
    }

    /// Whether a file lies in the folders of an app, which is stopped then.
    fn has_an_app(&self, file: Option<&Path>, plan: &Plan, folders: &Folders) -> bool {
        let scope = Scope::of(plan, &folders.state);
        let mut apps = scope.apps.iter();
        file.is_some_and(|file| {
            apps.any(|app| is_within(file, &app.code) || is_within(file, &app.data))
        })
    }
}

fn file_of(source: &DatabaseSource) -> Option<&Path> {
    match source {
        DatabaseSource::Sqlite(path) => Some(path),
        DatabaseSource::Postgres { .. } | DatabaseSource::Mysql { .. } => None,
    }
}

fn is_within(file: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| file.starts_with(folder))
}

#[cfg(test)]
mod tests;
