//! Visitors that ask and then end their side of the connection: `nc -N`, and old scripts.

use std::net::Shutdown;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::site;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

#[test]
fn who_ends_its_side_gets_its_answer_and_then_the_end() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    visitor.stream.shutdown(Shutdown::Write).unwrap();
    let mut connection = upstream.accept();
    connection.message();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(visitor.head().status(), 200);
    connection.send("world");
    assert_eq!(visitor.take(10), b"helloworld");
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn several_requests_before_the_end_are_all_answered() {
    let plane = Plane::start(plan([site("a.test", respond("here"))]));
    let mut visitor = plane.visit();
    visitor.send(GET.repeat(3));
    visitor.stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert_eq!(visitor.message().text(), "here");
    }
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn who_does_not_come_back_is_gone() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    visitor.stream.shutdown(Shutdown::Write).unwrap();
    let mut connection = upstream.accept();
    connection.message();
    assert_eq!(connection.rest(), b"", "the upstream works for nobody");
    assert_eq!(visitor.rest(), b"");
}
