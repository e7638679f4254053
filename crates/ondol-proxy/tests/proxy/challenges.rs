//! Issuers that look whether a name is the owner's: what they are shown, and that nobody else sees any of it.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::combinators::BoxBody;
use ondol_model::HostPattern;
use ondol_model::Site;
use ondol_model::network::Network;
use ondol_model::password::PasswordHash;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::ClientAuth;
use ondol_model::plan::ClientCertificate;
use ondol_model::plan::RequestIdHeader;
use ondol_model::plan::access::Access;
use ondol_model::plan::access::Methods;
use ondol_model::plan::auth::Auth;
use ondol_model::plan::auth::AuthBy;
use ondol_model::plan::auth::BasicAuth;
use ondol_model::plan::auth::User;
use ondol_proxy::Challenges;
use rustls::DEFAULT_VERSIONS;
use rustls::version::TLS12;
use rustls::version::TLS13;

use crate::harness::Authority;
use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::PATIENCE;
use crate::harness::Plane;
use crate::harness::TlsStream;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::client_config;
use crate::harness::guarded;
use crate::harness::handshake;
use crate::harness::issuer_config;
use crate::harness::networks;
use crate::harness::passed_site;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::respond;
use crate::harness::ruled;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

const AT: &str = "/.well-known/acme-challenge/tok-en_1";
const ANSWER: &str = "tok-en_1.thumb";
const TEXTS: &[(&str, &str)] = &[("tok-en_1", ANSWER)];

/// An app that says what it was asked.
fn app() -> ondol_model::upstream::Upstream {
    Upstream::answering(|request| {
        let line = request.line();
        let length = line.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{line}")
    })
}

/// Where nobody listens.
fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// What lets nobody through from here, asks for a password, and takes no GET.
fn closed() -> Access {
    let user = User {
        name: "alice".to_owned(),
        hash: PasswordHash::Bcrypt {
            cost: 4,
            salt: [0; 16],
            hash: Default::default(),
        },
    };
    let auth = Auth {
        except: Vec::new(),
        by: AuthBy::Basic(BasicAuth::of(vec![user])),
    };
    Access {
        allow: Some(networks(&["192.0.2.0/24"])),
        methods: Some(Methods::new(["POST".to_owned()])),
        auth: Some(Arc::new(auth)),
        ..Access::default()
    }
}

/// Sites that lead visitors anywhere but to the answer.
fn sites() -> Vec<Site> {
    let mut aliased = site("main.test", respond("main"));
    aliased.aliases = vec![HostPattern::parse("alias.test").unwrap()];
    let locked = guarded("locked.test", respond("locked"), closed());
    let locked = ruled(locked, |rules| rules.request_id = RequestIdHeader::Present);
    let mut empty = site("empty.test", respond("empty"));
    empty.routes.clear();
    vec![
        site("plain.test", respond("plain")),
        secure_site("secure.test", respond("secure")),
        aliased,
        locked,
        empty,
        passed_site("passed.test", &[nowhere()], None),
        passed_site("app.test", &[nowhere()], Some(app())),
    ]
}

const HOSTS: [&str; 9] = [
    "plain.test",
    "secure.test",
    "main.test",
    "alias.test",
    "locked.test",
    "empty.test",
    "passed.test",
    "app.test",
    "nobody.test",
];

#[test]
fn an_issuer_is_answered_before_everything_else_whatever_host_it_asks_for() {
    let plane = Plane::start_with(plan(sites()), &[&Identity::new(&[])]);
    plane.show(TEXTS, &[]);
    for host in HOSTS.into_iter().chain(["127.0.0.1", "[::1]:80"]) {
        for _ in 0..3 {
            let request =
                format!("GET {AT} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip, br\r\n\r\n");
            let answer = plane.visit().send(&request).message();
            assert_eq!((answer.status(), answer.text()), (200, ANSWER), "{host}");
            assert_eq!(
                answer.field("content-type"),
                Some("application/octet-stream")
            );
            assert_eq!(answer.field("cache-control"), Some("no-store"));
            let fields = answer.head.trim_end().lines().skip(1);
            let names = fields.map(|line| line.split(':').next().unwrap().to_lowercase());
            let mut names: Vec<_> = names.collect();
            names.sort();
            let plain = ["cache-control", "content-length", "content-type", "date"];
            assert_eq!(names, plain, "{host}");
            // Who was led to HTTPS is answered there.
            let mut visitor = plane.visit_tls("any.test");
            let answer = visitor.send(&request).message();
            assert_eq!((answer.status(), answer.text()), (200, ANSWER), "{host}");
        }
    }
}

