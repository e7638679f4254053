//! Many requests at once on one connection.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use ondol_base::tasks;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::frames;
use crate::harness::frames::Frames;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;

const STREAMS: usize = 50;
const LARGE_BYTES: usize = 8 * 1024 * 1024;

fn start(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> (Plane, Identity) {
    let address = Upstream::answering(move |request| {
        let body = answer(request.line().split(' ').nth(1).unwrap());
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
    });
    let identity = Identity::new(&["a.test"]);
    let site = secure_site("a.test", proxy_to_all([address]));
    (Plane::start_with(plan([site]), &[&identity]), identity)
}

fn get(target: &str) -> http::Request<crate::harness::SentBody> {
    let url = format!("https://a.test{target}");
    http::Request::get(url).body(BoxBody::default()).unwrap()
}

#[test]
fn requests_at_once_get_their_own_answers() {
    let (plane, _identity) = start(str::to_owned);
    plane.block_on(async {
        let visitor = Http2::connect(&plane, "a.test").await;
        let asking: Vec<_> = (0..STREAMS)
            .map(|at| {
                let mut send = visitor.send.clone();
                tasks::spawn_local(async move { send.send_request(get(&format!("/{at}"))).await })
            })
            .collect();
        for (at, answer) in asking.into_iter().enumerate() {
            let body = answer.await.unwrap().unwrap().into_body();
            let body = body.collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("/{at}"));
        }
    });
}

#[test]
fn requests_at_once_do_not_wait_for_each_other() {
    // Each is answered only when all have been asked.
    let asked = Arc::new(AtomicUsize::new(0));
    let (plane, _identity) = start(move |_| {
        asked.fetch_add(1, Ordering::SeqCst);
        while asked.load(Ordering::SeqCst) < STREAMS {
            std::thread::yield_now();
        }
        "all".to_owned()
    });
    plane.block_on(async {
        let visitor = Http2::connect(&plane, "a.test").await;
        let asking: Vec<_> = (0..STREAMS)
            .map(|_| {
                let mut send = visitor.send.clone();
                tasks::spawn_local(async move { send.send_request(get("/")).await })
            })
            .collect();
        for answer in asking {
            assert_eq!(answer.await.unwrap().unwrap().status(), 200);
        }
    });
}

#[test]
fn a_download_that_nobody_reads_does_not_hold_up_the_others() {
    let (plane, _identity) = start(|target| match target {
        "/large" => "x".repeat(LARGE_BYTES),
        _ => "small".to_owned(),
    });
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let unread = visitor.send.send_request(get("/large")).await.unwrap();
        for _ in 0..5 {
            let small = visitor.get("https://a.test/small").await.unwrap();
            assert_eq!(small.into_body().to_bytes(), "small");
        }
        let large = unread.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(large.len(), LARGE_BYTES);
    });
}

#[test]
fn an_error_page_for_head_does_not_break_the_connection() {
    let (plane, _identity) = start(str::to_owned);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let head = http::Request::head("https://a.test/%00").body(BoxBody::default());
        let refused = visitor.send.send_request(head.unwrap()).await.unwrap();
        assert_eq!(refused.status(), 400);
        assert!(refused.headers().contains_key("content-length"));
        assert!(
            refused
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .is_empty()
        );
        assert_eq!(
            visitor.get("https://a.test/next").await.unwrap().status(),
            200
        );
    });
}

#[test]
fn a_goodbye_is_said_twice_so_that_no_request_is_lost() {
    // RFC 9113 §6.8: first that the end is near, and after a round trip what was still heard.
    let upstream = Upstream::new();
    let identity = Identity::new(&["a.test"]);
    let site = secure_site("a.test", proxy_to(&upstream));
    let mut plane = Plane::start_with(plan([site]), &[&identity]);
    let mut visitor = Frames::connect(&plane, "a.test", 65_535);
    visitor.get(1, "a.test", "/in-flight");
    let mut app = upstream.accept();
    app.head();
    let draining = plane.drain(crate::harness::PATIENCE);
    assert_eq!(visitor.wait_for(frames::GOAWAY, 0).number(), 0x7fff_ffff);
    visitor.get(3, "a.test", "/just-sent");
    let mut second = upstream.accept();
    second.head();
    let asked = visitor.wait_for(frames::PING, 0).payload;
    visitor.send(frames::frame(frames::PING, frames::ACK, 0, &asked));
    assert_eq!(visitor.wait_for(frames::GOAWAY, 0).number(), 3);
    app.reply("first");
    assert_eq!(visitor.wait_for(frames::DATA, 1).payload, b"first");
    second.reply("second");
    assert_eq!(visitor.wait_for(frames::DATA, 3).payload, b"second");
    visitor.read_to_end();
    assert_eq!(draining.join().unwrap(), 0);
}

