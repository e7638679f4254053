//! How a job tells how it goes: lines of JSON, never too many of them.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::clock;

use crate::report::Amount;
use crate::report::Report;

/// The shortest time between two lines about progress: nobody reads faster.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// Tells how a job goes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Reporter(Option<Arc<Mutex<Told>>>);

struct Told {
    out: Box<dyn Write + Send>,
    /// When progress was told last; `None` when the next is told at once.
    progress_at: Option<tokio::time::Instant>,
}

impl Reporter {
    /// Tells it there.
    pub(crate) fn to(out: impl Write + Send + 'static) -> Self {
        Self(Some(Arc::new(Mutex::new(Told {
            out: Box::new(out),
            progress_at: None,
        }))))
    }

    /// Tells nobody.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self(None)
    }

    /// Another step begins; what it does, as the start of a sentence.
    pub(crate) fn step(&self, what: &str) {
        self.send(&Report::Step(what.to_owned()));
    }

    /// How far the step is; told at most a few times a second, so this may be called as often as something is done.
    pub(crate) fn progress(&self, done: Amount, total: Option<Amount>) {
        let Some(told) = &self.0 else { return };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        let is_due = told
            .progress_at
            .is_none_or(|at| now.duration_since(at) >= PROGRESS_EVERY);
        if is_due {
            told.progress_at = Some(now);
            told.write(&Report::Progress { done, total });
        }
    }

    /// A sentence for the owner.
    pub(crate) fn note(&self, sentence: impl Into<String>) {
        self.send(&Report::Note(sentence.into()));
    }

    /// A file could not be read, and is not in the backup.
    pub(crate) fn unreadable(&self, path: &Path, why: impl Into<String>) {
        self.send(&Report::Unreadable {
            path: path.to_owned(),
            why: why.into(),
        });
    }

    /// The target does not answer; the job waits.
    pub(crate) fn waiting(&self, what: impl Into<String>) {
        self.send(&Report::Waiting(what.into()));
    }

    /// Any other line, at once.
    pub(crate) fn send(&self, report: &Report) {
        let Some(told) = &self.0 else { return };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        told.progress_at = None;
        told.write(report);
    }
}

impl Told {
    /// Nobody is left to tell when this fails: the job goes on until its standard input ends.
    fn write(&mut self, report: &Report) {
        let Ok(mut line) = serde_json::to_vec(report) else {
            return;
        };
        line.push(b'\n');
        let _ = self.out.write_all(&line).and_then(|()| self.out.flush());
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}
