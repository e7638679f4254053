//! What its owner asks of an app.

use ondol_base::chain::Chain;
use ondol_model::app::Launch;
use ondol_model::app::LaunchKind;
use ondol_model::app::LaunchOutcome;
use tokio::sync::oneshot;

use crate::progress::Progress;
use crate::release::Release;
use crate::request::Ask;
use crate::request::IfBusy;
use crate::request::Refusal;
use crate::request::Reply;
use crate::settings::Work;
use crate::source::Source;
use crate::spec::Run;

use super::App;
use super::JOBS_MAX;
use super::job::Job;
use super::scene::Mode;
use super::swap::Nudge;
use super::swap::To;

/// Launches that are looked through for a release to go back to.
const LAUNCHES_LOOKED_AT: u32 = 200;

type Answer = Result<Reply, Refusal>;

impl App {
    /// Does what is asked, or has it done.
    pub(super) async fn ask(&mut self, ask: Ask, reply: oneshot::Sender<Answer>) {
        let answer = match ask {
            Ask::Deploy { source, if_busy } => self.deploy(source, if_busy).await,
            Ask::Rollback { to } => self.rollback(to).await,
            Ask::Restart => self.restart().await,
            Ask::Stop => match self.room_for(IfBusy::Wait) {
                Ok(()) => return self.jobs.push_back(Job::Stop(reply)),
                Err(refusal) => Err(refusal),
            },
            Ask::Start => self.start().await,
            Ask::Follow { launch } => self.follow(launch),
            Ask::Exec { command, pid } => self.exec(command, pid).await,
            Ask::Try { root, instead } => return self.try_on(root, instead, reply),
        };
        let _ = reply.send(answer); // Who asked may have gone.
    }

    async fn deploy(&mut self, source: Source, if_busy: IfBusy) -> Answer {
        self.room_for(if_busy)?;
        let words = words(&source);
        let (launch, progress) = self
            .swap_to(LaunchKind::Deploy, To::Made(source), words)
            .await;
        Ok(Reply::Begun { launch, progress })
    }

    async fn rollback(&mut self, to: Option<u64>) -> Answer {
        if let (None, Some(begun)) = (to, self.take_back()) {
            return Ok(begun);
        }
        // What there is to go back to is known when nothing is about to change it.
        self.room_for(IfBusy::Refuse)?;
        let release = match to {
            Some(number) => self.release_of(number)?,
            None => self.last_good().await?,
        };
        let (launch, progress) = self
            .swap_to(LaunchKind::Rollback, To::There(release), String::new())
            .await;
        Ok(Reply::Begun { launch, progress })
    }

    /// A deploy that is watched is taken back by itself.
    fn take_back(&self) -> Option<Reply> {
        let running = self.running.as_ref()?;
        let is_deploy = running.kind == Some(LaunchKind::Deploy) && running.is_shown();
        let (launch, progress) = (running.launch?, running.progress.clone()?);
        if !is_deploy || running.step() != Some(crate::progress::Step::Watching) {
            return None;
        }
        running.nudge.send_replace(Nudge::GoBack);
        Some(Reply::Begun { launch, progress })
    }

    async fn restart(&mut self) -> Answer {
        self.room_for(IfBusy::Refuse)?;
        let live = self.scene.live();
        if live.is_none() || self.scene.what() == Mode::Stop {
            return self.start().await;
        }
        let (launch, progress) = self
            .swap_to(LaunchKind::Restart, To::Present, String::new())
            .await;
        Ok(Reply::Begun { launch, progress })
    }

    async fn start(&mut self) -> Answer {
        let name = self.tools.name.clone();
        let set = self.tools.store.set_stopped(name.clone(), false).await;
        set.map_err(|error| Refusal::Impossible(Chain(&error).to_string()))?;
        if self.is_being_stopped() {
            self.jobs.push_back(Job::Begin);
            return Ok(Reply::Done(format!("{name} starts when it has stopped")));
        }
        let sentence = match self.scene.what() {
            Mode::Serve => {
                if let Some(live) = self.scene.live() {
                    live.hurry();
                }
                format!("{name} runs; what waits to be started again is started now")
            }
            Mode::Stop | Mode::Fail => {
                self.scene.set(Mode::Hold, None, None);
                self.jobs.push_back(Job::Begin);
                format!("{name} starts")
            }
            Mode::Sleep => {
                self.wake();
                format!("{name} wakes")
            }
            Mode::Hold => format!("{name} starts already"),
        };
        Ok(Reply::Done(sentence))
    }

    /// Whether a stop was asked for, and nothing else since.
    fn is_being_stopped(&self) -> bool {
        match self.jobs.back() {
            Some(job) => matches!(job, Job::Stop(_)),
            None => self.running.as_ref().is_some_and(|running| running.stops),
        }
    }

