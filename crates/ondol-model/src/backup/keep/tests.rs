//! A year of nights, months of hours, and backups that are not good.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Monday, 2026-01-05, in UTC.
const MONDAY: i64 = 20_458 * DAY;

fn run(at: i64) -> KeptRun {
    KeptRun {
        at,
        kind: JobKind::Full,
        is_good: true,
        is_proven: false,
    }
}

const NONE: Keep = Keep {
    last: 0,
    hourly: 0,
    daily: 0,
    weekly: 0,
    monthly: 0,
    yearly: 0,
};

fn kept_days(runs: &[KeptRun], rules: Keep) -> Vec<i64> {
    let all = kept(runs, rules, |_| 0);
    let kept = runs.iter().zip(all).filter(|(_, kept)| *kept != Kept::Not);
    kept.map(|(run, _)| (run.at - MONDAY).div_euclid(DAY))
        .collect()
}

#[test]
fn months_and_years_begin_where_the_calendar_says() {
    for (date, expected) in [
        (0, (1970, 0)),
        (58, (1970, 1)),
        (59, (1970, 2)),
        (-1, (1969, 11)),
        (11_016, (2000, 1)),
        (11_017, (2000, 2)),
        (20_457, (2026, 0)),
        (20_453, (2025, 11)),
    ] {
        assert_eq!(month(date), expected, "{date}");
    }
}

#[test]
fn so_many_days_weeks_and_months_are_kept() {
    let runs: Vec<_> = (0..100).map(|day| run(MONDAY + day * DAY)).collect();
    assert_eq!(kept_days(&runs, Keep { daily: 3, ..NONE }), [97, 98, 99]);
    // Day 99 is a Wednesday; Sundays end the weeks before.
    assert_eq!(kept_days(&runs, Keep { weekly: 3, ..NONE }), [90, 97, 99]);
    // January to April 2026: the newest of each month.
    assert_eq!(
        kept_days(
            &runs,
            Keep {
                monthly: 12,
                ..NONE
            }
        ),
        [26, 54, 85, 99]
    );
    assert_eq!(kept_days(&runs, NONE), [99]);
}

#[test]
fn one_that_is_not_good_counts_only_where_none_is() {
    let mut runs: Vec<_> = (0..4).map(|hour| run(MONDAY + hour * HOUR)).collect();
    runs[3].is_good = false;
    let all = kept(&runs, Keep { daily: 1, ..NONE }, |_| 0);
    assert_eq!(
        all,
        [Kept::Not, Kept::Not, Kept::For("the newest"), Kept::Not]
    );
    let bad = [KeptRun {
        is_good: false,
        ..run(MONDAY)
    }];
    assert_eq!(kept(&bad, NONE, |_| 0), [Kept::For("the newest")]);
}

#[test]
fn what_was_proven_stays_and_databases_are_counted_apart() {
    let mut runs: Vec<_> = (0..10).map(|day| run(MONDAY + day * DAY)).collect();
    runs[2].is_proven = true;
    runs.extend((0..5).map(|hour| KeptRun {
        kind: JobKind::Databases,
        ..run(MONDAY + 9 * DAY + hour * HOUR)
    }));
    let all = kept(&runs, Keep { last: 1, ..NONE }, |_| 0);
    let places: Vec<_> = (0..runs.len())
        .filter(|place| all[*place] != Kept::Not)
        .collect();
    assert_eq!(places, [2, 9, 14]);
}

#[test]
fn days_are_those_of_the_owner() {
    let runs = [run(MONDAY + 14 * HOUR), run(MONDAY + 16 * HOUR)];
    let rules = Keep { daily: 2, ..NONE };
    let here = kept(&runs, rules, |_| 0);
    let seoul = kept(&runs, rules, |_| 9 * HOUR);
    assert_eq!(here[0], Kept::Not);
    assert_eq!(seoul[0], Kept::For("daily"));
}

proptest! {
    #[test]
    fn the_newest_good_one_stays_and_never_more_than_asked_for(
        ats in prop::collection::vec((0i64..400 * DAY, any::<bool>()), 1..80),
        daily in 0u32..10, monthly in 0u32..5, last in 0u32..4,
    ) {
        let runs: Vec<_> = ats.iter().map(|(at, is_good)| KeptRun { is_good: *is_good, ..run(*at) }).collect();
        let all = kept(&runs, Keep { daily, monthly, last, ..NONE }, |_| 0);
        let count = all.iter().filter(|kept| **kept != Kept::Not).count();
        prop_assert!(count >= 1 && count <= (daily + monthly + last + 1) as usize);
        if let Some(newest) = runs.iter().enumerate().filter(|(_, run)| run.is_good).max_by_key(|(_, run)| run.at) {
            let at = newest.1.at;
            prop_assert!(runs.iter().zip(&all).any(|(run, kept)| run.at == at && *kept != Kept::Not));
        }
    }
}
