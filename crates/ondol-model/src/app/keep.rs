//! When a process that ended is started again, and when to call it failed.

use std::time::Duration;

/// The wait before the first restart.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest wait before a restart.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Ends in a row, each after too short a time: one more and it has failed.
const ENDS_MAX: u32 = 7;
/// How often one that failed is tried.
const FAILED_WAIT: Duration = Duration::from_secs(600);
/// One that was well for less is no better than one that never was.
const WELL_MIN: Duration = Duration::from_secs(10);

/// Keeps count of the ends of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keeper {
    ends: u32,
    last_wait: Duration,
}

/// What to do about an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterEnd {
    /// Start it again after this wait.
    Again(Duration),
    /// It ends again and again; it is tried once more after this wait.
    Failed(Duration),
}

impl Keeper {
    /// It ended, after it had been well for so long (zero when it never was).
    pub fn ended(&mut self, well_for: Duration) -> AfterEnd {
        // A process that needs twenty seconds to break is no better for it when it waits for one.
        if well_for >= WELL_MIN && well_for > self.last_wait * 2 {
            *self = Self::default();
        }
        self.ends += 1;
        if self.ends > ENDS_MAX {
            return AfterEnd::Failed(FAILED_WAIT);
        }
        let doubled = WAIT_FIRST.saturating_mul(1 << (self.ends - 1));
        self.last_wait = doubled.min(WAIT_MAX);
        AfterEnd::Again(self.last_wait)
    }

    /// How often it ended in a row.
    pub fn ends(&self) -> u32 {
        self.ends
    }

    /// Whether it counts as failed until it is well for a while.
    pub fn has_failed(&self) -> bool {
        self.ends > ENDS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::ZERO;

    fn waits(keeper: &mut Keeper, times: usize) -> Vec<AfterEnd> {
        (0..times).map(|_| keeper.ended(NEVER)).collect()
    }

    #[test]
    fn waits_double_to_a_minute_and_then_it_has_failed() {
        let mut keeper = Keeper::default();
        let seconds = |seconds| AfterEnd::Again(Duration::from_secs(seconds));
        let expected = [1, 2, 4, 8, 16, 32, 60].map(seconds);
        assert_eq!(waits(&mut keeper, 7), expected);
        assert!(!keeper.has_failed());
        assert_eq!(waits(&mut keeper, 2), [AfterEnd::Failed(FAILED_WAIT); 2]);
        assert!(keeper.has_failed());
    }

    #[test]
    fn one_that_was_well_for_long_begins_anew() {
        let mut keeper = Keeper::default();
        waits(&mut keeper, 5); // The last wait is 16 s.
        assert_eq!(
            keeper.ended(Duration::from_secs(32)),
            AfterEnd::Again(Duration::from_secs(32))
        );
        assert_eq!(
            keeper.ended(Duration::from_secs(65)),
            AfterEnd::Again(WAIT_FIRST)
        );
        assert_eq!(keeper.ends(), 1);
    }

    #[test]
    fn a_moment_is_not_long() {
        let mut keeper = Keeper::default();
        for _ in 0..7 {
            keeper.ended(Duration::from_secs(9));
        }
        assert_eq!(
            keeper.ended(Duration::from_secs(9)),
            AfterEnd::Failed(FAILED_WAIT)
        );
        assert_eq!(
            keeper.ended(Duration::from_secs(3600)),
            AfterEnd::Again(WAIT_FIRST)
        );
    }
}
