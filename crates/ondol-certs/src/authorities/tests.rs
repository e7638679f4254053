//! Files that change while they are used.

use ondol_model::plan::ClientAuth;
use ondol_model::plan::ClientCertificate;

use super::*;
use crate::fixture;
use crate::sample;

fn authority() -> String {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem()
}

fn plan(ca: &Path) -> Plan {
    let mut site = fixture::site(&["a.test"], None);
    site.client_auth = Some(ClientAuth {
        ca: ca.to_owned(),
        certificate: ClientCertificate::Required,
    });
    fixture::plan(vec![site], &[])
}

#[test]
fn a_change_is_taken_up_once_it_was_seen_twice_and_a_bad_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("clients.pem");
    let (mut authorities, mut notices) = (Authorities::default(), Notices::default());
    authorities.take_up(&plan(&ca), &mut notices);
    assert_eq!(authorities.current(), []);
    assert!(
        notices
            .join(" ")
            .contains("nobody gets to its sites until it can"),
        "{notices:?}"
    );

    let (first, second) = (authority(), authority());
    sample::write(&ca, &first, 0o644);
    assert!(
        !authorities.refresh(&mut notices),
        "it may still be written"
    );
    assert!(authorities.refresh(&mut notices));
    assert_eq!(&*authorities.current()[0].pem, &*first);

    notices.clear();
    sample::write(&ca, "nothing", 0o644);
    authorities.refresh(&mut notices);
    assert!(!authorities.refresh(&mut notices));
    assert_eq!(&*authorities.current()[0].pem, &*first);
    assert!(
        notices
            .join(" ")
            .contains("what it said before stays in use"),
        "{notices:?}"
    );

    sample::write(&ca, &format!("{first}{second}"), 0o644);
    authorities.refresh(&mut notices);
    assert!(authorities.refresh(&mut notices));
    assert!(!authorities.refresh(&mut notices));
    authorities.take_up(&fixture::plan(Vec::new(), &[]), &mut notices);
    assert_eq!(authorities.current(), []);
}

#[test]
fn what_can_issue_nothing_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("clients.pem");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, expected) in [
        (String::new(), "there is no certificate in "),
        (broken.to_owned(), "certificate 1 of "),
        (format!("{}{broken}", authority()), "certificate 2 of "),
        (
            "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n".to_owned(),
            "is not PEM",
        ),
        (
            authority().repeat(CLIENT_AUTHORITIES_MAX + 1),
            "there are more than 100 certificates in ",
        ),
    ] {
        sample::write(&ca, &text, 0o644);
        let error = load(&ca).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let missing = load(&folder.path().join("none.pem"))
        .unwrap_err()
        .to_string();
    assert!(missing.contains("cannot read "), "{missing}");
}
