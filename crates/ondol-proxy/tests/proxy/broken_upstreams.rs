//! Upstreams that are down, silent, or speak something else: what the visitor hears.

use std::net::TcpStream;
use std::time::Duration;

use ondol_model::Site;
use ondol_model::Target;

use crate::harness::PATIENCE;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::UpstreamStream;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::site;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

fn impatient(target: Target) -> Site {
    let mut site = site("a.test", target);
    site.routes[0].rules.timeouts.response = Duration::from_millis(300);
    site
}

#[test]
fn a_head_that_cannot_be_trusted_gets_502() {
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large = "x".repeat(70 * 1024);
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 99 What\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 1000 What\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        &"HTTP/1.1 100 Continue\r\n\r\n".repeat(40),
        &format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 0\r\n\r\n"),
        &format!("HTTP/1.1 200 OK\r\nx: {large}\r\nContent-Length: 0\r\n\r\n"),
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        let upstream = Upstream::new();
        let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
        let mut visitor = plane.visit();
        visitor.send(GET);
        let mut connection = upstream.accept();
        connection.message();
        let _ = std::io::Write::write_all(&mut connection.stream, response.as_bytes());
        drop(connection);
        let start = &response[..response.len().min(60)];
        assert_eq!(visitor.message().status(), 502, "{start:?}");
        // It was not the visitor's fault: its connection goes on.
        assert_eq!(visitor.get("other.test", "/").status(), 404);
    }
}

#[test]
fn a_length_beside_chunks_is_not_believed() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = upstream.accept();
    connection.message();
    connection.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    let got = visitor.message();
    assert_eq!((got.text(), got.field("content-length")), ("hello", None));
    // Someone on the way may have believed it, so the connection is not used again (RFC 9112 §6.3).
    visitor.send(GET);
    upstream.accept().message();
}

#[test]
fn an_upstream_that_says_nothing_gets_504_and_its_connection_closed() {
    for beginning in ["", "HTTP/1.1 200 O", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let upstream = Upstream::new();
        let plane = Plane::start(plan([impatient(proxy_to(&upstream))]));
        let mut visitor = plane.visit();
        visitor.send(GET);
        let mut connection = upstream.accept();
        connection.message();
        connection.send(beginning);
        assert_eq!(visitor.message().status(), 504);
        assert_eq!(connection.rest(), b"");
    }
}

#[test]
fn an_upstream_that_falls_silent_in_its_answer_is_a_cut() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([impatient(proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = upstream.accept();
    connection.message();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
    assert!(visitor.try_message().is_err());
    assert_eq!(connection.rest(), b"");
}

/// The visitors come in the order of this list, and the last is cut: those before it have had their time.
fn begun(upstream: &Upstream, plane: &Plane, kinds: &[&str]) -> Vec<Stream> {
    let begun = kinds.iter().map(|kind| {
        let mut visitor = plane.visit();
        visitor.send(GET);
        let mut connection = upstream.accept();
        connection.message();
        connection.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        ));
        visitor.head();
        assert_eq!(visitor.take(10), b"5\r\nfirst\r\n");
        Stream {
            visitor,
            connection,
        }
    });
    begun.collect()
}

struct Stream {
    visitor: Wire<TcpStream>,
    connection: Wire<UpstreamStream>,
}

impl Stream {
    fn goes_on(&mut self) {
        self.connection.send("4\r\nmore\r\n0\r\n\r\n");
        assert_eq!(self.visitor.take(14), b"4\r\nmore\r\n0\r\n\r\n");
    }
}

#[test]
fn a_stream_of_events_may_be_silent() {
    let upstream = Upstream::new();
    let plane = Plane::start_one(plan([impatient(proxy_to(&upstream))]));
    let kinds = ["text/event-stream", "text/event-stream; x", "text/plain"];
    let mut streams = begun(&upstream, &plane, &kinds);
    assert_eq!(streams[2].visitor.rest(), b"");
    assert_eq!(streams[2].connection.rest(), b"");
    streams[0].goes_on();
    streams[1].goes_on();
}

