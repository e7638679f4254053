//! The agent's loop: signals, commands and changes come in one after another, and at most one of them is
//! being carried out. The loop itself never waits for anything, so a silent watchdog means that it stands.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ondol_admin::Command;
use ondol_admin::api;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::notify::Notifier;
use ondol_base::tasks::Supervisor;
use ondol_certs::CertificateSet;
use ondol_certs::Managed;
use ondol_config::Ink;
use ondol_model::Plan;
use ondol_model::event::EventKind;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::events::Events;
use crate::facts::FactsTold;
use crate::generation;
use crate::handover::Facts;
use crate::handover::Reason;
use crate::published::Published;
use crate::published::View;
use crate::reload;
use crate::reload::Context;
use crate::reload::Refused;
use crate::reload::Reloaded;
use crate::reload::Served;
use crate::reload::missing;
use crate::signals::Asked;
use crate::signals::Signals;
use crate::upgrade;
use crate::upgrade::UpgradeError;

/// How often the status is written anew for what nobody announces (services).
const REFRESH: Duration = Duration::from_secs(2);
/// The pause after renewed certificates were refused.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The agent is to stop.
    Stop,
    /// It is to start itself anew in place: the program that is at its path now.
    Execute(Why),
}

/// Why the agent starts itself anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// A signal asked for it.
    Asked,
    /// Another program was installed.
    Upgrade,
}

/// What the loop works with.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) context: Context,
    pub(crate) served: Served,
    pub(crate) events: Events,
    pub(crate) notifier: Notifier,
    pub(crate) published: Published,
    pub(crate) supervisor: Supervisor,
    pub(crate) signals: Signals,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) certificates: watch::Receiver<Arc<CertificateSet>>,
    /// What is done for certificates that issuers are to give; no data plane is told.
    pub(crate) managed: watch::Receiver<Arc<Vec<Managed>>>,
    /// What is served, for services that follow it.
    pub(crate) plan: watch::Sender<Arc<Plan>>,
    /// Somebody has put other folders in the place of those that are served.
    pub(crate) folders_changed: mpsc::Receiver<()>,
    /// The files of the configuration, for who saves them.
    pub(crate) sources: watch::Sender<Arc<[PathBuf]>>,
    /// What all parts know of themselves, for who watches them.
    pub(crate) facts: FactsTold,
    pub(crate) generations: watch::Receiver<generation::Status>,
    pub(crate) executable: PathBuf,
    pub(crate) started_at: i64,
    pub(crate) last_reload: Option<api::LastReload>,
}

type Job = Pin<Box<dyn Future<Output = Done> + Send>>;

enum Done {
    Reload(
        Result<Reloaded, Refused>,
        Option<oneshot::Sender<api::ReloadAnswer>>,
    ),
    Renewal(Result<Served, Refused>),
    Listening(Result<Option<Served>, Refused>),
    Upgrade(
        Result<String, UpgradeError>,
        oneshot::Sender<api::UpgradeAnswer>,
    ),
}

/// What is to be done when the job that is under way is done.
#[derive(Debug, Default)]
struct Wishes {
    reload: bool,
    execute: bool,
    renew: bool,
    /// Whether to look which folders there are now.
    look: bool,
    /// When renewed certificates that were refused may be tried again.
    renew_again: Option<Instant>,
    listen: bool,
    /// When missing addresses may be tried again.
    listen_again: Option<Instant>,
}

enum Happened {
    Asked(Asked),
    Command(Command),
    Done(Box<Done>),
    CertificatesChanged,
    FoldersChanged,
    ManagedChanged,
    GenerationsChanged,
    Watchdog,
    Refresh,
}

impl Wishes {
    /// Wishes for again what was refused, when its pause is over.
    fn try_again(&mut self, now: Instant) {
        if self.renew_again.take_if(|at| *at <= now).is_some() {
            self.renew = true;
        }
        let listen_at = *self.listen_again.get_or_insert(now + missing::AGAIN);
        if listen_at <= now {
            self.listen_again = None;
            self.listen = true;
        }
    }
}

