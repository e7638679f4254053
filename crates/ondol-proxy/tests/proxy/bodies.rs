//! Bodies on their way: streamed, limited, held back by the slower side, and cut when a side leaves.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use http_body_util::BodyExt as _;
use ondol_base::clock;
use ondol_base::tasks;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::PATIENCE;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
/// More than all buffers on the way can hold.
const FLOOD_BYTES: usize = 256 * 1024 * 1024;
/// What buffers of the system and of the proxy may hold together.
const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;

fn start(upstream: &Upstream) -> (Plane, Wire<TcpStream>) {
    let plane = Plane::start(plan([site("a.test", proxy_to(upstream))]));
    let visitor = plane.visit();
    (plane, visitor)
}

fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at / 7 % 251) as u8).collect()
}

#[test]
fn a_large_body_arrives_as_it_was_both_ways() {
    let body = pattern(3 * 1024 * 1024 + 7);
    let upstream = Upstream::new();
    let (_plane, mut visitor) = start(&upstream);
    let (up, down) = (body.clone(), body.clone());
    let echoing = tasks::spawn_thread("echo", move || {
        let mut connection = upstream.accept();
        assert!(connection.message().body == up, "the upload differs");
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for part in down.chunks(100_001) {
            connection.send(format!("{:x}\r\n", part.len()));
            connection.send(part).send("\r\n");
        }
        connection.send("0\r\n\r\n");
    });
    let length = body.len();
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n"
    ));
    visitor.send(&body);
    assert!(visitor.message().body == body, "the download differs");
    echoing.unwrap().join().unwrap();
}

#[test]
fn what_has_arrived_is_passed_on_before_the_rest_comes() {
    let upstream = Upstream::new();
    let (_plane, mut visitor) = start(&upstream);
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 8\r\n\r\nhalf");
    let mut connection = upstream.accept();
    connection.head();
    assert_eq!(connection.take(4), b"half");
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfour");
    visitor.head();
    assert_eq!(visitor.take(4), b"four");
    visitor.send("more");
    assert_eq!(connection.take(4), b"more");
    connection.send("ever");
    assert_eq!(visitor.take(4), b"ever");
}

