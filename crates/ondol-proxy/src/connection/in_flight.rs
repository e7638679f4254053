//! What one request and its answer have in common with the connection that they are on.

use std::task::Waker;

use ondol_model::pace::Pace;
use ondol_model::plan::Patience;
use tokio::time::Duration;
use tokio::time::Instant;

/// A request that is being answered.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Since when a part of the answer has been with the protocol, which takes no more: an HTTP/2 visitor
    /// may keep the window of one stream shut while the connection lives.
    pub(super) given: Option<Instant>,
    /// Bytes of that part.
    pub(super) lent: usize,
    pub(super) is_cut: bool,
    patience: Patience,
    pace: Pace,
    /// Of the task that answers it, where it has one of its own (HTTP/2).
    task: Option<Waker>,
}

impl InFlight {
    pub(super) fn is_waited_for_by(&mut self, task: &Waker) {
        match &mut self.task {
            Some(known) => known.clone_from(task),
            None => self.task = Some(task.clone()),
        }
    }

    pub(super) fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// A part of the answer was handed over.
    pub(super) fn gave(&mut self, bytes: usize, now: Instant) {
        self.given = Some(now);
        self.lent = bytes;
    }

    /// The next part is asked for, so the last one has been taken; returns its bytes.
    pub(super) fn took(&mut self) -> usize {
        self.given = None;
        let lent = std::mem::take(&mut self.lent);
        self.pace.moved(lent as u64);
        lent
    }

    /// Whether the visitor takes the answer too slowly; `elapsed` since this was asked last.
    pub(super) fn is_too_slow(&mut self, now: Instant, elapsed: Duration) -> bool {
        let Some(since) = self.given else {
            return false;
        };
        let waits = now.saturating_duration_since(since);
        let Patience {
            send,
            bytes_per_second_min,
            body: _,
        } = self.patience;
        waits > send
            || self
                .pace
                .waited(elapsed.min(waits), send, bytes_per_second_min)
    }

    /// Ends the stream alone, when its task runs next.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }
}
