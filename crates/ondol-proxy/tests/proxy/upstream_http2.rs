//! Upstreams that are asked in HTTP/2: shared connections, streams that fail, bodies both ways.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server;
use http::HeaderMap;
use http::HeaderValue;
use http::Response;
use http_body_util::BodyExt as _;
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;
use ondol_base::tasks;
use ondol_base::tasks::spawn_blocking;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::Http2;
use crate::harness::Http2Upstream;
use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::SentBody;
use crate::harness::Wire;
use crate::harness::body_of;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::reply;
use crate::harness::secure_site;
use crate::harness::site;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
/// More than all buffers on the way can hold.
const FLOOD_BYTES: usize = 64 * 1024 * 1024;
/// What buffers of the system and of the proxy may hold together.
const HELD_BYTES_MAX: usize = 24 * 1024 * 1024;

fn start(upstream: &Http2Upstream) -> Plane {
    let site = site("a.test", proxy_to_all([upstream.address()]));
    Plane::start_one(plan([site]))
}

fn start_tls(upstream: &Http2Upstream) -> (Plane, Identity) {
    let identity = Identity::new(&["a.test"]);
    let site = secure_site("a.test", proxy_to_all([upstream.address()]));
    let plane = Plane::start_with(plan([site]), &[&identity]);
    (plane, identity)
}

/// Has a visitor ask; the answer comes while the test goes on.
fn asks(plane: &Plane, request: &str) -> tokio::task::JoinHandle<Message> {
    let mut visitor = plane.visit();
    visitor.send(request);
    spawn_blocking(move || visitor.message())
}

/// A body that is sent part by part; dropping the sender ends it.
fn streamed() -> (tokio::sync::mpsc::Sender<Frame<Bytes>>, SentBody) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let frames = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let frames = futures_util::StreamExt::map(frames, Ok);
    (sender, BoxBody::new(StreamBody::new(frames)))
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

#[test]
fn visitors_share_one_connection_and_the_head_is_as_for_http_1() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    plane.block_on(async {
        let first = asks(
            &plane,
            "GET /x?y HTTP/1.1\r\nHost: a.test\r\nConnection: x-own\r\nX-Own: 1\r\nX-Stays: 1\r\nX-Forwarded-For: 9.9.9.9\r\nTE: trailers\r\n\r\n",
        );
        let mut connection = upstream.accept().await;
        let (request, answering) = connection.request().await;
        assert_eq!(request.uri(), "http://a.test/x?y");
        let fields = request.headers();
        assert_eq!(fields["x-stays"], "1");
        assert_eq!(fields["x-forwarded-for"], "127.0.0.1");
        assert_eq!(fields["te"], "trailers");
        for name in ["host", "connection", "x-own", "transfer-encoding"] {
            assert!(!fields.contains_key(name), "{name}");
        }
        let second = asks(&plane, GET);
        let (_, other) = connection.request().await;
        reply(other, "second");
        assert_eq!(second.await.unwrap().text(), "second");
        reply(answering, "first");
        assert_eq!(first.await.unwrap().text(), "first");
        assert!(upstream.is_left_alone());
    });
}

#[test]
fn bodies_go_both_ways_whole() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    let body: Vec<u8> = (0..3_000_017_u32).map(|at| (at / 7 % 251) as u8).collect();
    let length = body.len();
    let mut visitor = plane.visit();
    let sent = body.clone();
    plane.block_on(async {
        let answer = spawn_blocking(move || {
            visitor.send(format!(
                "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n"
            ));
            visitor.send(&sent);
            visitor.message()
        });
        let mut connection = upstream.accept().await;
        let (request, mut answering) = connection.request().await;
        assert_eq!(
            request.headers()["content-length"],
            length.to_string().as_str()
        );
        assert!(
            body_of(request.into_body()).await.unwrap() == body,
            "the upload differs"
        );
        let mut stream = answering.send_response(Response::new(()), false).unwrap();
        stream.send_data(Bytes::from(body.clone()), true).unwrap();
        assert!(answer.await.unwrap().body == body, "the download differs");
    });
}

