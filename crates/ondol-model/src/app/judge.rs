//! Whether a new launch does worse than the one before, so that visitors get that one again.

use crate::app::LaunchTraffic;

/// With fewer requests nothing can be said.
const REQUESTS_MIN: u64 = 20;
/// A share of failures up to this is no reason by itself, in hundredths.
const FAILED_PERCENT: u64 = 5;
/// So many times the share of the launch before is.
const TIMES_WORSE: u64 = 3;

/// What is worse about a launch than about the one before it; `None` while nothing is.
///
/// Both are what happened since their own beginnings; the launch before has everything that it answered.
pub fn worse(new: LaunchTraffic, old: LaunchTraffic) -> Option<String> {
    let LaunchTraffic {
        requests, failed, ..
    } = new;
    if requests < REQUESTS_MIN || failed * 100 <= requests * FAILED_PERCENT {
        return None;
    }
    // Of a launch that answered next to nothing, no share is known: it counts as one without failures.
    let (old_requests, old_failed) = match old.requests {
        0..REQUESTS_MIN => (1, 0),
        _ => (old.requests, old.failed),
    };
    let is_worse = u128::from(failed) * u128::from(old_requests)
        > u128::from(TIMES_WORSE) * u128::from(old_failed) * u128::from(requests);
    is_worse.then(|| {
        let percent = |failed: u64, requests: u64| failed * 100 / requests;
        format!(
            "{failed} of its {requests} requests failed ({} %); of those before the change it was {} %",
            percent(failed, requests),
            percent(old_failed, old_requests)
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn traffic(requests: u64, failed: u64) -> LaunchTraffic {
        LaunchTraffic {
            requests,
            failed,
            ..LaunchTraffic::default()
        }
    }

    #[test]
    fn a_launch_is_worse_by_three_times_and_five_percent() {
        for (new, old, is_worse) in [
            ((19, 19), (1000, 0), false),
            ((20, 20), (1000, 0), true),
            ((100, 5), (1000, 0), false),
            ((100, 6), (1000, 0), true),
            ((100, 6), (1000, 20), false),
            ((100, 7), (1000, 20), true),
            ((100, 30), (1000, 100), false),
            ((100, 31), (1000, 100), true),
            ((100, 100), (1000, 1000), false),
            ((100, 6), (0, 0), true),
            ((100, 6), (5, 5), true),
        ] {
            let verdict = worse(traffic(new.0, new.1), traffic(old.0, old.1));
            assert_eq!(verdict.is_some(), is_worse, "{new:?} {old:?}: {verdict:?}");
        }
    }

    #[test]
    fn the_owner_is_told_both_shares() {
        let verdict = worse(traffic(40, 10), traffic(200, 2)).unwrap();
        assert_eq!(
            verdict,
            "10 of its 40 requests failed (25 %); of those before the change it was 1 %"
        );
    }

    proptest! {
        #[test]
        fn one_that_fails_no_more_often_is_never_worse(requests in 1..10_000_u64, failed in 0..10_000_u64, times in 1..5_u64) {
            let failed = failed.min(requests);
            let (new, old) = (traffic(requests, failed), traffic(requests * times, failed * times));
            prop_assume!(old.requests >= REQUESTS_MIN);
            prop_assert_eq!(worse(new, old), None);
        }
    }
}
