//! What scripts say to their owner (warnings and errors of PHP): a bounded part of it goes to the box's log.

use std::cell::Cell;
use std::rc::Rc;

use ondol_base::clock;
use tokio::time::Duration;
use tokio::time::Instant;

use crate::upstream::pool::Pool;

/// Of one request; the first words of a flood tell enough.
const BYTES_MAX: usize = 2 * 1024;
/// Requests whose words are written to the log in each [`PERIOD`], by one worker.
const PER_PERIOD: u32 = 20;
const PERIOD: Duration = Duration::from_secs(10);

/// What a script has said. It goes to the log when this is dropped, unless that has had enough for now.
#[derive(Debug)]
pub(super) struct Messages {
    text: Vec<u8>,
    pool: Rc<Pool>,
}

impl Messages {
    /// None yet, of a script that is run there.
    pub(super) fn of(pool: &Rc<Pool>) -> Self {
        Self {
            text: Vec::new(),
            pool: Rc::clone(pool),
        }
    }

    pub(super) fn add(&mut self, part: &[u8]) {
        let room = BYTES_MAX - self.text.len();
        self.text
            .extend_from_slice(part.split_at(room.min(part.len())).0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        if !self.text.is_empty() && may_tell(clock::now()) {
            let server = self.pool.label();
            tracing::warn!(server, "a script says: {}", readable(&self.text));
        }
    }
}

/// In one line, without anything that a terminal would act on.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = text.trim_end().chars();
    shown
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

fn may_tell(now: Instant) -> bool {
    thread_local! {
        /// Since when, and how many since then.
        static TOLD: Cell<Option<(Instant, u32)>> = const { Cell::new(None) };
    }
    TOLD.with(|told| {
        let (since, count) = match told.get() {
            Some((since, count)) if now.duration_since(since) < PERIOD => (since, count),
            Some(_) | None => (now, 0),
        };
        told.set(Some((since, count.saturating_add(1))));
        count < PER_PERIOD
    })
}

#[cfg(test)]
mod tests {
    use ondol_model::upstream::Upstream;

    use super::*;
    use crate::upstream::Connector;

    #[test]
    fn a_flood_is_cut_and_nothing_of_it_moves_a_cursor() {
        let upstream = Upstream::parse("unix:/run/php.sock").expect("an upstream");
        let pool = Pool::new(upstream, Connector::new(1));
        let mut messages = Messages::of(&Rc::new(pool));
        messages.add(b"PHP message: \x1b[31mred\nnext\xff\n\n");
        let shown = readable(&messages.text);
        assert_eq!(shown, "PHP message:  [31mred next\u{fffd}");
        for _ in 0..3 {
            messages.add(&[b'x'; BYTES_MAX]);
        }
        assert_eq!(messages.text.len(), BYTES_MAX);
    }

    #[test]
    fn the_log_has_enough_after_a_while() {
        let now = clock::now();
        let told = (0..100).filter(|_| may_tell(now)).count();
        assert_eq!(told, PER_PERIOD as usize);
        assert!(may_tell(now + PERIOD));
    }
}