#[test]
fn a_body_over_the_limit_resets_the_stream_and_gets_413() {
    let upstream = Http2Upstream::new();
    let mut site = site("a.test", proxy_to_all([upstream.address()]));
    site.routes[0].rules.body_bytes_max = 10;
    let plane = Plane::start_one(plan([site]));
    plane.block_on(async {
        let answer = asks(
            &plane,
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
        );
        let mut connection = upstream.accept().await;
        let (request, _answering) = connection.request().await;
        assert!(body_of(request.into_body()).await.is_err(), "it looks whole");
        assert_eq!(answer.await.unwrap().status(), 413);
    });
}

#[test]
fn parts_and_trailers_go_both_ways_at_once() {
    let upstream = Http2Upstream::new();
    let (plane, _identity) = start_tls(&upstream);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let (sender, body) = streamed();
        let request = http::Request::post("https://a.test/chat")
            .header("te", "trailers")
            .body(body)
            .unwrap();
        let asking = visitor.send.send_request(request);
        let asking = tasks::spawn_local(asking);
        let mut connection = upstream.accept().await;
        let (request, mut answering) = connection.request().await;
        let mut from_visitor = request.into_body();
        let mut to_visitor = answering.send_response(Response::new(()), false).unwrap();
        let mut from_upstream = asking.await.unwrap().unwrap().into_body();
        for turn in ["one", "two", "three"] {
            sender.send(data(turn)).await.unwrap();
            assert_eq!(from_visitor.data().await.unwrap().unwrap(), turn);
            to_visitor
                .send_data(Bytes::from_static(turn.as_bytes()), false)
                .unwrap();
            let frame = from_upstream.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), turn);
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum", HeaderValue::from_static("1"));
        trailers.insert("x-forwarded-for", HeaderValue::from_static("9.9.9.9"));
        sender.send(Frame::trailers(trailers)).await.unwrap();
        assert!(from_visitor.data().await.is_none());
        let got = from_visitor.trailers().await.unwrap().unwrap();
        assert_eq!(got["x-checksum"], "1");
        assert!(!got.contains_key("x-forwarded-for"));
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        to_visitor.send_trailers(trailers).unwrap();
        let frame = from_upstream.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_trailers().unwrap()["grpc-status"], "0");
        assert!(from_upstream.frame().await.is_none());
    });
}

#[test]
fn what_an_upstream_refused_is_asked_again_on_another_connection_with_its_body() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    plane.block_on(async {
        let warm = asks(&plane, GET);
        let mut connection = upstream.accept().await;
        let (_, answering) = connection.request().await;
        reply(answering, "warm");
        warm.await.unwrap();
        let answer = asks(&plane, GET);
        let (_, mut answering) = connection.request().await;
        answering.send_reset(Reason::REFUSED_STREAM);
        let (_, answering) = connection.request().await;
        reply(answering, "again");
        assert_eq!(answer.await.unwrap().text(), "again");
    });
}

#[test]
fn a_connection_that_says_goodbye_loses_no_request() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    plane.block_on(async {
        let first = asks(&plane, GET);
        let mut connection = upstream.accept().await;
        let (_, answering) = connection.request().await;
        connection.leave.notify_one();
        // The goodbye has arrived when a new connection is made, whoever asks.
        let second = asks(&plane, POST);
        let mut other = tokio::select! {
            other = upstream.accept() => other,
            request = connection.request() => {
                reply(request.1, "second");
                assert_eq!(second.await.unwrap().text(), "second");
                reply(answering, "first");
                assert_eq!(first.await.unwrap().text(), "first");
                return;
            }
        };
        let (request, later) = other.request().await;
        assert_eq!(body_of(request.into_body()).await.unwrap(), b"hello");
        reply(later, "second");
        assert_eq!(second.await.unwrap().text(), "second");
        reply(answering, "first");
        assert_eq!(first.await.unwrap().text(), "first");
    });
}

