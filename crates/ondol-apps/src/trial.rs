//! An app that is started on restored code, data and databases, where nobody but the one who asks sees it: asked
//! whether it is well, and ended. What it may write is all restored; of the files in use it gets nothing to write, and of
//! databases only copies, as far as its variables say which it uses.
//!
//! Not kept from it is what no folder is: the network, and sockets that its user may open. Mails, caches and queues in
//! memory, services of others and a database whose address stands in its code are there for it as always; `ONDOL_DRILL=1`
//! in its environment lets it hold back. It has no other process than its first: no worker, nothing of `cron`.

mod database;
mod stand_in;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::AppName;
use ondol_model::app::InstanceName;
use ondol_model::app::Launch;
use ondol_model::app::ProcessName;
use ondol_model::plan;

use crate::instance::Instance;
use crate::release::Release;
use crate::seat::Seat;
use crate::settings::Settings;
use crate::spec::StandIn;
use crate::surroundings::Surroundings;

use database::Unled;
use stand_in::Ground;

/// Says to the app that it is only tried, for what it would tell others: mails, other services.
const DRILL: &str = "ONDOL_DRILL";
/// So many of its last lines tell why it was not well.
const LINES_TOLD: usize = 8;

/// What is to be tried.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) surroundings: Surroundings,
    pub(crate) app: Arc<plan::App>,
    /// The main name of the first site that it answers.
    pub(crate) host: Option<String>,
    /// What visitors get of it now; when that was not restored, the newest that was.
    pub(crate) release: Release,
    /// Where what was restored lies: each file at its whole path below this.
    pub(crate) root: PathBuf,
    /// Addresses of its databases, and those that it is told instead.
    pub(crate) instead: Vec<(String, String)>,
}

/// How it ended. Each is a sentence for the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It started, and was well.
    Well(String),
    /// It did not start, or was not well.
    Unwell(String),
    /// It was not tried, and why.
    Impossible(String),
}

impl Trial {
    /// Tries it. When this is dropped, the process is ended by who looks after the app next.
    pub(crate) async fn run(self) -> Tried {
        let name = self.app.name.clone();
        let (settings, release) = match self.prepare().await {
            Ok(prepared) => prepared,
            Err(tried) => return tried,
        };
        let process = InstanceName {
            process: ProcessName::web(),
            number: 1,
        };
        let (began, launch) = (clock::now(), number());
        let log = self.surroundings.log.clone();
        log.note(&format!(
            "it is tried on what was restored in {}",
            self.root.display()
        ));
        let seat = Seat::open(
            &self.surroundings,
            Arc::new(settings),
            launch,
            &release,
            process,
        );
        let mut seat = match seat.await {
            Ok(seat) => seat,
            Err(error) => return Tried::Impossible(format!("{name}: {}", Chain(&error))),
        };
        let patience = self.app.stop_timeout;
        let asked = async {
            let started = seat.start().await;
            let instance = started.map_err(|error| Chain(&error).to_string())?;
            let asked = ask(&instance).await;
            instance.stop(patience).await;
            asked
        };
        let asked = asked.await;
        seat.close().await;
        let took = began.elapsed();
        match asked {
            Ok(()) => Tried::Well(well(&self.app, &release, took)),
            Err(sentence) => Tried::Unwell(self.unwell(launch, &sentence)),
        }
    }

    async fn prepare(&self) -> Result<(Settings, Release), Tried> {
        let impossible = |sentence: String| Tried::Impossible(sentence);
        let name = &self.app.name;
        let ground = Ground {
            places: Arc::clone(&self.surroundings.places),
            app: Arc::clone(&self.app),
            release: self.release.clone(),
            root: self.root.clone(),
        };
        let found = tasks::spawn_blocking(move || ground.stand_ins()).await;
        let found = found.unwrap_or_else(|error| Err(error.to_string()));
        let (stand_ins, release) =
            found.map_err(|sentence| Tried::Unwell(format!("{name}: {sentence}")))?;
        // What it runs is said by what was restored.
        let restored = Release {
            number: release.number,
            folder: below(&self.root, &release.folder),
        };
        let settings = Settings::read(
            Arc::clone(&self.app),
            self.host.clone(),
            &restored,
            &self.surroundings.places,
        );
        let settings = settings
            .await
            .map_err(|error| Tried::Unwell(format!("{name}: {}", Chain(&error))))?;
        if settings.identity().is_none() {
            return Err(impossible(format!(
                "{name} was not tried on what was restored: only root can give it a view of the disk of its own, and \
                 on what is in use nothing is tried"
            )));
        }
        let settings = settings
            .on_other_data(stand_ins, &self.root, |variables| {
                variables.insert(DRILL.to_owned(), "1".to_owned());
                database::replace(variables, &self.instead)
            })
            .map_err(|unled| impossible(not_led(name, &unled)))?;
        Ok((settings, release))
    }

    fn unwell(&self, launch: Launch, sentence: &str) -> String {
        let name = &self.app.name;
        let lines = self.surroundings.log.tail_of(launch, None, LINES_TOLD);
        let last = match lines.is_empty() {
            true => String::new(),
            false => format!(". It wrote: {}", lines.join(" ⏎ ")),
        };
        format!("{name} was started on what was restored, and is not well: {sentence}{last}")
    }
}

async fn ask(instance: &Instance) -> Result<(), String> {
    instance.ready().await.map_err(|error| error.sentence)?;
    instance.well().await.map_err(|error| error.sentence)
}

fn well(app: &plan::App, release: &Release, took: Duration) -> String {
    let (name, seconds) = (&app.name, took.as_secs_f64());
    let asked = match (&app.health.path, &app.php) {
        (None, None) => "answered".to_owned(),
        (_, Some(_)) => "took connections".to_owned(),
        (Some(path), None) => format!("said at {path} that it is well"),
    };
    format!(
        "{name} ({release}) was started on what was restored, and {asked}, after {seconds:.1} s"
    )
}

/// No launch has it: those are counted from 1.
fn number() -> Launch {
    u64::try_from(clock::unix_milliseconds()).unwrap_or(Launch::MAX)
}

fn not_led(name: &AppName, unled: &Unled) -> String {
    match unled {
        Unled::Nowhere(address) => format!(
            "{name} was not tried on what was restored: none of its variables holds the address {address}, so it would have \
             been tried on the database that is in use. Give it the address as a variable (`env`)"
        ),
        Unled::InUse(variable) => format!(
            "{name} was not tried on what was restored: its variable {variable} leads to a database that was not restored, \
             so it would have been tried on what is in use. Name that database in [[backup.databases]], with its `app`"
        ),
    }
}

/// Where something lies that was restored below a folder.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Whether a path is, or lies in, something that has a stand-in.
fn is_covered(path: &Path, stand_ins: &[StandIn]) -> bool {
    stand_ins
        .iter()
        .any(|stand_in| path.starts_with(&stand_in.path))
}

#[cfg(test)]
mod tests;
