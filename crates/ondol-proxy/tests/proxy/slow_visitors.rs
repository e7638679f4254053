//! Visitors who hold what they got: a head, a body or an answer that moves too slowly.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use ondol_model::Site;
use ondol_model::Target;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::Patience;

use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::frames::*;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

const LARGE_BYTES: usize = 32 * 1024 * 1024;
/// No visitor is this fast, so that the rate alone decides.
const TOO_FAST: u64 = u64::MAX;
const CANCEL: u32 = 8;

fn with_patience(mut site: Site, patience: Patience) -> Site {
    site.routes[0].rules.patience = patience;
    site
}

/// One that is short, and asks for no rate.
fn short() -> Patience {
    Patience {
        body: Duration::from_millis(500),
        send: Duration::from_millis(500),
        bytes_per_second_min: 0,
    }
}

fn large() -> Target {
    proxy_to_all([Upstream::answering(|request| {
        let bytes = match request.line().split(' ').nth(1) {
            Some("/large") => LARGE_BYTES,
            _ => 5,
        };
        let body = "x".repeat(bytes);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n{body}")
    })])
}

/// Sends a byte now and then until there is an answer.
#[track_caller]
fn trickle(plane: &Plane) -> u16 {
    let mut visitor = plane.visit();
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n");
    let mut pause = Pause::new(plane);
    while plane.counters().responses[3] == 0 {
        let _ = visitor.stream.write_all(b"x"); // The answer may come at any time, and then nobody reads.
        pause.pass();
    }
    visitor.message().status()
}

#[test]
fn a_body_that_comes_a_byte_at_a_time_gets_408() {
    let upstream = Upstream::new();
    let patience = Patience {
        bytes_per_second_min: 10_000,
        ..short()
    };
    let site = with_patience(site("a.test", proxy_to(&upstream)), patience);
    let plane = Plane::start(plan([site]));
    assert_eq!(trickle(&plane), 408);
}

#[test]
fn a_body_that_stops_gets_408() {
    let upstream = Upstream::new();
    let site = with_patience(site("a.test", proxy_to(&upstream)), short());
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nfirst");
    let answer = visitor.message();
    assert_eq!(answer.status(), 408);
    assert_eq!(answer.field("connection"), Some("close"));
}

#[test]
fn a_body_may_be_slow_while_its_answer_comes() {
    // A conversation: each side speaks when it has something to say.
    let upstream = Upstream::new();
    let patience = Patience {
        body: Duration::from_secs(20),
        bytes_per_second_min: TOO_FAST,
        ..short()
    };
    let site = with_patience(site("a.test", proxy_to(&upstream)), patience);
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut app = upstream.accept();
    app.head();
    app.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    visitor.head();
    for _ in 0..3 {
        visitor.send("3\r\nyes\r\n");
        assert_eq!(app.take(8), b"3\r\nyes\r\n");
        app.send("3\r\nno?\r\n");
        assert_eq!(visitor.take(8), b"3\r\nno?\r\n");
    }
}

#[test]
fn a_visitor_who_takes_nothing_is_cut_off_and_the_log_says_why() {
    let site = with_patience(site("a.test", large()), short());
    let mut plan = plan([site]);
    plan.access_log.format = AccessLogFormat::Json;
    let mut plane = Plane::start(plan);
    let mut visitor = plane.visit();
    visitor.send("GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n");
    visitor.head();
    wait_until("it is cut off", || plane.counters().connections == 0);
    assert!(visitor.rest().len() < LARGE_BYTES);
    plane.drain(Duration::ZERO).join().unwrap();
    let log = plane.access_log();
    assert!(
        log.contains("the visitor took the answer too slowly"),
        "{log}"
    );
}

#[test]
fn a_visitor_who_takes_too_little_is_cut_off() {
    let patience = Patience {
        bytes_per_second_min: TOO_FAST,
        ..short()
    };
    let site = with_patience(site("a.test", large()), patience);
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send("GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n");
    visitor.head();
    let mut pause = Pause::new(&plane);
    let (mut taken, mut little) = (0, [0; 1024]);
    while let Ok(count @ 1..) = visitor.stream.read(&mut little) {
        taken += count;
        pause.pass();
    }
    assert!(taken < LARGE_BYTES);
}

#[test]
fn a_stream_whose_window_stays_shut_is_cut_alone() {
    let identity = Identity::new(&["a.test"]);
    let site = with_patience(secure_site("a.test", large()), short());
    let plane = Plane::start_with(plan([site]), &[&identity]);
    let mut visitor = Frames::connect(&plane, "a.test", 0);
    visitor.get(1, "a.test", "/large");
    assert_eq!(visitor.wait_for(RST_STREAM, 1).number(), CANCEL);
    visitor.get(3, "a.test", "/small");
    visitor.send(frame(WINDOW_UPDATE, 0, 3, &100_u32.to_be_bytes()));
    assert_eq!(visitor.wait_for(DATA, 3).payload, b"xxxxx");
}

#[test]
fn a_small_answer_with_a_shut_window_is_cut_too() {
    let identity = Identity::new(&["a.test"]);
    let site = with_patience(secure_site("a.test", large()), short());
    let plane = Plane::start_with(plan([site]), &[&identity]);
    let mut visitor = Frames::connect(&plane, "a.test", 0);
    visitor.get(1, "a.test", "/small");
    assert_eq!(visitor.wait_for(RST_STREAM, 1).number(), CANCEL);
}

#[test]
fn a_stream_whose_window_opens_too_slowly_is_cut() {
    let identity = Identity::new(&["a.test"]);
    let patience = Patience {
        bytes_per_second_min: TOO_FAST,
        ..short()
    };
    let site = with_patience(secure_site("a.test", large()), patience);
    let plane = Plane::start_with(plan([site]), &[&identity]);
    let part = 16_384_u32.to_be_bytes();
    let mut pause = Pause::new(&plane);
    let mut visitor = Frames::connect(&plane, "a.test", 16_384);
    visitor.get(1, "a.test", "/large");
    loop {
        match visitor.next().expect("the connection ended") {
            frame if frame.kind == RST_STREAM => break assert_eq!(frame.number(), CANCEL),
            frame if frame.kind == DATA => {
                pause.pass();
                visitor.send(frame_to_open(0, part));
                visitor.send(frame_to_open(1, part));
            }
            _ => {}
        }
    }
}

fn frame_to_open(stream: u32, bytes: [u8; 4]) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &bytes)
}

/// A little time in which nothing happens: on a connection of which nothing comes.
struct Pause(TcpStream);

impl Pause {
    fn new(plane: &Plane) -> Self {
        let silent = plane.visit().stream;
        let little = Some(Duration::from_millis(20));
        silent.set_read_timeout(little).unwrap();
        Self(silent)
    }

    fn pass(&mut self) {
        let _ = self.0.read(&mut [0]);
    }
}
