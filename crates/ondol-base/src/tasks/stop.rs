//! The wish that something ends, which it obeys where it is safe to.

use tokio::sync::watch;

/// Asks for the end of all that hold its [`Stop`]. Dropping it asks too.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Where a task learns that it should end.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// A wish not yet said, and where it will be heard.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Asks; more than once is as good as once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until the end is asked for. Cancel-safe.
    pub async fn requested(&self) {
        // An error means that the stopper is gone, which asks too.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// Whether the end was asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
