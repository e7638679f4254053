//! What is known of all connections of a worker together: the time, and what they have lent.

use std::cell::Cell;

use tokio::time::Instant;

/// Written by the worker and its connections, on one thread.
#[derive(Debug)]
pub(crate) struct Ledger {
    now: Cell<Instant>,
    lent: Cell<usize>,
}

impl Ledger {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            now: Cell::new(now),
            lent: Cell::new(0),
        }
    }

    /// The time to a fraction of a second, for limits that need no more.
    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    pub(crate) fn set_now(&self, now: Instant) {
        self.now.set(now);
    }

    /// Bytes of answers that visitors have been given and have not taken, more or less.
    pub(crate) fn lent(&self) -> usize {
        self.lent.get()
    }

    pub(super) fn lend(&self, bytes: usize) {
        self.lent.set(self.lent.get().saturating_add(bytes));
    }

    pub(super) fn take_back(&self, bytes: usize) {
        self.lent.set(self.lent.get().saturating_sub(bytes));
    }
}
