//! Nights, outages, failures and clocks that jump.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Half past three in the night, in UTC.
const NIGHT: i64 = 1_000 * DAY + 3 * HOUR + 1_800;

fn utc(_from: i64) -> Span {
    Span {
        offset: 0,
        until: None,
    }
}

fn nightly() -> Times {
    Times::At(Schedule::parse("03:30").unwrap())
}

fn ended(began_at: i64, outcome: JobOutcome, failures: u32) -> Option<Last> {
    Some(Last {
        began_at,
        ended_at: Some(began_at + 60),
        outcome: Some(outcome),
        failures,
    })
}

#[test]
fn the_first_comes_as_soon_as_the_box_has_settled() {
    for times in [nightly(), Times::Every(DAY)] {
        assert_eq!(due(&times, None, 500, 100, utc), Due::At(500));
        assert!(matches!(due(&times, None, 500, 500, utc), Due::Now(_)));
    }
    assert_eq!(due(&Times::Never, None, 0, 100, utc), Due::Never);
}

#[test]
fn it_comes_each_night_and_once_for_all_nights_that_were_missed() {
    let last = ended(NIGHT, JobOutcome::Good, 0);
    let next = NIGHT + DAY;
    assert_eq!(due(&nightly(), last, 0, next - 1, utc), Due::At(next));
    assert_eq!(due(&nightly(), last, 0, next, utc), Due::Now(next));
    // The box was off for ten nights, and has just come up.
    let now = NIGHT + 10 * DAY + HOUR;
    let settled = now + 120;
    assert_eq!(due(&nightly(), last, settled, now, utc), Due::At(settled));
    assert_eq!(due(&nightly(), last, settled, settled, utc), Due::Now(next));
    let made_up = ended(settled, JobOutcome::Good, 0);
    let tonight = NIGHT + 11 * DAY;
    assert_eq!(
        due(&nightly(), made_up, settled, settled + 60, utc),
        Due::At(tonight)
    );
}

#[test]
fn one_that_failed_is_tried_again_but_the_night_does_not_wait_for_that() {
    let last = ended(NIGHT, JobOutcome::Failed, 1);
    assert_eq!(
        due(&nightly(), last, 0, NIGHT + 61, utc),
        Due::At(NIGHT + 60 + 600)
    );
    let late = ended(NIGHT + DAY - 60, JobOutcome::Failed, 9);
    let tonight = NIGHT + DAY;
    assert_eq!(due(&nightly(), late, 0, tonight, utc), Due::Now(tonight));
    let interrupted = ended(NIGHT, JobOutcome::Interrupted, 1);
    assert!(matches!(
        due(&nightly(), interrupted, 0, NIGHT + 90, utc),
        Due::Now(_)
    ));
    let partial = ended(NIGHT, JobOutcome::Partial, 0);
    assert_eq!(
        due(&nightly(), partial, 0, NIGHT + 90, utc),
        Due::At(tonight)
    );
}

#[test]
fn a_clock_that_was_years_ahead_stops_nothing_for_years() {
    let last = ended(NIGHT + 3_000 * DAY, JobOutcome::Good, 0);
    let settled = NIGHT - HOUR;
    for (times, next) in [(nightly(), NIGHT), (Times::Every(DAY), settled + DAY)] {
        assert_eq!(due(&times, last, settled, settled, utc), Due::At(next));
        assert_eq!(due(&times, last, settled, next - 1, utc), Due::At(next));
        assert_eq!(due(&times, last, settled, next, utc), Due::Now(next));
    }
    let failed = ended(NIGHT + 3_000 * DAY, JobOutcome::Failed, 1);
    let again = settled + 10 * 60;
    let often = Times::Every(30 * DAY);
    assert_eq!(due(&often, failed, settled, again - 1, utc), Due::At(again));
    assert_eq!(due(&often, failed, settled, again, utc), Due::Now(again));
}

proptest! {
    /// Whatever the clock does, what has just been done well is not done again before its next time.
    #[test]
    fn nothing_is_done_twice(start in 0i64..10 * DAY, jumps in prop::collection::vec(-2 * DAY..2 * DAY, 1..20)) {
        let mut now = 1_000 * DAY + start;
        let mut last = None;
        for jump in jumps {
            if let Due::Now(_) = due(&nightly(), last, 0, now, utc) {
                last = ended(now, JobOutcome::Good, 0);
                let after = due(&nightly(), last, 0, now + 60, utc);
                let is_next_night = matches!(after, Due::At(at) if at > now && at <= now + DAY)
                    || matches!(after, Due::Now(at) if at > now);
                prop_assert!(is_next_night, "{after:?}");
            }
            now += jump;
        }
    }
}
