//! HTTP/2 requests that break the protocol: they never reach an upstream (RFC 9113 §8).

use std::net::Shutdown;

use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::frames::*;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::secure_site;
use crate::harness::wait_until;

const WINDOW: u32 = 65_535;

fn start(upstream: &Upstream) -> (Plane, Identity) {
    let identity = Identity::new(&["a.test"]);
    let site = secure_site("a.test", proxy_to(upstream));
    (Plane::start_with(plan([site]), &[&identity]), identity)
}

/// A field that is not compressed (RFC 7541 §6.2.2).
fn field(name: &str, value: &[u8]) -> Vec<u8> {
    let mut field = vec![0, u8::try_from(name.len()).unwrap()];
    field.extend_from_slice(name.as_bytes());
    field.push(u8::try_from(value.len()).unwrap());
    field.extend_from_slice(value);
    field
}

/// Whether stream 1 or all of the connection ends with an error, or by a status of 400.
fn is_refused(visitor: &mut Frames) -> bool {
    loop {
        let Some(frame) = visitor.next() else {
            return true;
        };
        match frame.kind {
            RST_STREAM | GOAWAY => return true,
            // `:status: 400` is number 12 of the static table.
            HEADERS => return frame.payload[0] == 0x80 | 12,
            _ => {}
        }
    }
}

#[test]
fn what_is_not_http2_never_reaches_an_upstream() {
    let cases = [
        field("connection", b"close"),
        field("transfer-encoding", b"chunked"),
        field("upgrade", b"websocket"),
        field("keep-alive", b"timeout=5"),
        field("proxy-connection", b"keep-alive"),
        field("te", b"gzip"),
        field("X-Upper", b"1"),
        field("x:y", b"1"),
        field("x y", b"1"),
        field("", b"1"),
        field("x", b"a\r\nhost: b"),
        field("x", b"a\nb"),
        field("x", b"a\0b"),
        field("x", b" a"),
        field("x", b"a "),
        field("x", b"a\t"),
        field(":path", b"/again"),
        field(":method", b"GET"),
        field(":unknown", b"1"),
        field("host", b"b.test"),
        field("content-length", b"5"),
        field("content-length", b"-1"),
        field("content-length", b"99999999999999999999999"),
        [field("x", b"1"), field(":authority", b"a.test")].concat(),
    ];
    let upstream = Upstream::new();
    let (plane, _identity) = start(&upstream);
    for case in cases {
        let what = String::from_utf8_lossy(&case).into_owned();
        let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
        let head = [head("GET", "a.test", "/"), case].concat();
        visitor.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &head));
        assert!(is_refused(&mut visitor), "{what:?}");
    }
    assert!(upstream.is_left_alone());
}

#[test]
fn a_body_must_be_as_long_as_it_says() {
    for parts in [&b"four"[..], b"sixsix"] {
        let upstream = Upstream::new();
        let (plane, _identity) = start(&upstream);
        let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
        let head = [head("POST", "a.test", "/"), field("content-length", b"5")].concat();
        visitor.send(frame(HEADERS, END_HEADERS, 1, &head));
        visitor.send(frame(DATA, END_STREAM, 1, parts));
        assert!(is_refused(&mut visitor), "{} of 5 bytes", parts.len());
        let whole = upstream
            .try_accept()
            .is_ok_and(|stream| crate::harness::Wire::new(stream).try_message().is_ok());
        assert!(!whole, "the upstream saw a whole request");
    }
}

#[test]
fn frames_that_make_no_sense_end_the_connection_alone() {
    let cases = [
        frame(SETTINGS, 0, 1, b""),
        frame(SETTINGS, 0, 0, b"x"),
        frame(PING, 0, 0, b"short"),
        frame(PING, 0, 1, &[0; 8]),
        frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
        frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
        frame(DATA, 0, 0, b"x"),
        frame(DATA, 0, 99, b"x"),
        frame(RST_STREAM, 0, 99, &[0; 4]),
        frame(CONTINUATION, END_HEADERS, 1, b""),
        frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            2,
            &head("GET", "a.test", "/"),
        ),
        frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            1,
            b"\xff\xff\xff\xff\xff\xff",
        ),
        frame(DATA, 0, 1, &[0; 16_385]),
        b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec(),
    ];
    let upstream = Upstream::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into());
    let identity = Identity::new(&["a.test"]);
    let site = secure_site("a.test", crate::harness::proxy_to_all([upstream]));
    let plane = Plane::start_with(plan([site]), &[&identity]);
    for case in cases {
        let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
        let what = case.clone();
        visitor.send(case);
        visitor.read_to_end();
        wait_until("it has left", || plane.counters().connections == 0);
        assert_eq!(plane.counters().glitches, 0, "{what:?}");
    }
    assert_eq!(plane.visit_tls("a.test").get("a.test", "/").status(), 200);
}

#[test]
fn a_visitor_who_is_gone_in_the_middle_leaves_nothing_behind() {
    let upstream = Upstream::new();
    let (plane, _identity) = start(&upstream);
    let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
    visitor.send(frame(HEADERS, END_HEADERS, 1, &head("POST", "a.test", "/")));
    visitor.send(frame(DATA, 0, 1, b"begin"));
    let mut app = upstream.accept();
    app.head();
    visitor.shut(Shutdown::Both);
    assert!(app.try_message().is_err(), "the upload looked whole");
    wait_until("it has left", || plane.counters().connections == 0);
    wait_until("its request has ended", || {
        plane.counters().responses.iter().sum::<u64>() == 1
    });
}
