//! TLS handshakes take turns with everything else that a worker does.
//!
//! A handshake costs as much time as a hundred requests, and a flood of them arrives at once. Without turns
//! each request would wait for all of them; with turns it waits for a few. Handshakes themselves are not
//! refused: behind one address there may be a whole company, and connections per address are limited.

use std::cell::Cell;

/// Handshakes that begin before the sockets are looked at again: about a millisecond's worth.
const PER_ROUND: u32 = 8;

/// The handshakes of one worker.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    round: Cell<u64>,
    begun: Cell<u32>,
}

impl Handshakes {
    /// Waits until it is this handshake's turn to begin.
    pub(crate) async fn turn(&self) {
        while self.begun.get() >= PER_ROUND {
            let round = self.round.get();
            // The runtime looks at its sockets, and runs what is ready, before this one goes on.
            tokio::task::yield_now().await;
            if self.round.get() == round {
                self.round.set(round + 1);
                self.begun.set(0);
            }
        }
        self.begun.set(self.begun.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;
    use std::task::Waker;

    use super::*;

    #[tokio::test]
    async fn those_of_a_crowd_begin_a_few_at_a_time() {
        let handshakes = Handshakes::default();
        let cx = &mut Context::from_waker(Waker::noop());
        let mut waiting: Vec<_> = (0..PER_ROUND * 3)
            .map(|_| Box::pin(handshakes.turn()))
            .collect();
        for round in 1..=3 {
            let before = waiting.len();
            waiting.retain_mut(|turn| turn.as_mut().poll(cx).is_pending());
            assert_eq!(before - waiting.len(), PER_ROUND as usize, "round {round}");
        }
        assert!(waiting.is_empty());
    }

    #[tokio::test]
    async fn who_is_alone_does_not_wait() {
        let handshakes = Handshakes::default();
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(pin!(handshakes.turn()).poll(cx).is_ready());
    }
}
