//! Visitors whom a proxy in front introduces by the PROXY protocol.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use ondol_model::Plan;
use ondol_model::event::EventKind;
use ondol_model::limits::CONNECTIONS_PER_ADDRESS_MAX;
use ondol_model::network::Network;
use rustix::process::Resource;
use rustls::DEFAULT_VERSIONS;

use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::client_config;
use crate::harness::handshake;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n";
/// From 2001:db8::7 to 2001:db8::1, with an extra that nobody needs.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x29\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \x12\x67\x01\xbb\x04\0\x02xx";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// What the app of `a.test` hears of its visitors.
fn told(request: &Message) -> String {
    let said = ["x-forwarded-for", "x-real-ip", "x-forwarded-proto"];
    let body = said
        .map(|name| request.field(name).unwrap_or("-"))
        .join(" ");
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn trusting(mut plan: Plan) -> Plan {
    plan.listen.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
    plan
}

fn start() -> Plane {
    let app = Upstream::answering(told);
    let plan = plan([
        site("a.test", proxy_to_all([app.clone()])),
        secure_site("s.test", proxy_to_all([app])),
    ]);
    Plane::start_behind_proxies(trusting(plan), &[&Identity::new(&["s.test"])])
}

fn ask(plane: &Plane, pieces: &[&[u8]]) -> String {
    let mut visitor = plane.visit();
    for piece in pieces {
        visitor.send(piece);
    }
    visitor.message().text().to_owned()
}

#[test]
fn the_visitor_is_the_one_that_the_header_names() {
    let mut plane = start();
    let v4 = "192.0.2.7 192.0.2.7 http";
    assert_eq!(ask(&plane, &[V1, GET]), v4);
    assert_eq!(ask(&plane, &[&[V1, GET].concat()]), v4);
    let v6 = "2001:db8::7 2001:db8::7 http";
    assert_eq!(ask(&plane, &[V2, GET]), v6);
    let bytes: Vec<_> = [V2, GET].concat();
    let each: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(ask(&plane, &each), v6);
    wait_until("answers", || plane.counters().responses[1] == 4);
    plane.drain(std::time::Duration::ZERO).join().unwrap();
    let log = plane.access_log();
    let clients: Vec<_> = log
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(clients.len(), 4);
    assert_eq!(clients.iter().filter(|it| **it == "192.0.2.7").count(), 2);
    assert_eq!(clients.iter().filter(|it| **it == "2001:db8::7").count(), 2);
}

#[test]
fn tls_begins_behind_the_header() {
    let plane = start();
    let config = Arc::new(client_config(DEFAULT_VERSIONS, &["http/1.1"]));
    for (header, visitor) in [(V1, "192.0.2.7"), (V2, "2001:db8::7")] {
        let mut stream = plane.connect_tls();
        stream.write_all(header).unwrap();
        let mut wire = Wire::new(handshake(stream, "s.test", &config).unwrap());
        let answer = wire.get("s.test", "/");
        assert_eq!(answer.text(), format!("{visitor} {visitor} https"));
    }
}

#[test]
fn a_visitor_who_was_introduced_is_believed_no_more_than_any_other() {
    let plane = start();
    let lie = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 10.9.8.7\r\nX-Forwarded-Proto: https\r\n\r\n";
    assert_eq!(ask(&plane, &[V1, lie]), "192.0.2.7 192.0.2.7 http");
    // Who is not named could be anybody: the proxy's own credit is not theirs.
    for header in [LOCAL, b"PROXY UNKNOWN\r\n"] {
        assert_eq!(ask(&plane, &[header, lie]), "127.0.0.1 127.0.0.1 http");
    }
    // A trusted proxy behind a trusted proxy still has visitors.
    let by_another = b"PROXY TCP4 127.0.0.1 198.51.100.1 4711 80\r\n";
    assert_eq!(
        ask(&plane, &[by_another, lie]),
        "10.9.8.7, 127.0.0.1 10.9.8.7 https"
    );
}

#[test]
fn a_connection_without_a_header_is_closed_and_told_once() {
    let plane = start();
    for bytes in [
        GET,
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n",
        b"PROXY TCP4 999.0.2.7 198.51.100.1 4711 80\r\nGET / HTTP/1.1\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ] {
        let mut visitor = plane.visit();
        let _ = visitor.stream.write_all(bytes); // It may be closed in the middle.
        assert_eq!(visitor.rest(), b"", "{bytes:?}");
    }
    wait_until("counts", || plane.counters().strangers == 4);
    let told = plane.failures();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, EventKind::Listener);
    assert!(
        told[0]
            .message
            .contains("from 127.0.0.1 was closed: it did not begin with a PROXY header"),
        "{told:?}"
    );
    assert_eq!(plane.counters().requests, 0);
    assert_eq!(ask(&plane, &[V1, GET]), "192.0.2.7 192.0.2.7 http");
}