#[test]
fn what_is_no_known_token_goes_on_as_before() {
    let plane = Plane::start(plan(sites()));
    let targets = [
        "/.well-known/acme-challenge/tok-en_2",
        "/.well-known/acme-challenge/tok-en_1x",
        "/.well-known/acme-challenge/tok-en_1/",
        "/.well-known/acme-challenge/TOK-EN_1",
        "/.well-known/acme-challenge/%74ok-en_1",
        "/.well-known/acme-challenge/",
        "/.well-known/acme-challenge",
        "/.well-known/tok-en_1",
        "/tok-en_1",
        "/x/.well-known/acme-challenge/tok-en_1",
    ];
    let ask = |target: &str| {
        HOSTS.map(|host| {
            let answer = plane.visit().get(host, target);
            let location = answer.field("location").map(str::to_owned);
            // What follows on a page for an error names the request.
            let begin = answer.text().lines().next().map(str::to_owned);
            (answer.status(), location, begin)
        })
    };
    let before = targets.map(ask);
    let without = ask(AT);
    plane.show(TEXTS, &[]);
    for (target, before) in targets.into_iter().zip(before) {
        assert_eq!(ask(target), before, "{target}");
    }
    let at_app = |target: &str| plane.visit().get("app.test", target).body;
    assert_eq!(
        at_app(targets[0]),
        b"GET /.well-known/acme-challenge/tok-en_2 HTTP/1.1"
    );
    assert_eq!(at_app(AT), ANSWER.as_bytes());
    plane.show(&[], &[]);
    assert_eq!(ask(AT), without);
}

#[test]
fn each_version_of_http_is_answered() {
    let sites = plan([secure_site("a.test", respond("a"))]);
    let plane = Plane::start_with(sites, &[&Identity::new(&["a.test"])]);
    plane.show(TEXTS, &[]);
    for head in ["Host: a.test\r\n", "Host: nobody.test\r\n", ""] {
        let answer = plane
            .visit()
            .send(format!("GET {AT} HTTP/1.0\r\n{head}\r\n"))
            .message();
        assert_eq!((answer.status(), answer.text()), (200, ANSWER), "{head}");
    }
    let target = format!("http://a.test{AT}");
    let answer = plane.visit().get("a.test", &target);
    assert_eq!((answer.status(), answer.text()), (200, ANSWER));
    plane.block_on(async {
        let by_tls = Http2::connect(&plane, "a.test").await;
        let plain = Http2::connect_plain(&plane).await;
        for mut visitor in [by_tls, plain] {
            for host in ["a.test", "nobody.test"] {
                let url = format!("http://{host}{AT}");
                let answer = visitor.get(&url).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert_eq!(answer.headers()["cache-control"], "no-store");
                assert_eq!(answer.into_body().to_bytes(), ANSWER);
                let head = Request::head(&url).body(BoxBody::default()).unwrap();
                let answer = visitor.request(head).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert_eq!(answer.headers()["content-length"], "14");
            }
        }
    });
}

