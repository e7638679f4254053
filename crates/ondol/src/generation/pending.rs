//! The one order to serve something that is not answered yet.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::generation::TakeUpError;
use crate::generation::member::Desired;

/// An order to serve something, until it is answered.
#[derive(Debug)]
pub(super) struct Pending {
    /// It is done when the data plane that serves says this number.
    pub(super) sequence: u64,
    /// What was to be served before, for the case that it fails.
    pub(super) previous: Desired,
    /// When the data plane that was told counts as stuck; `None` while another is started.
    pub(super) deadline: Option<Instant>,
    pub(super) reply: oneshot::Sender<Result<(), TakeUpError>>,
}

impl Pending {
    /// Gives up on the data plane that was told, if its time is over, and says so.
    pub(super) fn gives_up(&mut self, now: Instant) -> bool {
        let is_over = self.deadline.is_some_and(|at| at <= now);
        if is_over {
            self.deadline = None;
        }
        is_over
    }

    /// Answers; who asked may have gone.
    pub(super) fn answer(self, answer: Result<(), TakeUpError>) {
        let _ = self.reply.send(answer);
    }
}
