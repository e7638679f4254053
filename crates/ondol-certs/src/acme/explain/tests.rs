//! What owners read.

use std::io;

use ondol_model::HostPattern;
use ondol_model::plan::Challenge;

use super::*;

fn problem(json: &str) -> Problem {
    serde_json::from_str(json).unwrap()
}

fn failed(word: &str, challenge: Challenge) -> Failure {
    let json = format!(r#"{{ "type": "{TYPES}{word}", "detail": "it said so" }}"#);
    let name = HostPattern::parse("app.example.com").unwrap();
    check_failed("letsencrypt", &name, challenge, &problem(&json))
}

#[test]
fn checks_that_fail_say_what_to_do_for_each_challenge() {
    let cases = [
        (
            "connection",
            Challenge::TlsAlpn,
            "letsencrypt could not connect to app.example.com: “it said so”; port 443 of its addresses (A and AAAA) must lead to this box",
        ),
        (
            "dns",
            Challenge::Http,
            "letsencrypt could not look up app.example.com: “it said so”; it needs an A or AAAA record with the address of this box, and name servers that answer",
        ),
        (
            "unauthorized",
            Challenge::Dns,
            "letsencrypt did not find this box's answer at app.example.com: “it said so”; all name servers of its zone must show the record that this box writes",
        ),
        (
            "unauthorized",
            Challenge::DnsPersist,
            "letsencrypt did not find this box's answer at app.example.com: “it said so”; `ondol certs persist app.example.com` prints the record that it looks for",
        ),
        (
            "caa",
            Challenge::Http,
            "letsencrypt may not issue, by the CAA records of its zone, for app.example.com: “it said so”; change the CAA records, or take another issuer",
        ),
        (
            "moonPhase",
            Challenge::Http,
            "letsencrypt could not check app.example.com: “it said so”",
        ),
        (
            "rateLimited",
            Challenge::Http,
            "letsencrypt takes no more orders for now (app.example.com): “it said so”",
        ),
    ];
    for (word, challenge, sentence) in cases {
        assert_eq!(failed(word, challenge).sentence, sentence);
    }
    assert_eq!(failed("caa", Challenge::Http).kind, FailureKind::Rejected);
    assert_eq!(
        failed("moonPhase", Challenge::Http).kind,
        FailureKind::Unverified
    );
}

#[test]
fn each_name_of_a_problem_is_named() {
    let part = |name: &str| {
        format!(
            r#"{{ "type": "{TYPES}rejectedIdentifier", "detail": "no {name}", "identifier": {{ "type": "dns", "value": "{name}" }} }}"#
        )
    };
    let names = [
        "a.example",
        "b.example",
        "c.example",
        "d.example",
        "e.example",
        "f.example",
    ];
    let parts = names.map(part).join(", ");
    let json = format!(
        r#"{{ "type": "{TYPES}malformed", "detail": "Error creating new order", "subproblems": [{parts}] }}"#
    );
    let failure = failure("letsencrypt", &problem(&json).into(), &Seen::default());
    assert_eq!(failure.kind, FailureKind::Rejected);
    assert_eq!(
        failure.sentence,
        "letsencrypt does not issue for these names: a.example (“no a.example”), b.example (“no b.example”), c.example (“no c.example”), d.example (“no d.example”), e.example (“no e.example”) and 1 more; take another issuer for them"
    );
}

#[test]
fn what_an_issuer_says_stays_on_one_line_and_has_an_end() {
    let long = "x".repeat(400);
    let json = format!(r#"{{ "detail": "a\r\nb\u001b[31m c\u0000 {long}" }}"#);
    let shown = words(&problem(&json));
    assert!(shown.starts_with(": “a b[31m c xxx"), "{shown}");
    assert!(shown.ends_with("x…”"), "{shown}");
    assert_eq!(shown.chars().count(), 300 + ": “…”".chars().count());
}

#[test]
fn problems_of_no_known_type_are_told_by_their_status() {
    let said = |status: u16| {
        let seen = Seen {
            last: Some(Answer {
                status: StatusCode::from_u16(status).unwrap(),
                retry_at: Some(7),
                body: bytes::Bytes::new(),
            }),
            ..Seen::default()
        };
        let failure = failure("ca", &problem(r#"{ "detail": "no" }"#).into(), &seen);
        (failure.kind, failure.sentence, failure.retry_at)
    };
    let of = |kind, text: &str, at| (kind, text.to_owned(), at);
    assert_eq!(
        said(429),
        of(
            FailureKind::RateLimited,
            "ca takes no more orders for now: “no”",
            Some(7)
        )
    );
    assert_eq!(
        said(503),
        of(
            FailureKind::Unreachable,
            "ca has trouble of its own: “no”",
            Some(7)
        )
    );
    assert_eq!(
        said(400),
        of(FailureKind::Rejected, "ca refused: “no”", Some(7))
    );
    // An order that failed is answered well: when to ask for it again says nothing of the next one.
    assert_eq!(
        said(200),
        of(FailureKind::Rejected, "ca refused: “no”", None)
    );
}

#[test]
fn a_handshake_that_fails_over_dates_tells_of_the_clock() {
    let failed = |error: CertificateError| {
        let source = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::InvalidCertificate(error),
        );
        let host = "ca.example".into();
        unreachable("letsencrypt", &HttpsError::Tls { host, source }).sentence
    };
    let clock = "; this machine's clock says 20";
    assert!(failed(CertificateError::Expired).contains(clock));
    assert!(failed(CertificateError::NotValidYet).contains(clock));
    assert!(!failed(CertificateError::UnknownIssuer).contains(clock));
}

#[test]
fn every_type_is_explained_once() {
    // RFC 8555 §6.7, RFC 9773 §7.4 and the profiles draft.
    let types = [
        "accountDoesNotExist",
        "alreadyReplaced",
        "alreadyRevoked",
        "badCSR",
        "badNonce",
        "badPublicKey",
        "badRevocationReason",
        "badSignatureAlgorithm",
        "caa",
        "compound",
        "connection",
        "dns",
        "externalAccountRequired",
        "incorrectResponse",
        "invalidContact",
        "invalidProfile",
        "malformed",
        "orderNotReady",
        "rateLimited",
        "rejectedIdentifier",
        "serverInternal",
        "tls",
        "unauthorized",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
    ];
    for word in types {
        assert!(problems::meaning(word).is_some(), "{word}");
    }
    assert_eq!(problems::count(), types.len());
}

#[test]
fn a_name_in_a_problem_moves_no_cursor() {
    let problem = problem(
        r#"{ "type": "urn:ietf:params:acme:error:compound", "subproblems": [{ "detail": "no\u001b[2J", "identifier": { "type": "dns", "value": "a\u001b[31m\r\nb\u202e" } }] }"#,
    );
    let failure = said("ca", &problem, &Seen::default());
    assert_eq!(failure.sentence, "ca refused: a[31m b (“no[2J”)");
}
