//! What comes after the first certificate: suggestions, replacements, revocations.

use super::*;
use crate::managed::RevocationReason;
use ondol_base::clock;

fn replacing<'c>(names: &'c [HostPattern], chain: &'c str) -> NewCertificate<'c> {
    NewCertificate {
        names,
        profile: None,
        replaces: Some(chain),
    }
}

#[tokio::test]
async fn an_issuer_suggests_when_to_renew() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    assert!(session.offers_renewal_info());
    let got = world
        .get(&session, &["app.example.com"], &[Challenge::Http])
        .await
        .unwrap();
    let info = sent(session.renewal_info(&got.chain_pem))
        .await
        .unwrap()
        .unwrap();
    let validity = crate::files::parse(&got.chain_pem, &got.key_pem)
        .unwrap()
        .facts
        .validity;
    assert!(
        info.start >= validity.not_before && info.end <= validity.not_after,
        "{info:?}"
    );
    assert!(
        info.start <= info.end && info.retry_at > clock::unix_seconds(),
        "{info:?}"
    );
}

#[tokio::test]
async fn nothing_is_suggested_about_a_certificate_of_somebody_else() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let other = crate::sample::Sample::of(&["app.example.com"]);
    assert_eq!(session.renewal_info(&other.chain()).await.unwrap(), None);
}

#[tokio::test]
async fn an_order_says_what_it_replaces_once() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let names = [host("app.example.com")];
    let mut tries = 0;
    // Now and then Pebble does not find the order of a certificate that it has just issued.
    let (got, first) = loop {
        let got = world.get(&session, &["app.example.com"], &[Challenge::Http]);
        let got = got.await.unwrap();
        let order = replacing(&names, &got.chain_pem);
        let first = session.begin(&order).await.unwrap();
        tries += 1;
        if first.replaces || tries == 5 {
            break (got, first);
        }
    };
    assert!(first.replaces);
    let solver = Solver {
        ways: &|_| vec![Challenge::Http],
        board: &world.plane.board,
        zone: None,
        step: &|_| {},
    };
    let key = new_key();
    let proceeding = session.proceed(&first.url, &names, &key, &solver);
    world.plane.while_it_answers(proceeding).await.unwrap();
    let second = session
        .begin(&replacing(&names, &got.chain_pem))
        .await
        .unwrap();
    assert!(!second.replaces);
    assert_ne!(first.url, second.url);
}

#[tokio::test]
async fn a_certificate_that_the_issuer_does_not_know_is_replaced_without_its_knowledge() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let other = crate::sample::Sample::of(&["app.example.com"]);
    let names = [host("app.example.com")];
    let begun = session
        .begin(&replacing(&names, &other.chain()))
        .await
        .unwrap();
    assert!(!begun.replaces);
}

#[tokio::test]
async fn a_certificate_is_revoked_and_stays_so() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let got = world
        .get(&session, &["app.example.com"], &[Challenge::Http])
        .await
        .unwrap();
    for _ in 0..2 {
        let revoked = session.revoke(&got.chain_pem, RevocationReason::Superseded);
        sent(revoked).await.unwrap();
    }
    let other = crate::sample::Sample::of(&["app.example.com"]);
    let chain = other.chain();
    let refused = session.revoke(&chain, RevocationReason::Unspecified);
    let failure = refused.await.unwrap_err();
    assert!(failure.sentence.starts_with("pebble "), "{failure}");
}
