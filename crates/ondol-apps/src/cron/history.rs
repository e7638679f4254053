//! What is remembered of runs, and what of it the owner is told: that a line fails, that it is well again, that it is
//! left out. A line that fails each minute is told of at first, and then ever more rarely.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::app::AppName;
use ondol_model::app::CronOutcome;
use ondol_model::event::EventKind;
use ondol_model::plan::CronLine;
use ondol_store::CronRunEnd;
use ondol_store::CronRunId;
use ondol_store::NewCronRun;
use ondol_store::StoreError;
use tokio::sync::mpsc;

use super::line;
use super::line::Line;
use super::run::Ended;
use crate::news::News;

/// Runs that are looked through for those that nobody saw end.
const RUNS_LOOKED_AT: u32 = 1_000;
/// Last lines in an event.
const LINES_TOLD: usize = 10;

/// What is remembered of an app's runs. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct History {
    app: AppName,
    store: ondol_store::Handle,
    news: mpsc::Sender<News>,
    lines: Arc<Mutex<HashMap<String, Known>>>,
}

/// What is known of one line.
#[derive(Debug, Default)]
struct Known {
    /// When its last run was due.
    due_at: i64,
    /// How often in a row it failed.
    failures: u64,
    /// How often it was left out since it last ran twice with nothing left out between.
    skips: u64,
    /// Whether it was left out since it last ran.
    was_skipped: bool,
}

impl History {
    /// Reads what is known; runs that nobody saw end were interrupted.
    pub(super) async fn open(
        app: AppName,
        store: ondol_store::Handle,
        news: mpsc::Sender<News>,
    ) -> Self {
        let history = Self {
            app,
            store,
            news,
            lines: Arc::default(),
        };
        if let Err(error) = history.read().await {
            history.not_written(&error);
        }
        history
    }

    async fn read(&self) -> Result<(), StoreError> {
        for last in self.store.last_cron_runs(self.app.clone()).await? {
            let is_bad = |outcome| matches!(outcome, CronOutcome::Failed | CronOutcome::TimedOut);
            let has_failed = last.ended.is_some_and(|end| is_bad(end.outcome));
            let known = Known {
                due_at: last.run.due_at,
                failures: u64::from(has_failed),
                ..Known::default()
            };
            self.lines().insert(last.run.line, known);
        }
        let all = self
            .store
            .cron_runs(self.app.clone(), RUNS_LOOKED_AT)
            .await?;
        for lost in all.into_iter().filter(|run| run.ended.is_none()) {
            let end = CronRunEnd {
                outcome: CronOutcome::Interrupted,
                message: "Ondol ended before it did".to_owned(),
                at: clock::unix_seconds(),
            };
            self.store.end_cron_run(lost.id, end).await?;
        }
        Ok(())
    }

    /// When the last run of a line was due; `None` for one that never ran.
    pub(super) fn last_due(&self, told: &CronLine) -> Option<i64> {
        self.lines().get(&line::key(told)).map(|known| known.due_at)
    }

    /// A run begins. A store that can't write it down is no reason not to run.
    pub(super) async fn begin(&self, key: &str, due_at: i64) -> Option<CronRunId> {
        {
            let mut lines = self.lines();
            let known = lines.entry(key.to_owned()).or_default();
            known.due_at = due_at;
            if !std::mem::take(&mut known.was_skipped) {
                known.skips = 0;
            }
        }
        self.add(key, due_at, Some(clock::unix_seconds())).await
    }

    /// A run is left out.
    pub(super) async fn left_out(&self, line: &Line, due_at: i64, outcome: CronOutcome) {
        let told = line.told();
        let key = line::key(told);
        let message = if outcome == CronOutcome::Skipped {
            "the run before still lasted"
        } else {
            "the box was off, or the app stopped"
        };
        let skips = {
            let mut lines = self.lines();
            let known = lines.entry(key.clone()).or_default();
            known.due_at = due_at;
            known.was_skipped = outcome == CronOutcome::Skipped;
            known.skips += u64::from(known.was_skipped);
            known.skips
        };
        if outcome == CronOutcome::Skipped && is_told(skips) {
            let (app, name) = (&self.app, line.place);
            self.tell(format!(
                "`{key}` of {app} was left out{times}, for the run before still lasts; `overlap = \"allow\"` lets both \
                 run, and `ondol logs {app} --process cron.{name}` shows what it does",
                times = times(skips, "lately"),
            ));
        }
        let Some(id) = self.add(&key, due_at, None).await else {
            return;
        };
        self.end(id, outcome, message.to_owned()).await;
    }

