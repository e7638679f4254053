//! Orders, from the first question to the certificate.

use super::*;
use crate::challenges::Challenges;

const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn a_certificate_is_got_over_http() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let got = world.get(&session, &["app.example.com"], &[Challenge::Http]);
    let got = got.await.unwrap();
    assert_eq!(got.names(), ["app.example.com"]);
    assert_eq!(
        got.steps,
        [
            "shows the answer",
            "waits for the issuer's check",
            "waits for the certificate",
            "waits for the certificate"
        ]
    );
    assert_eq!(
        *world.plane.shown(),
        Challenges {
            sequence: 2,
            ..Challenges::default()
        }
    );
    assert!(!world.plane.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_certificate_is_got_by_a_handshake_for_names_and_addresses() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let names = ["127.0.0.1", "app.example.com", "www.example.com"];
    let got = world
        .get(&session, &names, &[Challenge::TlsAlpn])
        .await
        .unwrap();
    assert_eq!(got.names(), names);
    assert!(world.plane.shown().tls_alpn.is_empty());
    assert!(
        world
            .plane
            .asked
            .lock()
            .unwrap()
            .iter()
            .all(|what| what == "handshake")
    );
}

#[tokio::test]
async fn twenty_names_are_shown_at_once() {
    let Some(world) = World::new(|settings| settings.authorizations_reused = 100).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let names: Vec<_> = (10..30)
        .map(|number| format!("app{number}.example.com"))
        .collect();
    let names: Vec<_> = names.iter().map(|name| &**name).collect();
    let got = world
        .get(&session, &names, &[Challenge::Http])
        .await
        .unwrap();
    assert_eq!(got.names(), names);
    // All are known now, so nothing is looked at again.
    world.plane.asked.lock().unwrap().clear();
    let got = world
        .get(&session, &names, &[Challenge::Http])
        .await
        .unwrap();
    assert_eq!(got.names(), names);
    assert!(world.plane.asked.lock().unwrap().is_empty());
    assert_eq!(got.steps.first(), Some(&"waits for the certificate"));
}

#[tokio::test]
async fn an_order_that_was_cut_off_goes_on_where_it_was() {
    let Some(world) = World::new(|settings| settings.authorizations_reused = 0).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let names = ["a.example.com", "b.example.com"].map(host);
    let order = NewCertificate {
        names: &names,
        profile: None,
        replaces: None,
    };
    let begun = session.begin(&order).await.unwrap();
    let key = new_key();
    // It is cut off at each of its steps, and the last time at its end.
    for cut_at in 1..=5 {
        let session = world.open().await.unwrap();
        let (cut, mut is_cut) = tokio::sync::mpsc::channel(1);
        let steps = Mutex::new(0);
        let solver = Solver {
            ways: &|_| vec![Challenge::Http],
            board: &world.plane.board,
            zone: None,
            step: &|_| {
                let mut steps = steps.lock().unwrap();
                *steps += 1;
                if *steps == cut_at {
                    cut.try_send(()).unwrap();
                }
            },
        };
        let proceeding = session.proceed(&begun.url, &names, &key, &solver);
        let work = async {
            tokio::select! {
                biased;
                _ = is_cut.recv() => None,
                done = proceeding => Some(done.unwrap()),
            }
        };
        if let Some(chain) = world.plane.while_it_answers(work).await {
            crate::files::parse(&chain, &key).unwrap();
        }
        assert!(world.plane.shown().http.is_empty());
    }
    let session = world.open().await.unwrap();
    let solver = Solver {
        ways: &|_| vec![Challenge::Http],
        board: &world.plane.board,
        zone: None,
        step: &|_| {},
    };
    let mut chains = Vec::new();
    for _ in 0..2 {
        let proceeding = session.proceed(&begun.url, &names, &key, &solver);
        chains.push(world.plane.while_it_answers(proceeding).await.unwrap());
    }
    assert_eq!(chains[0], chains[1]);
    crate::files::parse(&chains[0], &key).unwrap();
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_named_with_what_the_issuer_saw() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    world
        .name_server
        .set_a("elsewhere.example.com", &["127.0.0.66"]);
    let names = ["elsewhere.example.com"];
    let tried = world.get(&session, &names, &[Challenge::Http]).await;
    let failure = tried.err().unwrap();
    assert_eq!(failure.kind, FailureKind::Unverified);
    let sentence = failure.sentence;
    assert!(
        sentence.starts_with("pebble could not connect to elsewhere.example.com: “"),
        "{sentence}"
    );
    assert!(sentence.contains("connection refused"), "{sentence}");
    assert!(
        sentence.ends_with("; port 80 of its addresses (A and AAAA) must lead to this box"),
        "{sentence}"
    );
    assert!(world.plane.shown().http.is_empty());
}

