//! One launch takes the place of another: made, started, shown to visitors, watched; or all of it taken back.

use std::sync::Arc;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_model::app::Launch;
use ondol_model::app::LaunchKind;
use ondol_model::app::LaunchOutcome;
use ondol_model::event::EventKind;
use ondol_model::limits::FILES_KNOWN;
use ondol_model::plan::SwapKind;
use tokio::sync::watch;

use crate::formation;
use crate::formation::Formation;
use crate::progress::Progress;
use crate::progress::Step;
use crate::release::Release;
use crate::settings::Settings;
use crate::source::Source;

use super::scene::Mode;
use super::scene::Scene;
use super::tools::Tools;
use super::tools::Wanted;

mod back;
mod make;
mod watching;

/// How long requests under way may hold up those that wait (`hold`): who waits gives up after thirty seconds.
const HOLD_DRAIN: Duration = Duration::from_secs(10);
/// And how long a process may take to end meanwhile, so that the new one has time to start.
const HOLD_STOP: Duration = Duration::from_secs(10);
/// Lines of the log that go with a failure.
const LINES_TOLD: usize = 50;

/// What is to take the place of the live launch.
#[derive(Debug, Clone)]
pub(super) enum To {
    /// A release that is yet to be made.
    Made(Source),
    /// A release that is there.
    There(Release),
    /// The one that runs when the swap comes to its turn: one that was asked for may have been taken back by then.
    Present,
}

/// What the owner may say to a swap whose launch visitors get already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Nudge {
    /// Nothing.
    #[default]
    None,
    /// Enough watched: something else is wanted.
    Finish,
    /// Back to the launch before.
    GoBack,
}

/// A swap, all of it.
#[derive(Debug)]
pub(super) struct Swap {
    pub(super) tools: Tools,
    pub(super) scene: Arc<Scene>,
    pub(super) wanted: Wanted,
    pub(super) launch: Launch,
    pub(super) kind: LaunchKind,
    pub(super) to: To,
    pub(super) progress: Progress,
    pub(super) nudge: watch::Receiver<Nudge>,
}

/// Why a swap did not come about; the launch before goes on.
#[derive(Debug)]
struct Trouble(String);

/// What a launch was before another took its place.
struct Before {
    formation: Arc<Formation>,
    /// Whether its web processes still run.
    runs: bool,
    /// Whether it answered visitors.
    was_well: bool,
}

impl Swap {
    /// Carries the swap out, and says how it ended in the store, in events and to those who watch.
    pub(super) async fn run(self) {
        if self.kind == LaunchKind::Settings && self.scene.what() == Mode::Stop {
            return self.superseded().await;
        }
        let switched = self.switch().await;
        let (new, before) = match switched {
            Ok(switched) => switched,
            Err(Trouble(reason)) => return self.failed(&reason).await,
        };
        let Some(before) = before else {
            return self.done(&new, None).await;
        };
        match self.watch(&new, &before).await {
            None => self.done(&new, Some(before)).await,
            Some(reason) => self.go_back(new, before, &reason).await,
        }
    }

    /// Everything until visitors get the new launch.
    async fn switch(&self) -> Result<(Arc<Formation>, Option<Before>), Trouble> {
        let release = self.release().await?;
        let settings = self.tools.settings(&self.wanted, &release).await;
        let settings = settings.map_err(|error| Trouble(Chain(&error).to_string()))?;
        let live = self.scene.live();
        let runs = live.filter(|_| matches!(self.scene.what(), Mode::Serve | Mode::Hold));
        match (runs, self.wanted.app.swap) {
            (None, _) => Ok((self.alone(settings, release).await?, None)),
            (Some(old), SwapKind::Overlap) => self.beside(old, settings, release).await,
            (Some(old), kind @ (SwapKind::Hold | SwapKind::Restart)) => {
                self.instead(old, kind, settings, release).await
            }
        }
    }

    /// There is nothing to take the place of.
    async fn alone(
        &self,
        settings: Arc<Settings>,
        release: Release,
    ) -> Result<Arc<Formation>, Trouble> {
        let new = self.start(settings, release);
        self.until_ready(new, |new| self.show(new, None)).await
    }

    /// The new launch starts beside the old one.
    async fn beside(
        &self,
        old: Arc<Formation>,
        settings: Arc<Settings>,
        release: Release,
    ) -> Result<(Arc<Formation>, Option<Before>), Trouble> {
        let new = self.start(settings, release);
        let retired = Some(old.launch());
        let was_well = answers(&old);
        let new = self.until_ready(new, |new| self.show(new, retired)).await?;
        old.stop_others().await;
        new.start_others();
        let before = Before {
            formation: old,
            runs: true,
            was_well,
        };
        Ok((new, Some(before)))
    }