    fn follow(&self, launch: Option<Launch>) -> Answer {
        let running = self.running.as_ref();
        let running = running.and_then(|one| Some((one.launch?, one.progress.clone()?)));
        let waiting = self.jobs.iter().filter_map(|job| match job {
            Job::Swap {
                launch, progress, ..
            } => Some((*launch, progress.clone())),
            Job::Begin | Job::Stop(_) | Job::Sleep | Job::Wake => None,
        });
        let mut all: Vec<(Launch, Progress)> = self
            .recent
            .iter()
            .cloned()
            .chain(running)
            .chain(waiting)
            .collect();
        all.sort_by_key(|(launch, _)| *launch);
        let found = match launch {
            Some(launch) => all.into_iter().find(|(number, _)| *number == launch),
            None => all.pop(),
        };
        let (launch, progress) = found.ok_or_else(|| {
            let name = &self.tools.name;
            Refusal::Impossible(format!(
                "no such launch of {name} is known any more; `ondol events` has how it ended"
            ))
        })?;
        Ok(Reply::Begun { launch, progress })
    }

    /// What a command of the owner's is run with: as the app's processes are.
    async fn exec(&self, command: Vec<String>, pid: u32) -> Answer {
        let wanted = self.wanted();
        let tools = self.tools.wanted(&wanted);
        let live = self.scene.live().map(|live| live.release().clone());
        let release = live.or_else(|| tools.in_place(&wanted)).ok_or_else(|| {
            let name = &self.tools.name;
            Refusal::Impossible(format!(
                "{name} has no release yet: `ondol deploy {name} PATH` makes the first one"
            ))
        })?;
        let settings = tools.settings(&wanted, &release).await;
        let settings = settings.map_err(|error| Refusal::Impossible(Chain(&error).to_string()))?;
        let mut spec = settings.spec(
            &tools.surroundings,
            &release,
            "exec",
            Run::Program(command),
            Work::Serve,
        );
        let groups = &tools.surroundings.groups;
        let what = format!("exec-{pid}");
        match groups.join(&spec.app, &what, &spec.limits, pid).await {
            Ok(_) => spec.limits = groups.left_to_process(&spec.limits),
            // It keeps all of them, and holds what a process can hold by itself.
            Err(error) => {
                let sentence = format!(
                    "a command of yours runs without the app's group, so its limits hold for each process alone: {}",
                    Chain(&error)
                );
                tracing::warn!(app = spec.app, "{sentence}");
                tools.surroundings.log.note(&sentence);
            }
        }
        Ok(Reply::Exec(Box::new(spec)))
    }

    /// Whether another swap may be asked for.
    fn room_for(&self, if_busy: IfBusy) -> Result<(), Refusal> {
        let busy = |what: &str| Refusal::Busy {
            app: self.tools.name.clone(),
            what: what.to_owned(),
        };
        let waiting = self
            .jobs
            .iter()
            .any(|job| matches!(job, Job::Swap { .. } | Job::Stop(_)));
        if self.jobs.len() >= JOBS_MAX {
            return Err(Refusal::Impossible(format!(
                "{} has {JOBS_MAX} things to do already, which are done one after another",
                self.tools.name
            )));
        }
        if let Some(running) = &self.running {
            if running.is_shown() {
                running.nudge.send_replace(Nudge::Finish);
            } else if if_busy == IfBusy::Refuse && running.progress.is_some() {
                return Err(busy(&running.what));
            }
        }
        match if_busy {
            IfBusy::Refuse if waiting => Err(busy("another swap waits")),
            IfBusy::Refuse | IfBusy::Wait => Ok(()),
        }
    }

    fn release_of(&self, number: u64) -> Result<Release, Refusal> {
        let wanted = self.wanted();
        self.tools.release(&wanted, Some(number)).ok_or_else(|| {
            let known: Vec<_> = self.releases.iter().map(u64::to_string).collect();
            let name = &self.tools.name;
            Refusal::Impossible(format!(
                "{name} has no release {number} any more; it has {}",
                if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                }
            ))
        })
    }

    /// The release before the present one that visitors had, and kept.
    async fn last_good(&self) -> Result<Release, Refusal> {
        let name = self.tools.name.clone();
        let launches = self
            .tools
            .store
            .launches(Some(name.clone()), LAUNCHES_LOOKED_AT)
            .await;
        let launches = launches.map_err(|error| Refusal::Impossible(Chain(&error).to_string()))?;
        let present = self.scene.live().and_then(|live| live.release().number);
        let was_good = |outcome: LaunchOutcome| match outcome {
            LaunchOutcome::Done => true,
            LaunchOutcome::Failed | LaunchOutcome::RolledBack | LaunchOutcome::Interrupted => false,
        };
        let wanted = self.wanted();
        let mut good = launches.into_iter().filter(|launch| {
            let ended = launch.ended.as_ref();
            launch.live_at.is_some() && ended.is_some_and(|end| was_good(end.outcome))
        });
        let found = good.find_map(|launch| {
            let is_before = launch.release != present && (launch.release < present);
            is_before
                .then(|| self.tools.release(&wanted, launch.release))
                .flatten()
        });
        found.ok_or_else(|| {
            Refusal::Impossible(format!(
                "{name} has no good release before the present one to go back to"
            ))
        })
    }
}

/// Where a release comes from, in words.
fn words(source: &Source) -> String {
    match source {
        Source::Dir => "its folder".to_owned(),
        Source::Folder(path) | Source::Archive(path) => path.display().to_string(),
        Source::Git(reference) => format!("git {reference}"),
    }
}
