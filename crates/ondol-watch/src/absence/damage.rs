//! What a power cut may have broken: the databases that are backed up. Ondol's own is looked at whenever it is opened.

use std::path::PathBuf;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::priority;
use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::plan::DatabaseSource;
use ondol_store::QuickCheck;
use ondol_store::quick_check;
use tokio::sync::oneshot;

/// How long all of it may take: people wait for the word that the box is back.
const LIMIT: Duration = Duration::from_secs(120);

/// A sentence about each database that is not whole, or could not be looked at.
pub(super) async fn of(plan: &Plan) -> Vec<String> {
    let databases: Vec<_> = plan
        .backup
        .databases
        .iter()
        .filter_map(|database| match &database.source {
            DatabaseSource::Sqlite(path) => Some((database.name.as_str().to_owned(), path.clone())),
            DatabaseSource::Postgres { .. } | DatabaseSource::Mysql { .. } => None,
        })
        .collect();
    if databases.is_empty() {
        return Vec::new();
    }
    // A thread of its own: those of the runtime must not become slow for whoever has them next.
    let (found_sender, found) = oneshot::channel();
    let thread = tasks::spawn_thread("databases", move || {
        if let Err(error) = priority::give_way() {
            tracing::debug!("databases are looked at with the priority of all: {error}");
        }
        let _ = found_sender.send(look(databases)); // Who asked may have gone.
    });
    if let Err(error) = thread {
        return vec![format!("the databases were not looked at: {error}")];
    }
    found.await.unwrap_or_default()
}

fn look(databases: Vec<(String, PathBuf)>) -> Vec<String> {
    let until = clock::now() + LIMIT;
    let sentence = |(name, path): (String, PathBuf)| {
        let left = until.saturating_duration_since(clock::now());
        let shown = path.display();
        match quick_check(&path, left) {
            QuickCheck::Whole | QuickCheck::Unfinished => None,
            QuickCheck::Broken(why) => Some(format!(
                "the database {shown} is damaged ({why}): stop its program; `ondol restore --database {name}` brings back its last good state"
            )),
            QuickCheck::Unknown(why) => Some(format!(
                "the database {shown} could not be looked at: {why}"
            )),
        }
    };
    databases.into_iter().filter_map(sentence).collect()
}
