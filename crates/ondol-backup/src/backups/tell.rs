//! The way back to who asked for a job: nobody, or an owner who may have gone, and never one who is waited for.

use tokio::sync::mpsc;

use crate::report::Report;

/// Reports that wait for who asked; more are left out, but for the last.
pub(crate) const REPORTS_WAITING_MAX: usize = 1_024;

/// Who hears how a job goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tell {
    target: String,
    to: Option<mpsc::Sender<(String, Report)>>,
}

impl Tell {
    /// Nobody.
    pub(crate) fn nobody() -> Self {
        Self::default()
    }

    /// Who asked, told of this target.
    pub(crate) fn of(target: &str, to: mpsc::Sender<(String, Report)>) -> Self {
        Self {
            target: target.to_owned(),
            to: Some(to),
        }
    }

    pub(crate) fn say(&self, report: Report) {
        if let Some(to) = &self.to
            && to.capacity() > 1
        {
            let _ = to.try_send((self.target.clone(), report)); // Who asked may have gone.
        }
    }

    /// The last word, which has room when no other has.
    pub(crate) fn end(&self, report: Report) {
        if let Some(to) = &self.to {
            let _ = to.try_send((self.target.clone(), report)); // Who asked may have gone.
        }
    }
}
