//! Commands that an app runs at times: a line begins when it is due, in the app's sandbox, and its end is remembered.
//!
//! When a line is due is decided in the model, from the time of day alone: a clock that jumps, a box that was off and
//! one that was merely slow are all met by looking again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_model::app::CronOutcome;
use ondol_model::app::cron::Due;
use ondol_model::app::cron::due;
use ondol_model::plan;
use ondol_model::plan::CronOverlap;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::news::News;
use crate::release::Release;
use crate::settings::Settings;
use crate::surroundings::Surroundings;

mod history;
mod line;
mod run;

pub use line::CronStatus;
pub(crate) use line::statuses;

use history::History;
use line::Line;
use run::Run;

/// The longest sleep, so that a clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// Runs of one line at a time, where its owner allows more than one.
const RUNS_MAX: usize = 8;
/// A last run so far in the future means that the clock is wrong, or was.
const AHEAD: i64 = 3_600;
/// So long after the beginning the clock counts as set, on machines that learn the time from the network.
const CLOCK_SET: Duration = Duration::from_secs(600);
/// How long runs may take to note that they were interrupted.
const CLOSING: Duration = Duration::from_secs(5);

/// What lines run with now.
#[derive(Debug)]
pub(crate) struct Current {
    /// The app as its owner describes it now: its lines count.
    pub(crate) app: Arc<plan::App>,
    /// What processes are started with.
    pub(crate) settings: Arc<Settings>,
    /// What visitors get.
    pub(crate) release: Release,
    /// Folders that the app sees nothing of.
    pub(crate) hidden: Arc<[PathBuf]>,
    /// IANA time zone of the box.
    pub(crate) timezone: Option<String>,
}

/// Runs the lines of an app when they are due, until told to stop; runs that last are ended then. While there is
/// nothing current, nothing begins, and what is due counts as missed.
pub(crate) async fn keep(
    surroundings: Surroundings,
    mut current: watch::Receiver<Option<Arc<Current>>>,
    store: ondol_store::Handle,
    news: mpsc::Sender<News>,
    stop: Stop,
) {
    let first = tokio::select! {
        first = current.wait_for(Option::is_some) => first.ok().and_then(|first| first.clone()),
        () = stop.requested() => None,
    };
    let Some(first) = first else {
        return;
    };
    let history = History::open(first.app.name.clone(), store, news).await;
    let keeper = Keeper {
        surroundings,
        history,
        timezone: None,
        lines: Vec::new(),
        runs: Group::default(),
        began_at: clock::now(),
        now_ms: clock::unix_milliseconds,
    };
    keeper.run(current, stop).await;
}

/// What keeps the lines of one app.
struct Keeper {
    surroundings: Surroundings,
    history: History,
    /// The zone that the lines were made with.
    timezone: Option<String>,
    lines: Vec<Line>,
    runs: Group,
    began_at: Instant,
    /// The time of day; tests have their own.
    now_ms: fn() -> i64,
}

impl Keeper {
    async fn run(mut self, mut current: watch::Receiver<Option<Arc<Current>>>, stop: Stop) {
        loop {
            let now = (self.now_ms)().div_euclid(1_000);
            let what = current.borrow_and_update().clone();
            let next = match what {
                Some(current) => {
                    self.take_up(&current, now);
                    self.begin_due(&current, now, &stop).await
                }
                None => None,
            };
            tokio::select! {
                () = stop.requested() => break,
                changed = current.changed() => if changed.is_err() { break },
                Some(_) = self.runs.next_end() => {}
                () = tokio::time::sleep(until(next, (self.now_ms)())) => {}
            }
        }
        for late in self.runs.close_and_wait(clock::now() + CLOSING).await {
            tracing::warn!("{late} did not end in time");
        }
    }

    /// Brings the lines to what the configuration says now. Those that stay keep what they know.
    fn take_up(&mut self, current: &Current, now: i64) {
        let app = &current.app;
        let is_same_zone = self.timezone == current.timezone;
        if is_same_zone && self.lines.iter().map(Line::told).eq(&app.cron) {
            return;
        }
        self.timezone.clone_from(&current.timezone);
        let mut before = std::mem::take(&mut self.lines);
        for (place, told) in (1..).zip(&app.cron) {
            let kept = before.iter().position(|line| line.told() == told);
            let mut line = match kept {
                Some(kept) => before.remove(kept).in_zone(self.timezone.as_deref()),
                None => match Line::new(told, self.timezone.as_deref()) {
                    Some(line) => line.since(self.history.last_due(told).unwrap_or(now)),
                    // The configuration was checked, so it is not there.
                    None => continue,
                },
            };
            line.place = place;
            self.lines.push(line);
        }
    }

    /// Begins what is due; when to look again.
    async fn begin_due(&mut self, current: &Arc<Current>, now: i64, stop: &Stop) -> Option<i64> {
        let mut next = None;
        let mut found = Vec::new();
        for (index, line) in self.lines.iter_mut().enumerate() {
            if line.done > now + AHEAD {
                // The clock is not set yet, or was wrong when this was written.
                if self.began_at.elapsed() < CLOCK_SET {
                    continue;
                }
                line.done = now;
            }
            let told = line.told();
            let (due_at, is_run) =
                match due(&line.schedule, told.missed, line.done, now, line.zone()) {
                    Due::Later(later) => {
                        next = next.into_iter().chain(later).min();
                        continue;
                    }
                    Due::Now(at) | Due::MadeUp(at) => (at, true),
                    Due::LeftOut(at) => (at, false),
                };
            line.done = due_at;
            next = Some(now);
            found.push((index, due_at, is_run));
        }
        for (index, due_at, is_run) in found {
            let line = &self.lines[index];
            if !is_run {
                self.history
                    .left_out(line, due_at, CronOutcome::Missed)
                    .await;
            } else if line.is_busy() {
                self.history
                    .left_out(line, due_at, CronOutcome::Skipped)
                    .await;
            } else {
                let run = Run::new(&self.surroundings, current, line, due_at);
                let name = format!("{} of {}", run.name(), current.app.name);
                self.runs
                    .spawn(name, run.keep(self.history.clone(), stop.clone()));
            }
        }
        next
    }
}

impl Line {
    /// Whether so many runs of it last that no other may begin.
    fn is_busy(&self) -> bool {
        match self.told().overlap {
            CronOverlap::Skip => self.running() > 0,
            CronOverlap::Allow => self.running() >= RUNS_MAX,
        }
    }
}

/// How long to sleep.
fn until(next: Option<i64>, now_ms: i64) -> Duration {
    let Some(next) = next else {
        return SLEEP_MAX;
    };
    let milliseconds = next.saturating_mul(1_000).saturating_sub(now_ms);
    let wait = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    wait.min(SLEEP_MAX)
}

#[cfg(test)]
mod tests;
