//! How long to wait before the next try: doubling, capped, with jitter. It waits for nothing itself.

use std::hash::BuildHasher;
use std::hash::Hasher;
use std::hash::RandomState;
use std::time::Duration;

/// The waits between tries: each twice as long as the one before, up to a cap.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    tries: u32,
}

impl Backoff {
    /// Waits that begin at `first` and never exceed `cap`.
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            tries: 0,
        }
    }

    /// The next wait: between half of the full one and all of it, so that many that failed together
    /// don't come back together.
    pub fn next_wait(&mut self) -> Duration {
        self.next_wait_at(random_fraction())
    }

    /// The next wait with the chance taken out: `fraction` 0.0 gives half of the full wait, 1.0 all
    /// of it; what lies outside is brought to the nearer end.
    pub fn next_wait_at(&mut self, fraction: f64) -> Duration {
        let doubled = 2_u32
            .checked_pow(self.tries)
            .and_then(|factor| self.first.checked_mul(factor));
        let full = doubled.unwrap_or(self.cap).min(self.cap);
        self.tries = self.tries.saturating_add(1);
        full.mul_f64(0.5 + fraction.clamp(0.0, 1.0) / 2.0)
    }

    /// Begins again at the first wait: something worked.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// How many waits were given since the beginning or the last reset.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

/// A number from 0.0 to 1.0 that differs each time; the standard library's hash keys are its only
/// source of chance, and good enough to spread retries.
fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_cap_and_begin_again_after_a_reset() {
        let mut backoff = Backoff::new(SECOND, 10 * SECOND);
        let mut waits = || {
            (0..6)
                .map(|_| backoff.next_wait_at(1.0).as_secs())
                .collect::<Vec<_>>()
        };
        assert_eq!(waits(), [1, 2, 4, 8, 10, 10]);
        assert_eq!(waits(), [10; 6]);
        assert_eq!(backoff.tries(), 12);
        backoff.reset();
        assert_eq!(backoff.next_wait_at(0.0), SECOND / 2);
    }

    #[test]
    fn a_wait_is_never_longer_than_the_cap_however_many_tries() {
        let mut backoff = Backoff::new(SECOND, 10 * SECOND);
        for _ in 0..200 {
            let wait = backoff.next_wait();
            assert!(wait >= SECOND / 2 && wait <= 10 * SECOND, "{wait:?}");
        }
    }

    #[test]
    fn chance_spreads_the_waits() {
        let waits = (0..50)
            .map(|_| Backoff::new(SECOND, SECOND).next_wait())
            .collect::<std::collections::HashSet<_>>();
        assert!(waits.len() > 25, "only {} different waits", waits.len());
    }
}