    /// Requests wait while the old launch is stopped and the new one started.
    async fn instead(
        &self,
        old: Arc<Formation>,
        kind: SwapKind,
        settings: Arc<Settings>,
        release: Release,
    ) -> Result<(Arc<Formation>, Option<Before>), Trouble> {
        let was_well = answers(&old);
        self.stop_while_held(&old, kind).await;
        let new = self.start(settings, release);
        let shown = self.until_ready(new, |new| self.show(new, None)).await;
        let new = match shown {
            Ok(new) => new,
            Err(trouble) => {
                self.progress.line("the launch before is started again");
                self.start_again(&old);
                return Err(trouble);
            }
        };
        new.start_others();
        let before = Before {
            formation: old,
            runs: false,
            was_well,
        };
        Ok((new, Some(before)))
    }

    /// Lets visitors wait, and stops a launch when it has nothing under way, or its time is over.
    async fn stop_while_held(&self, old: &Arc<Formation>, kind: SwapKind) {
        self.step(Step::Holding).await;
        let sequence = self.scene.mode(Mode::Hold);
        let launch = old.launch();
        self.take_up(sequence).await;
        let drain = match kind {
            SwapKind::Hold => self.wanted.app.drain_timeout.min(HOLD_DRAIN),
            SwapKind::Overlap | SwapKind::Restart => Duration::ZERO,
        };
        if !self.scene.stage.idle(launch, drain).await && kind == SwapKind::Hold {
            let sequence = self.scene.stage.cut(launch);
            self.take_up(sequence).await;
        }
        match kind {
            SwapKind::Hold => old.stop_within(HOLD_STOP).await,
            SwapKind::Overlap | SwapKind::Restart => old.stop().await,
        }
        self.scene.stage.forget(launch);
    }

    fn start(&self, settings: Arc<Settings>, release: Release) -> Arc<Formation> {
        let surroundings = &self.tools.surroundings;
        let news = self.tools.news.clone();
        surroundings
            .log
            .note(&format!("launch {} starts", self.launch));
        let new = Formation::on_trial(surroundings, settings, self.launch, release, news);
        Arc::new(new)
    }

    /// Waits until all of a launch's web processes are ready, and shows it. One that fails is stopped.
    async fn until_ready<F: Future<Output = ()>>(
        &self,
        new: Arc<Formation>,
        show: impl FnOnce(Arc<Formation>) -> F,
    ) -> Result<Arc<Formation>, Trouble> {
        self.step(Step::Starting).await;
        self.step(Step::Probing).await;
        let mut kept = new.kept();
        let settled =
            kept.wait_for(|kept| formation::is_ready(kept) || formation::trouble(kept).is_some());
        let trouble = match settled.await {
            Ok(kept) => formation::trouble(&kept),
            Err(_) => None, // The formation is held by this function.
        };
        let Some((name, sentence)) = trouble else {
            show(Arc::clone(&new)).await;
            return Ok(new);
        };
        new.stop().await;
        let log = &self.tools.surroundings.log;
        let lines = log.tail_of(self.launch, Some(&name.to_string()), LINES_TOLD);
        let tail = match lines.is_empty() {
            true => "It wrote nothing.".to_owned(),
            false => format!("Its last lines:\n{}", lines.join("\n")),
        };
        let what = formation::of(&name, &sentence);
        let run = new.run_of(&name);
        // The first line is the reason in short, for tables.
        Err(Trouble(format!("{what}\nIt was run as {run}.\n{tail}")))
    }

    /// Visitors get the new launch, and nothing new the one that retires. Files and scripts below `current` are those
    /// of the new one from a moment earlier on: what its pages ask for is there, and no old script runs in it.
    async fn show(&self, new: Arc<Formation>, retired: Option<Launch>) {
        if self.tools.releases().point_current(new.release()).await {
            // For so long data planes go on with what it led to before.
            tokio::time::sleep(FILES_KNOWN).await;
        }
        self.tools.starts().await;
        self.tools.live(self.launch).await;
        let line = self.is_live(&new);
        let sequence = self.scene.set(Mode::Serve, Some(new), retired);
        self.progress.shown();
        self.take_up(sequence).await;
        // Not before: who reads it looks, and must not get an answer of the launch before.
        self.progress.line(line);
        self.progress.live();
    }

    /// Starts a launch anew that was stopped for another; visitors get it as soon as it is ready.
    fn start_again(&self, old: &Arc<Formation>) {
        let again = self.tools.again(old);
        again.start_others();
        self.scene.set(Mode::Serve, Some(again), None);
    }

    async fn take_up(&self, sequence: u64) {
        if !self.scene.stage.taken_up(sequence).await {
            self.progress.line(
                "a data plane does not take up where the app is now; it is replaced if it stands still",
            );
        }
    }