#[test]
fn a_peer_that_is_not_trusted_is_closed_whatever_it_says() {
    let plan = plan([site("a.test", respond("a"))]);
    let plane = Plane::start_behind_proxies(plan.clone(), &[]);
    let mut visitor = plane.visit();
    let _ = visitor.stream.write_all(&[V1, GET].concat());
    assert_eq!(visitor.rest(), b"");
    wait_until("a count", || plane.counters().strangers == 1);
    assert!(plane.failures()[0].message.contains("`trusted_proxies`"));
    // Trust is a matter of the plan, which may change while the sockets stay.
    plane.apply(trusting(plan), &[]);
    assert_eq!(ask(&plane, &[V1, GET]), "a");
}

#[test]
fn a_proxy_that_looks_whether_someone_listens_is_no_stranger() {
    let plane = start();
    drop(plane.visit());
    let mut half = plane.visit();
    half.send(&V1[..9]);
    half.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(half.rest(), b"");
    wait_until("the end of both", || plane.counters().connections == 0);
    assert_eq!(plane.counters().strangers, 0);
}

#[test]
fn limits_are_those_of_the_visitor_and_not_of_the_proxy() {
    let descriptors = rustix::process::getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: descriptors.maximum,
        ..descriptors
    };
    rustix::process::setrlimit(Resource::Nofile, raised).unwrap();
    let plane = start();
    let introduce = |address: &str| {
        let mut visitor = plane.visit();
        let header = format!("PROXY TCP4 {address} 198.51.100.1 4711 80\r\n");
        visitor.send([header.as_bytes(), GET].concat());
        visitor
    };
    let mut open: Vec<Wire<TcpStream>> = Vec::new();
    // The kernel spreads them over two workers, of which each takes half.
    while plane.counters().shed == 0 {
        assert!(
            open.len() <= CONNECTIONS_PER_ADDRESS_MAX,
            "nobody was refused"
        );
        let mut visitor = introduce("192.0.2.7");
        let _ = visitor.try_message();
        open.push(visitor);
    }
    assert_eq!(introduce("192.0.2.8").message().status(), 200);
    drop(open);
    wait_until("room", || plane.counters().connections <= 1);
    assert_eq!(introduce("192.0.2.7").message().status(), 200);
}

/// Whoever is told of a failure is called in the task of the connection that failed.
#[test]
fn a_connection_that_panics_ends_alone() {
    let mut plane = start();
    let mut others: Vec<_> = (0..8).map(|_| plane.visit()).collect();
    let served = |other: &mut Wire<TcpStream>| other.send(GET).message().status() == 200;
    for other in &mut others {
        other.send(V1);
        assert!(served(other));
    }
    plane.panic_at_failures();
    for _ in 0..8 {
        assert_eq!(plane.visit().send("what is this?\r\n").rest(), b"");
    }
    assert!(!plane.failures().is_empty(), "none has panicked");
    wait_until("they have left", || plane.counters().connections == 8);
    assert!(others.iter_mut().all(served));
    let mut next = plane.visit();
    next.send(V1);
    assert!(served(&mut next));
    drop((others, next));
    assert_eq!(plane.drain(crate::harness::PATIENCE).join().unwrap(), 0);
}
