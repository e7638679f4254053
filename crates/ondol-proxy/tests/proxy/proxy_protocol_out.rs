//! Upstreams that are told of the visitor before anything else is said.

use std::net::SocketAddr;

use ondol_model::network::Network;
use ondol_model::plan::ProxyVersion;
use ondol_model::upstream::Upstream as Address;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::site;

fn told(upstream: &Upstream, version: ProxyVersion) -> Address {
    Address {
        proxy_protocol: Some(version),
        ..upstream.address()
    }
}

fn line(visitor: SocketAddr, visited: SocketAddr) -> String {
    format!(
        "PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n",
        visitor.port(),
        visited.port()
    )
}

#[test]
fn the_header_names_the_visitor_and_no_connection_is_shared() {
    let upstream = Upstream::new();
    let plane = Plane::start_one(plan([site(
        "a.test",
        proxy_to_all([told(&upstream, ProxyVersion::One)]),
    )]));
    for _ in 0..2 {
        let mut visitor = plane.visit();
        let address = visitor.stream.local_addr().unwrap();
        // Not even the next request of the same visitor: it would be the first of a header of its own.
        for target in ["/first", "/second"] {
            visitor.send(format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
            let mut connection = upstream.accept();
            let want = line(address, plane.http);
            assert_eq!(connection.take(want.len()), want.as_bytes());
            let request = connection.message();
            assert!(request.line().contains(target));
            connection.reply("ok");
            assert_eq!(visitor.message().text(), "ok");
            assert_eq!(connection.rest(), b"", "it was kept");
        }
    }
}

#[test]
fn the_second_version_is_bytes_over_unix_sockets_too() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::unix(folder.path());
    let plane = Plane::start(plan([site(
        "a.test",
        proxy_to_all([told(&upstream, ProxyVersion::Two)]),
    )]));
    let mut visitor = plane.visit();
    let from = visitor.stream.local_addr().unwrap().port().to_be_bytes();
    let to = plane.http.port().to_be_bytes();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut connection = upstream.accept();
    let mut want = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01".to_vec();
    want.extend([from, to].concat());
    assert_eq!(connection.take(want.len()), want);
    connection.message();
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn behind_a_trusted_proxy_the_visitor_is_who_it_says() {
    let upstream = Upstream::new();
    let mut plan = plan([site(
        "a.test",
        proxy_to_all([told(&upstream, ProxyVersion::One)]),
    )]);
    plan.listen.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
    let plane = Plane::start(plan);
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 2001:db8::7\r\n\r\n");
    let mut connection = upstream.accept();
    let want = format!(
        "PROXY TCP6 2001:db8::7 ::ffff:127.0.0.1 0 {}\r\n",
        plane.http.port()
    );
    assert_eq!(connection.take(want.len()), want.as_bytes());
    connection.message();
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
}
