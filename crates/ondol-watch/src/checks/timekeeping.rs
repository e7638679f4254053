//! Whether the clock of the box is right: by what machines far away say, and by whether somebody keeps it so. A wrong
//! clock breaks certificates, codes for logging in, and the order of everything that is written down.

use std::time::Duration;

use ondol_base::clock;
use ondol_base::program;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use tokio::time::Instant;

mod sntp;

/// Machines far away that know the time; two, so that one that errs is noticed.
const SERVERS: [&str; 2] = ["time.cloudflare.com:123", "pool.ntp.org:123"];
/// Nobody is asked more often, unless the clock jumps.
const PACE: Duration = Duration::from_secs(10 * 60);
/// What was heard is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(60 * 60);
/// Two that differ by more don't agree.
const AGREEMENT_S: f64 = 2.0;
/// Codes for logging in still work; a log is hard to compare with another.
const WARN_S: f64 = 2.0;
/// Codes for logging in fail, and soon certificates do.
const FAIL_S: f64 = 60.0;
/// A clock that moved so much more or less than time did was set.
const JUMP_MS: i64 = 5_000;
/// systemd's word for what the kernel knows of it.
const PROGRAM: &str = "timedatectl";
const PROGRAM_LIMIT: Duration = Duration::from_secs(10);

/// Looks at the clock, and remembers what was heard.
#[derive(Debug, Default)]
pub(super) struct ClockWatch {
    asked_at: Option<Instant>,
    /// Seconds that the clock is ahead.
    ahead: Option<(Instant, f64)>,
    is_kept: Option<bool>,
    /// The clock, and the time by which waits are measured, in milliseconds, at the last look.
    last: Option<(i64, Instant)>,
}

impl ClockWatch {
    /// Looks once; machines far away are asked only where that is wanted.
    pub(super) async fn look(&mut self, may_ask: bool) -> Vec<Observation> {
        let now = clock::now();
        let has_jumped = self.has_jumped(clock::unix_milliseconds(), now);
        if has_jumped {
            self.ahead = None;
        }
        let is_due = self
            .asked_at
            .is_none_or(|at| now.duration_since(at) >= PACE);
        if is_due || has_jumped {
            self.asked_at = Some(now);
            self.is_kept = is_kept().await;
            if may_ask && let Some(ahead) = ask_both().await {
                self.ahead = Some((now, ahead));
            }
        }
        let young = self
            .ahead
            .filter(|(at, _)| now.duration_since(*at) < GOOD_FOR);
        vec![judge(young.map(|(_, ahead)| ahead), self.is_kept)]
    }

    fn has_jumped(&mut self, wall_ms: i64, now: Instant) -> bool {
        let before = self.last.replace((wall_ms, now));
        before.is_some_and(|(wall_before, at)| {
            let passed = i64::try_from(now.duration_since(at).as_millis()).unwrap_or(i64::MAX);
            (wall_ms - wall_before - passed).abs() > JUMP_MS
        })
    }
}

async fn ask_both() -> Option<f64> {
    let (first, second) = tokio::join!(sntp::ask(SERVERS[0]), sntp::ask(SERVERS[1]));
    agreed(first.ok(), second.ok())
}

fn agreed(first: Option<f64>, second: Option<f64>) -> Option<f64> {
    match (first, second) {
        (Some(first), Some(second)) => {
            let do_agree = (first - second).abs() <= AGREEMENT_S;
            do_agree.then_some(f64::midpoint(first, second))
        }
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

/// Whether somebody keeps the clock right; `None` where nobody says.
async fn is_kept() -> Option<bool> {
    let arguments = ["show", "--property=NTPSynchronized", "--value"];
    let arguments = arguments.map(str::to_owned).to_vec();
    let ran = program::run_for_output(PROGRAM, arguments, 64, PROGRAM_LIMIT).await;
    match ran.ok()?.1.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

fn judge(ahead: Option<f64>, is_kept: Option<bool>) -> Observation {
    let mut seen = match (ahead, is_kept) {
        (Some(ahead), _) if ahead.abs() >= WARN_S => {
            #[expect(clippy::cast_possible_truncation, reason = "centuries fit")]
            let off = Finding::of(What::ClockOff(ahead.round() as i64));
            if ahead.abs() >= FAIL_S {
                Observation::fail(Subject::Clock, off)
            } else {
                Observation::warn(Subject::Clock, off)
            }
        }
        (_, Some(false)) => Observation::warn(Subject::Clock, Finding::of(What::ClockFree)),
        (None, None) => Observation::unknown(Subject::Clock),
        (Some(_), _) | (None, Some(true)) => Observation::pass(Subject::Clock),
    };
    seen.values
        .extend(ahead.map(|ahead| ("clock_offset_seconds", ahead)));
    seen
}

#[cfg(test)]
mod tests {
    use ondol_model::watch::State;

    use super::*;

    #[test]
    fn a_clock_is_right_wrong_free_or_not_known() {
        for (ahead, is_kept, state, what) in [
            (Some(0.1), Some(true), State::Pass, None),
            (Some(-1.9), None, State::Pass, None),
            (
                Some(-3.2),
                Some(true),
                State::Warn,
                Some(What::ClockOff(-3)),
            ),
            (
                Some(90.0),
                Some(true),
                State::Fail,
                Some(What::ClockOff(90)),
            ),
            (Some(0.1), Some(false), State::Warn, Some(What::ClockFree)),
            (None, Some(false), State::Warn, Some(What::ClockFree)),
            (None, Some(true), State::Pass, None),
            (None, None, State::Unknown, None),
        ] {
            let seen = judge(ahead, is_kept);
            let found = seen.finding.map(|finding| finding.what);
            assert_eq!((seen.state, found), (state, what), "{ahead:?} {is_kept:?}");
        }
    }

    #[test]
    fn two_that_differ_are_not_believed() {
        assert_eq!(agreed(Some(1.0), Some(2.0)), Some(1.5));
        assert_eq!(agreed(Some(0.0), Some(3.0)), None);
        assert_eq!(agreed(None, Some(3.0)), Some(3.0));
        assert_eq!(agreed(None, None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_is_noticed_in_both_directions() {
        let mut watch = ClockWatch::default();
        let minute = Duration::from_secs(60);
        let mut at = Instant::now();
        for (wall_ms, expected) in [
            (1_000_000, false),
            (1_060_100, false),
            (4_720_100, true),
            (4_780_100, false),
            (1_240_100, true),
        ] {
            assert_eq!(watch.has_jumped(wall_ms, at), expected, "{wall_ms}");
            at += minute;
        }
    }
}
