//! A renewal as it goes, from what the agent shows.

use ondol_admin::api::Time;

use super::*;

const NOW: i64 = 1_772_337_906;

fn at(seconds: i64) -> Time {
    Time::from_unix_seconds(NOW + seconds)
}

fn cert(state: CertState) -> Cert {
    let names = vec!["a.com".to_owned()];
    Cert {
        names: names.clone(),
        issuer: "R11".to_owned(),
        issuer_name: Some("letsencrypt".to_owned()),
        source: "acme".to_owned(),
        not_before: at(-1),
        not_after: at(90 * 86_400),
        renew_at: None,
        sites: names.clone(),
        problem: None,
        meanwhile: None,
        wanted: names,
        state,
        asked: None,
        step: None,
        next_at: Some(at(60 * 86_400)),
        last: None,
        failures: 0,
    }
}

fn last(good: bool) -> Option<LastResult> {
    Some(LastResult {
        at: at(-5),
        good,
        message: "no answer".to_owned(),
    })
}

/// What becomes of a certificate without a past.
#[track_caller]
fn check(certificate: Cert, waited: u64, expected: &str) {
    let before = Certs {
        certificates: vec![cert(CertState::Held)],
    };
    let now = Certs {
        certificates: vec![certificate],
    };
    let waited = Duration::from_secs(waited);
    let verdict = Before::of(&before, "a.com").judge(&now, NOW, waited);
    let told = match verdict {
        Verdict::UnderWay(step) => format!("… {step}"),
        Verdict::Renewed(_) => "renewed".to_owned(),
        Verdict::Failed(why) => format!("failed: {why}"),
    };
    assert_eq!(told, expected);
}

#[test]
fn a_renewal_is_followed_step_by_step() {
    check(cert(CertState::Held), 1, "… is about to begin");
    let ordering = Cert {
        asked: Some("letsencrypt".to_owned()),
        step: Some("waits for the issuer's check".to_owned()),
        ..cert(CertState::Ordering)
    };
    check(ordering, 60, "… letsencrypt, waits for the issuer's check");
    let renewed = Cert {
        last: last(true),
        ..cert(CertState::Held)
    };
    check(renewed.clone(), 61, "renewed");
    // The data plane does not have it yet.
    let stand_in = Cert {
        source: "internal".to_owned(),
        ..renewed
    };
    check(stand_in, 1, "… is about to begin");
}

#[test]
fn a_failure_is_final_when_nothing_more_is_done_soon() {
    let failed = |state, next| Cert {
        last: last(false),
        failures: 1,
        next_at: Some(at(next)),
        ..cert(state)
    };
    check(
        failed(CertState::Waiting, 540),
        30,
        "failed: no answer; the next try is in 9 min",
    );
    // The next issuer is asked at once.
    check(failed(CertState::Waiting, 2), 30, "… is about to begin");
    check(failed(CertState::Ordering, 0), 30, "… is about to begin");
    check(failed(CertState::Nobody, 540), 0, "failed: no answer");
}

#[test]
fn what_is_not_begun_is_given_up() {
    let waits = Cert {
        next_at: Some(at(3_600 * 3)),
        problem: Some("letsencrypt takes no more orders for now.".to_owned()),
        ..cert(CertState::Waiting)
    };
    check(waits.clone(), 1, "… is about to begin");
    check(
        waits,
        20,
        "failed: it is asked for in 3 h, not at once: the issuer wants to be left alone so long, or has given as many as it may; before that: letsencrypt takes no more orders for now",
    );
    check(cert(CertState::Held), 20, "failed: it was not begun");
    let as_many_as_it_may = Cert {
        next_at: Some(at(3_600 * 30)),
        ..cert(CertState::Held)
    };
    check(
        as_many_as_it_may,
        20,
        "failed: it is asked for in 30 h, not at once: the issuer wants to be left alone so long, or has given as many as it may",
    );
    let endless = cert(CertState::Ordering);
    check(
        endless,
        20 * 60,
        "failed: it is not there after 20 min; it is still tried for, and `ondol certs` shows how far it is",
    );
    let elsewhere = Cert {
        wanted: vec!["b.com".to_owned()],
        ..cert(CertState::Held)
    };
    check(
        elsewhere,
        1,
        "failed: it is not wanted from an issuer any more: the configuration has changed",
    );
}

#[test]
fn what_failed_before_is_no_news() {
    let failing = Cert {
        last: last(false),
        failures: 2,
        next_at: Some(at(540)),
        ..cert(CertState::Waiting)
    };
    let certs = Certs {
        certificates: vec![failing],
    };
    let before = Before::of(&certs, "a.com");
    let verdict = before.judge(&certs, NOW, Duration::from_secs(1));
    assert_eq!(verdict, Verdict::UnderWay("is about to begin".to_owned()));
}
