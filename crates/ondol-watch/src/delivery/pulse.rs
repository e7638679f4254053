//! Whether the time of day can be trusted: it goes as time does.

use std::time::Duration;

use tokio::time::Instant;

/// A clock that is kept right is moved by less, in seconds.
const JUMP_MIN: i64 = 60;
/// After a jump the desk moves all times that are remembered; nothing is judged by them before.
const SETTLE: Duration = Duration::from_secs(30);

/// The time of day, as it was seen last.
#[derive(Debug)]
pub(super) struct Pulse {
    last: Option<(Instant, i64)>,
    settles_at: Option<Instant>,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self {
            last: None,
            settles_at: None,
        }
    }

    /// Whether the time of day went on as time did, for a while.
    pub(super) fn is_steady(&mut self, instant: Instant, now: i64) -> bool {
        if let Some((then, before)) = self.last.replace((instant, now)) {
            let passed = i64::try_from(instant.duration_since(then).as_secs()).unwrap_or(i64::MAX);
            let jump = now.saturating_sub(before).saturating_sub(passed);
            if jump.abs() >= JUMP_MIN {
                self.settles_at = Some(instant + SETTLE);
            }
        }
        self.settles_at.is_none_or(|settles| settles <= instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_not_trusted_for_a_while() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::new();
        for (instant, now, expected) in [
            (at(0), 1_000, true),
            (at(100), 1_100, true),
            (at(200), 1_230, true),
            (at(300), 90_000, false),
            (at(329), 90_029, false),
            (at(330), 90_030, true),
            (at(400), 0, false),
        ] {
            assert_eq!(pulse.is_steady(instant, now), expected, "{now}");
        }
    }
}
