//! Rows and what is done for them, as programs read them.

use std::path::PathBuf;

use ondol_certs::Facts;
use ondol_certs::KeyKind;
use ondol_certs::LastResult;
use ondol_model::certificate::Validity;
use ondol_model::plan::CertificateFiles;

use super::*;

const NOW: i64 = 1_772_337_906;
const DAY: i64 = 86_400;

fn names(texts: &[&str]) -> Vec<HostPattern> {
    let parsed = texts.iter().map(|text| HostPattern::parse(text).unwrap());
    parsed.collect()
}

fn row(origin: Origin, texts: &[&str], ends: i64) -> CertificateRow {
    CertificateRow {
        names: names(texts),
        origin,
        facts: Facts {
            names: names(texts),
            issuer: "Ondol CA (seocho)".to_owned(),
            validity: Validity {
                not_before: NOW - 30 * DAY,
                not_after: NOW + ends,
            },
            key: KeyKind::Ecdsa { bits: 256 },
        },
        trouble: None,
    }
}

fn files() -> Origin {
    Origin::Files(CertificateFiles {
        chain: PathBuf::from("/etc/ssl/a.pem"),
        key: PathBuf::from("/etc/ssl/a.key"),
    })
}

fn managed(texts: &[&str], state: State) -> Managed {
    Managed {
        names: names(texts),
        state,
        next_at: Some(NOW + 540),
        last: None,
        failures: 0,
    }
}

fn failed(managed: Managed, failures: u32) -> Managed {
    let last = LastResult {
        at: NOW - 60,
        is_good: false,
        sentence: "a.com points to 203.0.113.7, this box is 198.51.100.2".to_owned(),
    };
    Managed {
        last: Some(last),
        failures,
        ..managed
    }
}

#[test]
fn files_and_ondols_own_are_as_they_were() {
    let rows = [
        row(Origin::Internal, &["a.test"], 60 * DAY),
        row(files(), &["b.com"], 10 * DAY),
    ];
    // A file covers it, so what is wanted elsewhere is not about it.
    let certs = certs(&rows, &[managed(&["b.com"], State::Waiting)], NOW);
    let [file, own] = &certs.certificates[..] else {
        panic!("{certs:?}");
    };
    assert_eq!(
        (file.source.as_str(), own.source.as_str()),
        ("/etc/ssl/a.pem", "internal")
    );
    assert_eq!((&file.renew_at, &file.issuer_name), (&None, &None));
    assert_eq!(own.renew_at, Some(Time::from_unix_seconds(NOW + 30 * DAY)));
    for certificate in [file, own] {
        assert_eq!(certificate.state, api::CertState::Held);
        assert!(certificate.wanted.is_empty() && certificate.problem.is_none());
    }
    assert_eq!(problems(&certs), []);
}

fn issued(texts: &[&str], ends: i64) -> CertificateRow {
    let origin = Origin::Issued {
        issuer: "letsencrypt".into(),
        name: names(texts)[0].clone(),
    };
    row(origin, texts, ends)
}

#[test]
fn what_an_issuer_gave_says_when_it_is_renewed_and_why_it_is_not() {
    let rows = [
        issued(&["b.com"], 5 * DAY),
        issued(&["c.com"], 60 * DAY),
        issued(&["a.com"], -DAY),
    ];
    let all = [
        failed(managed(&["a.com"], State::Waiting), 1),
        failed(managed(&["b.com", "www.b.com"], State::Waiting), 2),
        Managed {
            next_at: Some(NOW + 29 * DAY),
            ..managed(&["c.com"], State::Held)
        },
    ];
    let certs = certs(&rows, &all, NOW);
    let [ended, ending, held] = &certs.certificates[..] else {
        panic!("{certs:?}");
    };
    for certificate in [ended, ending, held] {
        assert_eq!(certificate.source, "acme");
        assert_eq!(certificate.issuer_name.as_deref(), Some("letsencrypt"));
        assert!(!certificate.is_stand_in());
    }
    assert_eq!(held.renew_at, Some(Time::from_unix_seconds(NOW + 29 * DAY)));
    assert_eq!((held.renew_at, &held.problem), (held.next_at, &None));
    assert_eq!(
        (ending.state, ending.renew_at),
        (api::CertState::Waiting, None)
    );
    assert!(!ending.last.as_ref().unwrap().good);
    let why = "a.com points to 203.0.113.7, this box is 198.51.100.2";
    assert_eq!(ended.problem.as_deref(), Some(&*format!("{why}.")));
    assert_eq!(
        ended.meanwhile.as_deref(),
        Some("The one in use has ended: visitors are warned off.")
    );
    let twice = format!("{why} (failed 2 times).");
    assert_eq!(ending.problem.as_deref(), Some(&*twice));
    assert_eq!(
        ending.meanwhile.as_deref(),
        Some("The one in use is good for now.")
    );
}

