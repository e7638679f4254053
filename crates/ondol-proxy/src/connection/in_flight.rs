//! What one request and its answer have to do with the connection that they are on.

use std::task::Waker;

use ondol_model::pace::Pace;
use ondol_model::plan::Patience;
use tokio::time::Duration;
use tokio::time::Instant;

/// What a visitor must have taken before it is given large parts; more than h2 buffers, so that it is
/// the visitor who took it.
const PROOF_BYTES: u64 = 256 * 1024;
/// A part that is taken within this time was taken at once, by a coarse clock.
const QUICK: Duration = Duration::from_secs(1);

/// A request that is being answered.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Since when a part of the answer has been with the protocol, which takes no more: an HTTP/2 visitor
    /// may keep the window of one stream shut while the connection lives.
    pub(super) given: Option<Instant>,
    /// Bytes of that part.
    pub(super) lent: usize,
    pub(super) is_cut: bool,
    /// The key of the launch of an app that has it.
    pub(super) launch: Option<u64>,
    /// Whether its answer has begun.
    pub(super) is_answered: bool,
    /// Bytes that were taken so far.
    taken: u64,
    /// Whether the last part was taken at once.
    is_quick: bool,
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
    pub(super) fn took(&mut self, now: Instant) -> usize {
        self.is_quick = self.given.take().is_some_and(|since| now - since < QUICK);
        let lent = std::mem::take(&mut self.lent);
        self.taken += lent as u64;
        self.pace.moved(lent as u64);
        lent
    }

    /// Whether the visitor has shown that it takes large parts as quickly as small ones.
    pub(super) fn takes_large_parts(&self) -> bool {
        self.is_quick && self.taken >= PROOF_BYTES
    }

    /// Lets a time pass that does not count: the visitor takes what it can, of all its answers together.
    pub(super) fn pause(&mut self, elapsed: Duration) {
        self.given = self.given.map(|since| since + elapsed);
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
        self.wake();
    }

    /// Has its task look at it again.
    pub(super) fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }
}
