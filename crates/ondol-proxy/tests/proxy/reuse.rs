//! When a connection to an upstream is used again, and when a request is sent again.

use std::net::TcpStream;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::site;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody";

/// A visitor, the data plane with one worker, and its one upstream.
struct Trio {
    upstream: Upstream,
    visitor: Wire<TcpStream>,
    plane: Plane,
}

fn start() -> Trio {
    let upstream = Upstream::new();
    let plane = Plane::start_one(plan([site("a.test", proxy_to(&upstream))]));
    Trio {
        visitor: plane.visit(),
        upstream,
        plane,
    }
}

#[test]
fn visitors_one_after_another_share_a_connection() {
    let mut the = start();
    the.visitor.send(GET);
    let mut connection = the.upstream.accept();
    for text in ["one", "two"] {
        connection.message();
        connection.reply(text);
        assert_eq!(the.visitor.message().text(), text);
        the.visitor.send(POST);
    }
    connection.message();
    connection.reply("three");
    assert_eq!(the.visitor.message().text(), "three");
    let mut other = the.plane.visit();
    other.send(GET);
    connection.message();
    connection.reply("four");
    assert_eq!(other.message().text(), "four");
    assert!(the.upstream.is_left_alone());
}

#[test]
fn visitors_at_once_have_connections_of_their_own() {
    let mut the = start();
    let mut other = the.plane.visit();
    the.visitor.send(GET);
    let mut first = the.upstream.accept();
    other.send(GET);
    let mut second = the.upstream.accept();
    second.message();
    second.reply("second");
    assert_eq!(other.message().text(), "second");
    first.message();
    first.reply("first");
    assert_eq!(the.visitor.message().text(), "first");
}

#[test]
fn a_chunked_answer_leaves_its_connection_for_the_next() {
    let mut the = start();
    the.visitor.send(GET);
    let mut connection = the.upstream.accept();
    connection.message();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n");
    assert_eq!(the.visitor.message().text(), "one");
    the.visitor.send(GET);
    connection.message();
    connection.reply("two");
    assert_eq!(the.visitor.message().text(), "two");
}

#[test]
fn a_connection_that_its_upstream_will_close_is_not_used_again() {
    for head in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\none",
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none",
    ] {
        let mut the = start();
        the.visitor.send(GET);
        let mut first = the.upstream.accept();
        first.message();
        first.send(head);
        assert_eq!(the.visitor.message().text(), "one");
        assert_eq!(first.rest(), b"");
        the.visitor.send(GET);
        let mut second = the.upstream.accept();
        second.message();
        second.reply("two");
        assert_eq!(the.visitor.message().text(), "two");
    }
}

#[test]
fn bytes_that_nobody_asked_for_never_become_an_answer() {
    let unasked = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let mut the = start();
    the.visitor.send(GET);
    let mut first = the.upstream.accept();
    first.message();
    first.reply("one");
    assert_eq!(the.visitor.message().text(), "one");
    first.send(unasked);
    assert_eq!(first.rest(), b"", "it is still open");
    the.visitor.send(GET);
    let mut second = the.upstream.accept();
    second.message();
    second.send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo{unasked}"
    ));
    assert_eq!(the.visitor.message().text(), "two");
    the.visitor.send(GET);
    let mut third = the.upstream.accept();
    third.message();
    third.reply("three");
    assert_eq!(the.visitor.message().text(), "three");
}

#[test]
fn a_connection_closed_while_idle_costs_the_next_visitor_nothing() {
    for request in [GET, POST] {
        let mut the = start();
        the.visitor.send(GET);
        let mut first = the.upstream.accept();
        first.message();
        first.reply("one");
        drop(first);
        assert_eq!(the.visitor.message().text(), "one");
        // The order to close reaches the proxy before this request, by the same machine's loopback.
        the.visitor.send(request);
        let mut second = the.upstream.accept();
        second.message();
        second.reply("two");
        assert_eq!(the.visitor.message().text(), "two");
    }
}

#[test]
fn a_get_that_met_a_closing_connection_is_sent_again() {
    let mut the = start();
    the.visitor.send(GET);
    let mut first = the.upstream.accept();
    first.message();
    first.reply("one");
    the.visitor.message();
    the.visitor.send(GET);
    first.message();
    drop(first);
    let mut second = the.upstream.accept();
    second.message();
    second.reply("two");
    assert_eq!(the.visitor.message().text(), "two");
}

#[test]
fn a_get_is_sent_again_once_and_no_more() {
    let mut the = start();
    the.visitor.send(GET);
    let mut first = the.upstream.accept();
    first.message();
    first.reply("one");
    the.visitor.message();
    the.visitor.send(GET);
    first.message();
    drop(first);
    the.upstream.accept().message();
    assert_eq!(the.visitor.message().status(), 502);
    assert!(the.upstream.is_left_alone());
}

#[test]
fn a_post_is_never_sent_twice() {
    let chunked = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n\
        4\r\nbody\r\n0\r\n\r\n";
    let empty = "POST / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    for post in [POST, chunked, empty] {
        let mut the = start();
        the.visitor.send(GET);
        let mut first = the.upstream.accept();
        first.message();
        first.reply("one");
        the.visitor.message();
        the.visitor.send(post);
        first.message();
        drop(first);
        assert_eq!(the.visitor.message().status(), 502);
        assert!(the.upstream.is_left_alone());
    }
}

#[test]
fn an_answer_that_broke_off_is_not_asked_for_again() {
    let mut the = start();
    the.visitor.send(GET);
    let mut first = the.upstream.accept();
    first.message();
    first.reply("one");
    the.visitor.message();
    the.visitor.send(GET);
    first.message();
    first.send("HTTP/1.1 200 OK\r\nX-Half");
    drop(first);
    assert_eq!(the.visitor.message().status(), 502);
    assert!(the.upstream.is_left_alone());
}