    async fn step(&self, step: Step) {
        self.progress.step(step);
        self.tools.note(self.launch, step.word(), None).await;
    }

    fn is_live(&self, new: &Formation) -> String {
        match new.release().number {
            Some(number) => format!("release {number} answers visitors"),
            None => "the app's own folder answers visitors".to_owned(),
        }
    }

    /// The launch before is let go.
    async fn done(&self, new: &Arc<Formation>, before: Option<Before>) {
        new.stands();
        if let Some(before) = before {
            self.retire(&before).await;
        } else {
            new.start_others();
        }
        let release = new.release().number;
        let kept = [release].into_iter().flatten().collect::<Vec<_>>();
        let at_most = self.wanted.app.releases;
        self.tools.releases().thin_out(&kept, at_most).await;
        let sentence = self.sentence_of(new);
        self.tools.end(self.launch, LaunchOutcome::Done, "").await;
        let kind = match self.kind {
            LaunchKind::Deploy => EventKind::AppDeployed,
            LaunchKind::Rollback => EventKind::AppRolledBack,
            LaunchKind::Start | LaunchKind::Restart | LaunchKind::Settings => EventKind::App,
        };
        self.tools.tell(kind, &sentence);
        self.progress.end(Ok(sentence));
    }

    /// Lets a launch that gets nothing new finish what it has, and ends it.
    async fn retire(&self, before: &Before) {
        let Before {
            formation,
            runs,
            was_well: _,
        } = before;
        let launch = formation.launch();
        if *runs {
            self.step(Step::Draining).await;
            let drain = self.wanted.app.drain_timeout;
            if !self.scene.stage.idle(launch, drain).await {
                let sequence = self.scene.stage.cut(launch);
                self.take_up(sequence).await;
            }
            self.step(Step::Stopping).await;
            formation.stop().await;
        }
        self.scene.stage.forget(launch);
    }

    fn sentence_of(&self, new: &Formation) -> String {
        let name = &self.tools.name;
        let release = new.release();
        match self.kind {
            LaunchKind::Deploy => format!("{name} runs {release} now (launch {})", self.launch),
            LaunchKind::Rollback => {
                format!(
                    "{name} went back to {release}, as it was asked to (launch {})",
                    self.launch
                )
            }
            LaunchKind::Restart => {
                format!("{name} was restarted (launch {}, {release})", self.launch)
            }
            LaunchKind::Settings => {
                format!(
                    "{name} runs with its new settings (launch {}, {release})",
                    self.launch
                )
            }
            LaunchKind::Start => format!("{name} was started (launch {}, {release})", self.launch),
        }
    }

    /// What its owner may do when it did not come about.
    fn advice(&self) -> String {
        let name = &self.tools.name;
        match self.kind {
            LaunchKind::Deploy => "After a repair, deploy it again.".to_owned(),
            LaunchKind::Settings => {
                format!(
                    "After a repair, `ondol reload` or `ondol restart {name}` tries them again."
                )
            }
            LaunchKind::Restart => {
                format!("After a repair, `ondol restart {name}` tries it again.")
            }
            LaunchKind::Rollback | LaunchKind::Start => {
                format!("`ondol logs {name}` has more; `ondol deploy {name}` makes a new release.")
            }
        }
    }

    /// Its owner has stopped the app since: it starts with its newest settings one day.
    async fn superseded(&self) {
        let reason = "the app was stopped before";
        self.tools
            .end(self.launch, LaunchOutcome::Interrupted, reason)
            .await;
        self.progress.end(Ok(reason.to_owned()));
    }

    async fn failed(&self, reason: &str) {
        let name = &self.tools.name;
        let goes_on = match self.scene.live() {
            Some(live) => match live.release().number {
                Some(number) => format!("release {number} goes on"),
                None => "what ran before goes on".to_owned(),
            },
            None => "nothing runs".to_owned(),
        };
        if self.scene.live().is_none() && self.scene.what() == Mode::Hold {
            self.scene.set(Mode::Fail, None, None);
        }
        let failed = match self.kind {
            LaunchKind::Settings => format!("{name} does not run with its new settings"),
            kind => format!("the {} of {name} failed", kind.word()),
        };
        let advice = self.advice();
        let sentence = match reason.split_once('\n') {
            Some((reason, more)) => format!("{failed}, and {goes_on}: {reason}\n{advice}\n{more}"),
            None => format!("{failed}, and {goes_on}: {reason}. {advice}"),
        };
        self.tools
            .end(self.launch, LaunchOutcome::Failed, reason)
            .await;
        self.tools.tell(EventKind::AppDeployFailed, &sentence);
        self.progress.end(Err(sentence));
    }
}

/// Whether visitors get answers of a launch.
fn answers(formation: &Formation) -> bool {
    !formation::servers(&formation.kept().borrow()).is_empty()
}
