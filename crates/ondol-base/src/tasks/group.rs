//! Workers of one owner: connections, children. The failure of one ends only it.

use std::collections::HashMap;

use tokio::task::Id;
use tokio::task::JoinError;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::panic_text;

/// The owner of workers. Dropping it aborts them all.
#[derive(Debug, Default)]
pub struct Group {
    workers: JoinSet<()>,
    names: HashMap<Id, String>,
}

impl Group {
    /// Starts a worker on the runtime of the caller. A panic of it is logged under this name.
    pub fn spawn<F>(&mut self, name: impl Into<String>, worker: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        while let Some(ended) = self.workers.try_join_next_with_id() {
            self.forget(ended);
        }
        let id = self.workers.spawn(worker).id();
        self.names.insert(id, name.into());
    }

    /// Waits for the next worker to end and returns its name; `None` when there is none. Cancel-safe.
    pub async fn next_end(&mut self) -> Option<String> {
        let ended = self.workers.join_next_with_id().await?;
        Some(self.forget(ended))
    }

    /// Waits for all to end, until the deadline; then aborts the rest and returns their names in
    /// order. That the end is wanted, the workers must have been told (see [`super::Stop`]).
    pub async fn close_and_wait(mut self, deadline: Instant) -> Vec<String> {
        let all_ended = async { while self.next_end().await.is_some() {} };
        // The time being up leaves the late ones in `names`.
        let _ = tokio::time::timeout_at(deadline, all_ended).await;
        let mut late: Vec<_> = self.names.into_values().collect();
        late.sort();
        late
    }

    /// How many have not ended, as far as is known.
    pub fn len(&self) -> usize {
        self.workers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) -> String {
        let (id, error) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        let name = self.names.remove(&id).unwrap_or_default();
        if let Some(error) = error {
            let error = panic_text(error);
            tracing::error!(worker = name, error, "a worker ended badly");
        }
        name
    }
}
