//! What `[backup]` and apps say about each other: whose a database is, and what it is called.

use std::collections::HashMap;
use std::collections::HashSet;

use ondol_model::Plan;
use ondol_model::backup::DatabaseName;
use ondol_model::backup::owner;
use ondol_model::plan::Backup;
use ondol_model::plan::Database;
use ondol_model::plan::DatabaseSource;

use super::apps::known::Known;
use crate::file::backup::Placed;
use crate::file::backup::databases;
use crate::file::backup::names;
use crate::file::target::named_apps;
use crate::report::Report;
use crate::section::Section;

/// The plan with its backups. Its apps are known.
pub(in crate::file) fn backup(
    plan: Plan,
    placed: Placed,
    roots: &[Section<'_>],
    report: &mut Report,
) -> Plan {
    let named = named_apps(roots);
    let known = Known::of(roots, &named);
    let mut taken = given_names(&placed.databases, report);
    let databases = placed.databases.into_iter().filter_map(|database| {
        if let Some((app, at)) = &database.app {
            known.check_any(app, *at, report);
        }
        let usual_name = database.usual_name();
        let app = match (database.app, &database.source) {
            (Some((app, _)), _) => Some(app),
            (None, DatabaseSource::Sqlite(path)) => owner(path, &plan.apps, None).cloned(),
            (None, DatabaseSource::Postgres { .. } | DatabaseSource::Mysql { .. }) => None,
        };
        let name = database.name.or_else(|| {
            let of_app = app.as_ref().map(|app| format!("{app}-{usual_name}"));
            let of_app = of_app.map(|name| names::usable(&name, &usual_name));
            let wanted: Vec<_> = std::iter::once(usual_name).chain(of_app).collect();
            DatabaseName::parse(&names::free(&mut taken, &wanted)).ok()
        });
        Some(Database {
            name: name?,
            source: database.source,
            app,
        })
    });
    let databases = databases.collect();
    Plan {
        backup: Backup {
            databases,
            ..placed.plan
        },
        ..plan
    }
}

/// The names that stand in the file, each once.
fn given_names(databases: &[databases::Placed], report: &mut Report) -> HashSet<String> {
    let mut names = HashMap::new();
    for database in databases {
        let Some(name) = &database.name else { continue };
        if let Some(first) = names.get(name.as_str()) {
            report
                .add(
                    database.name_at,
                    format!("`{name}` is the name of two databases"),
                )
                .help("what is remembered of a database goes by its name: give each its own")
                .related(*first, "it is another one's here");
        } else {
            names.insert(name.as_str(), database.name_at);
        }
    }
    names.into_keys().map(str::to_owned).collect()
}
