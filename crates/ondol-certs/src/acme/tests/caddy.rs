//! Another issuer than Pebble: Caddy, of another hand.

use super::issuers::caddy::Caddy;
use super::issuers::caddy::free_address;
use super::*;
use crate::managed::RevocationReason;

const NAMES: [&str; 2] = ["app.example.com", "www.example.com"];

#[tokio::test]
async fn another_issuer_is_spoken_to_as_well() {
    let Some(address) = free_address() else {
        return;
    };
    let Some(caddy) = Caddy::start(&NAMES, address) else {
        return;
    };
    let plane = Plane::at(address, [80, 443]).await;
    let folder = tempfile::tempdir().unwrap();
    let mut issuer = issuer(&caddy.directory(), &caddy.tls_root());
    issuer.name = "caddy".into();
    let session = open(&issuer, folder.path()).await.unwrap();
    for way in [Challenge::Http, Challenge::TlsAlpn] {
        let got = get(&plane, &session, &NAMES, &[way]).await.unwrap();
        assert_eq!(got.names(), NAMES);
        assert!(!plane.asked.lock().unwrap().is_empty());
    }
    let again = open(&issuer, folder.path()).await.unwrap();
    assert_eq!(again.account_uri(), session.account_uri());
    // It suggests nothing about renewals, and an order that replaces something is one like others.
    assert!(!again.offers_renewal_info());
    let got = get(&plane, &again, &NAMES, &[Challenge::Http])
        .await
        .unwrap();
    assert_eq!(again.renewal_info(&got.chain_pem).await.unwrap(), None);
    let names = NAMES.map(host);
    let order = NewCertificate {
        names: &names,
        profile: Some("shortlived"),
        replaces: Some(&got.chain_pem),
    };
    assert!(!again.begin(&order).await.unwrap().replaces);
    let revoked = again.revoke(&got.chain_pem, RevocationReason::KeyCompromise);
    revoked.await.unwrap();
    let failure = again.rekey().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Rejected);
    assert_eq!(
        failure.sentence,
        "caddy does not let accounts have a new key"
    );
    // The old key is as good as before.
    open(&issuer, folder.path()).await.unwrap();
}