#[tokio::test]
async fn an_order_that_failed_says_why_again() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    world.name_server.fail("broken.example.com");
    let names = [host("broken.example.com")];
    let order = NewCertificate {
        names: &names,
        profile: None,
        replaces: None,
    };
    let begun = session.begin(&order).await.unwrap();
    let solver = Solver {
        ways: &|_| vec![Challenge::Http],
        board: &world.plane.board,
        zone: None,
        step: &|_| {},
    };
    let mut sentences = Vec::new();
    // What is found to have failed is no failure of this try.
    for kind in [FailureKind::Unverified, FailureKind::Interrupted] {
        let key = new_key();
        let proceeding = session.proceed(&begun.url, &names, &key, &solver);
        let failure = world.plane.while_it_answers(proceeding).await.unwrap_err();
        assert_eq!(failure.kind, kind);
        sentences.push(failure.sentence);
    }
    assert_eq!(sentences[0], sentences[1]);
    assert!(
        sentences[0].contains("broken.example.com"),
        "{}",
        sentences[0]
    );
}

#[tokio::test]
async fn names_that_the_issuer_refuses_are_said() {
    let Some(world) = World::new(|settings| settings.blocked = vec!["blocked.example"]).await
    else {
        return;
    };
    let session = world.open().await.unwrap();
    let names = ["fine.example.com", "app.blocked.example"];
    let failure = world
        .get(&session, &names, &[Challenge::Http])
        .await
        .err()
        .unwrap();
    assert_eq!(failure.kind, FailureKind::Rejected);
    let sentence = failure.sentence;
    assert!(
        sentence.contains("does not issue for these names"),
        "{sentence}"
    );
    assert!(sentence.contains("app.blocked.example"), "{sentence}");
}

#[tokio::test]
async fn a_way_that_the_issuer_does_not_offer_is_said() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let tried = world
        .get(&session, &["*.example.com"], &[Challenge::Http])
        .await;
    let failure = tried.err().unwrap();
    assert_eq!(failure.kind, FailureKind::Rejected);
    assert_eq!(
        failure.sentence,
        "pebble offers dns or dns-persist for *.example.com, and this box can do http; see `challenge`"
    );
}

#[tokio::test]
async fn an_order_that_the_issuer_forgot_was_interrupted() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let url = world.pebble.directory().replace("/dir", "/my-order/none");
    let solver = Solver {
        ways: &|_| vec![Challenge::Http],
        board: &world.plane.board,
        zone: None,
        step: &|_| {},
    };
    let failure = session
        .proceed(&url, &[host("app.example.com")], &new_key(), &solver)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Interrupted);
    assert_eq!(failure.sentence, "pebble does not know the order any more");
}

#[tokio::test]
async fn a_certificate_for_another_key_is_not_taken() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let got = world.get(&session, &["app.example.com"], &[Challenge::Http]);
    let got = got.await.unwrap();
    let solver = Solver {
        ways: &|_| vec![Challenge::Http],
        board: &world.plane.board,
        zone: None,
        step: &|_| {},
    };
    let failure = session
        .proceed(&got.url, &[host("app.example.com")], &new_key(), &solver)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCertificate);
    assert!(
        failure
            .sentence
            .starts_with("pebble sent a certificate that cannot be used ("),
        "{failure}"
    );
}

#[tokio::test]
async fn a_record_written_once_is_enough() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let names = ["app.example.com", "*.home.example.com"];
    let ways = [Challenge::DnsPersist];
    let failure = world.get(&session, &names, &ways).await.err().unwrap();
    assert_eq!(failure.kind, FailureKind::Unverified);
    assert!(
        failure.sentence.contains("`ondol certs persist "),
        "{failure}"
    );
    for name in names {
        let record = session.persist_record(&host(name)).await.unwrap();
        let (owner, text) = record.split_once(". IN TXT ").unwrap();
        world.name_server.add_txt(owner, text.trim_matches('"'));
    }
    let got = world.get(&session, &names, &ways).await.unwrap();
    assert_eq!(got.names(), ["*.home.example.com", "app.example.com"]);
}

#[tokio::test]
async fn a_kind_of_certificate_is_asked_for_where_it_is_offered() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    // Pebble chooses by chance where nothing is asked for.
    for (profile, days) in [("shortlived", Some(6)), ("tlsserver", None)] {
        let names = [host("app.example.com")];
        let order = NewCertificate {
            names: &names,
            profile: Some(profile),
            replaces: None,
        };
        let begun = session.begin(&order).await.unwrap();
        let solver = Solver {
            ways: &|_| vec![Challenge::Http],
            board: &world.plane.board,
            zone: None,
            step: &|_| {},
        };
        let key = new_key();
        let proceeding = session.proceed(&begun.url, &names, &key, &solver);
        let chain = world.plane.while_it_answers(proceeding).await.unwrap();
        let pair = crate::files::parse(&chain, &key).unwrap();
        let validity = pair.facts.validity;
        let lifetime = (validity.not_after - validity.not_before + 1) / DAY;
        assert!(days.is_none_or(|days| days == lifetime), "{lifetime}");
    }
}