#[test]
fn a_body_over_the_limit_gets_413() {
    for (head, body) in [
        ("Content-Length: 11", "hello world"),
        (
            "Transfer-Encoding: chunked",
            "b\r\nhello world\r\n0\r\n\r\n",
        ),
        (
            "Transfer-Encoding: chunked",
            "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        ),
    ] {
        let upstream = Upstream::new();
        let mut site = site("a.test", proxy_to(&upstream));
        site.routes[0].rules.body_bytes_max = 10;
        let plane = Plane::start(plan([site]));
        let mut visitor = plane.visit();
        visitor.send(format!(
            "POST / HTTP/1.1\r\nHost: a.test\r\n{head}\r\n\r\n{body}"
        ));
        assert_eq!(visitor.message().status(), 413, "{body:?}");
    }
}

#[test]
fn an_upload_cut_short_never_looks_whole_to_the_upstream() {
    for (framing, part) in [
        ("Content-Length: 9", "hello"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\nx\r\n\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nhellooo\r\n0\r\n\r\n"),
    ] {
        let upstream = Upstream::new();
        let (_plane, mut visitor) = start(&upstream);
        visitor.send(format!(
            "POST / HTTP/1.1\r\nHost: a.test\r\n{framing}\r\n\r\n{part}"
        ));
        let mut connection = upstream.accept();
        drop(visitor);
        assert!(connection.try_message().is_err(), "{part:?}");
    }
}

#[test]
fn a_body_over_the_limit_is_cut_for_the_upstream() {
    let upstream = Upstream::new();
    let mut site = site("a.test", proxy_to(&upstream));
    site.routes[0].rules.body_bytes_max = 10;
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    );
    let mut connection = upstream.accept();
    connection.head();
    visitor.send("6\r\n world\r\n0\r\n\r\n");
    assert_eq!(visitor.message().status(), 413);
    assert_eq!(connection.rest(), b"5\r\nhello\r\n");
}

#[test]
fn an_answer_before_the_body_was_read_arrives() {
    let upstream = Upstream::new();
    let (_plane, mut visitor) = start(&upstream);
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9000000\r\n\r\n");
    visitor.send(vec![b'x'; 100_000]);
    let mut connection = upstream.accept();
    connection.head();
    connection.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!");
    drop(connection);
    let answer = visitor.message();
    assert_eq!((answer.status(), answer.text()), (413, "no!"));
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn an_upload_may_take_longer_than_an_upstream_may_think() {
    let upstream = Upstream::new();
    let mut site = site("a.test", proxy_to(&upstream));
    site.routes[0].rules.timeouts.response = Duration::from_millis(300);
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut connection = upstream.accept();
    connection.head();
    let until = clock::now() + Duration::from_millis(900);
    while clock::now() < until {
        visitor.send("1\r\nx\r\n");
        assert_eq!(connection.take(6), b"1\r\nx\r\n");
    }
    visitor.send("0\r\n\r\n");
    assert_eq!(connection.take(5), b"0\r\n\r\n");
    connection.reply("thanks");
    assert_eq!(visitor.message().text(), "thanks");
}

#[test]
fn a_visitor_who_waits_to_be_told_to_send_is_told() {
    let upstream = Upstream::new();
    let (_plane, mut visitor) = start(&upstream);
    visitor.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    assert_eq!(visitor.head().status(), 100);
    visitor.send("hello");
    let mut connection = upstream.accept();
    let request = connection.message();
    assert_eq!((request.field("expect"), request.text()), (None, "hello"));
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn a_visitor_who_asks_first_is_not_told_to_send_too_much() {
    let upstream = Upstream::new();
    let mut site = site("a.test", proxy_to(&upstream));
    site.routes[0].rules.body_bytes_max = 4;
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    assert_eq!(visitor.head().status(), 413);
}

#[test]
fn a_visitor_who_stops_reading_stops_the_upstream() {
    let upstream = Upstream::new();
    let (_plane, mut visitor) = start(&upstream);
    visitor.send(GET);
    let mut connection = upstream.accept();
    connection.message();
    connection.send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {FLOOD_BYTES}\r\n\r\n"
    ));
    let crate::harness::UpstreamStream::Tcp(stream) = &mut connection.stream else {
        panic!("it is TCP");
    };
    assert!(send_until_held_back(stream) < HELD_BYTES_MAX);
    // Once it reads, the rest comes.
    visitor.head();
    let mut left = HELD_BYTES_MAX;
    let mut bytes = vec![0; 1024 * 1024];
    let sending = tasks::spawn_thread("rest", move || {
        let _ = connection.stream.write_all(&vec![0; HELD_BYTES_MAX]);
    });
    while left > 0 {
        left = left.saturating_sub(visitor.stream.read(&mut bytes).unwrap());
    }
    drop(visitor);
    sending.unwrap().join().unwrap();
}

#[test]
fn an_upstream_that_stops_reading_stops_the_visitor() {
    let upstream = Upstream::new();
    let (_plane, mut visitor) = start(&upstream);
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {FLOOD_BYTES}\r\n\r\n"
    ));
    let mut connection = upstream.accept();
    connection.head();
    assert!(send_until_held_back(&mut visitor.stream) < HELD_BYTES_MAX);
}

/// Sends until nothing is taken any more; gives how much was.
fn send_until_held_back(stream: &mut TcpStream) -> usize {
    let held_back = Duration::from_millis(500);
    stream.set_write_timeout(Some(held_back)).unwrap();
    let bytes = vec![0; 64 * 1024];
    let mut sent = 0;
    while sent < FLOOD_BYTES {
        match stream.write(&bytes) {
            Ok(count) => sent += count,
            Err(_) => break,
        }
    }
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    sent
}

#[test]
fn a_visitor_who_leaves_ends_the_work_of_the_upstream() {
    let begin = [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ];
    for answer in begin {
        let upstream = Upstream::new();
        let (_plane, mut visitor) = start(&upstream);
        visitor.send(GET);
        let mut connection = upstream.accept();
        connection.message();
        connection.send(answer);
        if !answer.is_empty() {
            visitor.head();
        }
        drop(visitor);
        assert_eq!(connection.rest(), b"");
    }
}

