//! Sites that are looked at, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use ondol_model::app::AppName;
use ondol_model::path::RoutePath;
use ondol_model::plan::CertificateFiles;
use ondol_model::plan::ClientAuth;
use ondol_model::plan::Route;
use ondol_model::plan::Rules;
use ondol_model::plan::Target;
use ondol_model::watch::State;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::checks::sample;
use crate::facts::AppFact;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";

/// Answers one request with these bytes; returns its head.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &str) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return "nothing".to_owned(), // The one who asks did not like what it saw.
        }
    }
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let _ = stream.shutdown().await;
    String::from_utf8(head).unwrap()
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn served(address: SocketAddr) -> Facts {
    Facts {
        is_served: true,
        http: Some(address),
        https: Some(address),
        ..Facts::default()
    }
}

/// Looks at a site of plain HTTP that answers so.
async fn look_plain(site: Site, bytes: &str) -> (Observation, String) {
    let (listener, address) = listener().await;
    let folder = tempfile::tempdir().unwrap();
    let name = site.name.to_string();
    let plan = sample::plan(vec![site]);
    let sample = sample::sample(folder.path(), plan.clone(), served(address));
    let answered = async {
        let (stream, _) = listener.accept().await.unwrap();
        answer(stream, bytes).await
    };
    let (seen, head) = tokio::join!(look(&sample.bench, &plan, &name), answered);
    (seen.unwrap(), head)
}

#[tokio::test]
async fn a_site_is_asked_as_a_visitor_would() {
    let mut site = sample::site("a.test", Scheme::Http);
    site.check.as_mut().unwrap().path = "/up?x=1".to_owned();
    let (seen, head) = look_plain(site, OK).await;
    assert_eq!(seen.state, State::Pass);
    assert!(seen.took_ms.is_some());
    assert!(head.starts_with("GET /up?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nhost: a.test\r\n"), "{head}");
    assert!(head.contains("\r\nuser-agent: Ondol-Check/1\r\n"), "{head}");
}

#[tokio::test]
async fn a_site_that_stands_for_many_is_asked_as_one_of_them() {
    let (_, head) = look_plain(sample::site("*.a.test", Scheme::Http), OK).await;
    assert!(head.contains("\r\nhost: ondol-check.a.test\r\n"), "{head}");
}

#[tokio::test]
async fn answers_that_are_none_are_told_in_words() {
    for (bytes, what, detail) in [
        ("HTTP/1.1 503 Busy\r\n\r\n", What::Status(503), ""),
        (
            "220 mail ESMTP\r\n",
            What::NoAnswer,
            "it did not answer in HTTP",
        ),
        ("", What::NoAnswer, "it did not answer in HTTP"),
    ] {
        let (seen, _) = look_plain(sample::site("a.test", Scheme::Http), bytes).await;
        let finding = seen.finding.unwrap();
        assert_eq!(finding.what, what);
        assert!(finding.detail.starts_with(detail), "{}", finding.detail);
    }
}

#[tokio::test]
async fn only_the_beginning_of_a_long_body_is_looked_into() {
    let mut site = sample::site("a.test", Scheme::Http);
    site.check.as_mut().unwrap().contains = Some("fine".to_owned());
    let early = format!("HTTP/1.1 200 OK\r\n\r\nfine{}", "x".repeat(1024 * 1024));
    assert_eq!(look_plain(site.clone(), &early).await.0.state, State::Pass);
    let late = format!("HTTP/1.1 200 OK\r\n\r\n{}fine", "x".repeat(1024 * 1024));
    assert_eq!(look_plain(site, &late).await.0.state, State::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_site_that_never_answers_is_not_waited_for_forever() {
    let (listener, address) = listener().await;
    let folder = tempfile::tempdir().unwrap();
    let mut site = sample::site("a.test", Scheme::Http);
    site.check.as_mut().unwrap().timeout = Duration::from_secs(7);
    let plan = sample::plan(vec![site]);
    let sample = sample::sample(folder.path(), plan.clone(), served(address));
    let seen = look(&sample.bench, &plan, "a.test").await.unwrap();
    drop(listener);
    let detail = seen.finding.unwrap().detail;
    assert_eq!(detail, "it did not answer within 7 s");
}

/// A CA, and a certificate of it for these names, good from so many days from now for a hundred.
fn issue(name: &str, from_days: i64) -> (String, Arc<rustls::ServerConfig>) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = ca.self_signed(&ca_key).unwrap().pem();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    let day = |days| {
        let at = ondol_base::clock::unix_seconds() + days * 24 * 60 * 60;
        time::OffsetDateTime::from_unix_timestamp(at).unwrap()
    };
    params.not_before = day(from_days);
    params.not_after = day(from_days + 100);
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    (root, Arc::new(config))
}

/// Looks at a site by TLS, whose certificate is for this name; the CA is Ondol's own or nobody's.
async fn look_tls(site: Site, certified: &str, from_days: i64, is_own: bool) -> Observation {
    let (listener, address) = listener().await;
    let folder = tempfile::tempdir().unwrap();
    let (root, config) = issue(certified, from_days);
    if is_own {
        let root_folder = folder.path().join("certificates/internal/root");
        std::fs::create_dir_all(&root_folder).unwrap();
        let path = root_folder.join("chain.pem");
        ondol_base::file::replace(&path, root.as_bytes(), 0o644).unwrap();
    }
    let name = site.name.to_string();
    let plan = sample::plan(vec![site]);
    let sample = sample::sample(folder.path(), plan.clone(), served(address));
    let answered = async {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
            answer(stream, OK).await;
        }
    };
    let (seen, ()) = tokio::join!(look(&sample.bench, &plan, &name), answered);
    seen.unwrap()
}

