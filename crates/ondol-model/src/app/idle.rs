//! When an app that nobody asks for is put to sleep.

use std::time::Duration;

use crate::app::LaunchTraffic;

/// A launch that uses more of a processor than this is at work although nobody asks for it, in thousandths.
const BUSY_THOUSANDTHS: u64 = 10;

/// Watches how long an app has been idle.
#[derive(Debug, Clone, Default)]
pub struct IdleWatch {
    last: Option<Look>,
    idle_since: Option<Duration>,
}

/// What was seen of an app at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The moment, on any clock that only goes forward.
    pub at: Duration,
    /// Its requests.
    pub traffic: LaunchTraffic,
    /// Requests that wait for it.
    pub held: u32,
    /// Microseconds of processors that its processes used so far; `None` where this is not known.
    pub cpu_us: Option<u64>,
}

impl IdleWatch {
    /// How long it has been idle: no request under way, no tunnel open, none begun, hardly a processor used.
    pub fn look(&mut self, look: Look) -> Duration {
        let is_busy = match self.last {
            None => true,
            Some(last) => !look.traffic.is_idle() || look.held > 0 || has_worked(last, look),
        };
        self.last = Some(look);
        if is_busy {
            self.idle_since = None;
            return Duration::ZERO;
        }
        let since = *self.idle_since.get_or_insert(look.at);
        look.at.saturating_sub(since)
    }
}

fn has_worked(last: Look, now: Look) -> bool {
    if now.traffic.requests != last.traffic.requests {
        return true;
    }
    let (Some(before), Some(after)) = (last.cpu_us, now.cpu_us) else {
        return false;
    };
    let passed = now.at.saturating_sub(last.at).as_micros();
    let used = u128::from(after.saturating_sub(before));
    used * 1000 > passed * u128::from(BUSY_THOUSANDTHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(second: u64) -> Look {
        Look {
            at: Duration::from_secs(second),
            traffic: LaunchTraffic::default(),
            held: 0,
            cpu_us: Some(0),
        }
    }

    #[test]
    fn idleness_begins_with_the_first_look_at_which_nothing_had_happened() {
        let mut watch = IdleWatch::default();
        let idle = [0, 5, 10, 65].map(|second| watch.look(look(second)).as_secs());
        assert_eq!(idle, [0, 0, 5, 60]);
    }

    #[test]
    fn requests_tunnels_waiting_and_work_count_as_busy() {
        let request = LaunchTraffic {
            requests: 1,
            ..LaunchTraffic::default()
        };
        let under_way = LaunchTraffic {
            in_flight: 1,
            ..LaunchTraffic::default()
        };
        let tunnel = LaunchTraffic {
            tunnels: 1,
            ..LaunchTraffic::default()
        };
        let busy = [
            Look {
                traffic: request,
                ..look(20)
            },
            Look {
                traffic: under_way,
                ..look(20)
            },
            Look {
                traffic: tunnel,
                ..look(20)
            },
            Look {
                held: 1,
                ..look(20)
            },
            Look {
                cpu_us: Some(150_000),
                ..look(20)
            },
        ];
        for busy in busy {
            let mut watch = IdleWatch::default();
            watch.look(look(0));
            watch.look(look(5));
            assert_eq!(watch.look(look(10)).as_secs(), 5);
            assert_eq!(watch.look(busy), Duration::ZERO, "{busy:?}");
        }
    }

    #[test]
    fn a_little_work_is_none() {
        let mut watch = IdleWatch::default();
        watch.look(look(0));
        watch.look(look(10));
        let little = Look {
            cpu_us: Some(90_000),
            ..look(20)
        };
        assert_eq!(watch.look(little).as_secs(), 10);
    }
}
