//! Months of a box, by the decisions that it really makes.

use super::super::chance;
use super::world::End;
use super::world::Suggests;
use super::world::World;
use super::world::check_limits;
use super::world::most_within;
use super::*;

const LIFETIMES: [i64; 4] = [7 * DAY, 160 * HOUR, 45 * DAY, 90 * DAY];
const MONTHS: i64 = 90 * DAY;

fn one_of_lets_encrypt() -> [Wanted; 1] {
    [of(&["a.kr", "www.a.kr"], &[lets_encrypt()])]
}

/// One time in `times`, by chance that is the same in each run.
fn once_in(times: u64, number: usize, salt: &str) -> bool {
    let number = i64::try_from(number).expect("few tries");
    chance::number(&name(salt), number).is_multiple_of(times)
}

#[track_caller]
fn check_covered(world: &World, context: &str) {
    for one in &world.managed {
        let name = one.wanted.name();
        assert!(one.held.is_some(), "{name} has none: {context}");
        assert_eq!(one.uncovered, 0, "{name} was without: {context}");
    }
    check_limits(&world.tries);
}

#[test]
fn three_days_without_the_issuer_leave_no_gap_whenever_they_begin() {
    for lifetime in LIFETIMES {
        for suggests in [Suggests::Yes, Suggests::No] {
            for begin in (1..=lifetime / HOUR).step_by(5) {
                let outage = START + begin * HOUR..START + begin * HOUR + 3 * DAY;
                let mut world = World::new(one_of_lets_encrypt(), lifetime, suggests);
                world.run(START + MONTHS, |number, at, _| {
                    if once_in(7, number, "killed") {
                        End::Killed
                    } else if outage.contains(&at) {
                        End::Failure(FailureKind::Unreachable)
                    } else {
                        End::Certificate
                    }
                });
                check_covered(
                    &world,
                    &format!("{lifetime} s, {suggests:?}, outage at {begin} h"),
                );
            }
        }
    }
}

#[test]
fn another_issuer_is_there_at_once_while_the_first_is_away() {
    let both = || [of(&["a.kr"], &[lets_encrypt(), zero_ssl()])];
    let mut world = World::new(both(), 160 * HOUR, Suggests::Yes);
    let outage = START + 3 * DAY..START + 20 * DAY;
    world.run(START + MONTHS, |_, at, tried| {
        let is_away = &*tried.issuer == "letsencrypt" && outage.contains(&at);
        if is_away {
            End::Failure(FailureKind::Unreachable)
        } else {
            End::Certificate
        }
    });
    check_covered(&world, "another issuer");
    let of_issuer = |issuer: &str| {
        world
            .tries
            .iter()
            .filter(|one| &*one.issuer == issuer)
            .count()
    };
    assert!(
        (4..=8).contains(&of_issuer("zerossl")),
        "{}",
        of_issuer("zerossl")
    );
    let last = world.tries.last().map(|one| &*one.issuer);
    assert_eq!(last, Some("letsencrypt"), "the first is preferred again");
}

#[test]
fn a_bad_connection_leaves_no_gap() {
    use FailureKind::{Dns, NotReady, Unreachable, Unverified};
    for lifetime in LIFETIMES {
        for salt in ["first", "second", "third", "fourth"] {
            let mut world = World::new(one_of_lets_encrypt(), lifetime, Suggests::No);
            world.run(START + MONTHS, |number, _, _| {
                let kind = [Unreachable, NotReady, Unverified, Dns][number % 4];
                match (once_in(2, number, salt), once_in(9, number, salt)) {
                    (true, _) => End::Failure(kind),
                    (false, true) => End::Killed,
                    (false, false) => End::Certificate,
                }
            });
            check_covered(&world, &format!("{lifetime} s, {salt}"));
        }
    }
}