#[test]
fn who_knows_beforehand_speaks_it_without_tls() {
    let address = Upstream::answering(|request| {
        let forwarded = request.field("x-forwarded-proto").unwrap();
        format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{forwarded}")
    });
    let plane = Plane::start(plan([site("a.test", proxy_to_all([address]))]));
    plane.block_on(async {
        let mut visitor = Http2::connect_plain(&plane).await;
        for _ in 0..3 {
            let answer = visitor.get("http://a.test/").await.unwrap();
            assert_eq!(answer.into_body().to_bytes(), "http");
        }
        let unknown = visitor.get("http://b.test/").await.unwrap();
        assert_eq!(unknown.status(), 404);
    });
}

#[test]
fn nobody_changes_to_it_in_the_middle_or_inside_of_tls() {
    let identity = Identity::new(&["a.test"]);
    let sites = [
        site("b.test", respond("b")),
        secure_site("a.test", respond("a")),
    ];
    let plane = Plane::start_with(plan(sites), &[&identity]);
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut visitor = plane.visit();
    assert_eq!(visitor.get("b.test", "/").text(), "b");
    visitor.send(preface);
    assert_eq!(visitor.rest(), b"");
    let mut visitor = plane.visit_tls("a.test");
    visitor.send(preface);
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn an_upload_that_nobody_reads_does_not_hold_up_the_others() {
    // What a visitor may send of one body before it is read.
    const STREAM_WINDOW: usize = 256 * 1024;
    const PART: usize = 16 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let busy = Upstream::unix(folder.path());
    let Upstream::Unix(listener) = &busy else {
        panic!("it is one");
    };
    rustix::net::listen(listener, 0).unwrap();
    // It is in the queue alone, so that nobody else is taken: their bodies are not read.
    let in_the_queue = std::os::unix::net::UnixStream::connect(folder.path().join("app.sock"));
    let quick = Upstream::answering(|request| {
        let length = request.body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Got: {length}\r\n\r\n")
    });
    let identity = Identity::new(&["a.test", "b.test"]);
    let sites = [
        secure_site("a.test", proxy_to(&busy)),
        secure_site("b.test", proxy_to_all([quick])),
    ];
    let plane = Plane::start_with(plan(sites), &[&identity]);
    let mut visitor = Frames::connect(&plane, "a.test", 65_535);
    // The server widens the windows right at its start; that of streams is agreed on when this is said.
    visitor.wait_for(frames::WINDOW_UPDATE, 0);
    visitor.send(frames::frame(frames::SETTINGS, frames::ACK, 0, b""));
    let unread = frames::head("POST", "a.test", "/");
    visitor.send(frames::frame(
        frames::HEADERS,
        frames::END_HEADERS,
        1,
        &unread,
    ));
    for _ in 0..STREAM_WINDOW / PART {
        visitor.send(frames::frame(frames::DATA, 0, 1, &[b'x'; PART]));
    }
    let head = frames::head("POST", "b.test", "/");
    for stream in [3, 5, 7] {
        visitor.send(frames::frame(
            frames::HEADERS,
            frames::END_HEADERS,
            stream,
            &head,
        ));
        visitor.send(frames::frame(
            frames::DATA,
            frames::END_STREAM,
            stream,
            &[b'x'; PART],
        ));
        loop {
            let frame = visitor.next().unwrap();
            assert_ne!(frame.stream, 1, "the first body is read: {frame:?}");
            if (frame.kind, frame.stream) == (frames::HEADERS, stream) {
                break;
            }
        }
    }
    drop(in_the_queue);
}

#[test]
fn tunnels_are_not_offered_by_http2() {
    const ENABLE_CONNECT_PROTOCOL: u16 = 8;
    let upstream = Upstream::new();
    let identity = Identity::new(&["a.test"]);
    let site = secure_site("a.test", proxy_to(&upstream));
    let plane = Plane::start_with(plan([site]), &[&identity]);
    let mut visitor = Frames::connect(&plane, "a.test", 65_535);
    let offered = visitor.wait_for(frames::SETTINGS, 0).payload;
    assert!(
        offered
            .chunks(6)
            .all(|it| u16::from_be_bytes([it[0], it[1]]) != ENABLE_CONNECT_PROTOCOL)
    );
    // `:method CONNECT` and `:protocol websocket` all the same (RFC 8441 §4).
    let mut head = frames::head("CONNECT", "a.test", "/chat");
    head.extend_from_slice(b"\0\x09:protocol\x09websocket");
    visitor.send(frames::frame(
        frames::HEADERS,
        frames::END_HEADERS,
        1,
        &head,
    ));
    visitor.wait_for(frames::RST_STREAM, 1);
    // And an ordinary CONNECT, without scheme and path (RFC 9113 §8.5).
    let mut head = b"\x02\x07CONNECT\x01\x06a.test".to_vec();
    visitor.send(frames::frame(
        frames::HEADERS,
        frames::END_HEADERS,
        3,
        &head,
    ));
    head = visitor.wait_for(frames::HEADERS, 3).payload;
    assert_ne!(head[0], 0x80 | 8, "it is no 200");
    assert!(upstream.is_left_alone());
}
