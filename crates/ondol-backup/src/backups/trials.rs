//! The last step of a drill: apps are started on what was restored, by those who run apps.

use std::collections::BTreeMap;
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
use crate::report::Ground;
use crate::report::Report;
use crate::trial::Trial;
use crate::trial::TrialEnd;

/// How long an app may take to start on restored data and to answer, and to end.
const TRIAL: Duration = Duration::from_secs(5 * 60);

/// What came of it, a sentence each.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    shown: Vec<String>,
    faults: Vec<String>,
}

impl Tried {
    /// What a job found, with this.
    pub(crate) fn with(self, found: Found) -> Found {
        let Found::Proven {
            run,
            mut shown,
            mut faults,
        } = found
        else {
            return found;
        };
        shown.extend(self.shown);
        faults.extend(self.faults);
        Found::Proven { run, shown, faults }
    }
}

/// Starts each app on what was restored, one after another.
pub(crate) async fn hold(tools: &Tools, order: &Order, wanted: &Wanted, ground: &Ground) -> Tried {
    let mut tried = Tried::default();
    for app in &wanted.plan.apps {
        let name = app.name.as_str();
        order
            .tell
            .say(Report::Step(format!("starting {name} on restored data")));
        let end = match instead(&wanted.plan, name, &ground.copies) {
            Ok(instead) => try_app(tools, name, &ground.root, instead).await,
            Err(database) => TrialEnd::Impossible(format!(
                "{name} was not started on restored data: there is no copy of its database {database} that it could use"
            )),
        };
        match end {
            TrialEnd::Well(how) => tried.shown.push(how),
            TrialEnd::Unwell(why) => tried.faults.push(why),
            TrialEnd::Impossible(why) => tried.shown.push(why),
        }
    }
    tried
}

/// Addresses of an app's databases of servers, and those of their copies. The error is a database that has none: the app
/// would meet the one in use.
fn instead(
    plan: &Plan,
    app: &str,
    copies: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, String> {
    let databases = plan.backup.databases.iter().filter(|database| {
        let its = database.app.as_ref();
        its.is_some_and(|its| its.as_str() == app)
    });
    let pairs = databases.filter_map(|database| match &database.source {
        DatabaseSource::Sqlite(_) => None,
        DatabaseSource::Postgres { url, .. } | DatabaseSource::Mysql { url, .. } => {
            let name = database.name.as_str();
            let copy = copies.get(name).ok_or_else(|| name.to_owned());
            Some(copy.map(|copy| (url.clone(), copy.clone())))
        }
    });
    pairs.collect()
}

async fn try_app(
    tools: &Tools,
    name: &str,
    root: &Path,
    instead: Vec<(String, String)>,
) -> TrialEnd {
    let (reply, answer) = oneshot::channel();
    let trial = Trial {
        app: name.to_owned(),
        root: root.to_owned(),
        instead,
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
