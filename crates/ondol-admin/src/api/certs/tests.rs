//! The JSON of certificates as programs read it.

use super::*;

fn certificate() -> Cert {
    let names = ["www.a.example.com", "a.example.com"].map(str::to_owned);
    Cert {
        names: names.to_vec(),
        issuer: "Ondol CA (seocho)".to_owned(),
        issuer_name: Some("internal".to_owned()),
        source: "internal".to_owned(),
        not_before: Time::from_unix_seconds(1_772_337_906),
        not_after: Time::from_unix_seconds(1_772_337_907),
        renew_at: None,
        sites: names.to_vec(),
        problem: None,
        meanwhile: None,
        wanted: vec!["a.example.com".to_owned()],
        state: CertState::Ordering,
        asked: Some("letsencrypt".to_owned()),
        step: Some("waits for the issuer's check".to_owned()),
        next_at: None,
        last: Some(LastResult {
            at: Time::from_unix_seconds(1_772_337_906),
            good: false,
            message: "no answer".to_owned(),
        }),
        failures: 2,
    }
}

#[test]
fn a_certificate_says_what_is_done_for_it() {
    let json = serde_json::to_value(certificate()).unwrap();
    for (field, expected) in [
        ("state", "\"ordering\""),
        ("issuer_name", "\"internal\""),
        ("asked", "\"letsencrypt\""),
        ("step", "\"waits for the issuer's check\""),
        ("next_at", "null"),
        ("failures", "2"),
        (
            "last",
            r#"{"at":"2026-03-01T04:05:06Z","good":false,"message":"no answer"}"#,
        ),
    ] {
        assert_eq!(json[field].to_string(), expected, "{field}");
    }
    let states = [
        CertState::Held,
        CertState::Ordering,
        CertState::Waiting,
        CertState::Nobody,
    ];
    for state in states {
        let word = serde_json::to_value(state).unwrap();
        assert_eq!(word, state.word());
    }
}

#[test]
fn what_an_earlier_version_says_is_read() {
    let text = r#"{"names":["a.test"],"issuer":"Ondol CA","source":"internal",
        "not_before":"2026-03-01T04:05:06Z","not_after":"2026-03-01T04:05:06Z",
        "renew_at":null,"sites":[],"problem":null}"#;
    let read: Cert = serde_json::from_str(text).unwrap();
    assert_eq!(read.state, CertState::Held);
    assert!(!read.is_stand_in());
}

#[test]
fn a_certificate_is_called_by_the_name_that_is_wanted_when_it_covers_it() {
    assert!(certificate().is_stand_in());
    assert_eq!(certificate().name(), "a.example.com");
    let other = Cert {
        wanted: vec!["b.example.com".to_owned()],
        ..certificate()
    };
    assert_eq!(other.name(), "www.a.example.com");
}

#[test]
fn reasons_are_the_words_of_the_command_line() {
    for (reason, word) in [
        (RevocationReason::Unspecified, "unspecified"),
        (RevocationReason::KeyCompromise, "key-compromise"),
        (RevocationReason::Superseded, "superseded"),
        (
            RevocationReason::CessationOfOperation,
            "cessation-of-operation",
        ),
    ] {
        assert_eq!(serde_json::to_value(reason).unwrap(), word);
    }
}
