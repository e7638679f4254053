//! When a message that did not arrive is tried again, and when its channel is left alone for a while.

use std::time::Duration;

/// Why a message did not arrive, as far as it decides when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendTrouble {
    /// Nobody was reached.
    Unreachable,
    /// Somebody was reached, and can't now; not before so long, where that was said.
    Busy(Option<Duration>),
    /// It was refused, and will be until the configuration changes.
    Refused,
    /// Something came back that makes no sense: it may have arrived.
    Strange,
}

/// How long messages are tried: after a week nobody wants to know.
pub const TRIED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Tries of a message that may have arrived each time; one more would only annoy.
pub const STRANGE_TRIES_MAX: u32 = 5;
/// Failures after which a channel is in trouble: fewer are the weather.
pub const TROUBLE_AFTER: u32 = 3;

/// What is away is often back in a minute, or in a morning.
const UNREACHABLE: [u64; 6] = [5, 15, 60, 5 * 60, 15 * 60, 30 * 60];
/// What is busy and does not say how long.
const BUSY: [u64; 4] = [30, 60, 5 * 60, 15 * 60];
/// What is refused is refused again; the first tries are for servers that refuse when they mean "not now".
const REFUSED: [u64; 4] = [5, 15, 60, 60 * 60];
/// What may have arrived.
const STRANGE: [u64; 4] = [60, 5 * 60, 15 * 60, 30 * 60];
/// Who wants more patience than this is asked earlier.
const BUSY_MAX: Duration = Duration::from_secs(60 * 60);
/// Who wants less is asked later.
const BUSY_MIN: Duration = Duration::from_secs(1);

/// How long to wait after the `tries`th failure in a row, counted from 1.
pub fn wait(trouble: SendTrouble, tries: u32) -> Duration {
    let waits: &[u64] = match trouble {
        SendTrouble::Unreachable => &UNREACHABLE,
        SendTrouble::Busy(Some(told)) => return told.clamp(BUSY_MIN, BUSY_MAX),
        SendTrouble::Busy(None) => &BUSY,
        SendTrouble::Refused => &REFUSED,
        SendTrouble::Strange => &STRANGE,
    };
    let index = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = waits.get(index).or(waits.last()).copied().unwrap_or(60);
    Duration::from_secs(seconds)
}

/// Whether a message is given up after its `tries`th failure.
pub fn is_given_up(trouble: SendTrouble, tries: u32) -> bool {
    match trouble {
        SendTrouble::Strange => tries >= STRANGE_TRIES_MAX,
        SendTrouble::Unreachable | SendTrouble::Busy(_) | SendTrouble::Refused => false,
    }
}

/// How a channel has been lately: the breaker that spares one that takes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Failures in a row.
    failures: u32,
    /// The same, where one message that is refused again and again counts once: it may be the message's fault.
    blamed: u32,
    /// The message that failed last.
    last: Option<i64>,
}

impl Reach {
    /// Notes that a message arrived.
    pub fn delivered(&mut self) {
        *self = Self::default();
    }

    /// Notes that a message did not arrive; returns for how long the channel is left alone.
    pub fn failed(&mut self, trouble: SendTrouble, message: i64) -> Duration {
        let is_again = self.last == Some(message);
        self.last = Some(message);
        let is_channels = match trouble {
            SendTrouble::Unreachable | SendTrouble::Busy(_) => true,
            SendTrouble::Refused | SendTrouble::Strange => !is_again,
        };
        self.failures = self.failures.saturating_add(1);
        if is_channels || self.blamed == 0 {
            self.blamed = self.blamed.saturating_add(1);
        }
        wait(trouble, self.blamed)
    }

    /// Whether the last message did not arrive.
    pub fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Whether so much failed that the owner should know.
    pub fn is_in_trouble(&self) -> bool {
        self.failures >= TROUBLE_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(trouble: SendTrouble) -> Vec<u64> {
        (1..=8)
            .map(|tries| wait(trouble, tries).as_secs())
            .collect()
    }

    #[test]
    fn each_kind_of_trouble_is_tried_again_as_it_deserves() {
        let busy = |seconds| SendTrouble::Busy(Some(Duration::from_secs(seconds)));
        for (trouble, expected) in [
            (
                SendTrouble::Unreachable,
                [5, 15, 60, 300, 900, 1_800, 1_800, 1_800],
            ),
            (
                SendTrouble::Busy(None),
                [30, 60, 300, 900, 900, 900, 900, 900],
            ),
            (busy(17), [17; 8]),
            (busy(0), [1; 8]),
            (busy(1_000_000), [3_600; 8]),
            (
                SendTrouble::Refused,
                [5, 15, 60, 3_600, 3_600, 3_600, 3_600, 3_600],
            ),
            (
                SendTrouble::Strange,
                [60, 300, 900, 1_800, 1_800, 1_800, 1_800, 1_800],
            ),
        ] {
            assert_eq!(waits(trouble), expected, "{trouble:?}");
        }
        assert_eq!(wait(SendTrouble::Unreachable, 0).as_secs(), 5);
    }

    #[test]
    fn only_what_may_have_arrived_is_given_up_by_its_number_of_tries() {
        assert!(!is_given_up(SendTrouble::Strange, 4));
        assert!(is_given_up(SendTrouble::Strange, 5));
        for trouble in [
            SendTrouble::Unreachable,
            SendTrouble::Busy(None),
            SendTrouble::Refused,
        ] {
            assert!(!is_given_up(trouble, u32::MAX), "{trouble:?}");
        }
    }

    #[test]
    fn a_channel_that_takes_nothing_is_left_alone_for_longer_and_longer() {
        let mut reach = Reach::default();
        let mut seconds = Vec::new();
        for _ in 0..4 {
            seconds.push(reach.failed(SendTrouble::Unreachable, 1).as_secs());
        }
        assert_eq!(seconds, [5, 15, 60, 300]);
        assert!(reach.is_in_trouble());
        reach.delivered();
        assert!(!reach.is_in_trouble());
        assert_eq!(reach.failed(SendTrouble::Unreachable, 2).as_secs(), 5);
    }

    #[test]
    fn one_message_that_is_refused_again_and_again_does_not_hold_up_the_others() {
        let mut reach = Reach::default();
        for _ in 0..10 {
            assert_eq!(reach.failed(SendTrouble::Refused, 1).as_secs(), 5);
        }
        let others = [2, 3, 4].map(|id| reach.failed(SendTrouble::Refused, id).as_secs());
        assert_eq!(others, [15, 60, 3_600], "but all that are refused do");
        assert!(reach.is_in_trouble());
    }
}
