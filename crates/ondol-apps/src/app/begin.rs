//! How an app begins: with what still runs of it, or from nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_model::app::AppName;
use ondol_model::app::Launch;
use ondol_model::app::LaunchKind;
use ondol_model::app::LaunchOutcome;
use ondol_model::event::EventKind;
use ondol_store::RecordedLaunch;
use tokio::sync::watch;

use crate::apps::Statuses;
use crate::formation::Formation;
use crate::progress::Progress;
use crate::progress::Step;
use crate::release::Release;
use crate::seat;
use crate::seat::Adopted;
use crate::source::Source;
use crate::status::AppState;

use super::App;
use super::job::Job;
use super::scene::Mode;
use super::scene::Scene;
use super::swap::To;
use super::tools::Tools;
use super::tools::Wanted;

/// How long an app waits for those that come before it.
const AFTER: Duration = Duration::from_secs(60);
/// How long a process that nobody needs any more may take to end.
const STRANGER_PATIENCE: Duration = Duration::from_secs(10);

/// What is known at the beginning.
struct Known {
    live: Option<RecordedLaunch>,
    is_stopped: bool,
}

impl App {
    /// Adopts what runs, or has it started.
    pub(super) async fn begin(&mut self) {
        let wanted = self.wanted();
        let tools = self.tools.wanted(&wanted);
        let adopted = seat::adopt(&tools.surroundings, &tools.name).await;
        let running: BTreeSet<Launch> = adopted.iter().map(|one| one.launch).collect();
        self.settle_unended(&running).await;
        let known = self.known().await;
        let wanted_launch = known.live.as_ref().map(|live| live.launch);
        let keep = wanted_launch.filter(|launch| running.contains(launch) && !known.is_stopped);
        let (ours, strangers): (Vec<_>, Vec<_>) = adopted
            .into_iter()
            .partition(|one| Some(one.launch) == keep);
        stop_all(strangers, STRANGER_PATIENCE).await;
        self.tools.releases().clear().await;
        self.releases = self.released().await;
        if known.is_stopped {
            self.scene.set(Mode::Stop, None, None);
        } else if ours.is_empty() {
            self.jobs.push_back(Job::Begin);
        } else {
            self.adopt(&tools, &wanted, ours).await;
        }
        self.begin_with_a_deploy(&wanted, &known).await;
    }

    /// Launches that an agent before this one did not see to their end. One that visitors had, and whose processes
    /// live, has stood the test; all others have not happened.
    async fn settle_unended(&self, running: &BTreeSet<Launch>) {
        let unended = self
            .tools
            .store
            .unended_launches()
            .await
            .unwrap_or_default();
        for launch in unended
            .into_iter()
            .filter(|launch| launch.app == self.tools.name)
        {
            let stands = launch.live_at.is_some() && running.contains(&launch.launch);
            let (outcome, reason) = match stands {
                true => (
                    LaunchOutcome::Done,
                    "its watch ended with the agent that watched",
                ),
                false => (
                    LaunchOutcome::Interrupted,
                    "the agent ended before it was over",
                ),
            };
            self.tools.end(launch.launch, outcome, reason).await;
            if !stands && launch.kind != LaunchKind::Start {
                let what = launch.kind.word();
                let name = &self.tools.name;
                let message = format!(
                    "the {what} of {name} (launch {}) was interrupted at \"{}\", because Ondol ended: what was \
                     there before goes on, and `ondol apps {name}` shows it. If it is still wanted, ask for it again",
                    launch.launch, launch.step
                );
                self.tools.tell(EventKind::AppDeployFailed, message);
            }
        }
    }

    async fn known(&self) -> Known {
        let live = self.tools.store.live_launches().await.unwrap_or_default();
        let stopped = self.tools.store.stopped_apps().await.unwrap_or_default();
        Known {
            live: live
                .into_iter()
                .find(|launch| launch.app == self.tools.name),
            is_stopped: stopped.contains(&self.tools.name),
        }
    }

    /// Goes on with processes that run.
    async fn adopt(&mut self, tools: &Tools, wanted: &Wanted, ours: Vec<Adopted>) {
        let Some(first) = ours.first() else { return };
        let (launch, release) = (first.launch, first.release.clone());
        let fingerprint = first.fingerprint.clone();
        let settings = match tools.settings(wanted, &release).await {
            Ok(settings) => settings,
            Err(error) => {
                // Nobody could keep them up, and a later start must not be the second one.
                stop_all(ours, STRANGER_PATIENCE).await;
                self.can_not_begin(&Chain(&error).to_string());
                return;
            }
        };
        tools.releases().point_current(&release).await;
        let is_as_wanted = settings.fingerprint() == fingerprint;
        let running: Vec<_> = ours
            .into_iter()
            .map(|one| one.take_up(Arc::clone(&settings)))
            .collect();
        let formation = Formation::adopt(
            &tools.surroundings,
            settings,
            launch,
            release.clone(),
            tools.news.clone(),
            running,
        );
        self.scene.set(Mode::Serve, Some(Arc::new(formation)), None);
        if !is_as_wanted {
            self.swap_to(LaunchKind::Settings, To::Present, String::new())
                .await;
        }
    }

