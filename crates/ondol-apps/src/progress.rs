//! How a deploy goes on, for those who watch it: its steps and what its commands say.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use ondol_base::clock;
use tokio::sync::watch;

/// Lines that are kept for those who come late; the oldest are forgotten.
const LINES_MAX: usize = 10_000;
/// A longer line is cut.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// Where a deploy, or another swap, is. In this order; not every swap has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Another one of the same app is under way.
    Waiting,
    /// The files are fetched.
    Fetching,
    /// The build command runs.
    Building,
    /// The release command runs.
    Releasing,
    /// Requests wait, and the old launch is stopped (`hold`, `restart`).
    Holding,
    /// The processes start.
    Starting,
    /// They are asked whether they are ready.
    Probing,
    /// Visitors get the new launch; it is watched.
    Watching,
    /// The old launch finishes its requests.
    Draining,
    /// The old launch is stopped.
    Stopping,
    /// All done.
    Done,
}

impl Step {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetching => "fetching",
            Self::Building => "building",
            Self::Releasing => "releasing",
            Self::Holding => "holding",
            Self::Starting => "starting",
            Self::Probing => "probing",
            Self::Watching => "watching",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Done => "done",
        }
    }
}

/// A line about a deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// At which step.
    pub step: Step,
    /// What a command wrote, or a sentence of Ondol's.
    pub text: String,
}

/// What there is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Where it is.
    pub step: Step,
    /// Lines from the one that was asked for on.
    pub lines: Vec<Line>,
    /// The number of the next line.
    pub next: u64,
    /// Whether data planes were told of the new launch: some visitors may get it.
    pub is_shown: bool,
    /// Whether all visitors get the new launch.
    pub is_live: bool,
    /// How it ended: a sentence, with the reason and what to do where it failed. `None` while it goes on.
    pub outcome: Option<Result<String, String>>,
}

/// Both ends of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    shared: Arc<Mutex<Shared>>,
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Shared {
    step: Step,
    lines: VecDeque<Line>,
    /// The number of the first line that is kept.
    first: u64,
    is_shown: bool,
    is_live: bool,
    outcome: Option<Result<String, String>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            shared: Arc::new(Mutex::new(Shared {
                step: Step::Waiting,
                lines: VecDeque::new(),
                first: 0,
                is_shown: false,
                is_live: false,
                outcome: None,
            })),
            changed: watch::Sender::new(0),
        }
    }
}

impl Progress {
    /// It is at another step now.
    pub fn step(&self, step: Step) {
        self.change(|shared| shared.step = step);
    }

    /// A line of a command, or of Ondol.
    pub fn line(&self, text: impl Into<String>) {
        let mut text: String = text.into();
        text.truncate(text.floor_char_boundary(LINE_BYTES_MAX));
        let at_ms = clock::unix_seconds().saturating_mul(1000);
        self.change(|shared| {
            let step = shared.step;
            shared.lines.push_back(Line { at_ms, step, text });
            if shared.lines.len() > LINES_MAX {
                shared.lines.pop_front();
                shared.first += 1;
            }
        });
    }

    /// Data planes are told of the new launch: from here on it is taken back, not given up.
    pub fn shown(&self) {
        self.change(|shared| shared.is_shown = true);
    }

    /// All visitors get the new launch, and none the one before.
    pub fn live(&self) {
        self.change(|shared| shared.is_live = true);
    }

    /// It is over.
    pub fn end(&self, outcome: Result<String, String>) {
        self.change(|shared| {
            shared.step = Step::Done;
            shared.outcome = Some(outcome);
        });
    }

    /// What there is to see, with lines from this number on.
    pub fn report(&self, from: u64) -> Report {
        let shared = self.shared();
        let skipped = usize::try_from(from.saturating_sub(shared.first)).unwrap_or(usize::MAX);
        Report {
            step: shared.step,
            lines: shared.lines.iter().skip(skipped).cloned().collect(),
            next: shared.first + shared.lines.len() as u64,
            is_shown: shared.is_shown,
            is_live: shared.is_live,
            outcome: shared.outcome.clone(),
        }
    }

    /// Tells of each change from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut Shared)) {
        change(&mut self.shared());
        self.changed.send_modify(|number| *number += 1);
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_the_oldest_are_forgotten() {
        let progress = Progress::default();
        for number in 0..LINES_MAX + 5 {
            progress.line(number.to_string());
        }
        let report = progress.report(0);
        assert_eq!(
            (report.lines.len(), report.next),
            (LINES_MAX, LINES_MAX as u64 + 5)
        );
        assert_eq!(report.lines[0].text, "5");
        let rest = progress.report(report.next - 2);
        assert_eq!(rest.lines.len(), 2);
        assert!(progress.report(report.next + 9).lines.is_empty());
    }

    #[test]
    fn the_end_is_told_to_those_who_wait_for_it() {
        let progress = Progress::default();
        let changes = progress.changes();
        progress.step(Step::Probing);
        progress.end(Err("it never listened".to_owned()));
        assert!(changes.has_changed().unwrap());
        let report = progress.report(0);
        assert_eq!(report.outcome, Some(Err("it never listened".to_owned())));
        assert!(!report.is_live);
    }

    #[test]
    fn what_is_shown_is_live_only_when_all_visitors_get_it() {
        let progress = Progress::default();
        progress.shown();
        let report = progress.report(0);
        assert!(report.is_shown && !report.is_live);
        progress.live();
        assert!(progress.report(0).is_live);
    }
}
