//! Sites whose visitors show certificates.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::network::Network;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::ClientAuth;
use ondol_model::plan::ClientCertificate;
use ondol_model::upstream::Upstream as Address;
use rustls::ClientConfig;
use rustls::DEFAULT_VERSIONS;
use rustls::HandshakeKind;
use rustls::sign::CertifiedKey;
use rustls::version::TLS12;
use rustls::version::TLS13;

use crate::harness::Authority;
use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::TlsStream;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::client_config;
use crate::harness::handshake;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::showing;
use crate::harness::wait_until;

/// The headers that tell of a certificate, as the app got them.
fn told(request: &Message) -> String {
    let names = [
        "client-cert",
        "client-cert-chain",
        "x-client-cert-subject",
        "x-client-cert-fingerprint",
        "x-client_cert-subject",
    ];
    let all = names.map(|name| request.all(name).join("|"));
    let body = all.join("\n");
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn guarded(site: Site, ca: &str, certificate: ClientCertificate) -> Site {
    Site {
        client_auth: Some(ClientAuth {
            ca: PathBuf::from(ca),
            certificate,
        }),
        ..site
    }
}

/// `must.test` and `may.test` ask for certificates of one authority, `twin.test` too, `other.test` of
/// another, `open.test` of none.
fn sites(app: &Address) -> Plan {
    let to_app = |name| secure_site(name, proxy_to_all([app.clone()]));
    plan([
        guarded(to_app("must.test"), "/a.pem", ClientCertificate::Required),
        guarded(to_app("twin.test"), "/a.pem", ClientCertificate::Required),
        guarded(to_app("may.test"), "/a.pem", ClientCertificate::Optional),
        guarded(to_app("other.test"), "/b.pem", ClientCertificate::Required),
        secure_site("open.test", respond("open")),
    ])
}

struct World {
    plane: Plane,
    plan: Plan,
    identity: Identity,
    a: Authority,
    b: Authority,
}

impl World {
    fn new() -> Self {
        let plan = sites(&Upstream::answering(told));
        // One certificate for all of them: what it covers must not be what decides.
        let identity = Identity::new(&["*.test"]);
        let (a, b) = (Authority::new("/a.pem"), Authority::new("/b.pem"));
        let plane = Plane::start_guarded(plan.clone(), &[&identity], &[&a, &b]);
        Self {
            plane,
            plan,
            identity,
            a,
            b,
        }
    }

    fn connect(&self, name: &str, config: &Arc<ClientConfig>) -> Option<Wire<TlsStream>> {
        let stream = handshake(self.plane.connect_tls(), name, config).ok()?;
        Some(Wire::new(stream))
    }

    /// The answer of a site to a visitor of it; `None` when it is not let in.
    fn ask(&self, name: &str, config: &Arc<ClientConfig>) -> Option<Message> {
        let mut wire = self.connect(name, config)?;
        wire.send(format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"));
        wire.try_message().ok()
    }
}

fn with(certificate: &Arc<CertifiedKey>) -> Arc<ClientConfig> {
    Arc::new(showing(certificate, plain()))
}

fn plain() -> ClientConfig {
    client_config(DEFAULT_VERSIONS, &["http/1.1"])
}

#[test]
fn who_must_show_a_certificate_gets_in_with_a_good_one_alone() {
    let world = World::new();
    let (alice, stranger) = (world.a.issue("alice"), world.b.issue("mallory"));
    for versions in [&TLS12, &TLS13] {
        let config = || client_config(&[versions], &["http/1.1"]);
        let alice = Arc::new(showing(&alice, config()));
        let stranger = Arc::new(showing(&stranger, config()));
        let nobody = Arc::new(config());
        assert_eq!(world.ask("must.test", &alice).unwrap().status(), 200);
        assert!(world.ask("must.test", &stranger).is_none());
        assert!(world.ask("must.test", &nobody).is_none());
        assert_eq!(world.ask("may.test", &alice).unwrap().status(), 200);
        assert!(world.ask("may.test", &stranger).is_none());
        assert_eq!(world.ask("may.test", &nobody).unwrap().status(), 200);
        assert_eq!(world.ask("other.test", &stranger).unwrap().status(), 200);
        assert!(world.ask("other.test", &alice).is_none());
        for anybody in [&alice, &stranger, &nobody] {
            assert_eq!(world.ask("open.test", anybody).unwrap().text(), "open");
        }
    }
    wait_until("counts", || world.plane.counters().handshakes_failed == 8);
}

#[test]
fn the_app_is_told_whose_certificate_it_is_and_nobody_can_tell_it_another() {
    let world = World::new();
    let alice = world.a.issue("Alice ☕, Inc.");
    let lie = "GET / HTTP/1.1\r\nHost: may.test\r\nClient-Cert: :AAAA:\r\nClient-Cert-Chain: :AAAA:\r\n\
        X-Client-Cert-Subject: CN=root\r\nX-Client_Cert-Subject: CN=root\r\n\
        X-Client-Cert-Fingerprint: 00\r\nConnection: client-cert, x-client-cert-subject\r\n\r\n";
    let mut visitor = world.connect("may.test", &with(&alice)).unwrap();
    let answer = visitor.send(lie).message();
    let lines: Vec<_> = answer.text().split('\n').collect();
    let [certificate, chain, subject, fingerprint, alike] = lines[..] else {
        panic!("{lines:?}");
    };
    assert!(
        certificate.starts_with(":MII") && certificate.ends_with(':'),
        "{certificate}"
    );
    let bytes = certificate.trim_matches(':').trim_end_matches('=').len() * 3 / 4;
    assert_eq!(bytes, alice.cert[0].len());
    assert_eq!(subject, "CN=Alice %E2%98%95, Inc.");
    assert_eq!(fingerprint.len(), 64);
    assert_eq!((chain, alike), ("", ""));
    // Who shows none is told as nobody, whatever it says.
    let mut visitor = world.connect("may.test", &Arc::new(plain())).unwrap();
    assert_eq!(visitor.send(lie).message().text(), "\n\n\n\n");
}

#[test]
fn a_connection_made_for_one_name_serves_no_other_when_either_asks_for_certificates() {
    let world = World::new();
    let alice = with(&world.a.issue("alice"));
    let names = ["must.test", "twin.test", "may.test", "open.test"];
    for asked_for in names {
        for host in names {
            let answer = world.connect(asked_for, &alice).unwrap().get(host, "/");
            let expected = if asked_for == host { 200 } else { 421 };
            assert_eq!(answer.status(), expected, "{asked_for} {host}");
        }
    }
    // Without a name there is nothing to ask for a certificate by.
    let mut nameless = plain();
    nameless.enable_sni = false;
    let fallback = Identity::new(&[]);
    let authorities = [&world.a, &world.b];
    world.plane.apply_guarded(
        world.plan.clone(),
        &[&world.identity, &fallback],
        &authorities,
    );
    let mut visitor = world.connect("must.test", &Arc::new(nameless)).unwrap();
    assert_eq!(visitor.get("must.test", "/").status(), 421);
    assert_eq!(visitor.get("may.test", "/").status(), 421);
    assert_eq!(visitor.get("open.test", "/").status(), 200);
}

#[test]
fn http2_is_asked_the_same() {
    let world = World::new();
    let alice = world.a.issue("alice");
    world.plane.block_on(async {
        let config = showing(&alice, client_config(DEFAULT_VERSIONS, &["h2"]));
        let mut visitor = Http2::connect_as(&world.plane, "must.test", config).await;
        for (host, status) in [("must.test", 200), ("twin.test", 421), ("open.test", 421)] {
            let answer = visitor.get(&format!("https://{host}/")).await.unwrap();
            assert_eq!(answer.status(), status, "{host}");
        }
    });
}

#[test]
fn nobody_resumes_what_was_begun_with_another_site() {
    let world = World::new();
    for version in [&TLS12, &TLS13] {
        let alice = world.a.issue("alice");
        let config = Arc::new(showing(&alice, client_config(&[version], &["http/1.1"])));
        for name in ["must.test", "may.test", "must.test"] {
            let mut visitor = world.connect(name, &config).unwrap();
            assert_eq!(visitor.get(name, "/").status(), 200);
            let kind = visitor.stream.conn.handshake_kind();
            assert_eq!(kind, Some(HandshakeKind::Full), "{name} {version:?}");
        }
    }
    // Tickets of sites that ask for nothing are no way around it, under whatever name they are shown.
    let config = Arc::new(plain());
    let mut visitor = world.connect("open.test", &config).unwrap();
    assert_eq!(visitor.get("open.test", "/").status(), 200);
    let mut renamed = plan([secure_site("open.test", respond("open"))]);
    let rule = &world.plan.sites[0].client_auth;
    renamed.sites[0].client_auth.clone_from(rule);
    world
        .plane
        .apply_guarded(renamed, &[&world.identity], &[&world.a]);
    assert!(world.ask("open.test", &config).is_none());
    assert_eq!(
        visitor.get("open.test", "/").status(),
        421,
        "the connection is older than the rule"
    );
}

#[test]
fn another_authority_counts_from_the_next_request_on() {
    let world = World::new();
    let alice = with(&world.a.issue("alice"));
    let mut visitor = world.connect("must.test", &alice).unwrap();
    assert_eq!(visitor.get("must.test", "/").status(), 200);
    // A reload that changes nothing about it leaves the connection as it is.
    world.plane.apply_guarded(
        world.plan.clone(),
        &[&world.identity],
        &[&world.a, &world.b],
    );
    assert_eq!(visitor.get("must.test", "/").status(), 200);
    let new = Authority::new("/a.pem");
    world
        .plane
        .apply_guarded(world.plan.clone(), &[&world.identity], &[&new, &world.b]);
    assert_eq!(visitor.get("must.test", "/").status(), 421);
    assert!(world.ask("must.test", &alice).is_none());
    let bob = with(&new.issue("bob"));
    assert_eq!(world.ask("must.test", &bob).unwrap().status(), 200);
}

#[test]
fn without_its_authority_a_site_lets_nobody_in() {
    let world = World::new();
    world
        .plane
        .apply_guarded(world.plan.clone(), &[&world.identity], &[&world.b]);
    let alice = with(&world.a.issue("alice"));
    for name in ["must.test", "may.test"] {
        assert!(world.connect(name, &alice).is_none(), "{name}");
    }
    assert_eq!(world.ask("open.test", &alice).unwrap().status(), 200);
}

#[test]
fn plain_http_is_no_way_around_it() {
    let world = World::new();
    assert_eq!(world.plane.visit().get("must.test", "/").status(), 308);
    let mut plan = world.plan.clone();
    plan.listen.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
    world
        .plane
        .apply_guarded(plan, &[&world.identity], &[&world.a, &world.b]);
    let by_proxy = "GET / HTTP/1.1\r\nHost: must.test\r\nX-Forwarded-Proto: https\r\nClient-Cert: :AAAA:\r\n\r\n";
    assert_eq!(world.plane.visit().send(by_proxy).message().status(), 421);
}

#[test]
fn the_log_says_whose_certificate_it_was() {
    let mut world = World::new();
    let mut plan = world.plan.clone();
    plan.access_log.format = AccessLogFormat::Json;
    world
        .plane
        .apply_guarded(plan, &[&world.identity], &[&world.a, &world.b]);
    let alice = with(&world.a.issue("alice"));
    assert_eq!(world.ask("must.test", &alice).unwrap().status(), 200);
    assert_eq!(world.ask("open.test", &alice).unwrap().status(), 200);
    wait_until("answers", || world.plane.counters().responses[1] == 2);
    world.plane.drain(std::time::Duration::ZERO).join().unwrap();
    let log = world.plane.access_log();
    let mut lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    lines.sort_by_key(|line| line["site"].to_string());
    assert_eq!(lines[0]["client_certificate"], "CN=alice");
    assert_eq!(lines[1]["client_certificate"], serde_json::Value::Null);
}
