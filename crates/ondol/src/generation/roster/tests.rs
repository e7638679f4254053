//! What the roster decides, event by event, and what holds whatever happens.

use proptest::prelude::*;

use super::*;

const GRACE: Duration = Duration::from_secs(30);

fn serving(now: Instant) -> Roster {
    let mut roster = Roster::new(1, GRACE);
    assert_eq!(roster.step(Input::Replace, now), [Action::Start(1)]);
    assert_eq!(roster.step(Input::Ready(1), now), [Action::Serves(1)]);
    roster
}

fn now() -> Instant {
    ondol_base::clock::now()
}

#[test]
fn the_previous_one_drains_only_when_the_next_is_ready() {
    let now = now();
    let mut roster = serving(now);
    assert_eq!(roster.step(Input::Replace, now), [Action::Start(2)]);
    assert_eq!(roster.serving(), Some(1));
    assert_eq!(
        roster.step(Input::Ready(2), now),
        [Action::Drain(1, GRACE), Action::Serves(2)]
    );
    assert_eq!(roster.step(Input::Ended(1), now), []);
    assert_eq!(roster.wake_at(), None);
}

#[test]
fn one_that_is_never_ready_is_killed_and_the_previous_stays() {
    let now = now();
    let mut roster = serving(now);
    roster.step(Input::Replace, now);
    assert_eq!(roster.wake_at(), Some(now + READY));
    assert_eq!(
        roster.step(Input::Tick, now + READY),
        [Action::Kill(2), Action::Failed(2, Failing::Late)]
    );
    assert_eq!(
        roster.step(Input::Ready(2), now + READY),
        [],
        "too late is too late"
    );
    assert_eq!(roster.step(Input::Ended(2), now + READY), []);
    assert_eq!((roster.serving(), roster.wake_at()), (Some(1), None));
}

#[test]
fn a_crashed_one_is_started_again_at_once_and_a_crashing_one_ever_later() {
    let begin = now();
    let mut roster = serving(begin);
    let mut now = begin + STEADY;
    assert_eq!(
        roster.step(Input::Ended(1), now),
        [Action::Lost(1), Action::Start(2)]
    );
    let mut waits = Vec::new();
    for number in 2..10 {
        let actions = roster.step(Input::Ended(number), now);
        assert_eq!(actions, [Action::Failed(number, Failing::Ended)]);
        let retry_at = roster.wake_at().unwrap();
        waits.push(retry_at - now);
        now = retry_at;
        assert_eq!(roster.step(Input::Tick, now), [Action::Start(number + 1)]);
    }
    assert!(
        waits[0] <= RETRY_FIRST && waits[7] >= RETRY_CAP / 2,
        "{waits:?}"
    );
    roster.step(Input::Ready(10), now);
    assert_eq!(
        roster.step(Input::Ended(10), now + STEADY),
        [Action::Lost(10), Action::Start(11)],
        "one that served long is started again at once"
    );
}

#[test]
fn one_that_ignores_the_order_to_drain_is_killed() {
    let now = now();
    let mut roster = serving(now);
    roster.step(Input::Replace, now);
    roster.step(Input::Ready(2), now);
    let end = now + GRACE + OVERTIME;
    assert_eq!(roster.wake_at(), Some(end));
    assert_eq!(roster.step(Input::Tick, end), [Action::Kill(1)]);
}

#[test]
fn a_newer_wish_replaces_one_that_is_still_starting() {
    let now = now();
    let mut roster = Roster::new(1, GRACE);
    roster.step(Input::Replace, now);
    assert_eq!(
        roster.step(Input::Replace, now),
        [
            Action::Kill(1),
            Action::Failed(1, Failing::Superseded),
            Action::Start(2)
        ]
    );
    assert_eq!(roster.step(Input::Ended(1), now), []);
}

#[test]
fn one_whose_link_is_gone_is_killed_and_replaced() {
    let now = now();
    let mut roster = serving(now);
    assert_eq!(roster.step(Input::LinkLost(1), now), []);
    let soon = roster.wake_at().unwrap();
    assert_eq!(roster.step(Input::Tick, soon), [Action::Kill(1)]);
    assert_eq!(
        roster.step(Input::Ended(1), soon),
        [Action::Lost(1), Action::Start(2)]
    );
}

#[test]
fn one_that_stands_still_is_killed_and_replaced_at_once() {
    let now = now();
    let mut roster = serving(now);
    assert_eq!(
        roster.step(Input::Stuck(1), now),
        [Action::Kill(1), Action::Start(2)]
    );
    assert_eq!(
        roster.step(Input::Stuck(1), now),
        [Action::Kill(1)],
        "another is on its way"
    );
    assert_eq!(roster.step(Input::Ended(1), now), [Action::Lost(1)]);
    assert_eq!(roster.step(Input::Ready(2), now), [Action::Serves(2)]);
}

#[test]
fn one_that_loses_its_link_before_it_is_ready_did_not_take_too_long() {
    let now = now();
    let mut roster = Roster::new(1, GRACE);
    roster.step(Input::Replace, now);
    roster.step(Input::LinkLost(1), now);
    let soon = roster.wake_at().unwrap();
    assert!(soon < now + READY);
    let actions = roster.step(Input::Tick, soon);
    assert_eq!(
        actions,
        [
            Action::Kill(1),
            Action::Failed(1, Failing::Unlinked),
            Action::Start(2)
        ]
    );
}

#[test]
fn stopping_starts_nothing_any_more() {
    let now = now();
    let mut roster = serving(now);
    roster.step(Input::Replace, now);
    let grace = Duration::from_secs(3);
    assert_eq!(
        roster.step(Input::Stop { grace }, now),
        [Action::Drain(1, grace), Action::Kill(2)]
    );
    for input in [
        Input::Ended(2),
        Input::Ended(1),
        Input::Replace,
        Input::Tick,
    ] {
        assert_eq!(roster.step(input, now + GRACE), []);
    }
}

#[test]
fn an_adopted_one_serves_until_its_successor_does() {
    let now = now();
    let mut roster = Roster::new(1, GRACE);
    roster.adopt(6, Phase::Draining, now);
    roster.adopt(7, Phase::Serving, now);
    assert_eq!(roster.step(Input::Replace, now), [Action::Start(8)]);
    assert_eq!(
        roster.step(Input::Ready(8), now),
        [Action::Drain(7, GRACE), Action::Serves(8)]
    );
}

fn any_input() -> impl Strategy<Value = (Input, u64)> {
    let number = 1_u64..12;
    let input = prop_oneof![
        Just(Input::Replace),
        number.clone().prop_map(Input::Ready),
        number.clone().prop_map(Input::Ended),
        number.clone().prop_map(Input::LinkLost),
        number.prop_map(Input::Stuck),
        Just(Input::Tick),
    ];
    (input, 0_u64..20_000)
}

proptest! {
    #[test]
    fn whatever_happens_one_serves_or_is_on_its_way(inputs in proptest::collection::vec(any_input(), 1..80)) {
        let mut now = now();
        let mut roster = Roster::new(1, GRACE);
        roster.step(Input::Replace, now);
        for (input, milliseconds) in inputs {
            now += Duration::from_millis(milliseconds);
            roster.step(input, now);
            let count = |phase| roster.members.iter().filter(|member| member.phase == phase).count();
            prop_assert!(count(Phase::Serving) <= 1 && count(Phase::Starting) <= 1);
            prop_assert!(count(Phase::Draining) <= DRAINING_MAX);
            let is_cared_for = roster.serving().or(roster.starting()).is_some() || roster.retry_at.is_some();
            prop_assert!(is_cared_for);
        }
    }
}