#[test]
fn only_who_reads_is_answered_and_the_connection_stays_in_step() {
    let plane = Plane::start(plan([site("a.test", proxy_to_all([app()]))]));
    plane.show(TEXTS, &[]);
    let mut visitor = plane.visit();
    visitor.send(format!("HEAD {AT} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
    let head = visitor.head();
    assert_eq!(head.status(), 200);
    assert_eq!(head.field("content-length"), Some("14"));
    assert_eq!(visitor.get("a.test", AT).text(), ANSWER);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let request =
            format!("{method} {AT} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nxx");
        let answer = visitor.send(request).message();
        assert_eq!(answer.text(), format!("{method} {AT} HTTP/1.1"));
    }
    // The body of a GET is no request.
    let inner = format!("GET {AT} HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let length = inner.len();
    let mut visitor = plane.visit();
    visitor.send(format!(
        "GET {AT} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n{inner}GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
    ));
    assert_eq!(visitor.message().text(), ANSWER);
    let rest = String::from_utf8(visitor.rest()).unwrap();
    assert!(!rest.contains(ANSWER), "{rest}");
}

#[test]
fn what_is_no_request_is_refused_as_ever() {
    let plane = Plane::start(plan([site("a.test", respond("a"))]));
    plane.show(TEXTS, &[]);
    for fields in [
        "",
        "Host: a.test\r\nHost: b.test\r\n",
        "Host: a b\r\n",
        "Host: a.test:0\r\n",
        "Host: user@a.test\r\n",
        "Host: a.test\r\nTransfer-Encoding: gzip, chunked\r\n",
    ] {
        let request = format!("GET {AT} HTTP/1.1\r\n{fields}\r\n");
        let status = plane.visit().send(request).message().status();
        assert!(matches!(status, 400 | 501), "{status}: {fields}");
    }
}

#[test]
fn an_issuer_comes_through_a_proxy_too() {
    let mut plan = plan([secure_site("a.test", respond("a"))]);
    plan.listen.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
    let plane = Plane::start_behind_proxies(plan, &[]);
    let shown = Identity::for_issuer("a.test");
    plane.show(TEXTS, &[("a.test", &shown)]);
    let introduced = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n";
    let answer = plane.visit().send(introduced).get("a.test", AT);
    assert_eq!((answer.status(), answer.text()), (200, ANSWER));
    let mut stream = plane.connect_tls();
    stream.write_all(introduced.as_bytes()).unwrap();
    let config = Arc::new(issuer_config(DEFAULT_VERSIONS));
    assert!(shown.was_shown_to(&handshake(stream, "a.test", &config).unwrap()));
}

#[test]
fn a_connection_that_drains_shows_what_is_posted_later() {
    let plane = Plane::start_one(plan([site("a.test", respond("a"))]));
    let mut visitor = plane.visit();
    visitor.send(format!("GET {AT} HTTP/1.1\r\n"));
    wait_until("its connection", || plane.counters().connections == 1);
    plane.block_on(async {
        let data_plane = plane.running();
        let texts = TEXTS.iter();
        let texts = texts.map(|(token, text)| ((*token).to_owned(), (*text).to_owned()));
        let (later, _) = Challenges::new(texts, []);
        let mut draining = std::pin::pin!(data_plane.drain(PATIENCE));
        tokio::select! {
            biased;
            cut = &mut draining => panic!("drained, {cut} cut"),
            () = data_plane.show(later) => {}
        }
        let answer = visitor.send("Host: a.test\r\n\r\n").message();
        assert_eq!((answer.status(), answer.text()), (200, ANSWER));
        assert_eq!(answer.field("connection"), Some("close"));
        drop(visitor);
        assert_eq!(draining.await, 0);
    });
}

#[test]
fn an_issuers_visit_has_a_line_as_any() {
    let mut plan = plan([secure_site("a.test", respond("a"))]);
    plan.access_log.format = AccessLogFormat::Json;
    let mut plane = Plane::start_one(plan);
    plane.show(TEXTS, &[]);
    let mut visitor = plane.visit();
    visitor.get("a.test", AT);
    visitor.get("nobody.test", AT);
    drop(visitor);
    let counters = plane.counters();
    assert_eq!((counters.requests, counters.responses[1]), (2, 2));
    plane.drain(Duration::ZERO).join().unwrap();
    let log = plane.access_log();
    let lines = log.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        (
            text("target"),
            text("host"),
            text("site"),
            line["status"].as_u64(),
            line["bytes"].as_u64(),
        )
    });
    let line = |host: &str, site: &str| {
        (
            AT.to_owned(),
            host.to_owned(),
            site.to_owned(),
            Some(200),
            Some(14),
        )
    };
    let expected = [line("a.test", "a.test"), line("nobody.test", "")];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}

