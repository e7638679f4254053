//! Whether a visitor sends its body fast enough.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use ondol_base::clock;
use ondol_model::pace::Pace;
use ondol_model::plan::Patience;
use tokio::time::Instant;
use tokio::time::Sleep;

/// The waiting for one body. Time counts only while nothing but the visitor is waited for.
#[derive(Debug)]
pub(super) struct Stall {
    patience: Patience,
    pace: Pace,
    /// While the visitor is waited for: since when.
    waits: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            pace: Pace::default(),
            waits: None,
            timer: None,
        }
    }

    /// The answer has begun: from now on it may be a conversation (gRPC streams, long polling by POST), in
    /// which a visitor has nothing to say for a while. It must say something now and then all the same.
    pub(super) fn answer_begins(&mut self) {
        self.patience.bytes_per_second_min = 0;
    }

    /// Notes bytes from the visitor. True when it has been too slow with them.
    pub(super) fn received(&mut self, bytes: usize) -> bool {
        let waited = self.waits.take().map(|since| clock::now() - since);
        self.pace.moved(bytes as u64);
        waited.is_some_and(|waited| {
            let Patience {
                body,
                bytes_per_second_min,
                send: _,
            } = self.patience;
            self.pace.waited(waited, body, bytes_per_second_min)
        })
    }

    /// Waits for the visitor; ready when that has taken too long.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waits.get_or_insert_with(clock::now);
        let deadline = since + self.patience.body;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        // A timer that is set anew for each part costs more than one that now and then rings too early.
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}