#[test]
fn what_fails_for_ever_is_tried_once_a_day_in_the_end_and_not_less() {
    for kind in FailureKind::ALL {
        let mut world = World::new(one_of_lets_encrypt(), 90 * DAY, Suggests::Yes);
        world.run(START + 60 * DAY, |_, _, _| End::Failure(kind));
        check_limits(&world.tries);
        let last: Vec<i64> = world.tries.iter().map(|one| one.at).collect();
        let last: Vec<i64> = last
            .into_iter()
            .filter(|at| *at > START + 40 * DAY)
            .collect();
        assert!(
            (15..=27).contains(&last.len()),
            "{kind}: {} tries in 20 days",
            last.len()
        );
        assert!(most_within(&last, 18 * HOUR) <= 1, "{kind}");
    }
}

#[test]
fn an_order_that_is_always_broken_off_is_not_made_in_a_loop() {
    let mut world = World::new(one_of_lets_encrypt(), 90 * DAY, Suggests::Yes);
    world.run(START + 60 * DAY, |_, _, _| End::Killed);
    check_limits(&world.tries);
    let at: Vec<i64> = world.tries.iter().map(|one| one.at).collect();
    assert!(
        most_within(&at, DAY) <= 30,
        "{} in a day",
        most_within(&at, DAY)
    );
    assert!((75..=110).contains(&at.len()), "{} in all", at.len());
}

#[test]
fn a_certificate_that_cannot_be_renewed_is_tried_until_it_is() {
    let mut world = World::new(one_of_lets_encrypt(), 7 * DAY, Suggests::Yes);
    let broken = START + DAY..START + 60 * DAY;
    world.run(START + MONTHS, |_, at, _| {
        if broken.contains(&at) {
            End::Failure(FailureKind::Unverified)
        } else {
            End::Certificate
        }
    });
    check_limits(&world.tries);
    let mended_at = broken.end;
    let first_after = world
        .tries
        .iter()
        .map(|one| one.at)
        .find(|at| *at >= mended_at);
    assert!(first_after.is_some_and(|at| at < mended_at + 30 * HOUR));
    let held = world.managed[0].held.as_ref();
    assert!(held.is_some_and(|held| !held.validity.is_expired(world.now)));
}

#[test]
fn a_hundred_sites_are_renewed_for_months_within_all_limits() {
    for (lifetime, suggests) in [
        (7 * DAY, Suggests::No),
        (160 * HOUR, Suggests::Yes),
        (45 * DAY, Suggests::No),
    ] {
        let sites = (0..100).map(|n| of(&[&format!("s{n}.kr")], &[lets_encrypt()]));
        let mut world = World::new(sites, lifetime, suggests);
        let outage = START + 10 * DAY..START + 13 * DAY;
        world.run(START + MONTHS, |number, at, _| {
            if outage.contains(&at) {
                End::Failure(FailureKind::Unreachable)
            } else if once_in(40, number, "killed") {
                End::Killed
            } else {
                End::Certificate
            }
        });
        check_covered(&world, &format!("{lifetime} s, {suggests:?}"));
    }
}

#[test]
fn many_names_of_one_domain_come_over_weeks_and_are_all_renewed() {
    let sites = (0..100).map(|n| of(&[&format!("s{n}.a.kr")], &[lets_encrypt()]));
    let mut world = World::new(sites, 90 * DAY, Suggests::Yes);
    world.run(START + 30 * DAY, |_, _, _| End::Certificate);
    check_covered(&world, "one domain");
    let at: Vec<i64> = world.tries.iter().map(|one| one.at).collect();
    assert_eq!(at.len(), 100);
    assert_eq!(
        most_within(&at, 7 * DAY),
        40,
        "of 50 that Let's Encrypt allows"
    );
}

#[test]
fn a_hundred_sites_of_the_owners_own_directory_come_within_a_minute() {
    let sites = (0..100).map(|n| of(&[&format!("s{n}.internal")], &[own("home")]));
    let mut world = World::new(sites, DAY, Suggests::No);
    // Here one follows the other, 20 s each; what matters is that none is told to wait.
    world.run(START + HOUR, |_, _, _| End::Certificate);
    assert!(
        world
            .tries
            .iter()
            .zip(0..)
            .all(|(one, n)| one.at == START + n * 20)
    );
    check_covered(&world, "own directory");
}