#[test]
fn a_body_on_its_way_when_the_connection_says_goodbye_is_sent_on_another() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    plane.block_on(async {
        let warm = asks(&plane, GET);
        let mut stream = upstream.accept_tcp().await;
        let first = raw_request(&mut stream).await;
        // HEADERS with `:status: 204`, with END_STREAM and END_HEADERS.
        raw_frame(&mut stream, 1, 5, first, &[0x89]).await;
        assert_eq!(warm.await.unwrap().status(), 204);
        let answer = asks(&plane, POST);
        while raw_next(&mut stream).await.0 != 0 {} // DATA
        let last_that_counts = first.to_be_bytes();
        let goodbye = [&last_that_counts[..], &[0; 4]].concat();
        raw_frame(&mut stream, 7, 0, 0, &goodbye).await;
        let mut other = upstream.accept().await;
        let (request, answering) = other.request().await;
        assert_eq!(body_of(request.into_body()).await.unwrap(), b"hello");
        reply(answering, "again");
        assert_eq!(answer.await.unwrap().text(), "again");
    });
}

#[test]
fn a_body_too_long_to_be_kept_is_not_sent_in_part() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    plane.block_on(async {
        let warm = asks(&plane, GET);
        let mut connection = upstream.accept().await;
        reply(connection.request().await.1, "warm");
        warm.await.unwrap();
        let answer = spawn_blocking(move || {
            visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n");
            visitor.send(vec![b'x'; 99_999]); // The last one never comes.
            visitor.message()
        });
        let (request, mut answering) = connection.request().await;
        let mut body = request.into_body();
        let mut received = 0;
        while received < 99_999 {
            let data = body.data().await.unwrap().unwrap();
            received += data.len();
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        answering.send_reset(Reason::REFUSED_STREAM);
        assert_eq!(answer.await.unwrap().status(), 502);
    });
}

#[test]
fn connections_that_all_have_said_goodbye_are_left_for_a_new_one() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(2);
    plane.block_on(async {
        let warm = asks(&plane, GET);
        let mut first = upstream.accept_with(&builder).await;
        reply(first.request().await.1, "warm");
        warm.await.unwrap();
        let (mut answers, mut held) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            answers.push(asks(&plane, GET));
            held.push(first.request().await.1);
        }
        answers.push(asks(&plane, GET));
        let mut second = upstream.accept_with(&builder).await;
        held.push(second.request().await.1);
        answers.push(asks(&plane, GET));
        held.push(second.request().await.1);
        for connection in [&first, &second] {
            connection.leave.notify_one();
        }
        tokio::task::yield_now().await; // The goodbyes are on their way before what follows.
        for _ in 0..2 {
            reply(held.remove(0), "held");
            assert_eq!(answers.remove(0).await.unwrap().text(), "held");
            held.rotate_left(1);
            answers.rotate_left(1);
        }
        let answer = asks(&plane, GET);
        let mut third = upstream.accept().await;
        reply(third.request().await.1, "new");
        assert_eq!(answer.await.unwrap().text(), "new");
        for (answering, answer) in held.into_iter().zip(answers) {
            reply(answering, "last");
            assert_eq!(answer.await.unwrap().text(), "last");
        }
    });
}

#[test]
fn streams_over_what_an_upstream_takes_wait_or_have_another_connection() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(1);
    plane.block_on(async {
        let warm = asks(&plane, GET);
        let mut first = upstream.accept_with(&builder).await;
        let (_, answering) = first.request().await;
        reply(answering, "warm");
        warm.await.unwrap();
        let one = asks(&plane, GET);
        let (_, held) = first.request().await;
        let two = asks(&plane, GET);
        let mut second = upstream.accept_with(&builder).await;
        let (_, answering) = second.request().await;
        reply(answering, "two");
        assert_eq!(two.await.unwrap().text(), "two");
        reply(held, "one");
        assert_eq!(one.await.unwrap().text(), "one");
    });
}