    /// A run ended.
    pub(super) async fn ended(&self, key: &str, name: &str, id: Option<CronRunId>, ended: Ended) {
        let Ended {
            outcome,
            message,
            last,
            took,
        } = ended;
        let failures_before = {
            let mut lines = self.lines();
            let known = lines.entry(key.to_owned()).or_default();
            let before = known.failures;
            known.failures = match outcome {
                CronOutcome::Failed | CronOutcome::TimedOut => before + 1,
                CronOutcome::Done => 0,
                CronOutcome::Interrupted | CronOutcome::Skipped | CronOutcome::Missed => before,
            };
            before
        };
        match outcome {
            CronOutcome::Failed | CronOutcome::TimedOut if is_told(failures_before + 1) => {
                self.tell_failure(key, name, &message, &last, failures_before + 1, took);
            }
            CronOutcome::Done if failures_before > 0 => {
                let app = &self.app;
                self.tell(format!("`{key}` of {app} ended well again"));
            }
            CronOutcome::Failed
            | CronOutcome::TimedOut
            | CronOutcome::Done
            | CronOutcome::Interrupted
            | CronOutcome::Skipped
            | CronOutcome::Missed => {}
        }
        if let Some(id) = id {
            let message = match (message.is_empty(), last.last()) {
                (false, Some(last)) => format!("{message}; its last line: {last}"),
                (_, _) => message,
            };
            self.end(id, outcome, message).await;
        }
    }

    fn tell_failure(
        &self,
        key: &str,
        name: &str,
        message: &str,
        last: &[String],
        failures: u64,
        took: Duration,
    ) {
        let (app, times, took) = (&self.app, times(failures, "in a row"), took.as_secs());
        let last = last.get(last.len().saturating_sub(LINES_TOLD)..);
        let said = match last.unwrap_or_default() {
            [] => "it wrote nothing".to_owned(),
            lines => format!("its last lines: {}", lines.join(" | ")),
        };
        self.tell(format!(
            "`{key}` of {app} failed{times}: {message}, after {took} s; {said}. `ondol logs {app} --process {name}` has \
             the rest"
        ));
    }

    async fn add(&self, key: &str, due_at: i64, began_at: Option<i64>) -> Option<CronRunId> {
        let run = NewCronRun {
            app: self.app.clone(),
            line: key.to_owned(),
            due_at,
            began_at,
        };
        let added = self.store.begin_cron_run(run).await;
        added.inspect_err(|error| self.not_written(error)).ok()
    }

    async fn end(&self, id: CronRunId, outcome: CronOutcome, message: String) {
        let at = clock::unix_seconds();
        let end = CronRunEnd {
            outcome,
            message,
            at,
        };
        if let Err(error) = self.store.end_cron_run(id, end).await {
            self.not_written(&error);
        }
    }

    fn tell(&self, message: String) {
        let news = News {
            kind: EventKind::AppCron,
            app: self.app.clone(),
            message,
        };
        if let Err(error) = self.news.try_send(news) {
            tracing::warn!(news = ?error.into_inner(), "nobody takes news of apps");
        }
    }

    fn not_written(&self, error: &StoreError) {
        let (app, error) = (self.app.as_str(), Chain(error).to_string());
        tracing::error!(app, error, "what an app runs at times was not written down");
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the owner is told of this one in a row: the first, the tenth, the hundredth.
fn is_told(count: u64) -> bool {
    std::iter::successors(Some(1u64), |ten| ten.checked_mul(10)).any(|ten| ten == count)
}

fn times(count: u64, how: &str) -> String {
    match count {
        0 | 1 => String::new(),
        count => format!(" {count} times {how}"),
    }
}
