//! How an app is, as those see it who look.

use ondol_base::clock;
use ondol_model::app::EndpointState;
use ondol_model::app::ProcessName;

use crate::cron;
use crate::formation;
use crate::formation::Formation;
use crate::progress::Step;
use crate::spec::Run;
use crate::status::AppState;
use crate::status::AppStatus;

use super::App;
use super::job;
use super::job::Job;
use super::scene::Mode;

impl App {
    /// Looks at what its processes use.
    pub(super) async fn measure(&self) {
        if let Some(live) = self.scene.live() {
            live.measure().await;
        }
    }

    pub(super) fn publish(&self) {
        let status = self.now();
        self.status.send_if_modified(|before| {
            let since = match before.state == status.state {
                true => before.since,
                false => status.since,
            };
            let status = AppStatus { since, ..status };
            let is_new = *before != status;
            *before = status;
            is_new
        });
    }

    fn now(&self) -> AppStatus {
        let wanted = self.wanted.borrow();
        let live = self.scene.live();
        let launch = live.as_ref().map(|live| live.launch());
        let kept = live
            .as_ref()
            .map(|live| live.kept().borrow().clone())
            .unwrap_or_default();
        let trouble =
            formation::trouble(&kept).map(|(name, sentence)| formation::of(name, &sentence));
        AppStatus {
            name: self.tools.name.clone(),
            state: self.state(),
            since: clock::unix_seconds(),
            launch,
            release: live.as_ref().and_then(|live| live.release().number),
            note: trouble.unwrap_or_else(|| self.note.clone()),
            restarts: kept.values().map(|instance| instance.restarts).sum(),
            runs: live.as_ref().map(|live| runs(live)).unwrap_or_default(),
            instances: live.map(|live| live.statuses()).unwrap_or_default(),
            traffic: launch
                .map(|launch| self.scene.stage.traffic(launch))
                .unwrap_or_default(),
            held: self.scene.stage.held(),
            releases: self.releases.clone(),
            unenforced: self.unenforced.clone(),
            cron: cron::statuses(
                &wanted.app,
                wanted.timezone.as_deref(),
                clock::unix_seconds(),
            ),
        }
    }

    fn state(&self) -> AppState {
        let of_swap = self
            .running
            .as_ref()
            .and_then(|running| match running.step()? {
                Step::Watching | Step::Draining | Step::Stopping => Some(AppState::Watching),
                Step::Waiting
                | Step::Fetching
                | Step::Building
                | Step::Releasing
                | Step::Holding
                | Step::Starting
                | Step::Probing => Some(AppState::Deploying),
                Step::Done => None,
            });
        if let Some(state) = of_swap {
            return state;
        }
        match self.scene.what() {
            Mode::Stop if self.begins() => AppState::Starting,
            Mode::Stop => AppState::Stopped,
            Mode::Sleep => AppState::Asleep,
            Mode::Fail => AppState::Failed,
            Mode::Hold => AppState::Starting,
            Mode::Serve => self.served(),
        }
    }

    /// Whether a start was asked for.
    fn begins(&self) -> bool {
        self.jobs.iter().any(|job| matches!(job, Job::Begin))
    }

    fn served(&self) -> AppState {
        let state = self.scene.shown();
        if job::is_down(&state) {
            return AppState::Failed;
        }
        let has_web = self.scene.live().is_some_and(|live| live.has_web());
        match state {
            EndpointState::Ready { .. } => AppState::Running,
            EndpointState::Held { .. } if !has_web => AppState::Running,
            EndpointState::Held { .. } => AppState::Starting,
            EndpointState::Asleep { .. } => AppState::Asleep,
            EndpointState::Failed => AppState::Failed,
            EndpointState::Stopped => AppState::Stopped,
        }
    }
}

/// What the processes of a launch become, as its owner would write it.
fn runs(live: &Formation) -> Vec<(ProcessName, String)> {
    let processes = live.settings().processes();
    let line = |run: &Run| match run {
        Run::Shell(line) => line.clone(),
        Run::Program(words) => words.join(" "),
    };
    processes
        .iter()
        .map(|(name, run)| (name.clone(), line(run)))
        .collect()
}