#[test]
fn silence_is_told_from_the_time_until_the_answer_begins() {
    let upstream = Upstream::new();
    let mut site = impatient(proxy_to(&upstream));
    site.routes[0].rules.timeouts.head = Some(PATIENCE * 2);
    let plane = Plane::start_one(plan([site]));
    // A long poll, of which nothing comes for longer than others may be silent.
    let mut polls = plane.visit();
    polls.send(GET);
    let mut poll = upstream.accept();
    poll.message();
    let mut cut = begun(&upstream, &plane, &["text/plain"]);
    assert_eq!(cut[0].visitor.rest(), b"");
    poll.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnews");
    assert_eq!(polls.message().text(), "news");

    let mut site = impatient(proxy_to(&upstream));
    site.routes[0].rules.timeouts.silence = Some(PATIENCE * 2);
    plane.apply(plan([site]), &[]);
    let mut streams = begun(&upstream, &plane, &["text/plain"]);
    let mut late = plane.visit();
    late.send(GET);
    let mut never = upstream.accept();
    never.message();
    assert_eq!(late.message().status(), 504);
    streams[0].goes_on();
}

/// A time that is said holds for streams of events too.
#[test]
fn a_stream_of_events_that_is_told_to_is_cut() {
    let upstream = Upstream::new();
    let mut site = impatient(proxy_to(&upstream));
    site.routes[0].rules.timeouts.silence = Some(Duration::from_millis(300));
    let plane = Plane::start_one(plan([site]));
    let mut streams = begun(&upstream, &plane, &["text/event-stream"]);
    assert_eq!(streams[0].visitor.rest(), b"");
    assert_eq!(streams[0].connection.rest(), b"");
}

#[test]
fn an_upstream_that_is_down_gets_502() {
    let plane = Plane::start(plan([
        site("a.test", proxy_to_all([Upstream::gone()])),
        site("b.test", proxy_to_all([Upstream::gone(), Upstream::gone()])),
        site(
            "c.test",
            proxy_to_all([ondol_model::upstream::Address::Unix("/nowhere/x".into()).into()]),
        ),
    ]));
    for host in ["a.test", "b.test", "c.test"] {
        assert_eq!(plane.visit().get(host, "/").status(), 502, "{host}");
    }
}

#[test]
fn the_second_upstream_answers_while_the_first_is_down() {
    let upstream = Upstream::new();
    let target = proxy_to_all([Upstream::gone(), upstream.address()]);
    let plane = Plane::start_one(plan([site("a.test", target)]));
    let mut visitor = plane.visit();
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody");
    let mut connection = upstream.accept();
    for text in ["one", "two", "three"] {
        connection.message();
        connection.reply(text);
        assert_eq!(visitor.message().text(), text);
        visitor.send(GET);
    }
}

#[test]
fn several_upstreams_take_turns() {
    let answering = |text: &'static str| {
        Upstream::answering(move |_| format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{text}"))
    };
    let target = proxy_to_all([answering("a"), answering("b")]);
    let plane = Plane::start_one(plan([site("a.test", target)]));
    let mut visitor = plane.visit();
    let texts: Vec<_> = (0..6)
        .map(|_| visitor.get("a.test", "/").text().to_owned())
        .collect();
    assert_eq!(texts.concat(), "ababab");
}

#[test]
fn an_upstream_that_takes_no_connection_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::unix(folder.path());
    let Upstream::Unix(listener) = &upstream else {
        panic!("it is one");
    };
    rustix::net::listen(listener, 0).unwrap();
    let path = folder.path().join("app.sock");
    let in_the_queue = std::os::unix::net::UnixStream::connect(path);
    let mut site = site("a.test", proxy_to(&upstream));
    site.routes[0].rules.timeouts.connect = Duration::from_millis(50);
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    assert_eq!(visitor.get("a.test", "/").status(), 504);
    drop(in_the_queue);
}