/// The handshake of somebody who offers these protocols.
fn offering(plane: &Plane, name: &str, protocols: &[&str]) -> std::io::Result<TlsStream> {
    let config = Arc::new(client_config(DEFAULT_VERSIONS, protocols));
    handshake(plane.connect_tls(), name, &config)
}

/// The handshake of an issuer.
fn issuer(plane: &Plane, name: &str) -> std::io::Result<TlsStream> {
    let config = Arc::new(issuer_config(DEFAULT_VERSIONS));
    handshake(plane.connect_tls(), name, &config)
}

#[track_caller]
fn assert_refused(plane: &Plane, name: &str, protocols: &[&str]) {
    let refused = offering(plane, name, protocols).unwrap_err().to_string();
    assert!(
        refused.contains("NoApplicationProtocol"),
        "{name}: {refused}"
    );
}

#[test]
fn an_issuer_is_shown_its_certificate_and_the_connection_ends() {
    let served = Identity::new(&["a.test", "b.test"]);
    let sites = [secure_site("a.test", respond("a"))];
    let plane = Plane::start_with(plan(sites), &[&served]);
    let one = Identity::for_issuer("a.test");
    let reverse = "1.0.0.127.in-addr.arpa"; // RFC 8738 §6
    let of_address = Identity::for_issuer(reverse);
    plane.show(&[], &[("a.test", &one), (reverse, &of_address)]);
    for version in [&TLS12, &TLS13] {
        for (name, shown) in [("a.test", &one), ("A.Test", &one), (reverse, &of_address)] {
            let config = Arc::new(issuer_config(&[version]));
            let stream = handshake(plane.connect_tls(), name, &config).unwrap();
            assert!(shown.was_shown_to(&stream), "{name}");
            assert_eq!(stream.conn.alpn_protocol(), Some(&b"acme-tls/1"[..]));
            let mut ended = Wire::new(stream);
            assert!(ended.rest().is_empty(), "nothing is said on it");
        }
    }
    wait_until("their ends", || plane.counters().connections == 0);
    let counters = plane.counters();
    assert_eq!((counters.handshakes_failed, counters.requests), (0, 0));
}

#[test]
fn openssl_is_shown_what_an_issuer_is() {
    let sites = [secure_site("a.test", respond("a"))];
    let plane = Plane::start_with(plan(sites), &[&Identity::new(&["a.test"])]);
    let shown = Identity::for_issuer("a.test");
    plane.show(&[], &[("a.test", &shown)]);
    for version in ["-tls1_2", "-tls1_3"] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-alpn", "acme-tls/1", "-servername", "a.test"]);
        openssl.args([version, "-connect", &plane.https.to_string()]);
        let Ok(said) = openssl.stdin(Stdio::null()).output() else {
            println!("skipped: openssl: it is not installed");
            return;
        };
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains("ALPN protocol: acme-tls/1"), "{said}");
        let pem = shown.entry.pair.chain_pem.trim().replace('\r', "");
        assert!(said.contains(&pem), "{said}");
    }
    assert_eq!(plane.counters().handshakes_failed, 0);
}

