//! TLS connections that another machine ends, by the name that they ask for.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use ondol_model::HostPattern;
use ondol_model::network::Network;
use ondol_model::plan::ProxyVersion;
use rustls::DEFAULT_VERSIONS;
use rustls::version::TLS12;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::PATIENCE;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::client_config;
use crate::harness::handshake;
use crate::harness::passed_site;
use crate::harness::plan;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

/// The other machine, and its certificate.
fn other() -> (Plane, Identity) {
    let identity = Identity::new(&["other.test", "alias.test"]);
    let mut site = secure_site("other.test", respond("other"));
    site.aliases = vec![HostPattern::parse("alias.test").unwrap()];
    site.alias_answer = ondol_model::plan::AliasAnswer::Serve;
    let plane = Plane::start_with(plan([site]), &[&identity]);
    (plane, identity)
}

/// A machine in front that serves `a.test` itself, and passes `other.test` on to these.
fn front(tls: &[SocketAddr]) -> Plane {
    let mut passed = passed_site("other.test", tls, None);
    passed.aliases = vec![HostPattern::parse("alias.test").unwrap()];
    let sites = [secure_site("a.test", respond("a")), passed];
    Plane::start_with(plan(sites), &[&Identity::new(&["a.test", "*.test"])])
}

/// A machine that takes connections and does nothing by itself.
fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// What a visitor who asks for this name sends first.
pub(crate) fn hello(name: &str) -> Vec<u8> {
    let config = Arc::new(client_config(DEFAULT_VERSIONS, &["h2"]));
    let name = rustls_pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

#[test]
fn the_other_machine_shows_its_own_certificate_and_others_are_served_here() {
    let (other, identity) = other();
    let plane = front(&[other.https]);
    for versions in [DEFAULT_VERSIONS, &[&TLS12]] {
        let config = Arc::new(client_config(versions, &["http/1.1"]));
        for name in ["other.test", "Other.Test", "alias.test"] {
            let stream = handshake(plane.connect_tls(), name, &config).unwrap();
            assert!(identity.was_shown_to(&stream), "{name}");
            assert_eq!(Wire::new(stream).get(name, "/").text(), "other");
        }
        let stream = handshake(plane.connect_tls(), "a.test", &config).unwrap();
        assert!(!identity.was_shown_to(&stream));
        assert_eq!(Wire::new(stream).get("a.test", "/").text(), "a");
    }
    assert_eq!(plane.counters().passed_through, 6);
    wait_until("their end", || plane.counters().tunnels == 0);
    assert_eq!(
        plane.counters().requests,
        2,
        "what is passed on is no request here"
    );
}

#[test]
fn http2_passes_too() {
    let (other, _) = other();
    let plane = front(&[other.https]);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "other.test").await;
        let answer = visitor.get("https://other.test/").await.unwrap();
        assert_eq!(answer.into_body().to_bytes(), "other");
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let answer = visitor.get("https://a.test/").await.unwrap();
        assert_eq!(answer.into_body().to_bytes(), "a");
        // A certificate of ours may cover the name: its site is elsewhere all the same.
        let answer = visitor.get("https://other.test/").await.unwrap();
        assert_eq!(answer.status(), 421);
    });
}

#[test]
fn a_hello_in_pieces_is_passed_on_whole() {
    let (other, identity) = other();
    let plane = front(&[other.https]);
    for (name, text) in [("other.test", "other"), ("a.test", "a")] {
        let stream = plane.connect_tls();
        let config = Arc::new(client_config(DEFAULT_VERSIONS, &["http/1.1"]));
        let server_name = rustls_pki_types::ServerName::try_from(name).unwrap();
        let mut client = rustls::ClientConnection::new(config, server_name).unwrap();
        let mut pieces = InPieces(stream);
        while client.is_handshaking() {
            client.complete_io(&mut pieces).unwrap();
        }
        let stream = rustls::StreamOwned::new(client, pieces.0);
        assert_eq!(identity.was_shown_to(&stream), name == "other.test");
        assert_eq!(Wire::new(stream).get(name, "/").text(), text);
    }
}

/// Writes seven bytes at a time.
struct InPieces(TcpStream);

impl Read for InPieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for InPieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(7)])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_byte_is_lost_or_added_in_either_direction() {
    let (listener, address) = silent();
    let plane = front(&[address]);
    let mut visitor = plane.connect_tls();
    let hello = hello("other.test");
    visitor.write_all(&hello).unwrap();
    let (mut machine, _) = listener.accept().unwrap();
    machine.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut seen = vec![0; hello.len()];
    machine.read_exact(&mut seen).unwrap();
    assert_eq!(seen, hello);
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    for (from, to) in [(&visitor, &machine), (&machine, &visitor)] {
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let mut from = from;
                from.write_all(&bytes).unwrap();
                from.shutdown(std::net::Shutdown::Write).unwrap();
            });
            let mut received = Vec::new();
            let mut to = to;
            to.read_to_end(&mut received).unwrap();
            assert!(received == bytes);
            sending.join().unwrap();
        });
    }
    wait_until("its end", || plane.counters().tunnels == 0);
}