#[tokio::test]
async fn a_certificate_must_be_good_for_visitors() {
    let files = CertificateFiles {
        chain: "/a.pem".into(),
        key: "/a.key".into(),
    };
    let site = |certificate: Option<&CertificateFiles>| Site {
        certificate: certificate.cloned(),
        ..sample::site("a.test", Scheme::Https)
    };
    for (certificate, certified, from_days, is_own, said) in [
        (None, "a.test", -1, true, None),
        (None, "a.test", -1, false, Some("UnknownIssuer")),
        (None, "b.test", -1, true, Some("not valid for name")),
        (None, "a.test", -101, true, Some("expired")),
        // Whoever names files may have a CA of their own.
        (Some(&files), "a.test", -1, false, None),
        (
            Some(&files),
            "b.test",
            -1,
            false,
            Some("not valid for name"),
        ),
    ] {
        let seen = look_tls(site(certificate), certified, from_days, is_own).await;
        let detail = seen.finding.map(|finding| finding.detail);
        match said {
            None => assert_eq!(detail, None),
            Some(said) => {
                let detail = detail.unwrap_or_default();
                assert!(detail.contains(said), "{said}: {detail}");
            }
        }
    }
}

#[tokio::test]
async fn a_site_for_those_with_certificates_lives_when_it_shows_its_own() {
    let mut site = sample::site("a.test", Scheme::Https);
    site.client_auth = Some(ClientAuth {
        ca: "/ca.pem".into(),
        certificate: ClientCertificate::Required,
    });
    assert_eq!(look_tls(site, "a.test", -1, true).await.state, State::Pass);
}

#[test]
fn an_app_that_sleeps_is_not_woken_and_one_that_was_stopped_is_nobodys_trouble() {
    let app = AppName::parse("coffee").unwrap();
    let mut site = sample::site("a.test", Scheme::Http);
    site.routes = vec![Route {
        path: RoutePath::root(),
        base: RoutePath::root(),
        rules: Rules::default(),
        target: Target::App(app),
    }];
    let check = SiteCheck::default();
    let address = "127.0.0.1:80".parse().unwrap();
    let mut facts = served(address);
    let subject = Subject::Site("a.test".to_owned());
    for (condition, expected) in [
        (AppCondition::Well, Course::Ask(address)),
        (AppCondition::Starting, Course::Ask(address)),
        (AppCondition::Failed, Course::Ask(address)),
        (
            AppCondition::Asleep,
            Course::Known(Observation::pass(subject.clone())),
        ),
        (
            AppCondition::Stopped,
            Course::Known(Observation::unknown(subject.clone())),
        ),
    ] {
        facts.apps = vec![AppFact {
            name: "coffee".to_owned(),
            condition,
            note: String::new(),
            restarts: 0,
        }];
        assert_eq!(course(&site, &check, &facts), expected);
    }
}

#[test]
fn a_site_that_is_not_listened_for_is_not_known_and_one_that_nobody_serves_fails() {
    let site = sample::site("a.test", Scheme::Https);
    let check = SiteCheck::default();
    let mut facts = served("127.0.0.1:80".parse().unwrap());
    facts.is_served = false;
    let Course::Known(seen) = course(&site, &check, &facts) else {
        panic!("it was asked");
    };
    assert_eq!(seen.finding.unwrap().what, What::NobodyServes);
    facts.https = None;
    let subject = Subject::Site("a.test".to_owned());
    let unknown = Course::Known(Observation::unknown(subject));
    assert_eq!(course(&site, &check, &facts), unknown);
}
