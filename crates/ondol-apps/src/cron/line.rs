//! A line of cron: when it is due, and what of it runs.

use std::sync::Arc;

use ondol_base::clock::Zone;
use ondol_model::app::cron::Schedule;
use ondol_model::app::cron::Span;
use ondol_model::plan;
use ondol_model::plan::CronLine;

/// A line, for those who look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronStatus {
    /// What the store calls it.
    pub line: String,
    /// When it runs, as it was written.
    pub at: String,
    /// What it runs.
    pub run: String,
    /// The time zone that it has of its own.
    pub timezone: Option<String>,
    /// When it is due next, in seconds since the Unix epoch; `None` for never.
    pub next: Option<i64>,
}

/// The lines of an app, as they are now; their last runs are in the store, under [`key`].
pub(crate) fn statuses(app: &plan::App, timezone: Option<&str>, now: i64) -> Vec<CronStatus> {
    let status = |told: &CronLine| {
        let line = Line::new(told, timezone);
        CronStatus {
            line: key(told),
            at: told.at.clone(),
            run: told.run.clone(),
            timezone: told.timezone.clone(),
            next: line.and_then(|line| line.schedule.next(now, line.zone())),
        }
    };
    app.cron.iter().map(status).collect()
}

/// What the store calls a line.
pub(super) fn key(told: &CronLine) -> String {
    let CronLine {
        at, run, timezone, ..
    } = told;
    match timezone {
        Some(timezone) => format!("{at} ({timezone}) {run}"),
        None => format!("{at} {run}"),
    }
}

/// A line, with what is known of it.
#[derive(Debug)]
pub(super) struct Line {
    told: CronLine,
    pub(super) schedule: Schedule,
    zone: Zone,
    /// All that was due up to here is dealt with; seconds since the Unix epoch.
    pub(super) done: i64,
    /// Which of the lines it is, counted from 1.
    pub(super) place: usize,
    /// Each of its runs has it too.
    running: Arc<()>,
}

impl Line {
    /// With all still to be dealt with; `None` when the text says no times.
    pub(super) fn new(told: &CronLine, timezone: Option<&str>) -> Option<Self> {
        Some(Self {
            schedule: Schedule::parse(&told.at).ok()?,
            zone: Zone::of(told.timezone.as_deref().or(timezone)),
            told: told.clone(),
            done: 0,
            place: 0,
            running: Arc::default(),
        })
    }

    /// The same, on a box in this zone.
    pub(super) fn in_zone(self, timezone: Option<&str>) -> Self {
        let zone = Zone::of(self.told.timezone.as_deref().or(timezone));
        Self { zone, ..self }
    }

    /// The same, when all up to a moment is dealt with.
    pub(super) fn since(self, done: i64) -> Self {
        Self { done, ..self }
    }

    pub(super) fn told(&self) -> &CronLine {
        &self.told
    }

    /// What its zone does.
    pub(super) fn zone(&self) -> impl Fn(i64) -> Span {
        |from| {
            let (offset, until) = self.zone.offset(from);
            Span { offset, until }
        }
    }

    /// How many of its runs last.
    pub(super) fn running(&self) -> usize {
        Arc::strong_count(&self.running) - 1
    }

    /// Counts as a run as long as it is there.
    pub(super) fn begin(&self) -> Arc<()> {
        Arc::clone(&self.running)
    }
}
