//! What an app is made to do, one after another.

use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_model::app::EndpointState;
use ondol_model::app::Launch;
use ondol_model::app::LaunchKind;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::progress::Progress;
use crate::progress::Step;
use crate::request::Refusal;
use crate::request::Reply;

use super::App;
use super::PROGRESSES_KEPT;
use super::scene::Mode;
use super::scene::Scene;
use super::swap::Nudge;
use super::swap::Swap;
use super::swap::To;
use super::tools::Tools;
use super::tools::Wanted;

/// Requests that a launch has when nobody seems to ask for it any more may last so long; else it stays awake.
const SLEEP_DRAIN: Duration = Duration::from_secs(5);

/// What an app is made to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Start, when those are ready that come before it.
    Begin,
    /// Another launch takes the place of the present one.
    Swap {
        kind: LaunchKind,
        launch: Launch,
        to: To,
        progress: Progress,
    },
    /// End until it is started again.
    Stop(oneshot::Sender<Result<Reply, Refusal>>),
    /// End until the next visitor.
    Sleep,
    /// Start the launch that was put to sleep.
    Wake,
}

/// The job that is under way.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) what: String,
    pub(super) progress: Option<Progress>,
    pub(super) nudge: watch::Sender<Nudge>,
    pub(super) launch: Option<Launch>,
    pub(super) kind: Option<LaunchKind>,
    /// Why the app did not begin, or nothing; where what was said of it before is over in any case.
    pub(super) note: Option<watch::Receiver<String>>,
    /// The settings that it began with.
    pub(super) wanted: Wanted,
    /// Whether it is a stop.
    pub(super) stops: bool,
}

impl Running {
    /// Whether it is a swap whose launch is shown already: it can be brought to its end.
    pub(super) fn is_shown(&self) -> bool {
        let report = self
            .progress
            .as_ref()
            .map(|progress| progress.report(u64::MAX));
        report.is_some_and(|report| report.is_shown)
    }

    pub(super) fn step(&self) -> Option<Step> {
        let report = self.progress.as_ref()?.report(u64::MAX);
        Some(report.step)
    }
}

impl App {
    pub(super) fn start_next_job(&mut self) {
        if self.running.is_some() {
            return;
        }
        let Some(job) = self.jobs.pop_front() else {
            return;
        };
        let name = format!("job of {}", self.tools.name);
        let (nudge, nudged) = watch::channel(Nudge::None);
        let wanted = self.wanted();
        let tools = self.tools.wanted(&wanted);
        let scene = Arc::clone(&self.scene);
        let mut running = Running {
            what: job.what(),
            progress: None,
            nudge,
            launch: None,
            kind: None,
            note: None,
            wanted: wanted.clone(),
            stops: matches!(job, Job::Stop(_)),
        };
        match job {
            Job::Begin => {
                running.kind = Some(LaunchKind::Start);
                let (note, noted) = watch::channel(String::new());
                running.note = Some(noted);
                let after = super::begin::Begin {
                    tools,
                    scene,
                    wanted,
                    all: self.all.clone(),
                    note,
                };
                self.workers.spawn(name, after.run());
            }
            Job::Swap {
                kind,
                launch,
                to,
                progress,
            } => {
                running.progress = Some(progress.clone());
                running.launch = Some(launch);
                running.kind = Some(kind);
                let swap = Swap {
                    tools,
                    scene,
                    wanted,
                    launch,
                    kind,
                    to,
                    progress,
                    nudge: nudged,
                };
                self.workers.spawn(name, swap.run());
            }
            Job::Stop(reply) => {
                running.note = Some(watch::channel(String::new()).1);
                let drain = wanted.app.drain_timeout;
                self.workers.spawn(name, stop(tools, scene, drain, reply));
            }
            Job::Sleep => self.workers.spawn(name, sleep(tools, scene)),
            Job::Wake => self
                .workers
                .spawn(name, async move { wake(&tools, &scene) }),
        }
        self.running = Some(running);
    }

    pub(super) async fn job_ended(&mut self) {
        let ended = self.running.take();
        let is_outdated = ended
            .as_ref()
            .is_some_and(|ended| ended.wanted != self.wanted());
        self.ended(ended).await;
        if is_outdated {
            self.settings_changed().await;
        }
    }