#[test]
fn the_other_machine_is_told_who_visits() {
    let app = Upstream::answering(|request| {
        let told = request.field("x-forwarded-for").unwrap_or("-");
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}",
            told.len()
        )
    });
    let target = crate::harness::proxy_to_all([app]);
    let mut plan_behind = plan([secure_site("other.test", target)]);
    plan_behind.listen.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
    let behind = Plane::start_behind_proxies(plan_behind, &[&Identity::new(&["other.test"])]);
    for version in [ProxyVersion::One, ProxyVersion::Two] {
        let mut passed = passed_site("other.test", &[behind.https], None);
        passed.passthrough.as_mut().unwrap().proxy_protocol = Some(version);
        // In front of the front another proxy stands, which tells it the visitor.
        let mut front = plan([passed]);
        front.listen.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
        let front = Plane::start_behind_proxies(front, &[]);
        let mut stream = front.connect_tls();
        stream
            .write_all(b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n")
            .unwrap();
        let config = Arc::new(client_config(DEFAULT_VERSIONS, &["http/1.1"]));
        let stream = handshake(stream, "other.test", &config).unwrap();
        assert_eq!(Wire::new(stream).get("other.test", "/").text(), "192.0.2.7");
    }
}

#[test]
fn several_machines_are_used_in_turn_and_one_that_is_gone_is_passed_over() {
    let (one, _) = other();
    let (two, _) = other();
    let (_, gone) = silent();
    let plane = front(&[one.https, gone, two.https]);
    let config = Arc::new(client_config(DEFAULT_VERSIONS, &["http/1.1"]));
    for _ in 0..12 {
        let stream = handshake(plane.connect_tls(), "other.test", &config).unwrap();
        assert_eq!(Wire::new(stream).get("other.test", "/").text(), "other");
    }
    assert!(one.counters().requests > 0 && two.counters().requests > 0);
    let plane = front(&[gone]);
    assert!(handshake(plane.connect_tls(), "other.test", &config).is_err());
    let stream = handshake(plane.connect_tls(), "a.test", &config).unwrap();
    assert_eq!(Wire::new(stream).get("a.test", "/").text(), "a");
}

#[test]
fn plain_http_is_led_to_https_or_forwarded() {
    let (other, _) = other();
    let plane = front(&[other.https]);
    let answer = plane
        .visit()
        .get("other.test", "/.well-known/acme-challenge/x");
    assert_eq!(answer.status(), 308);
    let port = plane.https.port();
    let there = format!("https://other.test:{port}/.well-known/acme-challenge/x");
    assert_eq!(answer.field("location"), Some(&*there));

    let app = Upstream::answering(|request| {
        let line = request.line();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}",
            line.len()
        )
    });
    let passed = passed_site("other.test", &[other.https], Some(app));
    let plane = Plane::start(plan([passed, site("a.test", respond("a"))]));
    let answer = plane
        .visit()
        .get("other.test", "/.well-known/acme-challenge/x");
    assert_eq!(answer.text(), "GET /.well-known/acme-challenge/x HTTP/1.1");
}

#[test]
fn what_asks_for_no_name_is_refused_here_as_ever() {
    let (other, _) = other();
    let plane = front(&[other.https]);
    let config = Arc::new(client_config(DEFAULT_VERSIONS, &["http/1.1"]));
    for name in ["127.0.0.1", "b.example"] {
        assert!(
            handshake(plane.connect_tls(), name, &config).is_err(),
            "{name}"
        );
    }
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"[..],
        &[22; 40_000],
        b"\x16\x03\x01\0\x04\x01\0\0\0",
    ] {
        let mut stream = plane.connect_tls();
        let _ = stream.write_all(bytes); // It may be closed in the middle.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    wait_until("counts", || plane.counters().handshakes_failed == 5);
    assert_eq!(plane.counters().passed_through, 0);
}

#[test]
fn a_drain_waits_for_what_is_passed_on() {
    let (listener, address) = silent();
    let mut plane = front(&[address]);
    let mut visitor = plane.connect_tls();
    visitor.write_all(&hello("other.test")).unwrap();
    let (mut machine, _) = listener.accept().unwrap();
    let draining = plane.drain(Duration::from_secs(60));
    machine.write_all(b"still here").unwrap();
    let mut heard = [0; 10];
    visitor.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"still here");
    drop((visitor, machine));
    assert_eq!(draining.join().unwrap(), 0);
}
