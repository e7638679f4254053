//! When, by which way, and what is said.

use super::*;
use crate::plan::Challenge;
use crate::plan::DnsProvider;
use crate::plan::Secret;

fn desec() -> Option<DnsProvider> {
    Some(DnsProvider::Desec {
        token: Secret::Environment("TOKEN".into()),
    })
}

#[track_caller]
fn check_ways(
    text: &str,
    chosen: Option<Challenge>,
    dns: Option<DnsProvider>,
    expected: &[Challenge],
) {
    let issuance = Issuance {
        challenge: chosen,
        dns,
        ..issuance(&[lets_encrypt()])
    };
    let found = ways(&name(text), &issuance, Reachable::EVERYWHERE);
    assert_eq!(found, expected, "{text} {chosen:?}");
}

#[test]
fn the_way_is_found_by_itself_where_it_can_be() {
    use Challenge::{Dns, DnsPersist, Http, TlsAlpn};
    check_ways("a.kr", None, None, &[Http, TlsAlpn]);
    check_ways("a.kr", None, desec(), &[Dns, Http, TlsAlpn]);
    check_ways("*.a.kr", None, desec(), &[Dns]);
    check_ways("*.a.kr", None, None, &[]);
    check_ways("8.8.8.8", None, desec(), &[Http, TlsAlpn]);
    for chosen in [Http, TlsAlpn] {
        check_ways("a.kr", Some(chosen), desec(), &[chosen]);
        check_ways("*.a.kr", Some(chosen), desec(), &[Dns]);
        check_ways("*.a.kr", Some(chosen), None, &[]);
    }
    check_ways("a.kr", Some(Dns), desec(), &[Dns]);
    check_ways("8.8.8.8", Some(Dns), desec(), &[Http, TlsAlpn]);
    check_ways("a.kr", Some(DnsPersist), desec(), &[DnsPersist]);
    check_ways("*.a.kr", Some(DnsPersist), None, &[DnsPersist]);
    check_ways("[2606:4700::1]", Some(DnsPersist), None, &[Http, TlsAlpn]);
}

#[test]
fn a_closed_port_is_not_counted_on() {
    let ways = |http, https| {
        let issuance = issuance(&[lets_encrypt()]);
        ways(&name("a.kr"), &issuance, Reachable { http, https })
    };
    assert_eq!(ways(false, true), [Challenge::TlsAlpn]);
    assert_eq!(ways(true, false), [Challenge::Http]);
    assert_eq!(ways(false, false), []);
}

#[test]
fn the_moment_that_the_issuer_suggests_comes_first_but_not_too_late() {
    let due_with = |lifetime: i64, renewal| {
        let held = Held {
            renewal,
            ..held(START, lifetime)
        };
        due(&name("a.kr"), &held) - START
    };
    assert_eq!(due_with(90 * DAY, Some(START + 5 * DAY)), 5 * DAY);
    assert_eq!(due_with(90 * DAY, Some(START - 5 * DAY)), -5 * DAY);
    assert_eq!(
        due_with(90 * DAY, Some(START + 89 * DAY)),
        90 * DAY * 19 / 20
    );
    assert_eq!(
        due_with(90 * DAY, Some(START + 900 * DAY)),
        90 * DAY * 19 / 20
    );
    for (lifetime, at) in [
        (90 * DAY, 60 * DAY),
        (45 * DAY, 30 * DAY),
        (160 * HOUR, 80 * HOUR),
        (DAY, 12 * HOUR),
    ] {
        let due = due_with(lifetime, None);
        assert!(due <= at && due > at - lifetime / 30, "{lifetime}: {due}");
    }
}

#[test]
fn a_hundred_certificates_of_one_minute_are_not_renewed_in_one() {
    let held = held(START, 90 * DAY);
    let dues: Vec<i64> = (0..100)
        .map(|n| due(&name(&format!("s{n}.kr")), &held))
        .collect();
    let most = |window: i64| {
        let within = |at: i64| {
            dues.iter()
                .filter(|due| (at..at + window).contains(due))
                .count()
        };
        dues.iter().map(|at| within(*at)).max()
    };
    assert!(most(HOUR) <= Some(10), "{:?} within an hour", most(HOUR));
    assert!(most(DAY) <= Some(60), "{:?} within a day", most(DAY));
}

#[test]
fn the_whole_window_can_be_chosen() {
    assert_eq!(choose_in_window(100, 200, 0), 100);
    assert_eq!(choose_in_window(100, 200, u64::MAX), 200);
    assert_eq!(choose_in_window(100, 200, u64::MAX / 2), 150);
    assert_eq!(choose_in_window(100, 100, u64::MAX), 100);
    assert_eq!(choose_in_window(200, 100, u64::MAX), 200);
}

#[track_caller]
fn check_warnings(lifetime: i64, expected_hours_left: &[i64]) {
    let validity = held(START, lifetime).validity;
    let mut told_at = None;
    let mut found = Vec::new();
    while let Some(at) = next_warning(validity, validity.renew_at(), told_at) {
        found.push((validity.not_after - at) / HOUR);
        told_at = Some(at);
    }
    assert_eq!(found, expected_hours_left, "{lifetime}");
}

#[test]
fn the_owner_is_warned_when_a_renewal_is_overdue_and_not_before() {
    check_warnings(90 * DAY, &[21 * 24, 14 * 24, 7 * 24, 3 * 24, 24, 0]);
    check_warnings(64 * DAY, &[14 * 24, 7 * 24, 3 * 24, 24, 0]);
    check_warnings(45 * DAY, &[7 * 24, 3 * 24, 24, 0]);
    check_warnings(160 * HOUR, &[53, 26, 0]);
    check_warnings(6 * HOUR, &[2, 1, 0]);
}

#[test]
fn who_was_away_for_several_warnings_is_warned_once() {
    let validity = held(START, 90 * DAY).validity;
    let back = validity.not_after - 5 * DAY;
    let first = next_warning(validity, validity.renew_at(), None);
    assert!(first.is_some_and(|at| at <= back));
    let second = next_warning(validity, validity.renew_at(), Some(back));
    assert_eq!(second, Some(validity.not_after - 3 * DAY));
    let last = next_warning(validity, validity.renew_at(), Some(validity.not_after));
    assert_eq!(last, None);
}