    /// An app that is to be built and never was begins with the first deploy of its folder.
    async fn begin_with_a_deploy(&mut self, wanted: &Wanted, known: &Known) {
        let app = &wanted.app;
        let is_built = app.build.is_some() || app.release.is_some();
        let is_first = known.live.is_none() && self.releases.is_empty() && !known.is_stopped;
        if is_built && is_first && app.dir.is_some() {
            self.jobs.clear();
            let to = To::Made(Source::Dir);
            self.swap_to(
                LaunchKind::Deploy,
                to,
                "its folder, for the first time".to_owned(),
            )
            .await;
        }
    }

    pub(super) fn can_not_begin(&mut self, reason: &str) {
        self.scene.set(Mode::Fail, None, None);
        reason.clone_into(&mut self.note);
        self.again_at = Some(clock::now() + super::BEGIN_AGAIN);
        let message = not_started(&self.tools.name, reason);
        self.tools.tell(EventKind::AppFailed, message);
    }

    /// Has another launch take the place of the present one, as soon as what is under way is over.
    pub(super) async fn swap_to(
        &mut self,
        kind: LaunchKind,
        to: To,
        source: String,
    ) -> (Launch, Progress) {
        let release = match &to {
            To::There(release) => release.number,
            To::Made(_) | To::Present => None,
        };
        let launch = self.tools.begin(kind, release, source).await;
        let progress = Progress::default();
        progress.step(Step::Waiting);
        self.jobs.push_back(Job::Swap {
            kind,
            launch,
            to,
            progress: progress.clone(),
        });
        (launch, progress)
    }
}

/// Stops processes that nobody needs any more, all at once.
pub(super) async fn stop_all(processes: Vec<Adopted>, patience: Duration) {
    let mut ending = Group::default();
    for process in processes {
        let task = format!("end of {} of launch {}", process.name, process.launch);
        ending.spawn(task, async move {
            process.stop(patience).await;
        });
    }
    while ending.next_end().await.is_some() {}
}

/// The start of an app of which nothing runs.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) tools: Tools,
    pub(super) scene: Arc<Scene>,
    pub(super) wanted: Wanted,
    pub(super) all: watch::Receiver<Statuses>,
    /// For those who look: why it does not begin.
    pub(super) note: watch::Sender<String>,
}

impl Begin {
    /// Waits for those that come before, and starts. What is ready when is the formation's affair.
    pub(super) async fn run(self) {
        if self.scene.live().is_some() {
            return; // Something else has started it since this was asked for.
        }
        self.after().await;
        let Some(release) = self.release().await else {
            self.scene.set(Mode::Stop, None, None);
            let name = &self.tools.name;
            let sentence = format!(
                "{name} has no release yet: `ondol deploy {name} PATH` makes the first one"
            );
            self.tools.surroundings.log.note(&sentence);
            self.tools.tell(EventKind::App, sentence);
            return;
        };
        let settings = match self.tools.settings(&self.wanted, &release).await {
            Ok(settings) => settings,
            Err(error) => return self.failed(&Chain(&error).to_string()),
        };
        let launch = self
            .tools
            .begin(LaunchKind::Start, release.number, String::new())
            .await;
        self.tools.starts().await;
        self.tools.live(launch).await;
        self.tools.end(launch, LaunchOutcome::Done, "").await;
        let surroundings = &self.tools.surroundings;
        surroundings.log.note(&format!("launch {launch} starts"));
        self.tools.releases().point_current(&release).await;
        let formation = self.tools.formation(settings, launch, release);
        self.scene.set(Mode::Serve, Some(formation), None);
    }

    /// What ran last, else what a store that was lost has forgotten, else the app's own folder.
    async fn release(&self) -> Option<Release> {
        let live = self.tools.store.live_launches().await.unwrap_or_default();
        let last = live
            .into_iter()
            .find(|launch| launch.app == self.tools.name);
        let last = last.and_then(|last| self.tools.release(&self.wanted, last.release));
        let forgotten = match last {
            Some(_) => None,
            None => self.tools.releases().current().await,
        };
        last.or(forgotten)
            .or_else(|| self.tools.in_place(&self.wanted))
    }

    async fn after(&self) {
        let after = &self.wanted.app.after;
        if after.is_empty() {
            return;
        }
        let mut all = self.all.clone();
        let ready = all.wait_for(|all| after.iter().all(|name| is_settled(all, name)));
        let waited = tokio::time::timeout(AFTER, ready).await.is_ok();
        if !waited {
            let seconds = AFTER.as_secs();
            let sentence = format!(
                "what comes before it was not ready within {seconds} s: it starts all the same"
            );
            self.tools.surroundings.log.note(&sentence);
        }
    }

    fn failed(&self, reason: &str) {
        self.scene.set(Mode::Fail, None, None);
        self.tools
            .surroundings
            .log
            .note(&format!("it can't be started: {reason}"));
        let message = not_started(&self.tools.name, reason);
        self.note.send_replace(message.clone());
        self.tools.tell(EventKind::AppFailed, message);
    }
}

fn not_started(name: &AppName, reason: &str) -> String {
    format!(
        "{name} can't be started: {reason}. Its site says that it is down, and it is tried again in {} minutes; after a \
         repair, `ondol start {name}`",
        super::BEGIN_AGAIN.as_secs() / 60
    )
}

/// Whether nothing is to be waited for.
fn is_settled(all: &Statuses, name: &AppName) -> bool {
    let found = all.iter().find(|status| status.name == *name);
    found.is_none_or(|status| match status.state {
        AppState::Starting => false,
        AppState::Running
        | AppState::Deploying
        | AppState::Watching
        | AppState::Asleep
        | AppState::Failed
        | AppState::Stopped => true,
    })
}