#[test]
fn a_response_cut_short_is_no_clean_end() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    plane.block_on(async {
        let mut visitor = plane.visit();
        visitor.send(GET);
        let mut connection = upstream.accept().await;
        for length in [None, Some("100")] {
            let (_, mut answering) = connection.request().await;
            let mut response = Response::builder();
            if let Some(length) = length {
                response = response.header("content-length", length);
            }
            let response = response.body(()).unwrap();
            let mut stream = answering.send_response(response, false).unwrap();
            stream
                .send_data(Bytes::from_static(b"part"), false)
                .unwrap();
            let begun = spawn_blocking(move || {
                visitor.head();
                visitor
            });
            let mut begun = begun.await.unwrap();
            stream.send_reset(Reason::INTERNAL_ERROR);
            let rest = spawn_blocking(move || begun.rest()).await.unwrap();
            assert!(
                !rest.ends_with(b"0\r\n\r\n") && rest.len() < 100,
                "{rest:?}"
            );
            visitor = plane.visit();
            visitor.send(GET);
        }
    });
}

#[test]
fn what_breaks_the_protocol_gets_502() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    // HPACK literals without indexing: `:status` by its number in the static table.
    let field = |name: &str, value: &str| {
        let mut bytes = vec![0];
        for text in [name, value] {
            bytes.push(u8::try_from(text.len()).unwrap());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    };
    let status = |code: &str| {
        let mut bytes = vec![8, 3];
        bytes.extend_from_slice(code.as_bytes());
        bytes
    };
    let cases = [
        [status("200"), field("connection", "close")].concat(),
        [status("200"), field("transfer-encoding", "chunked")].concat(),
        [status("200"), field("upgrade", "websocket")].concat(),
        [status("200"), field("keep-alive", "5")].concat(),
        [status("200"), field("X-Upper", "1")].concat(),
        [status("200"), field("content-length", "5")].concat(),
        [status("200"), field("content-length", "+0")].concat(),
        field("x-no-status", "1"),
        status("101"),
        status("abc"),
    ];
    plane.block_on(async {
        for head in cases {
            let answer = asks(&plane, GET);
            let mut stream = upstream.accept_tcp().await;
            let id = raw_request(&mut stream).await;
            // HEADERS, with END_STREAM and END_HEADERS.
            raw_frame(&mut stream, 1, 5, id, &head).await;
            let status = answer.await.unwrap().status();
            assert_eq!(status, 502, "{:?}", String::from_utf8_lossy(&head));
        }
    });
}

#[test]
fn an_upstream_that_speaks_http_1_gets_no_second_chance() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    plane.block_on(async {
        let answer = asks(&plane, GET);
        let mut stream = upstream.accept_tcp().await;
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(answer.await.unwrap().status(), 502);
    });
}

#[test]
fn a_visitor_who_leaves_cancels_the_stream_alone() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    plane.block_on(async {
        let mut leaving = plane.visit();
        leaving.send(GET);
        let mut connection = upstream.accept().await;
        let (_, mut abandoned) = connection.request().await;
        drop(leaving);
        let reason = std::future::poll_fn(|cx| abandoned.poll_reset(cx)).await;
        assert_eq!(reason.unwrap(), Reason::CANCEL);
        let answer = asks(&plane, GET);
        let (_, answering) = connection.request().await;
        reply(answering, "still here");
        assert_eq!(answer.await.unwrap().text(), "still here");
    });
}

