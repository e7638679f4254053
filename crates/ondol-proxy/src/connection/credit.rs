//! How many frames that ask for nothing an HTTP/2 visitor may send.
//!
//! Every protocol of frames has some that cost the server and ask for nothing: PING, SETTINGS, PRIORITY,
//! resets, empty DATA, window updates of zero (CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2025-8671).
//! Honest visitors send them too, but in proportion to what they get. So answers earn credit, such frames
//! cost it, and a little comes with time. Who has none left is not served any more.

use tokio::time::Duration;
use tokio::time::Instant;

/// What a visitor begins with, and gets back with time.
const AT_FIRST: u32 = 2_000;
/// The most that answers can earn: the window updates of 16 MiB in flight to one who sends two of them
/// for each 4 KiB.
const MOST: u32 = 10_000;
/// What comes with each second.
const PER_SECOND: u32 = 100;
/// What an answer earns that was taken whole.
const WHOLE_ANSWER: u32 = 10;
/// What each part of an answer earns, besides one for each [`BYTES_PER_CREDIT`].
const PART: u32 = 4;
const BYTES_PER_CREDIT: usize = 1024;

/// What a visitor has left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credit {
    left: u32,
    counted: Instant,
}

impl Credit {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: AT_FIRST,
            counted: now,
        }
    }

    pub(super) fn earn_by_part(&mut self, bytes: usize) {
        let by_bytes = u32::try_from(bytes / BYTES_PER_CREDIT).unwrap_or(MOST);
        self.earn(PART.saturating_add(by_bytes));
    }

    pub(super) fn earn_by_answer(&mut self) {
        self.earn(WHOLE_ANSWER);
    }

    /// Spends; false when there is not enough.
    pub(super) fn spend(&mut self, cost: u32, now: Instant) -> bool {
        self.count_time(now);
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    fn earn(&mut self, credit: u32) {
        self.left = self.left.saturating_add(credit).min(MOST);
    }

    fn count_time(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted);
        if passed < Duration::from_secs(1) {
            return;
        }
        self.counted = now;
        let seconds = u32::try_from(passed.as_secs()).unwrap_or(AT_FIRST);
        let with_time = self
            .left
            .saturating_add(seconds.saturating_mul(PER_SECOND))
            .min(AT_FIRST);
        self.left = self.left.max(with_time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spends(credit: &mut Credit, now: Instant) -> u32 {
        let mut spent = 0;
        while credit.spend(1, now) {
            spent += 1;
        }
        spent
    }

    #[test]
    fn who_asks_for_nothing_is_soon_without_credit_and_gets_little_with_time() {
        let begin = ondol_base::clock::now();
        let mut credit = Credit::new(begin);
        assert_eq!(spends(&mut credit, begin), AT_FIRST);
        let later = begin + Duration::from_secs(2);
        assert_eq!(spends(&mut credit, later), 2 * PER_SECOND);
        let much_later = begin + Duration::from_secs(3600);
        assert_eq!(spends(&mut credit, much_later), AT_FIRST);
    }

    #[test]
    fn answers_earn_credit_up_to_a_bound() {
        let begin = ondol_base::clock::now();
        let mut credit = Credit::new(begin);
        credit.earn_by_answer();
        credit.earn_by_part(2 * BYTES_PER_CREDIT);
        let earned = WHOLE_ANSWER + PART + 2;
        assert_eq!(spends(&mut credit, begin), AT_FIRST + earned);
        credit.earn_by_part(usize::MAX);
        assert_eq!(spends(&mut credit, begin), MOST);
    }

    #[test]
    fn time_takes_nothing_away() {
        let begin = ondol_base::clock::now();
        let mut credit = Credit::new(begin);
        credit.earn_by_part(1024 * 1024);
        assert!(credit.spend(1, begin + Duration::from_secs(5)));
        assert!(credit.left > AT_FIRST);
    }
}
