//! A queue that outlives who reads it: it is lent to a service, also when that begins again after a panic.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::mpsc;

/// The reading end. There is one reader at a time; a second one would only share what comes.
#[derive(Debug)]
pub(crate) struct Lent<T>(Arc<Mutex<mpsc::Receiver<T>>>);

impl<T> Lent<T> {
    pub(crate) fn new(queue: mpsc::Receiver<T>) -> Self {
        Self(Arc::new(Mutex::new(queue)))
    }

    /// What comes next; `None` when nobody can send any more. The lock is never held while it waits.
    pub(crate) async fn recv(&self) -> Option<T> {
        poll_fn(|context| {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queue.poll_recv(context)
        })
        .await
    }

    /// What is there already.
    pub(crate) fn try_recv(&self) -> Option<T> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.try_recv().ok()
    }
}

impl<T> Clone for Lent<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
