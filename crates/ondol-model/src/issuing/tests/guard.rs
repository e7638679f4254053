//! The limits of issuers, at their edges.

use super::super::domain::registered_domain;
use super::super::guard::Standing;
use super::super::guard::Thought;
use super::super::guard::free_at;
use super::*;

#[test]
fn the_registered_domain_is_two_labels_or_three() {
    for (text, expected) in [
        ("a.kr", "a.kr"),
        ("www.a.kr", "a.kr"),
        ("*.a.kr", "a.kr"),
        ("x.y.a.com", "a.com"),
        ("a.co.kr", "a.co.kr"),
        ("x.y.a.co.uk", "a.co.uk"),
        ("co.kr", "co.kr"),
        ("a.com.com", "com.com"),
        ("x.a.com.com", "com.com"),
        ("nas", "nas"),
        ("x.home.duckdns.org", "duckdns.org"),
        ("8.8.8.8", "8.8.8.8"),
        ("[2606:4700:1:2::1]", "2606:4700:1:2::/64"),
    ] {
        assert_eq!(registered_domain(&name(text)), expected, "{text}");
    }
}

/// How long after the last try there is room for `a.kr` and `www.a.kr`.
fn waits(issuer: &AcmeIssuer, environment: Environment, standing: Standing, tries: &[Try]) -> i64 {
    let names = names(&["a.kr", "www.a.kr"]);
    let thought = Thought {
        issuer,
        environment,
        names: &names,
        standing,
    };
    let last = tries.last().map_or(START, |one| one.at);
    free_at(thought, tries.iter(), last) - last
}

/// So many tries, so many seconds apart.
fn many(count: usize, apart: i64, texts: impl Fn(usize) -> String, outcome: Outcome) -> Vec<Try> {
    (0..count)
        .zip(0..)
        .map(|(n, at)| tried(&[&texts(n)], START + at * apart, outcome))
        .collect()
}

#[track_caller]
fn check(tries: &[Try], standing: Standing, expected: i64) {
    let found = waits(&lets_encrypt(), Environment::Production, standing, tries);
    assert_eq!(found, expected, "{standing:?}");
    let elsewhere = waits(&zero_ssl(), Environment::Production, standing, tries);
    assert_eq!(elsewhere, 0, "another issuer does not count them");
    let staging = waits(&lets_encrypt(), Environment::Staging, standing, tries);
    assert_eq!(staging, 0, "staging does not count them");
}

const UNVERIFIED: Outcome = Outcome::Failed {
    kind: FailureKind::Unverified,
    retry_at: None,
};

#[test]
fn ten_orders_are_begun_at_once() {
    let others = |count| many(count, 0, |n| format!("s{n}.com"), Outcome::Issued);
    check(&others(9), Standing::New, 0);
    check(&others(10), Standing::New, 10);
    check(&others(10), Standing::Replacement, 10);
}

#[test]
fn orders_within_three_hours_are_counted() {
    let others = |count| many(count, 20, |n| format!("s{n}.com"), UNVERIFIED);
    check(&others(239), Standing::New, 0);
    check(&others(240), Standing::New, 3 * HOUR - 239 * 20);
    check(&others(240), Standing::Renewal, 0);
    check(&others(240), Standing::Replacement, 0);
}

#[test]
fn certificates_of_one_domain_are_counted() {
    let others = |count| many(count, HOUR, |n| format!("s{n}.a.kr"), Outcome::Issued);
    check(&others(39), Standing::New, 0);
    check(&others(40), Standing::New, 7 * DAY - 39 * HOUR);
    check(&others(40), Standing::Renewal, 0);
    check(&others(40), Standing::Replacement, 0);
}

#[test]
fn certificates_of_the_same_names_are_counted_in_whatever_order() {
    let same = |count: usize| -> Vec<Try> {
        let orders = [["a.kr", "www.a.kr"], ["www.a.kr", "a.kr"]];
        (0..count)
            .zip(0..)
            .map(|(n, at)| tried(&orders[n % 2], START + at * HOUR, Outcome::Issued))
            .collect()
    };
    check(&same(3), Standing::New, 0);
    check(&same(4), Standing::New, 7 * DAY - 3 * HOUR);
    check(&same(4), Standing::Renewal, 7 * DAY - 3 * HOUR);
    check(&same(4), Standing::Replacement, 0);
    let mut replacements = same(4);
    replacements[1].replaces = true;
    check(&replacements, Standing::New, 0);
}

#[test]
fn certificates_of_some_of_the_names_or_of_more_are_others() {
    let of = |texts: &[&str]| vec![tried(texts, START, Outcome::Issued); 8];
    check(&of(&["a.kr"]), Standing::New, 0);
    check(&of(&["a.kr", "www.a.kr", "x.kr"]), Standing::New, 0);
    check(&of(&["a.kr", "www.a.kr"]), Standing::New, 7 * DAY);
}

#[test]
fn what_may_become_an_order_is_counted_as_one() {
    let unknown = |outcome| -> Vec<Try> {
        let others = many(40, HOUR, |n| format!("s{n}.a.kr"), Outcome::Issued);
        let unknown = others.into_iter().map(|one| Try {
            ordered: false,
            outcome,
            ..one
        });
        unknown.collect()
    };
    check(&unknown(None), Standing::New, 7 * DAY - 39 * HOUR);
    let at_once = |outcome| -> Vec<Try> {
        let all = unknown(outcome).into_iter().take(10);
        all.map(|one| Try { at: START, ..one }).collect()
    };
    check(&at_once(None), Standing::New, 10);
    check(
        &at_once(Some(failed(FailureKind::Interrupted))),
        Standing::New,
        10,
    );
    check(
        &at_once(Some(failed(FailureKind::NotReady))),
        Standing::New,
        0,
    );
}

#[test]
fn names_that_were_refused_are_counted_each() {
    let refused = |count| many(count, MINUTE, |_| "www.a.kr".into(), UNVERIFIED);
    check(&refused(3), Standing::New, 0);
    check(&refused(4), Standing::New, HOUR - 3 * MINUTE);
    check(&refused(4), Standing::Replacement, HOUR - 3 * MINUTE);
    let others = many(4, MINUTE, |_| "x.a.kr".into(), UNVERIFIED);
    check(&others, Standing::New, 0);
}

#[test]
fn staging_has_wide_limits_and_a_directory_of_ones_own_has_none() {
    let as_staging = |mut tries: Vec<Try>| {
        for one in &mut tries {
            one.environment = Environment::Staging;
        }
        waits(&lets_encrypt(), Environment::Staging, Standing::New, &tries)
    };
    let refused = |count| many(count, 10, |_| "a.kr".into(), UNVERIFIED);
    assert_eq!(as_staging(refused(159)), 0);
    assert_eq!(as_staging(refused(160)), HOUR - 159 * 10);

    let named = KnownIssuer::LetsEncryptStaging.issuer(None);
    let mut tries = refused(159);
    for one in &mut tries {
        one.issuer = named.name.clone();
    }
    let found = waits(&named, Environment::Production, Standing::New, &tries);
    assert_eq!(found, 0, "staging is staging, whatever it is used for");

    let at_home = |mut tries: Vec<Try>| {
        for one in &mut tries {
            one.issuer = "home".into();
        }
        waits(&own("home"), Environment::Production, Standing::New, &tries)
    };
    assert_eq!(at_home(refused(2_000)), 0);
    assert_eq!(at_home(many(39, 0, |_| "a.kr".into(), Outcome::Issued)), 0);
    assert_eq!(at_home(many(40, 0, |_| "a.kr".into(), Outcome::Issued)), 10);
}
