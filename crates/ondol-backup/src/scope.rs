//! What belongs to a site and to an app, by the plan: the same for who takes a backup, and for who puts something back.
//! Pure.

use std::path::Path;
use std::path::PathBuf;

use ondol_model::Plan;
use ondol_model::plan::App;
use ondol_model::plan::Database;
use ondol_model::plan::DatabaseSource;
use ondol_model::plan::Site;
use ondol_model::plan::Target;

use crate::manifest::ManifestApp;
use crate::manifest::ManifestSite;

/// Sites and apps, with their folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The sites, in the order of the plan.
    pub sites: Vec<ManifestSite>,
    /// The apps, in the order of the plan.
    pub apps: Vec<ManifestApp>,
}

impl Scope {
    /// What the plan says, on a box whose state is in this folder.
    pub fn of(plan: &Plan, state: &Path) -> Self {
        Self {
            sites: plan.sites.iter().map(site).collect(),
            apps: plan
                .apps
                .iter()
                .map(|app| self::app(app, plan, state))
                .collect(),
        }
    }
}

fn site(site: &Site) -> ManifestSite {
    let mut found = ManifestSite {
        name: site.name.to_string(),
        apps: Vec::new(),
        folders: Vec::new(),
    };
    for route in &site.routes {
        if let Some(app) = route.target.app() {
            found.apps.push(app.to_string());
        }
        match &route.target {
            Target::Files(files) => found.folders.push(files.root.clone()),
            Target::Php(php) => found.folders.push(php.root.clone()),
            Target::App(_) | Target::Proxy(_) | Target::Redirect(_) | Target::Respond(_) => {}
        }
    }
    each_once(&mut found.apps);
    each_once(&mut found.folders);
    found
}

/// What it is started from, and what it writes. What it may only write to, in a folder that is emptied at each boot, is no
/// data.
fn app(app: &App, plan: &Plan, state: &Path) -> ManifestApp {
    let own = state.join("apps").join(app.name.as_str());
    let kept = ["releases", "current", "repository.git"].map(|name| own.join(name));
    let mut code: Vec<_> = app.dir.iter().cloned().chain(kept).collect();
    let written = app.write.iter().filter(|path| !is_passing(path));
    let named = app.data.iter().chain(written).cloned();
    let mut data: Vec<_> = std::iter::once(own.join("data")).chain(named).collect();
    each_once(&mut code);
    each_once(&mut data);
    let databases = plan.backup.databases.iter();
    let databases = databases.filter(|database| is_used_by(database, app, &code, &data));
    let databases = databases
        .map(|database| database.name.to_string())
        .collect();
    ManifestApp {
        name: app.name.to_string(),
        code,
        data,
        databases,
    }
}

/// As the configuration says; else a file in an app's folders is that app's.
fn is_used_by(database: &Database, app: &App, code: &[PathBuf], data: &[PathBuf]) -> bool {
    match (&database.app, &database.source) {
        (Some(name), _) => *name == app.name,
        (None, DatabaseSource::Sqlite(path)) => code
            .iter()
            .chain(data)
            .any(|folder| path.starts_with(folder)),
        (None, DatabaseSource::Postgres { .. } | DatabaseSource::Mysql { .. }) => false,
    }
}

fn is_passing(path: &Path) -> bool {
    ["/run", "/tmp", "/var/tmp", "/dev", "/proc", "/sys"]
        .iter()
        .any(|folder| path.starts_with(folder))
}

/// What stands there for the second time goes; the order stays.
fn each_once<T: PartialEq + Clone>(values: &mut Vec<T>) {
    let mut seen: Vec<T> = Vec::with_capacity(values.len());
    values.retain(|value| {
        let is_new = !seen.contains(value);
        if is_new {
            seen.push(value.clone());
        }
        is_new
    });
}

#[cfg(test)]
mod tests;
