//! The task of one app: what is asked of it, what its processes do and what time brings come in one after another.
//!
//! What takes long (a deploy, a stop, a start) is a job, and one job runs at a time; what visitors get meanwhile is
//! the scene, which both have.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::tasks::Group;
use ondol_model::app::IdleWatch;
use ondol_model::app::Launch;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;

use crate::apps::Statuses;
use crate::enforce;
use crate::formation;
use crate::formation::Kept;
use crate::progress::Progress;
use crate::request::Ask;
use crate::request::Refusal;
use crate::request::Reply;
use crate::stage::Stage;
use crate::status::AppStatus;

mod asked;
mod begin;
mod cron;
mod end;
mod job;
mod rest;
mod scene;
mod settings_changed;
mod shown;
mod swap;
mod tools;
mod tried;

use cron::Cron;
use job::Job;
use job::Running;
use scene::Mode;
use scene::Scene;

pub(crate) use end::Why;
pub(crate) use tools::Tools;
pub(crate) use tools::Wanted;

/// How often what nobody announces is looked at: memory, idleness.
const LOOK: Duration = Duration::from_secs(2);
/// Jobs that wait; more are refused.
const JOBS_MAX: usize = 8;
/// Ended swaps whose progress can still be read.
const PROGRESSES_KEPT: usize = 8;
/// How often an app that could not even be begun is tried again.
const BEGIN_AGAIN: Duration = Duration::from_secs(600);

/// What reaches the task of an app.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Its owner asks.
    Ask(Ask, oneshot::Sender<Result<Reply, Refusal>>),
    /// A visitor asks for it while it sleeps.
    Wake,
    /// All of it is to be ended.
    End(Why, oneshot::Sender<()>),
}

/// The task of one app.
#[derive(Debug)]
pub(crate) struct App {
    tools: Tools,
    scene: Arc<Scene>,
    wanted: watch::Receiver<Wanted>,
    asked: mpsc::Receiver<Asked>,
    status: watch::Sender<AppStatus>,
    /// How all apps are, for those that start after others.
    all: watch::Receiver<Statuses>,
    jobs: VecDeque<Job>,
    running: Option<Running>,
    workers: Group,
    /// At most one trial on other data.
    trials: Group,
    recent: VecDeque<(Launch, Progress)>,
    idle: IdleWatch,
    /// What went wrong last, for those who look.
    note: String,
    /// When it is begun again, after that failed.
    again_at: Option<Instant>,
    cron: Cron,
    releases: Vec<u64>,
    /// What this machine can't enforce of what is asked for.
    unenforced: Vec<String>,
}

enum Happened {
    Asked(Option<Asked>),
    Wanted,
    JobEnded,
    KeptChanged,
    SceneChanged,
    Look,
}

impl App {
    pub(crate) fn new(
        tools: Tools,
        stage: Stage,
        wanted: watch::Receiver<Wanted>,
        asked: mpsc::Receiver<Asked>,
        status: watch::Sender<AppStatus>,
        all: watch::Receiver<Statuses>,
    ) -> Self {
        let unenforced = enforce::unenforced(&wanted.borrow().app, &tools.surroundings.groups);
        let cron = Cron::start(&tools);
        Self {
            cron,
            unenforced,
            tools,
            scene: Arc::new(Scene::new(stage)),
            wanted,
            asked,
            status,
            all,
            jobs: VecDeque::new(),
            running: None,
            workers: Group::default(),
            trials: Group::default(),
            recent: VecDeque::new(),
            idle: IdleWatch::default(),
            note: String::new(),
            again_at: None,
            releases: Vec::new(),
        }
    }

    /// Looks after the app until nobody asks any more. Its processes go on then: who comes next adopts them.
    pub(crate) async fn run(mut self) {
        self.begin().await;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut scene = self.scene.changes();
        loop {
            self.start_next_job();
            self.start_others();
            self.tell_cron();
            self.publish();
            scene.borrow_and_update();
            let mut kept = self.scene.live().map(|live| live.kept());
            if let Some(kept) = &mut kept {
                kept.borrow_and_update();
                self.scene.refresh();
            }
            let happened = tokio::select! {
                asked = self.asked.recv() => Happened::Asked(asked),
                Ok(()) = self.wanted.changed() => Happened::Wanted,
                Some(_) = self.workers.next_end() => Happened::JobEnded,
                Some(_) = self.trials.next_end() => Happened::SceneChanged,
                () = changed(&mut kept) => Happened::KeptChanged,
                Ok(()) = scene.changed() => Happened::SceneChanged,
                _ = look.tick() => Happened::Look,
            };
            match happened {
                Happened::Asked(None) => return,
                Happened::Asked(Some(Asked::Ask(ask, reply))) => self.ask(ask, reply).await,
                Happened::Asked(Some(Asked::Wake)) => self.wake(),
                Happened::Asked(Some(Asked::End(why, done))) => return self.end(why, done).await,
                Happened::Wanted => self.settings_changed().await,
                Happened::JobEnded => self.job_ended().await,
                Happened::KeptChanged | Happened::SceneChanged => self.measure().await,
                Happened::Look => {
                    self.measure().await;
                    self.look();
                }
            }
        }
    }

    /// The settings that the configuration has for it now.
    fn wanted(&self) -> Wanted {
        self.wanted.borrow().clone()
    }

    /// What does not answer visitors starts when what does is ready.
    fn start_others(&self) {
        let serves = self.scene.what() == Mode::Serve && self.running.is_none();
        let Some(live) = self.scene.live().filter(|_| serves) else {
            return;
        };
        let is_ready = formation::is_ready(&live.kept().borrow());
        if is_ready {
            live.start_others();
        }
    }
}

async fn changed(kept: &mut Option<watch::Receiver<Kept>>) {
    let has_changed = match kept {
        Some(kept) => kept.changed().await.is_ok(),
        None => false,
    };
    if !has_changed {
        std::future::pending().await
    }
}