#[test]
fn a_visitor_who_takes_nothing_holds_back_its_stream_and_no_other() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    plane.block_on(async {
        let mut idle = plane.visit();
        idle.send(GET);
        let mut connection = upstream.accept().await;
        let (_, mut answering) = connection.request().await;
        let mut stream = answering.send_response(Response::new(()), false).unwrap();
        let flooding = tasks::spawn_local(async move {
            let mut sent = 0;
            while sent < FLOOD_BYTES {
                stream.reserve_capacity(64 * 1024);
                match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                    Some(Ok(room)) => {
                        stream.send_data(Bytes::from(vec![0; room]), false).unwrap();
                        sent += room;
                        FLOODED.store(sent, std::sync::atomic::Ordering::Relaxed);
                    }
                    _ => break,
                }
            }
        });
        for _ in 0..20 {
            let answer = asks(&plane, GET);
            let (_, answering) = connection.request().await;
            reply(answering, "small");
            assert_eq!(answer.await.unwrap().text(), "small");
        }
        let sent = FLOODED.load(std::sync::atomic::Ordering::Relaxed);
        assert!(sent < HELD_BYTES_MAX, "{sent} bytes are on the way");
        drop(idle);
        flooding.await.unwrap();
    });
}

static FLOODED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[test]
fn head_and_bodiless_answers_have_no_body_and_keep_their_length() {
    let upstream = Http2Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    plane.block_on(async {
        let (asked, mut asking) = tokio::sync::mpsc::channel::<Wire<std::net::TcpStream>>(1);
        visitor.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        let mut connection = upstream.accept().await;
        let (_, mut answering) = connection.request().await;
        let response = Response::builder().header("content-length", "7");
        answering
            .send_response(response.body(()).unwrap(), true)
            .unwrap();
        let head = spawn_blocking(move || {
            let head = visitor.head();
            asked.blocking_send(visitor).unwrap();
            head
        });
        let head = head.await.unwrap();
        assert_eq!(
            (head.status(), head.field("content-length")),
            (200, Some("7"))
        );
        let mut visitor = asking.recv().await.unwrap();
        visitor.send(GET);
        let (_, mut answering) = connection.request().await;
        let response = Response::builder().status(204).body(()).unwrap();
        answering.send_response(response, true).unwrap();
        let message = spawn_blocking(move || visitor.message()).await.unwrap();
        assert_eq!(message.status(), 204);
    });
}

#[test]
fn an_upstream_that_takes_nothing_or_says_nothing_is_not_waited_for_for_ever() {
    let upstream = Http2Upstream::new();
    let mut site = site("a.test", proxy_to_all([upstream.address()]));
    site.routes[0].rules.timeouts.response = Duration::from_millis(300);
    let plane = Plane::start_one(plan([site]));
    let mut builder = server::Builder::new();
    builder.initial_window_size(0);
    plane.block_on(async {
        // It has the head, but no room for a byte of the body.
        let answer = asks(&plane, POST);
        let mut connection = upstream.accept_with(&builder).await;
        let (_request, _answering) = connection.request().await;
        assert_eq!(answer.await.unwrap().status(), 504);
        // Whoever is silent is asked on another connection next.
        let mut visitor = plane.visit();
        visitor.send(GET);
        let mut connection = upstream.accept().await;
        let (_, mut answering) = connection.request().await;
        let mut stream = answering.send_response(Response::new(()), false).unwrap();
        stream
            .send_data(Bytes::from_static(b"part"), false)
            .unwrap();
        let rest = spawn_blocking(move || {
            visitor.head();
            visitor.rest()
        });
        let rest = rest.await.unwrap();
        assert!(!rest.ends_with(b"0\r\n\r\n"), "{rest:?}");
    });
}

/// Agrees to a connection, and reads frames until a request has come; gives its stream.
async fn raw_request(stream: &mut TcpStream) -> u32 {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    raw_frame(stream, 4, 0, 0, &[]).await; // SETTINGS
    raw_frame(stream, 4, 1, 0, &[]).await; // Their acknowledgement.
    loop {
        let (kind, id) = raw_next(stream).await;
        if kind == 1 {
            return id;
        }
    }
}

/// Reads a frame; gives its kind and its stream.
async fn raw_next(stream: &mut TcpStream) -> (u8, u32) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await.unwrap();
    let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    (head[3], id)
}

async fn raw_frame(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await.unwrap();
}