impl Control {
    /// Runs until the agent is to end.
    pub(crate) async fn run(&mut self) -> Ending {
        let mut job: Option<Job> = None;
        let mut wishes = Wishes::default();
        let mut watchdog = self.notifier.watchdog_interval().map(tokio::time::interval);
        let mut refresh = tokio::time::interval(REFRESH);
        loop {
            if job.is_none() {
                if wishes.execute {
                    return Ending::Execute(Why::Asked);
                }
                job = self.next_job(&mut wishes);
            }
            let happened = tokio::select! {
                asked = self.signals.next() => Happened::Asked(asked),
                Some(command) = self.commands.recv(), if job.is_none() => Happened::Command(command),
                done = current(&mut job) => Happened::Done(Box::new(done)),
                Ok(()) = self.certificates.changed() => Happened::CertificatesChanged,
                Some(()) = self.folders_changed.recv() => Happened::FoldersChanged,
                Ok(()) = self.managed.changed() => Happened::ManagedChanged,
                Ok(()) = self.generations.changed() => Happened::GenerationsChanged,
                () = turn(&mut watchdog) => Happened::Watchdog,
                _ = refresh.tick() => Happened::Refresh,
            };
            match happened {
                Happened::Asked(Asked::Stop) => return Ending::Stop,
                Happened::Asked(Asked::Reload) => wishes.reload = true,
                Happened::Asked(Asked::Execute) => wishes.execute = true,
                Happened::Asked(Asked::ReopenLogs) => self.context.generations.reopen_logs().await,
                Happened::Command(command) => job = Some(self.begin(command)),
                Happened::Done(done) => {
                    job = None;
                    if matches!(*done, Done::Renewal(Err(_))) {
                        wishes.renew_again = Some(clock::now() + RENEWAL_PAUSE);
                    }
                    if let Some(ending) = self.finish(*done) {
                        return ending;
                    }
                }
                Happened::CertificatesChanged => wishes.renew = true,
                Happened::FoldersChanged => wishes.look = true,
                Happened::ManagedChanged => self.publish_served(),
                Happened::GenerationsChanged => self.publish(),
                Happened::Refresh => {
                    wishes.try_again(clock::now());
                    self.publish();
                }
                Happened::Watchdog => self.notifier.watchdog(),
            }
        }
    }

    /// Shows the box as it is now.
    pub(crate) fn publish(&mut self) {
        let generations = self.generations.borrow_and_update().clone();
        let services = self.supervisor.status();
        let managed = Arc::clone(&self.managed.borrow());
        self.facts
            .tell(&self.served, &managed, &generations, &services);
        self.published.status(View {
            served: &self.served,
            generations: &generations,
            services,
            last_reload: self.last_reload.clone(),
            configuration: self.context.folders.config.display().to_string(),
            started_at: self.started_at,
        });
    }

    fn publish_served(&mut self) {
        let managed = Arc::clone(&self.managed.borrow_and_update());
        self.published.served(&self.served, &managed);
        self.publish();
    }

    fn next_job(&self, wishes: &mut Wishes) -> Option<Job> {
        if std::mem::take(&mut wishes.reload) {
            return Some(self.reload(None));
        }
        if std::mem::take(&mut wishes.look) {
            return Some(self.renewal());
        }
        if std::mem::take(&mut wishes.renew) {
            let current = self.certificates.borrow();
            let is_served = Arc::ptr_eq(&current, &self.served.certificates);
            if !is_served {
                return Some(self.renewal());
            }
        }
        if std::mem::take(&mut wishes.listen) && !self.served.missing.is_empty() {
            return Some(self.listening());
        }
        None
    }

    fn begin(&self, command: Command) -> Job {
        match command {
            Command::Reload { reply } => self.reload(Some(reply)),
            Command::Upgrade { file, reply } => self.upgrade(file, reply),
        }
    }

    fn reload(&self, reply: Option<oneshot::Sender<api::ReloadAnswer>>) -> Job {
        self.notifier.reloading();
        let reload = reload::reload(self.context.clone(), self.served.clone());
        Box::pin(async move { Done::Reload(reload.await, reply) })
    }

    fn renewal(&self) -> Job {
        let renewal = reload::renew(self.context.clone(), self.served.clone());
        Box::pin(async move { Done::Renewal(renewal.await) })
    }

    fn listening(&self) -> Job {
        let listening = missing::try_again(self.context.clone(), self.served.clone());
        Box::pin(async move { Done::Listening(listening.await) })
    }

    fn upgrade(&self, file: PathBuf, reply: oneshot::Sender<api::UpgradeAnswer>) -> Job {
        let executable = self.executable.clone();
        let next_generation = self.generations.borrow().next;
        let facts = Facts::of(&self.served, &executable, next_generation, Reason::Upgrade);
        Box::pin(async move {
            let installed = upgrade::install(file, &executable, facts).await;
            Done::Upgrade(installed, reply)
        })
    }

    fn finish(&mut self, done: Done) -> Option<Ending> {
        match done {
            Done::Reload(outcome, reply) => {
                let answer = self.reloaded(outcome);
                if let Some(reply) = reply {
                    let _ = reply.send(answer); // Who asked may have gone.
                }
                self.notifier.ready();
            }
            Done::Renewal(Ok(served)) => self.serve_now(served),
            Done::Renewal(Err(refused)) => {
                let message = format!(
                    "renewed certificates are not in use yet, and are tried again in {} s: {}",
                    RENEWAL_PAUSE.as_secs(),
                    Chain(&refused)
                );
                self.events.record(EventKind::Certificate, "", message);
            }
            Done::Listening(Ok(None)) => {}
            Done::Listening(Ok(Some(served))) => self.listens_to_more(served),
            Done::Listening(Err(refused)) => {
                let error = Chain(&refused);
                tracing::warn!("missing addresses are there, but not in use yet: {error}");
            }
            Done::Upgrade(outcome, reply) => return self.upgraded(outcome, reply),
        }
        None
    }