#[test]
fn a_visitor_who_leaves_is_counted_as_answered() {
    let upstream = Upstream::new();
    let (plane, mut visitor) = start(&upstream);
    visitor.send(GET);
    let mut connection = upstream.accept();
    connection.message();
    drop(visitor);
    connection.rest();
    wait_until("the end of the request", || {
        let counters = plane.counters();
        counters.requests == 1 && counters.responses[3] == 1 && counters.connections == 0
    });
}

#[test]
fn a_body_over_the_limit_gets_413_by_http2() {
    let upstream = Upstream::new();
    let identity = Identity::new(&["a.test"]);
    let mut site = secure_site("a.test", proxy_to(&upstream));
    site.routes[0].rules.body_bytes_max = 10;
    let plane = Plane::start_with(plan([site]), &[&identity]);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let body = http_body_util::Full::new(vec![b'x'; 1_000_000].into());
        let request = http::Request::post("https://a.test/").body(body.boxed());
        let answer = visitor.request(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 413);
        let answer = visitor.get("https://other.test/").await.unwrap();
        assert_eq!(answer.status(), 421, "the connection goes on");
    });
    assert!(upstream.is_left_alone());
}

#[test]
fn an_answer_may_wait_for_a_slow_upload() {
    let upstream = Upstream::new();
    let mut site = site("a.test", proxy_to(&upstream));
    site.routes[0].rules.timeouts.response = Duration::from_millis(300);
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut connection = upstream.accept();
    connection.head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    visitor.head();
    let until = clock::now() + Duration::from_millis(900);
    while clock::now() < until {
        visitor.send("1\r\nx\r\n");
        assert_eq!(connection.take(6), b"1\r\nx\r\n");
    }
    connection.send("whole");
    assert_eq!(visitor.take(5), b"whole");
}

#[test]
fn trailers_of_a_request_are_passed_on_when_they_are_announced() {
    let chunks =
        "5\r\nhello\r\n0\r\nX-Checksum: 7\r\nHost: evil.test\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n";
    for (announced, want) in [
        ("Trailer: X-Checksum\r\n", "0\r\nx-checksum: 7\r\n\r\n"),
        ("", "0\r\n\r\n"),
    ] {
        let upstream = Upstream::new();
        let (_plane, mut visitor) = start(&upstream);
        visitor.send(format!(
            "POST / HTTP/1.1\r\nHost: a.test\r\n{announced}Transfer-Encoding: chunked\r\n\r\n{chunks}"
        ));
        let mut connection = upstream.accept();
        let head = connection.head();
        let passed_on = announced
            .split_once(": ")
            .map(|(_, names)| names.trim_end());
        assert_eq!(head.field("trailer"), passed_on);
        let want = format!("5\r\nhello\r\n{want}");
        let got = String::from_utf8(connection.take(want.len())).unwrap();
        assert_eq!(got, want);
        connection.reply("ok");
        assert_eq!(visitor.message().text(), "ok");
    }
}

#[test]
fn events_arrive_one_by_one_as_they_happen() {
    let upstream = Upstream::new();
    let (_plane, mut visitor) = start(&upstream);
    visitor.send(GET);
    let mut connection = upstream.accept();
    connection.message();
    connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    assert_eq!(
        visitor.head().field("content-type"),
        Some("text/event-stream")
    );
    for event in ["data: one\n\n", "data: two\n\n", ": still here\n\n"] {
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        connection.send(&chunk);
        let mut got = visitor.take(chunk.len());
        got.make_ascii_lowercase();
        assert_eq!(String::from_utf8(got).unwrap(), chunk.to_lowercase());
    }
}

/// A connection that is closed while something unread lies in it is reset, and a reset takes away what the
/// visitor has not read yet (RFC 9112 §9.6).
#[test]
fn who_still_sends_reads_the_last_answer() {
    let upstream = Upstream::new();
    let mut small = site("a.test", proxy_to(&upstream));
    small.routes[0].rules.body_bytes_max = 10;
    let plane = Plane::start(plan([small]));
    let mut visitor = plane.visit();
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n");
    wait_until("it was refused", || plane.counters().responses[3] == 1);
    for _ in 0..100 {
        visitor.send([b'x'; 2000]);
    }
    visitor.stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    visitor.stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413 "));
}