#[test]
fn nobody_else_is_shown_what_is_an_issuers() {
    let served = Identity::new(&["a.test"]);
    let sites = [secure_site("a.test", respond("a"))];
    let plane = Plane::start_with(plan(sites), &[&served]);
    let shown = Identity::for_issuer("a.test");
    plane.show(&[], &[("a.test", &shown)]);
    for protocols in [
        &["h2"][..],
        &["h2", "http/1.1"],
        &[],
        &["acme-tls/1", "http/1.1"],
        &["h2", "acme-tls/1"],
    ] {
        let stream = offering(&plane, "a.test", protocols).unwrap();
        assert!(served.was_shown_to(&stream), "{protocols:?}");
        assert_ne!(stream.conn.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    }
    assert_eq!(plane.visit_tls("a.test").get("a.test", "/").text(), "a");
    for name in ["b.test", "x.a.test"] {
        assert!(issuer(&plane, name).is_err(), "{name}");
    }
    assert_refused(&plane, "a.test", &["acme-tls/2"]);
    assert!(issuer(&plane, "a.test").is_ok());
}

#[test]
fn an_issuer_without_a_certificate_to_see_is_refused_as_ever() {
    let served = Identity::new(&[]);
    let sites = [secure_site("a.test", respond("a"))];
    let plane = Plane::start_with(plan(sites), &[&served]);
    assert_refused(&plane, "a.test", &["acme-tls/1"]);
    let shown = Identity::for_issuer("a.test");
    plane.show(TEXTS, &[("a.test", &shown)]);
    assert!(shown.was_shown_to(&issuer(&plane, "a.test").unwrap()));
    for name in ["b.test", "127.0.0.1"] {
        assert_refused(&plane, name, &["acme-tls/1"]);
    }
    plane.show(TEXTS, &[]);
    assert_refused(&plane, "a.test", &["acme-tls/1"]);
    assert!(served.was_shown_to(&offering(&plane, "a.test", &["h2"]).unwrap()));
}

#[test]
fn a_reload_takes_no_answer_away() {
    let served = Identity::new(&["a.test"]);
    let plane = Plane::start_with(plan([secure_site("a.test", respond("a"))]), &[&served]);
    let shown = Identity::for_issuer("a.test");
    plane.show(TEXTS, &[("a.test", &shown)]);
    plane.apply(plan([secure_site("b.test", respond("b"))]), &[]);
    assert_eq!(plane.visit().get("a.test", AT).text(), ANSWER);
    assert!(shown.was_shown_to(&issuer(&plane, "a.test").unwrap()));
}

#[test]
fn what_is_passed_on_goes_on_except_for_the_certificates_that_are_ours() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = [listener.local_addr().unwrap()];
    let sites = [
        passed_site("ours.test", &to, None),
        passed_site("theirs.test", &to, None),
    ];
    let plane = Plane::start(plan(sites));
    let shown = Identity::for_issuer("ours.test");
    plane.show(&[], &[("ours.test", &shown)]);
    assert!(shown.was_shown_to(&issuer(&plane, "ours.test").unwrap()));
    assert_eq!(plane.counters().passed_through, 0);
    for (name, protocol) in [("theirs.test", "acme-tls/1"), ("ours.test", "h2")] {
        let config = Arc::new(client_config(DEFAULT_VERSIONS, &[protocol]));
        let server_name = rustls_pki_types::ServerName::try_from(name).unwrap();
        let mut client = rustls::ClientConnection::new(config, server_name).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        let mut visitor = plane.connect_tls();
        visitor.write_all(&hello).unwrap();
        let (mut machine, _) = listener.accept().unwrap();
        machine.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut seen = vec![0; hello.len()];
        machine.read_exact(&mut seen).unwrap();
        assert!(seen == hello, "{name}");
    }
    assert_eq!(plane.counters().passed_through, 2);
}

#[test]
fn an_issuer_shows_no_certificate_of_its_own() {
    let authority = Authority::new("/clients.pem");
    let served = Identity::new(&["a.test"]);
    let site = Site {
        client_auth: Some(ClientAuth {
            ca: PathBuf::from("/clients.pem"),
            certificate: ClientCertificate::Required,
        }),
        ..secure_site("a.test", respond("a"))
    };
    let plane = Plane::start_guarded(plan([site]), &[&served], &[&authority]);
    let shown = Identity::for_issuer("a.test");
    plane.show(TEXTS, &[("a.test", &shown)]);
    assert!(shown.was_shown_to(&issuer(&plane, "a.test").unwrap()));
    assert_eq!(plane.visit().get("a.test", AT).text(), ANSWER);
}

#[test]
fn one_certificate_that_is_none_leaves_the_others() {
    let good = Identity::for_issuer("a.test");
    let mut bad = good.entry.pair.clone();
    bad.key_pem = Identity::new(&["a.test"]).entry.pair.key_pem;
    let pairs = [("a.test", good.entry.pair.clone()), ("b.test", bad)];
    let pairs = pairs.map(|(name, pair)| (name.to_owned(), pair));
    let (challenges, problems) = Challenges::new([], pairs);
    let [(name, _)] = &problems[..] else {
        panic!("{problems:?}")
    };
    assert_eq!(name, "b.test");
    let shown = format!("{challenges:?}");
    assert!(
        shown.contains("a.test") && !shown.contains("b.test"),
        "{shown}"
    );
}