    fn listens_to_more(&mut self, served: Served) {
        let before = self.served.listeners.keys();
        for key in served.listeners.keys().difference(&before) {
            let address = key.address.to_string();
            let word = key.protocol.word();
            let message = format!("visitors are served at {address} (listen.{word}) now");
            self.events.record(EventKind::Listener, address, message);
        }
        self.serve_now(served);
    }

    fn reloaded(&mut self, outcome: Result<Reloaded, Refused>) -> api::ReloadAnswer {
        let (answer, sentence) = match outcome {
            Ok(reloaded) => self.accepted(reloaded),
            Err(refused) => self.refused(&refused),
        };
        self.last_reload = Some(api::LastReload {
            at: api::Time::now(),
            outcome: sentence,
        });
        self.publish();
        answer
    }

    fn accepted(&mut self, reloaded: Reloaded) -> (api::ReloadAnswer, String) {
        let Reloaded {
            served,
            changes,
            took,
        } = reloaded;
        let was_on_last_good = self.served.on_last_good.is_some();
        let revision = served.revision;
        self.serve_now(served);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let sentence = if changes.is_empty() && !was_on_last_good {
            "the configuration says what it said before: nothing changed".to_owned()
        } else {
            let message = format!("configuration {revision} is served ({})", told(&changes));
            self.events
                .record(EventKind::Reloaded, revision.to_string(), &message);
            message
        };
        let answer = api::ReloadAnswer {
            accepted: true,
            revision,
            changes: api::Changes::from(&changes),
            took_ms,
            mistakes: String::new(),
            mistakes_list: Vec::new(),
        };
        (answer, sentence)
    }

    fn refused(&self, refused: &Refused) -> (api::ReloadAnswer, String) {
        let revision = self.served.revision;
        let why = refused.in_short();
        let message =
            format!("the configuration was not taken up: {why}; revision {revision} is served on");
        self.events
            .record(EventKind::Refused, revision.to_string(), &message);
        let mistakes_list = refused.mistakes().iter().map(mistake_of).collect();
        let answer = api::ReloadAnswer {
            accepted: false,
            revision,
            mistakes: refused.render(Ink::Plain),
            mistakes_list,
            ..api::ReloadAnswer::default()
        };
        (answer, message)
    }

    fn upgraded(
        &self,
        outcome: Result<String, UpgradeError>,
        reply: oneshot::Sender<api::UpgradeAnswer>,
    ) -> Option<Ending> {
        let (answer, ending) = match outcome {
            Ok(version) => {
                let previous = upgrade::previous(&self.executable);
                let message = format!(
                    "The previous program is kept: `ondol upgrade {}` goes back to it.",
                    previous.display()
                );
                let version = Some(version);
                let accepted = true;
                (
                    api::UpgradeAnswer {
                        accepted,
                        message,
                        version,
                    },
                    Some(Ending::Execute(Why::Upgrade)),
                )
            }
            Err(error) => {
                let message = Chain(&error).to_string();
                self.events.record(
                    EventKind::UpgradeRefused,
                    "",
                    format!("the upgrade was refused: {message}"),
                );
                let accepted = false;
                (
                    api::UpgradeAnswer {
                        accepted,
                        message,
                        version: None,
                    },
                    None,
                )
            }
        };
        let _ = reply.send(answer); // Who asked may have gone.
        ending
    }

    fn serve_now(&mut self, served: Served) {
        self.served = served;
        self.sources.send_replace(self.served.configuration.files());
        let plan = Arc::clone(self.served.plan());
        self.plan.send_if_modified(|before| {
            let is_new = *before != plan;
            *before = plan;
            is_new
        });
        self.publish_served();
    }
}

async fn current(job: &mut Option<Job>) -> Done {
    match job {
        Some(job) => job.await,
        None => std::future::pending().await,
    }
}

async fn turn(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

fn mistake_of(mistake: &ondol_config::Mistake) -> api::Mistake {
    api::Mistake {
        file: mistake.file().display().to_string(),
        line: mistake.line(),
        column: mistake.column(),
        problem: mistake.problem().to_owned(),
        help: mistake.help().map(str::to_owned),
    }
}

/// Changes in a few words.
pub(crate) fn told(changes: &ondol_model::diff::Changes) -> String {
    let count = |number: usize, noun: &str, what: &str| {
        let plural = if number == 1 { "" } else { "s" };
        (number > 0).then(|| format!("{number} {noun}{plural} {what}"))
    };
    let apps = &changes.apps;
    let parts = [
        count(changes.added.len(), "site", "added"),
        count(changes.removed.len(), "site", "removed"),
        count(changes.changed.len(), "site", "changed"),
        count(apps.added.len(), "app", "added"),
        count(apps.removed.len(), "app", "removed"),
        count(apps.changed.len(), "app", "changed"),
        changes.listeners.then(|| "other addresses".to_owned()),
        changes.backup.then(|| "backups changed".to_owned()),
        changes.care.then(|| "health and alarms changed".to_owned()),
        changes.settings.then(|| "settings changed".to_owned()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "no site changed".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests;
