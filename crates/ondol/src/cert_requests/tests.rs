//! What the owner is answered, and what those who get certificates are asked.

use ondol_admin::api::Cert;
use ondol_admin::api::CertState;
use ondol_admin::api::Certs;
use ondol_admin::api::Time;

use super::*;

fn cert(source: &str, names: &[&str], wanted: &[&str]) -> Cert {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Cert {
        names: texts(names),
        issuer: "R11".to_owned(),
        issuer_name: None,
        source: source.to_owned(),
        not_before: Time::from_unix_seconds(0),
        not_after: Time::from_unix_seconds(1),
        renew_at: None,
        sites: texts(names),
        problem: None,
        meanwhile: None,
        wanted: texts(wanted),
        state: CertState::Held,
        asked: None,
        step: None,
        next_at: None,
        last: None,
        failures: 0,
    }
}

fn desk() -> (Desk, mpsc::Receiver<Request>) {
    let shop = ["shop.example.com", "www.shop.example.com"];
    let certificates = vec![
        Cert {
            issuer_name: Some("pebble".to_owned()),
            ..cert("acme", &shop, &shop)
        },
        cert("internal", &["late.example.com"], &["late.example.com"]),
        cert("internal", &["nas.home.arpa"], &[]),
        cert("/etc/ssl/blog.pem", &["blog.example.com"], &[]),
    ];
    let (requests, receiver) = mpsc::channel(8);
    let desk = Desk {
        certs: watch::channel(Arc::new(Certs { certificates })).1,
        sites: watch::channel(Arc::default()).1,
        requests,
    };
    (desk, receiver)
}

/// Answers every request with its name, until nobody asks.
async fn obliging(mut requests: mpsc::Receiver<Request>) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(request) = requests.recv().await {
        let (text, reply) = match request {
            Request::Renew { name, reply } => (format!("renew {name}"), reply),
            Request::Revoke {
                name,
                reason,
                reply,
            } => (format!("revoke {name} {reason:?}"), reply),
            Request::Rekey { name, reply } => (format!("rekey {name}"), reply),
            Request::Persist { name, reply } => (format!("persist {name}"), reply),
        };
        let answer = if text.contains("refuse") || text.contains("Peble") {
            Err("no such issuer".to_owned())
        } else {
            Ok(format!("{text}: done"))
        };
        reply.send(answer).unwrap();
        asked.push(text);
    }
    asked
}

fn renew(names: &[&str], all: bool) -> api::RenewQuestion {
    api::RenewQuestion {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        all,
    }
}

#[tokio::test]
async fn each_certificate_is_asked_for_once_and_the_rest_says_why_not() {
    let (desk, requests) = desk();
    let asking = async {
        let names = [
            "www.shop.example.com",
            "shop.example.com",
            "nas.home.arpa",
            "blog.example.com",
            "shpo.example.com",
        ];
        let some = desk.renew(renew(&names, false)).await;
        let all = desk.renew(renew(&[], true)).await;
        drop(desk);
        (some, all)
    };
    let ((some, all), asked) = tokio::join!(asking, obliging(requests));
    assert!(!some.accepted && all.accepted);
    let told: Vec<_> = some
        .certificates
        .iter()
        .map(|answer| (answer.name.as_str(), answer.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("shop.example.com", "renew shop.example.com: done"),
            (
                "nas.home.arpa",
                "the certificate of nas.home.arpa is of Ondol's own CA, which renews it by itself"
            ),
            (
                "blog.example.com",
                "the certificate of blog.example.com comes from /etc/ssl/blog.pem: put a new one there"
            ),
            (
                "shpo.example.com",
                "no certificate here covers `shpo.example.com`; did you mean `shop.example.com`?"
            ),
        ]
    );
    let expected = [
        "renew shop.example.com",
        "renew late.example.com",
        "renew shop.example.com",
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn other_requests_go_to_the_name_that_they_are_about() {
    let (desk, requests) = desk();
    let asking = async {
        let revoke = |name: &str| api::RevokeQuestion {
            name: name.to_owned(),
            reason: api::RevocationReason::CessationOfOperation,
        };
        let answers = [
            desk.revoke(&revoke("www.shop.example.com")).await,
            desk.persist("www.shop.example.com").await,
            desk.rekey("WWW.shop.example.com").await,
            desk.rekey("letsencrypt").await,
            desk.rekey("refuse").await,
            desk.rekey("Peble").await,
            desk.revoke(&revoke("blog.example.com")).await,
            desk.persist("nas.home.arpa").await,
            desk.rekey("blog.example.com").await,
        ];
        drop(desk);
        answers.map(|answer| (answer.accepted, answer.message))
    };
    let (answers, asked) = tokio::join!(asking, obliging(requests));
    let expected = [
        "revoke shop.example.com CessationOfOperation",
        "persist www.shop.example.com",
        "rekey shop.example.com",
        "rekey letsencrypt",
        "rekey refuse",
        "rekey Peble",
    ];
    assert_eq!(asked, expected);
    let accepted: Vec<_> = answers.iter().filter(|(accepted, _)| *accepted).collect();
    assert_eq!(accepted.len(), 4);
    let refused = answers[4..].iter().map(|(_, message)| message.as_str());
    assert_eq!(
        refused.collect::<Vec<_>>(),
        [
            "no such issuer",
            "no such issuer; did you mean the issuer `pebble`?",
            "the certificate of blog.example.com comes from /etc/ssl/blog.pem: who got it there can revoke it",
            "the certificate of nas.home.arpa is of Ondol's own CA, and no issuer is asked for one",
            "the certificate of blog.example.com comes from /etc/ssl/blog.pem, and no issuer is asked for one",
        ]
    );
}

#[tokio::test]
async fn who_gets_certificates_may_be_gone_or_slow() {
    let (gone, requests) = desk();
    drop(requests);
    let answer = gone.persist("shop.example.com").await;
    assert!(answer.message.contains("is not running"), "{answer:?}");

    let (_reply, pending) = oneshot::channel();
    let late = received(Ok(pending), clock::now()).await.unwrap_err();
    assert!(late.contains("no answer within 90 s"), "{late}");
    let (reply, pending) = oneshot::channel::<Answer>();
    drop(reply);
    let dropped = received(Ok(pending), clock::now() + ANSWER).await;
    assert!(dropped.unwrap_err().contains("is not running"));
}

#[tokio::test]
async fn a_command_that_waits_holds_up_no_other() {
    let (desk, mut requests) = desk();
    let (commands, receiver) = mpsc::channel(8);
    let mut workers = Group::default();
    let taker = CertRequests {
        commands: receiver,
        desk,
    };
    workers.spawn("requests", taker.run());
    let rekey = |name: &str| {
        let (reply, answer) = oneshot::channel();
        let name = name.to_owned();
        let question = api::RekeyQuestion { name };
        (CertCommand::Rekey { question, reply }, answer)
    };
    let (first, mut waits) = rekey("slow");
    let (second, answered) = rekey("fast");
    commands.send(first).await.unwrap();
    let Some(Request::Rekey { reply: kept, .. }) = requests.recv().await else {
        panic!("nobody asked");
    };
    commands.send(second).await.unwrap();
    let Some(Request::Rekey { reply, .. }) = requests.recv().await else {
        panic!("nobody asked");
    };
    reply.send(Ok("done".to_owned())).unwrap();
    assert!(answered.await.unwrap().accepted);
    assert!(waits.try_recv().is_err());
    kept.send(Ok("done".to_owned())).unwrap();
    assert!(waits.await.unwrap().accepted);
}
