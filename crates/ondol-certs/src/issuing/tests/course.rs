//! As it should go: got, kept over restarts, renewed, revoked.

use super::*;
use crate::managed::RevocationReason;

#[tokio::test]
async fn sites_get_their_certificates_and_a_restart_orders_nothing() {
    let Some(world) = World::new().await else {
        return;
    };
    let disk = Disk::new();
    let plan = world.plan(&[&["a.example.com", "www.a.example.com"], &["b.example.com"]]);
    world
        .run(&disk, Arc::clone(&plan), async |running| {
            assert_eq!(running.issuer_of("a.example.com"), None, "a stand-in");
            running.until_held().await;
            let name = "www.a.example.com";
            assert_eq!(running.issuer_of(name).as_deref(), Some("pebble"));
            let mut news = running.news();
            news.sort();
            assert_eq!(news.len(), 2, "{news:?}");
            let beginning =
                "There is a certificate for a.example.com: pebble issued one that is good until ";
            assert!(news[0].starts_with(beginning), "{news:?}");
        })
        .await;
    assert_eq!(world.front.orders().len(), 2);
    world
        .run(&disk, Arc::clone(&plan), async |running| {
            // It is in use before the service has done anything.
            let name = "a.example.com";
            assert_eq!(running.issuer_of(name).as_deref(), Some("pebble"));
            running.until_held().await;
            assert_eq!(running.news(), Vec::<String>::new());
        })
        .await;
    // Nor is anything ordered when the tries are forgotten.
    std::fs::remove_file(disk.path().join("ondol.db")).unwrap();
    world
        .run(&disk, plan, async |running| {
            running.until_held().await;
            assert!(running.renew("a.example.com").await.is_ok());
            running.until(|one| one.state == State::Held).await;
        })
        .await;
    assert_eq!(world.orders("b.example.com"), 1);
}

#[tokio::test]
async fn the_owner_has_one_renewed_and_one_revoked() {
    let Some(world) = World::new().await else {
        return;
    };
    let plan = world.plan(&[&["a.example.com"]]);
    let name = "a.example.com";
    world
        .run(&Disk::new(), plan, async |running| {
            running.until_held().await;
            let first = running.chain_of(name);
            let answer = running.renew(name).await.unwrap();
            assert_eq!(answer, "a new certificate for a.example.com is asked for");
            running.until_other(name, &first).await;
            let second = running.chain_of(name);
            running.until_held().await;
            assert!(world.front.orders()[1].replaces.is_some());
            assert_eq!(world.pebble.status_of(&serial(&second)), "Valid");
            running.news();

            let reason = RevocationReason::KeyCompromise;
            let name = fixture::pattern(name);
            let revoke = running.ask(|reply| Request::Revoke {
                name,
                reason,
                reply,
            });
            revoke.await.unwrap();
            running.until_other("a.example.com", &second).await;
            let told = running.told().await;
            assert!(told.contains("was renewed"), "{told}");
            let told = running.told().await;
            assert!(told.contains("was revoked"), "{told}");
            assert_eq!(world.pebble.status_of(&serial(&second)), "Revoked");
            let third = running.chain_of("a.example.com");
            assert_eq!(world.pebble.status_of(&serial(&third)), "Valid");
        })
        .await;
    assert_eq!(world.front.orders().len(), 3);
}

fn serial(chain: &str) -> String {
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(chain.as_bytes());
    let der: rustls_pki_types::CertificateDer<'_> = der.unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    certificate.raw_serial_as_string().replace(':', "")
}

#[tokio::test]
async fn a_reload_in_the_middle_of_an_order_counts() {
    let Some(world) = World::new().await else {
        return;
    };
    let before = world.plan(&[&["a.example.com"], &["gone.example.com"]]);
    let after = world.plan(&[&["a.example.com", "b.example.com"]]);
    world
        .run(&Disk::new(), before, async |running| {
            let is_under_way = |one: &Managed| matches!(one.state, State::Ordering { .. });
            running.until(is_under_way).await;
            running.certificates.take_up(after).await.unwrap();
            let is_there = |one: &Managed| one.state == State::Held && one.names.len() == 2;
            running.until(is_there).await;
            let name = "b.example.com";
            assert_eq!(running.issuer_of(name).as_deref(), Some("pebble"));
        })
        .await;
    assert!(world.orders("gone.example.com") <= 1);
    assert!(world.orders("a.example.com") <= 2);
}

#[tokio::test]
async fn when_the_first_issuer_is_down_the_second_is_asked_at_once() {
    let Some(world) = World::new().await else {
        return;
    };
    let down = Front::start(&world.pebble);
    down.switch_off();
    let issuers = [issuer("away", &down), world.issuer()];
    let plan = world.plan_of(&issuers, &[&["a.example.com"], &["b.example.com"]]);
    world
        .run(&Disk::new(), plan, async |running| {
            running.until_held().await;
            for name in ["a.example.com", "b.example.com"] {
                assert_eq!(running.issuer_of(name).as_deref(), Some("pebble"));
            }
            let news = running.news();
            let failed = news
                .iter()
                .filter(|told| told.contains("There is no"))
                .count();
            assert_eq!((failed, news.len()), (1, 3), "{news:#?}");
        })
        .await;
    assert_eq!(world.front.orders().len(), 2);
}

#[tokio::test]
async fn a_wish_to_revoke_outlives_a_restart() {
    let Some(world) = World::new().await else {
        return;
    };
    let disk = Disk::new();
    let plan = world.plan(&[&["a.example.com"]]);
    let first = world
        .run(&disk, Arc::clone(&plan), async |running| {
            running.until_held().await;
            world.front.switch_off();
            let name = fixture::pattern("a.example.com");
            let reason = RevocationReason::KeyCompromise;
            let revoke = running.ask(|reply| Request::Revoke {
                name,
                reason,
                reply,
            });
            revoke.await.unwrap();
            running.chain_of("a.example.com")
        })
        .await;
    assert_eq!(world.pebble.status_of(&serial(&first)), "Valid");
    world.front.heal();
    world
        .run(&disk, plan, async |running| {
            // The try before the restart may have failed, which would be waited for.
            running.renew("a.example.com").await.unwrap();
            running.until_other("a.example.com", &first).await;
            while !running.told().await.contains("was revoked") {}
        })
        .await;
    assert_eq!(world.pebble.status_of(&serial(&first)), "Revoked");
    assert_eq!(world.front.orders().len(), 2);
}
