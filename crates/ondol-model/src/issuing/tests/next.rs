//! What is next, as stories: from try to try, with the outcome of each.

use super::*;
use Environment::Production;
use Environment::Staging;
use FailureKind::Account;
use FailureKind::Dns;
use FailureKind::Interrupted;
use FailureKind::Machine;
use FailureKind::NotReady;
use FailureKind::RateLimited;
use FailureKind::Rejected;
use FailureKind::Unreachable;
use FailureKind::Unverified;

/// A try that is expected: minutes after the one before, at whom, and how it ends. `None` is a certificate.
type Expected = (i64, &'static str, Environment, Option<FailureKind>);

const LE: &str = "letsencrypt";
const ZERO: &str = "zerossl";
const DAILY: i64 = 24 * 60;

/// What has happened so far.
#[derive(Debug, Clone)]
struct Story {
    wanted: Wanted,
    held: Option<Held>,
    tries: Vec<Try>,
    asked_at: Option<i64>,
    changed_at: Option<i64>,
    now: i64,
}

impl Story {
    fn new(issuers: &[AcmeIssuer]) -> Self {
        Self {
            wanted: of(&["a.kr"], issuers),
            held: None,
            tries: Vec::new(),
            asked_at: None,
            changed_at: None,
            now: START,
        }
    }

    fn next(&self) -> Next {
        next(&Question {
            wanted: &self.wanted,
            held: self.held.as_ref(),
            tries: &self.tries,
            asked_at: self.asked_at,
            changed_at: self.changed_at,
            now: self.now,
            listed: &self.tries,
        })
    }

    /// The next order: when, at whom, in which directory, whether it replaces, why.
    #[track_caller]
    fn order(&self) -> (i64, String, Environment, bool, Why) {
        let Next::Order {
            at,
            issuer,
            environment,
            replaces,
            why,
        } = self.next()
        else {
            panic!("nothing is to be done");
        };
        let issuer = self
            .wanted
            .issuers()
            .nth(issuer)
            .expect("an issuer that is in the plan");
        (at, issuer.name.to_string(), environment, replaces, why)
    }

    fn tell(&mut self, outcome: Outcome) {
        let (at, issuer, environment, replaces, _) = self.order();
        self.now = at;
        self.tries.push(Try {
            issuer: issuer.into(),
            environment,
            replaces,
            ..tried(&["a.kr"], at, outcome)
        });
    }

    #[track_caller]
    fn expect(&mut self, steps: &[Expected]) {
        for (index, (minutes, issuer, environment, outcome)) in steps.iter().enumerate() {
            let before = self.now;
            self.tell(outcome.map_or(Outcome::Issued, failed));
            let last = self.tries.last().expect("a try was just made");
            assert_eq!(
                (&*last.issuer, last.environment),
                (*issuer, *environment),
                "step {index}"
            );
            let waited = last.at - before;
            let usual = minutes * MINUTE;
            let about = usual - usual / 4..=usual + usual / 4;
            assert!(
                about.contains(&waited),
                "step {index}: {waited} s, not about {minutes} min"
            );
        }
    }
}

#[track_caller]
fn check(issuers: &[AcmeIssuer], steps: &[Expected]) {
    Story::new(issuers).expect(steps);
}

#[test]
fn a_failure_is_tried_on_staging_until_it_passes_there() {
    check(
        &[lets_encrypt()],
        &[
            (0, LE, Production, Some(Unverified)),
            (1, LE, Staging, Some(Unverified)),
            (10, LE, Staging, Some(Unverified)),
            (100, LE, Staging, None),
            (0, LE, Production, Some(Unverified)),
            (DAILY, LE, Staging, None),
            (0, LE, Production, None),
        ],
    );
}

#[test]
fn staging_that_fails_alone_does_not_stand_in_the_way() {
    check(
        &[lets_encrypt()],
        &[
            (0, LE, Production, Some(Unverified)),
            (1, LE, Staging, Some(Unreachable)),
            (1, LE, Production, Some(Unverified)),
            (10, LE, Staging, Some(Unverified)),
            (100, LE, Staging, Some(Unverified)),
            (DAILY, LE, Staging, Some(Unverified)),
            (DAILY, LE, Production, None),
        ],
    );
}

#[test]
fn staging_is_left_out_where_it_would_show_nothing() {
    for kind in [
        Unreachable,
        RateLimited,
        Account,
        NotReady,
        Machine,
        Interrupted,
    ] {
        let mut story = Story::new(&[lets_encrypt()]);
        story.tell(failed(kind));
        assert_eq!(story.order().2, Production, "{kind}");
    }
    for kind in [Unverified, Rejected, Dns, FailureKind::WrongCertificate] {
        let mut story = Story::new(&[lets_encrypt()]);
        story.tell(failed(kind));
        assert_eq!(story.order().2, Staging, "{kind}");
        // Staging has an account of its own, which the record does not name.
        let mut issuance = (*story.wanted.issuance).clone();
        issuance.challenge = Some(crate::plan::Challenge::DnsPersist);
        story.wanted.issuance = issuance.into();
        assert_eq!(story.order().2, Production, "{kind}");
    }
}

#[test]
fn the_next_issuer_takes_its_turn_when_one_fails_by_its_own_fault() {
    for kind in [Unreachable, RateLimited, Account, Rejected] {
        check(
            &[lets_encrypt(), zero_ssl()],
            &[(0, LE, Production, Some(kind)), (0, ZERO, Production, None)],
        );
    }
    check(
        &[zero_ssl(), lets_encrypt()],
        &[
            (0, ZERO, Production, Some(RateLimited)),
            (0, LE, Production, Some(Unreachable)),
            (1, LE, Production, Some(Unreachable)),
            (5, LE, Production, Some(Unreachable)),
            (15, LE, Production, None),
        ],
    );
}

#[test]
fn no_other_issuer_is_asked_where_the_fault_is_here() {
    for kind in [Unverified, Dns, NotReady, Machine] {
        let mut story = Story::new(&[zero_ssl(), lets_encrypt()]);
        story.tell(failed(kind));
        let (at, issuer, ..) = story.order();
        assert_eq!(issuer, ZERO, "{kind}");
        assert!(at > story.now, "{kind}");
    }
}

#[test]
fn an_issuer_that_is_away_is_asked_sooner_than_one_that_refuses() {
    check(
        &[zero_ssl()],
        &[
            (0, ZERO, Production, Some(Unreachable)),
            (1, ZERO, Production, Some(Unreachable)),
            (5, ZERO, Production, Some(Unreachable)),
            (15, ZERO, Production, Some(Unreachable)),
            (60, ZERO, Production, Some(Unreachable)),
            (60, ZERO, Production, Some(Unreachable)),
            (180, ZERO, Production, Some(Unreachable)),
        ],
    );
    check(
        &[zero_ssl()],
        &[
            (0, ZERO, Production, Some(Rejected)),
            (1, ZERO, Production, Some(Rejected)),
            (10, ZERO, Production, Some(Rejected)),
            (100, ZERO, Production, Some(Rejected)),
            (DAILY, ZERO, Production, Some(Rejected)),
            (DAILY, ZERO, Production, Some(Rejected)),
        ],
    );
}

#[test]
fn a_try_that_was_broken_off_is_made_again_at_once_but_not_in_a_loop() {
    let waits = [
        vec![0; 4],
        vec![1; 17],
        vec![10; 6],
        vec![100; 3],
        vec![DAILY; 2],
    ]
    .concat();
    let steps = waits
        .iter()
        .map(|wait| (*wait, LE, Production, Some(Interrupted)));
    check(&[lets_encrypt()], &steps.collect::<Vec<_>>());
    let mut lasts = Story::new(&[lets_encrypt()]);
    lasts.tell(failed(Interrupted));
    let mut ended = lasts.clone();
    lasts.tries[0].outcome = None;
    ended.tries[0].outcome = Some(failed(Interrupted));
    assert_eq!(lasts.next(), ended.next());
}

#[test]
fn what_the_issuer_says_about_the_next_try_is_obeyed() {
    for kind in FailureKind::ALL {
        let mut story = Story::new(&[zero_ssl()]);
        let retry_at = START + 34 * HOUR;
        story.tell(Outcome::Failed {
            kind,
            retry_at: Some(retry_at),
        });
        let (at, .., why) = story.order();
        assert_eq!((at, why), (retry_at, Why::Limits), "{kind}");
        // Nor does the owner change that.
        story.asked_at = Some(START + HOUR);
        story.now = START + HOUR;
        assert_eq!(story.order().0, retry_at, "{kind}");
    }
}

#[test]
fn an_issuer_that_makes_one_wait_for_years_is_asked_again_after_a_month() {
    let mut story = Story::new(&[zero_ssl()]);
    let retry_at = Some(START + 4_000 * DAY);
    story.tell(Outcome::Failed {
        kind: RateLimited,
        retry_at,
    });
    assert_eq!(story.order().0, START + 30 * DAY);
}

#[test]
fn what_an_issuer_said_to_another_certificate_holds_where_it_is_meant_for_all() {
    let retry_at = Some(START + HOUR);
    let outcome = |kind| Outcome::Failed { kind, retry_at };
    let at_with = |other: Try| {
        let wanted = of(&["a.kr"], &[lets_encrypt()]);
        let next = next(&Question {
            wanted: &wanted,
            held: None,
            tries: &[],
            asked_at: None,
            changed_at: None,
            now: START,
            listed: &[other],
        });
        let Next::Order { at, .. } = next else {
            panic!("nothing is to be done");
        };
        at - START
    };
    assert_eq!(at_with(tried(&["b.kr"], START, outcome(RateLimited))), 0);
    assert_eq!(at_with(tried(&["b.kr"], START, outcome(Unreachable))), HOUR);
    assert_eq!(at_with(tried(&["b.kr"], START, outcome(Unverified))), 0);
}

#[test]
fn who_asks_gets_a_try_at_once_and_the_waits_begin_anew() {
    let mut story = Story::new(&[lets_encrypt()]);
    story.expect(&[
        (0, LE, Production, Some(Unverified)),
        (1, LE, Staging, Some(Unverified)),
        (10, LE, Staging, Some(Unverified)),
    ]);
    story.now += 5 * MINUTE;
    story.asked_at = Some(story.now);
    assert_eq!(story.order().4, Why::Asked);
    story.expect(&[
        (0, LE, Staging, Some(Dns)),
        (1, LE, Production, Some(Unverified)),
        (1, LE, Staging, None),
        (0, LE, Production, None),
    ]);
    story.held = Some(held(story.now, 90 * DAY));
    let (at, .., why) = story.order();
    assert_eq!(why, Why::Renewal);
    assert!(at > story.now + 50 * DAY);
}

#[test]
fn a_changed_plan_begins_the_waits_anew_and_leaves_what_is_fine() {
    let mut story = Story::new(&[zero_ssl()]);
    for _ in 0..4 {
        story.tell(failed(Dns));
    }
    assert!(story.order().0 > story.now + 12 * HOUR);
    story.now += MINUTE;
    story.changed_at = Some(story.now);
    story.expect(&[
        (0, ZERO, Production, Some(Dns)),
        (1, ZERO, Production, Some(Dns)),
        (10, ZERO, Production, None),
    ]);
    story.held = Some(held(story.now, 90 * DAY));
    story.now += DAY;
    story.changed_at = Some(story.now);
    assert!(story.order().0 > START + 50 * DAY);
}

#[test]
fn who_asks_in_vain_five_times_an_hour_is_slowed_down() {
    let mut story = Story::new(&[zero_ssl()]);
    for _ in 0..4 {
        story.now += MINUTE;
        story.asked_at = Some(story.now);
        story.tell(failed(Unverified));
    }
    story.now += MINUTE;
    story.asked_at = Some(story.now);
    let (at, .., why) = story.order();
    assert_eq!((at, why), (story.tries[0].at + HOUR, Why::Limits));
}

#[test]
fn a_renewal_that_was_asked_for_is_due_until_it_comes() {
    let mut story = Story::new(&[lets_encrypt()]);
    story.held = Some(held(START - DAY, 90 * DAY));
    assert!(story.order().0 > START + 50 * DAY);
    story.asked_at = Some(START);
    story.expect(&[
        (0, LE, Production, Some(Unreachable)),
        (1, LE, Production, Some(Unreachable)),
        (5, LE, Production, None),
    ]);
    story.held = Some(held(story.now, 90 * DAY));
    assert!(story.order().0 > START + 50 * DAY);
}

#[test]
fn a_certificate_is_replaced_where_its_issuer_can_know_it() {
    let replaces = |change: fn(&mut Story, &mut Held)| {
        let mut story = Story::new(&[lets_encrypt(), zero_ssl()]);
        let mut held = held(START - 61 * DAY, 90 * DAY);
        change(&mut story, &mut held);
        story.held = Some(held);
        story.order().3
    };
    assert!(replaces(|_, _| {}));
    assert!(!replaces(|_, held| held.issuer = ZERO.into()));
    assert!(!replaces(|_, held| held.is_replaced = true));
    assert!(!replaces(|_, held| held.is_fit = false));
    assert!(!replaces(|story, _| story.now += 30 * DAY), "it is over");
    // Staging has never seen it, and the other issuer neither.
    assert!(!replaces(|story, _| story.tell(failed(Unverified))));
    assert!(!replaces(|story, _| story.tell(failed(Unreachable))));
}

#[test]
fn the_word_about_the_replaced_one_is_left_out_on_the_second_retry() {
    let mut story = Story::new(&[KnownIssuer::LetsEncrypt.issuer(None)]);
    story.wanted = of(
        &["a.kr"],
        &[AcmeIssuer {
            staging: None,
            ..lets_encrypt()
        }],
    );
    story.held = Some(held(START - 61 * DAY, 90 * DAY));
    let mut found = Vec::new();
    for _ in 0..5 {
        found.push(story.order().3);
        story.tell(failed(Rejected));
    }
    assert_eq!(found, [true, true, false, true, false]);
}

/// How long the waits are around the end of a certificate that can't be renewed: from `before` its end until
/// as long after it an hour, and a day later.
fn check_ending(lifetime: i64, before: i64) {
    let mut story = Story::new(&[zero_ssl()]);
    story.held = Some(Held {
        issuer: ZERO.into(),
        ..held(START - lifetime, lifetime)
    });
    story.now = START - lifetime / 3;
    let mut gaps = Vec::new();
    while story.now < START + 30 * DAY {
        let begin = story.now;
        story.tell(failed(Rejected));
        gaps.push((begin, story.now - begin));
    }
    let near = START - before..START + before - 2 * HOUR;
    let of_near = gaps.iter().filter(|(at, _)| near.contains(at));
    let longest = of_near.clone().map(|(_, gap)| *gap).max();
    assert!(longest <= Some(HOUR * 5 / 4), "{longest:?} s near the end");
    let least = usize::try_from(before / HOUR).expect("some hours");
    assert!(of_near.count() >= least, "{lifetime}");
    let far = gaps.iter().filter(|(at, _)| *at > START + before + DAY);
    let shortest = far.map(|(_, gap)| *gap).min();
    assert!(shortest >= Some(DAY * 3 / 4), "{shortest:?} s after it");
}

#[test]
fn a_certificate_that_ends_is_tried_each_hour() {
    check_ending(90 * DAY, 90 * DAY / 20);
    check_ending(7 * DAY, DAY);
    check_ending(160 * HOUR, DAY);
    check_ending(DAY, 6 * HOUR);
}

#[test]
fn only_an_issuer_that_suggests_times_knows_what_a_replacement_is() {
    let at_with = |renewal: Option<i64>| {
        let mut story = Story::new(&[lets_encrypt()]);
        story.tries = (1..5)
            .map(|n| tried(&["a.kr"], START - 6 * DAY + n * HOUR, Outcome::Issued))
            .collect();
        story.held = Some(Held {
            renewal,
            ..held(START - 6 * DAY, 7 * DAY)
        });
        let (at, _, _, replaces, _) = story.order();
        assert!(replaces);
        at - START
    };
    assert_eq!(at_with(Some(START)), 0);
    assert_eq!(at_with(None), DAY + HOUR);
}

#[test]
fn another_issuer_in_the_plan_is_asked_at_once() {
    let mut story = Story::new(&[lets_encrypt()]);
    story.tell(Outcome::Issued);
    story.wanted = of(&["a.kr"], &[zero_ssl()]);
    story.held = Some(Held {
        is_fit: false,
        ..held(START, 90 * DAY)
    });
    assert_eq!(story.order().0, START);
}

#[test]
fn what_comes_out_of_date_or_is_lost_at_once_is_not_ordered_in_a_loop() {
    // The clock is a year ahead: all that comes is over already.
    let mut ahead = Story::new(&[lets_encrypt()]);
    ahead.held = Some(held(START - 365 * DAY, 90 * DAY));
    for _ in 0..30 {
        ahead.tell(Outcome::Issued);
    }
    let days = (ahead.now - START) / DAY;
    assert!(days >= 45, "30 orders in {days} days");

    // The folder is emptied each time, and the directory has no limits.
    let mut emptied = Story::new(&[own("home")]);
    for _ in 0..30 {
        emptied.tell(Outcome::Issued);
    }
    let days = (emptied.now - START) / DAY;
    assert!(days >= 20, "30 orders in {days} days");
}

#[test]
fn who_asks_for_another_right_after_one_came_gets_it() {
    let mut story = Story::new(&[lets_encrypt()]);
    story.tell(Outcome::Issued);
    story.held = Some(held(START, 90 * DAY));
    story.now += MINUTE;
    story.asked_at = Some(story.now);
    assert_eq!(story.order().0, story.now);
}

#[test]
fn tries_of_a_time_to_come_are_not_waited_for() {
    let mut story = Story::new(&[zero_ssl()]);
    story.now = START + 365 * DAY;
    for _ in 0..4 {
        story.tell(failed(Rejected));
    }
    story.now = START;
    assert_eq!(story.order().0, START);
}

#[test]
fn other_names_begin_anew() {
    let mut story = Story::new(&[zero_ssl()]);
    for _ in 0..4 {
        story.tell(failed(Rejected));
    }
    story.wanted = of(&["a.kr", "www.a.kr"], &[zero_ssl()]);
    assert_eq!(story.order().0, story.now);
}

#[test]
fn nobody_can_be_asked_for_what_nobody_can_vouch_for_or_nobody_can_show() {
    let next = |texts: &[&str]| {
        let mut story = Story::new(&[]);
        story.wanted = of(texts, &[lets_encrypt()]);
        story.next()
    };
    assert_eq!(next(&["a.internal"]), Next::Nobody);
    assert_eq!(next(&["8.8.8.8"]), Next::Nobody);
    assert_eq!(next(&["a.kr", "*.a.kr"]), Next::NoWay);
    assert_eq!(Story::new(&[]).next(), Next::Nobody);
}

#[test]
fn who_asks_in_the_second_of_a_failure_gets_another_try_at_once() {
    let mut story = Story::new(&[lets_encrypt()]);
    story.expect(&[(0, LE, Production, Some(Unreachable))]);
    story.asked_at = Some(story.now + 1);
    let (at, .., why) = story.order();
    assert_eq!((at, why), (story.now + 1, Why::Asked));
}

#[test]
fn an_issuer_that_always_wants_a_renewal_is_not_asked_in_a_loop() {
    for lifetime in [-1, 0, 1, 10, 60, 90 * DAY] {
        let mut story = Story::new(&[lets_encrypt()]);
        for _ in 0..20 {
            story.tell(Outcome::Issued);
            let mut held = held(story.now, lifetime);
            held.renewal = Some(0);
            story.held = Some(held);
            let wait = story.order().0 - story.now;
            assert!(wait >= (lifetime / 4).clamp(20, DAY), "{wait} s");
        }
    }
}

#[test]
fn a_certificate_of_a_minute_is_renewed_before_it_ends() {
    let mut story = Story::new(&[lets_encrypt()]);
    story.tell(Outcome::Issued);
    story.held = Some(held(story.now, MINUTE));
    let wait = story.order().0 - story.now;
    assert!((20..=30).contains(&wait), "{wait} s");
}