#[test]
fn what_stands_in_says_for_which_and_how_far_that_is() {
    let rows = [
        row(Origin::Internal, &["a.com", "a.home.arpa"], 60 * DAY),
        row(Origin::Internal, &["shop.b.com"], 60 * DAY),
        row(Origin::Internal, &["c.test"], 60 * DAY),
    ];
    let ordering = State::Ordering {
        issuer: "letsencrypt".to_owned(),
        step: "waits for the issuer's check",
    };
    let all = [
        managed(&["a.com"], ordering),
        failed(managed(&["*.b.com", "b.com"], State::Waiting), 3),
    ];
    let certs = certs(&rows, &all, NOW);
    let [first, second, third] = &certs.certificates[..] else {
        panic!("{certs:?}");
    };
    assert!(first.is_stand_in() && second.is_stand_in() && !third.is_stand_in());
    assert_eq!(first.state, api::CertState::Ordering);
    assert_eq!(first.asked.as_deref(), Some("letsencrypt"));
    assert_eq!(first.step.as_deref(), Some("waits for the issuer's check"));
    assert_eq!(first.problem, None);
    assert_eq!(second.wanted, ["*.b.com", "b.com"]);
    assert_eq!(second.next_at, Some(Time::from_unix_seconds(NOW + 540)));
    assert_eq!(second.renew_at, None);
    let problem = api::CertProblem {
        name: "*.b.com".to_owned(),
        message: "a.com points to 203.0.113.7, this box is 198.51.100.2 (failed 3 times)."
            .to_owned(),
        meanwhile: Some(
            "Visitors get a certificate of Ondol's own CA for now, which browsers warn of."
                .to_owned(),
        ),
        next_at: Some(Time::from_unix_seconds(NOW + 540)),
    };
    assert_eq!(problems(&certs), [problem]);
}

#[test]
fn what_visitors_get_is_not_said_twice() {
    let mut ended = issued(&["a.com"], -DAY);
    ended.trouble = Some("It ended: visitors are warned off.".to_owned());
    let certs = certs(
        &[ended],
        &[failed(managed(&["a.com"], State::Waiting), 1)],
        NOW,
    );
    let certificate = &certs.certificates[0];
    assert_eq!(
        certificate.problem.as_deref(),
        Some(
            "It ended: visitors are warned off. a.com points to 203.0.113.7, this box is 198.51.100.2."
        )
    );
    assert_eq!(certificate.meanwhile, None);
}

#[test]
fn a_try_in_vain_that_nobody_needs_is_no_problem() {
    let rows = [issued(&["b.com"], 60 * DAY)];
    let certs = certs(&rows, &[failed(managed(&["b.com"], State::Held), 3)], NOW);
    let certificate = &certs.certificates[0];
    assert!(!certificate.last.as_ref().unwrap().good);
    assert_eq!(
        (&certificate.problem, &certificate.meanwhile),
        (&None, &None)
    );
}

#[test]
fn one_problem_is_told_once_whatever_the_number_of_rows() {
    let rows = ["a.com", "www.a.com"].map(|name| row(Origin::Internal, &[name], 60 * DAY));
    let why = "no issuer of the configuration can vouch for all its names".to_owned();
    let nobody = managed(&["a.com", "www.a.com"], State::Nobody { why });
    let certs = certs(&rows, &[nobody], NOW);
    assert_eq!(
        certs.certificates[1].renew_at,
        certs.certificates[1].next_at
    );
    let problems = problems(&certs);
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0]
            .message
            .starts_with("no issuer of the configuration can vouch")
    );
    assert_eq!(problems[0].next_at, None);
}

#[test]
fn a_site_is_counted_when_its_own_name_has_a_stand_in() {
    let rows = [row(Origin::Internal, &["a.com", "www.a.com"], 60 * DAY)];
    let certs = certs(&rows, &[managed(&["a.com"], State::Waiting)], NOW);
    let by_name = by_site_name(&certs);
    let site = |name: &str, certificate| api::Site {
        name: name.to_owned(),
        aliases: Vec::new(),
        serves_aliases: false,
        scheme: "https".to_owned(),
        listens: Vec::new(),
        routes: Vec::new(),
        certificate,
        health: None,
    };
    let sites = vec![
        site("a.com", by_name.get("a.com").copied().map(short)),
        site("b.com", None),
    ];
    assert_eq!(stand_ins(&api::Sites { sites }), 1);
}
