//! Going out, coming back.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;

fn failing(max_fails: u8) -> Failing {
    Failing {
        max_fails,
        ..Failing::default()
    }
}

#[track_caller]
fn check_fails(max_fails: u8, seconds: &[u64], expected: &[bool]) {
    let mut fails = Fails::default();
    let out: Vec<_> = seconds
        .iter()
        .map(|second| fails.add(100 * SECOND + second * SECOND, &failing(max_fails)))
        .collect();
    assert_eq!(out, expected, "{max_fails} {seconds:?}");
}

#[test]
fn so_many_failures_within_the_window_are_enough() {
    check_fails(3, &[0, 1, 2], &[false, false, true]);
    check_fails(3, &[0, 1, 10], &[false, false, true]);
    check_fails(3, &[0, 1, 11, 11], &[false, false, false, true]);
    check_fails(3, &[0, 20, 40, 60], &[false; 4]);
    check_fails(1, &[0, 5], &[true, true]);
    check_fails(0, &[0, 0, 0], &[false; 3]);
    // After it was left out, counting begins anew.
    check_fails(2, &[0, 1, 2, 3], &[false, true, false, true]);
}

#[test]
fn a_server_is_out_until_it_is_due() {
    let check = |until, now, trial, expected| {
        let found = standing(until * SECOND, now * SECOND, trial, &failing(3));
        assert_eq!(found, expected, "{until} {now} {trial:?}");
    };
    check(0, 50, Trial::Harmless, Standing::In);
    check(60, 50, Trial::Harmless, Standing::Out);
    check(60, 60, Trial::Harmless, Standing::Due);
    check(60, 60, Trial::Costly, Standing::Out);
    check(60, 69, Trial::Costly, Standing::Out);
    check(60, 70, Trial::Costly, Standing::Due);
}

#[test]
fn a_share_grows_to_the_full_one() {
    let ten = Duration::from_secs(10);
    let check = |back_for, slow_start, expected| {
        assert_eq!(share(2, back_for, slow_start), expected, "{back_for:?}");
    };
    check(None, ten, 200);
    check(Some(0), ten, 1);
    check(Some(SECOND), ten, 20);
    check(Some(9 * SECOND), ten, 180);
    check(Some(10 * SECOND), ten, 200);
    check(Some(0), Duration::ZERO, 200);
}

#[test]
fn checks_turn_after_as_many_in_a_row() {
    let check = HealthCheck::of("/".to_owned());
    let mut checked = Checked::default();
    let mut said = String::new();
    for result in "..xx.xxxx.x..x.".chars() {
        let result = match result {
            '.' => Health::Up,
            _ => Health::Down,
        };
        checked = checked.after(result, &check);
        said.push(match checked.health() {
            Health::Up => '.',
            Health::Down => 'x',
        });
    }
    assert_eq!(said, ".......xxxxx...");
}

#[test]
fn a_server_that_comes_and_goes_is_told_of_so_often() {
    let mut news = News::default();
    assert!(!news.is_due(Health::Up, 0));
    let mut told = 0;
    for second in 0..100 {
        let health = [Health::Down, Health::Up][second % 2];
        told += usize::from(news.is_due(health, second as u64 * SECOND));
    }
    assert_eq!(told, NEWS_MAX);
    assert!(!news.is_due(Health::Down, 599 * SECOND));
    assert!(news.is_due(Health::Down, 601 * SECOND));
    assert!(!news.is_due(Health::Down, 602 * SECOND));
}

proptest! {
    #[test]
    fn a_pause_is_near_the_interval(seconds in 1..100_000_u64, random: u64) {
        let mut check = HealthCheck::of("/".to_owned());
        check.interval = Duration::from_secs(seconds);
        let pause = pause(&check, random).as_secs_f64() / seconds as f64;
        prop_assert!((0.9..=1.1).contains(&pause), "{}", pause);
    }

    #[test]
    fn a_share_is_never_nothing_and_never_shrinks(
        weight in 1..=100_u8, a: u64, b: u64, slow_start in 0..100_000_u64
    ) {
        let share = |back_for| share(weight, Some(back_for), Duration::from_millis(slow_start));
        prop_assert!(share(a.min(b)) >= 1);
        prop_assert!(share(a.min(b)) <= share(a.max(b)));
        prop_assert!(share(a.max(b)) <= u32::from(weight) * FULL);
    }
}
