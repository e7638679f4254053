//! The words around a request.

use ondol_admin::api::CertState;
use ondol_admin::api::Time;

use super::*;

fn cert() -> Cert {
    let names = ["a.com", "www.a.com"].map(str::to_owned).to_vec();
    Cert {
        names: names.clone(),
        issuer: "R11".to_owned(),
        issuer_name: Some("letsencrypt".to_owned()),
        source: "acme".to_owned(),
        not_before: Time::from_unix_seconds(0),
        not_after: Time::from_unix_seconds(1_772_337_906),
        renew_at: None,
        sites: names.clone(),
        problem: None,
        meanwhile: None,
        wanted: names,
        state: CertState::Held,
        asked: None,
        step: None,
        next_at: None,
        last: None,
        failures: 0,
    }
}

#[test]
fn a_revocation_says_what_will_happen() {
    let [which, then] = what_happens(&cert(), Some("UTC"));
    assert_eq!(
        which,
        "The certificate of a.com, www.a.com from letsencrypt, good until 2026-03-01 04:05, is to be revoked."
    );
    assert!(
        then.starts_with("First a new one with a new key is got"),
        "{then}"
    );
    assert!(is_revocable(&cert()));
    let stand_in = Cert {
        source: "internal".to_owned(),
        ..cert()
    };
    assert!(!is_revocable(&stand_in));
}

#[test]
fn a_renewal_says_from_whom_and_for_how_long() {
    let day = 86_400;
    let told = renewed(&cert(), 1_772_337_906 - 90 * day);
    assert_eq!(
        told,
        "a new certificate from letsencrypt is in use, good for 90 days"
    );
}
