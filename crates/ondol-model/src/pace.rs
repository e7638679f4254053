//! Whether somebody who is waited for moves fast enough.
//!
//! Only the time counts in which nothing but this somebody is waited for, and only averages over a
//! window of it: who stalls now and then, or is slow from afar, is not cut off; who sends a byte at a time
//! to hold a connection is.

use std::time::Duration;

/// What moved during a window of waiting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    waited: Duration,
    moved: u64,
}

impl Pace {
    /// Notes bytes that have moved.
    pub fn moved(&mut self, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
    }

    /// Notes a time of waiting. True when a whole window of it has passed, in which less moved than
    /// `per_second_min` for each of its seconds; then the next window begins.
    pub fn waited(&mut self, time: Duration, window: Duration, per_second_min: u64) -> bool {
        self.waited = self.waited.saturating_add(time);
        if self.waited < window {
            return false;
        }
        let needed = u128::from(per_second_min) * self.waited.as_millis() / 1000;
        let is_slow = u128::from(self.moved) < needed;
        *self = Self::default();
        is_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    /// The second at which somebody who moves so many bytes in each is too slow, within ten minutes.
    fn cut_at(bytes: impl Fn(u64) -> u64) -> Option<u64> {
        let mut pace = Pace::default();
        (1..=600).find(|&second| {
            pace.moved(bytes(second));
            pace.waited(SECOND, WINDOW, 240)
        })
    }

    #[test]
    fn who_is_too_slow_is_cut_after_a_window() {
        assert_eq!(cut_at(|_| 0), Some(60));
        assert_eq!(cut_at(|_| 1), Some(60));
        assert_eq!(cut_at(|_| 239), Some(60));
        assert_eq!(cut_at(|_| 240), None);
    }

    #[test]
    fn it_is_the_average_that_counts() {
        let in_lumps = |second: u64| {
            if second.is_multiple_of(50) { 20_000 } else { 0 }
        };
        assert_eq!(cut_at(in_lumps), None);
        let ever_slower = |second| if second < 100 { 10_000 } else { 10 };
        assert_eq!(cut_at(ever_slower), Some(180));
    }

    #[test]
    fn without_a_least_nobody_is_too_slow() {
        let mut pace = Pace::default();
        assert!((0..600).all(|_| !pace.waited(SECOND, WINDOW, 0)));
    }
}
