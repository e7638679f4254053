//! The last step of a drill: apps are started on what was restored, by those who run apps.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::plan::DatabaseSource;
use tokio::sync::oneshot;

use crate::backups::perform::Order;
use crate::backups::perform::Tools;
use crate::backups::perform::Wanted;
use crate::places::Places;
use crate::report::Found;
use crate::report::Report;
use crate::trial::Trial;
use crate::trial::TrialEnd;

/// How long an app may take to start on restored data and to answer, and to end.
const TRIAL: Duration = Duration::from_secs(5 * 60);

/// Starts each app on what was restored, one after another, and adds what came of it.
pub(crate) async fn hold(tools: &Tools, order: &Order, wanted: &Wanted, found: Found) -> Found {
    let Found::Proven {
        run,
        mut shown,
        mut faults,
        kept,
    } = found
    else {
        return found;
    };
    let Some(root) = &kept else {
        return Found::Proven {
            run,
            shown,
            faults,
            kept,
        };
    };
    for app in &wanted.plan.apps {
        let name = app.name.as_str();
        order
            .tell
            .say(Report::Step(format!("starting {name} on restored data")));
        if let Some(server) = server_of(&wanted.plan, name) {
            shown.push(format!(
                "{name} was not started: its database is on the {server} server, where it would have met the live data"
            ));
            continue;
        }
        match try_app(tools, name, root).await {
            TrialEnd::Well(how) => shown.push(how),
            TrialEnd::Unwell(why) => faults.push(why),
            TrialEnd::Impossible(why) => shown.push(why),
        }
    }
    Found::Proven {
        run,
        shown,
        faults,
        kept,
    }
}

fn server_of<'p>(plan: &'p Plan, app: &str) -> Option<&'p str> {
    let mut databases = plan.backup.databases.iter().filter(|database| {
        let of_app = database
            .app
            .as_ref()
            .is_some_and(|name| name.as_str() == app);
        of_app && !matches!(database.source, DatabaseSource::Sqlite(_))
    });
    Some(databases.next()?.source.word())
}

async fn try_app(tools: &Tools, name: &str, root: &Path) -> TrialEnd {
    let (reply, answer) = oneshot::channel();
    let trial = Trial {
        app: name.to_owned(),
        root: root.to_owned(),
        instead: Vec::new(),
        reply,
    };
    let asked = async {
        tools.trials.send(trial).await.ok()?;
        answer.await.ok()
    };
    match tokio::time::timeout(TRIAL, asked).await {
        Ok(Some(end)) => end,
        Ok(None) => TrialEnd::Impossible(format!("{name} was not started: nobody runs apps now")),
        Err(_) => TrialEnd::Unwell(format!(
            "{name} was neither well nor unwell on restored data within {} min",
            TRIAL.as_secs() / 60
        )),
    }
}

/// Removes what was restored to be compared; also what a job left that was killed.
pub(crate) async fn clear(places: &Places) {
    let scratch = places.scratch();
    let cleared = tasks::spawn_blocking(move || match fs::remove_dir_all(&scratch) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    });
    if let Ok(Err(error)) = cleared.await {
        tracing::warn!("what was restored to be compared could not be removed: {error}");
    }
}