    async fn ended(&mut self, ended: Option<Running>) {
        self.begin_again_if_nothing_runs();
        self.releases = self.released().await;
        let note = ended.as_ref().and_then(|ended| ended.note.as_ref());
        if let Some(note) = note {
            self.note.clone_from(&note.borrow());
        }
        let Some(Running {
            progress: Some(progress),
            launch: Some(launch),
            ..
        }) = ended
        else {
            return;
        };
        if progress.report(u64::MAX).outcome.is_none() {
            // A panic of ours: nothing of it may go on unseen.
            let sentence = format!(
                "the swap of {} broke off by a fault of Ondol's",
                self.tools.name
            );
            progress.end(Err(sentence));
        }
        self.note = match progress.report(u64::MAX).outcome {
            Some(Err(sentence)) => sentence.lines().next().unwrap_or_default().to_owned(),
            Some(Ok(_)) | None => String::new(),
        };
        self.recent.push_back((launch, progress));
        if self.recent.len() > PROGRESSES_KEPT {
            self.recent.pop_front();
        }
    }

    /// Numbers of releases, the newest first.
    pub(super) async fn released(&self) -> Vec<u64> {
        let releases = self.tools.releases().list().await;
        releases.iter().map(|made| made.number).collect()
    }

    /// What runs is never begun again beside itself.
    fn begin_again_if_nothing_runs(&mut self) {
        let failed = self.scene.what() == Mode::Fail;
        self.again_at = failed.then(|| clock::now() + super::BEGIN_AGAIN);
    }
}

impl Job {
    fn what(&self) -> String {
        match self {
            Self::Begin | Self::Wake => "it starts".to_owned(),
            Self::Swap { kind, launch, .. } => {
                format!("launch {launch} ({}) is under way", kind.word())
            }
            Self::Stop(_) => "it is being stopped".to_owned(),
            Self::Sleep => "it is put to sleep".to_owned(),
        }
    }
}

async fn stop(
    tools: Tools,
    scene: Arc<Scene>,
    drain: Duration,
    reply: oneshot::Sender<Result<Reply, Refusal>>,
) {
    if let Err(error) = tools.store.set_stopped(tools.name.clone(), true).await {
        let error = ondol_base::chain::Chain(&error).to_string();
        tracing::error!(
            app = tools.name.as_str(),
            error,
            "that an app is stopped was not written down"
        );
    }
    let live = scene.live();
    let sequence = scene.mode(Mode::Stop);
    if let Some(live) = live {
        scene.stage.taken_up(sequence).await;
        if !scene.stage.idle(live.launch(), drain).await {
            scene.stage.cut(live.launch());
        }
        live.stop().await;
        scene.stage.forget(live.launch());
    }
    scene.set(Mode::Stop, None, None);
    let name = &tools.name;
    let sentence = format!("{name} is stopped; `ondol start {name}` starts it again");
    tools.tell(ondol_model::event::EventKind::App, &sentence);
    let _ = reply.send(Ok(Reply::Done(sentence))); // Who asked may have gone.
}

async fn sleep(tools: Tools, scene: Arc<Scene>) {
    let Some(live) = scene.live() else { return };
    let launch = live.launch();
    let sequence = scene.mode(Mode::Sleep);
    let is_taken_up = scene.stage.taken_up(sequence).await;
    if !is_taken_up || !scene.stage.idle(launch, SLEEP_DRAIN).await {
        scene.stage.forget(launch);
        scene.mode(Mode::Serve);
        return;
    }
    live.stop().await;
    scene.stage.forget(launch);
    tools
        .surroundings
        .log
        .note("nobody asked for it for a while: it sleeps until somebody does");
}

/// Starts again what was put to sleep; the formation keeps itself up from here on.
fn wake(tools: &Tools, scene: &Scene) {
    if scene.what() != Mode::Sleep {
        return; // It is awake: two may have asked.
    }
    let Some(before) = scene.live() else { return };
    tools
        .surroundings
        .log
        .note("somebody asks for it: it wakes");
    scene.set(Mode::Serve, Some(tools.again(&before)), None);
}

/// Whether visitors get nothing because of how its processes are.
pub(super) fn is_down(state: &EndpointState) -> bool {
    match state {
        EndpointState::Failed => true,
        EndpointState::Ready { .. }
        | EndpointState::Held { .. }
        | EndpointState::Asleep { .. }
        | EndpointState::Stopped => false,
    }
}
