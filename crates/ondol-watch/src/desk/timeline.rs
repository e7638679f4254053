//! The desk's clock: it shows the time of day, and goes evenly though somebody sets that.

use ondol_base::clock;
use tokio::time::Instant;

/// What the time of day may differ before it counts as set; less is followed without a word.
const JUMP_MIN: i64 = 30;

/// The time of day when it was begun, and what has passed since then.
#[derive(Debug)]
pub(crate) struct Timeline {
    wall: i64,
    begun: Instant,
    read: fn() -> i64,
}

impl Timeline {
    /// From now on.
    pub(crate) fn begin() -> Self {
        Self::reading(clock::unix_seconds)
    }

    /// By another clock on the wall.
    fn reading(read: fn() -> i64) -> Self {
        Self {
            wall: read(),
            begun: clock::now(),
            read,
        }
    }

    /// Seconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        let passed = self.begun.elapsed().as_secs();
        self.wall + i64::try_from(passed).unwrap_or(0)
    }

    /// By how many seconds the time of day was set since the last question; `None` when it was not.
    pub(crate) fn jump(&mut self) -> Option<i64> {
        let (expected, shown) = (self.now(), (self.read)());
        let jump = shown - expected;
        self.wall = shown;
        self.begun = clock::now();
        (jump.abs() >= JUMP_MIN).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use super::*;

    static SHOWN: AtomicI64 = AtomicI64::new(1_000);

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_is_noticed_and_one_that_drifts_is_followed() {
        let mut timeline = Timeline::reading(|| SHOWN.load(Ordering::Relaxed));
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(timeline.now(), 1_100);
        SHOWN.store(1_105, Ordering::Relaxed);
        assert_eq!(timeline.jump(), None);
        assert_eq!(timeline.now(), 1_105);
        SHOWN.store(8_305, Ordering::Relaxed);
        assert_eq!(timeline.jump(), Some(7_200));
        assert_eq!(timeline.now(), 8_305);
        SHOWN.store(1_105, Ordering::Relaxed);
        assert_eq!(timeline.jump(), Some(-7_200));
    }
}
