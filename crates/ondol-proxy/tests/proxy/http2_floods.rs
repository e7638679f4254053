//! Visitors who send HTTP/2 frames that ask for nothing: their connections end, and the others are served.

use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::frames::*;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::wait_until;

const WINDOW: u32 = 65_535;
/// Frames of a flood; the server has ended the connection long before.
const FLOOD: u32 = 100_000;
/// Frames that are sent at once, as a flood does.
const AT_ONCE: u32 = 500;

fn start(target: ondol_model::Target) -> (Plane, Identity) {
    let identity = Identity::new(&["a.test"]);
    let site = secure_site("a.test", target);
    (Plane::start_with(plan([site]), &[&identity]), identity)
}

/// Sends what `frames` makes of ever higher numbers until nobody listens.
fn flood(visitor: &mut Frames, frames: impl Fn(u32) -> Vec<u8>) {
    for first in (0..FLOOD).step_by(AT_ONCE as usize) {
        let bytes: Vec<u8> = (first..first + AT_ONCE).flat_map(&frames).collect();
        if !visitor.try_send(bytes) {
            return;
        }
    }
}

/// The `number`th stream of a visitor, after the first.
fn stream(number: u32) -> u32 {
    2 * number + 3
}

#[track_caller]
fn check(what: &str, frames: impl Fn(u32) -> Vec<u8>) {
    let (plane, _identity) = start(respond("a"));
    let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
    visitor.get(1, "a.test", "/");
    visitor.wait_for(DATA, 1);
    flood(&mut visitor, frames);
    visitor.read_to_end();
    wait_until("it has left", || plane.counters().connections == 0);
    assert_eq!(plane.counters().glitches, 1, "{what}");
    assert_eq!(plane.visit_tls("a.test").get("a.test", "/").status(), 200);
}

#[test]
fn pings() {
    check("pings", |number| {
        frame(PING, 0, 0, &u64::from(number).to_be_bytes())
    });
}

#[test]
fn answers_to_pings_that_were_never_sent() {
    check("pongs", |_| frame(PING, ACK, 0, &[7; 8]));
}

#[test]
fn settings() {
    check("settings", |number| {
        let mut window = vec![0, 4];
        window.extend_from_slice(&(WINDOW - number % 2).to_be_bytes());
        frame(SETTINGS, 0, 0, &window)
    });
}

#[test]
fn priorities() {
    check("priorities", |number| {
        frame(PRIORITY, 0, stream(number % 100), &[0, 0, 0, 0, 1])
    });
}

#[test]
fn window_updates() {
    let one = 1_u32.to_be_bytes();
    check("of the connection", |_| frame(WINDOW_UPDATE, 0, 0, &one));
    check("of an ended stream", |_| frame(WINDOW_UPDATE, 0, 1, &one));
}

#[test]
fn frames_of_unknown_kinds() {
    check("unknown", |_| frame(0x7b, 0, 0, b""));
}

#[test]
fn requests_that_are_taken_back_at_once() {
    check("rapid reset", |number| {
        let head = head("GET", "a.test", "/");
        let mut frames = frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &head);
        frames.extend(frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes()));
        frames
    });
}

#[test]
fn requests_that_make_the_server_reset_them() {
    // MadeYouReset: a window that is opened too far is an error of its stream, which the server resets.
    check("made you reset", |number| {
        let head = head("POST", "a.test", "/");
        let mut frames = frame(HEADERS, END_HEADERS, stream(number), &head);
        let too_far = 0x7fff_ffff_u32.to_be_bytes();
        frames.extend(frame(WINDOW_UPDATE, 0, stream(number), &too_far));
        frames
    });
}

#[test]
fn heads_that_never_end() {
    check("continuations", |number| match number {
        0 => frame(HEADERS, END_STREAM, 3, &head("GET", "a.test", "/")),
        _ => frame(CONTINUATION, 0, 3, b""),
    });
}

#[test]
fn heads_that_are_small_until_they_are_decoded() {
    // One field of 4000 bytes is remembered by the compression, and then named by a byte each time.
    check("compressed bomb", |number| {
        let mut block = head("GET", "a.test", "/");
        if number == 0 {
            block.extend_from_slice(b"\x40\x01x\x7f\xa1\x1e");
            block.resize(block.len() + 4000, b'x');
        }
        block.resize(block.len() + 1000, 0x80 | 62);
        frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &block)
    });
}

#[test]
fn a_body_of_empty_parts() {
    let upstream = Upstream::new(); // It takes the connection, and says nothing.
    let (plane, _identity) = start(proxy_to(&upstream));
    let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
    visitor.send(frame(HEADERS, END_HEADERS, 1, &head("POST", "a.test", "/")));
    flood(&mut visitor, |_| frame(DATA, 0, 1, b""));
    visitor.read_to_end();
    wait_until("it has left", || plane.counters().connections == 0);
    assert_eq!(plane.counters().glitches, 1);
}

#[test]
fn more_requests_at_once_than_there_may_be() {
    let upstream = Upstream::new();
    let (plane, _identity) = start(proxy_to(&upstream));
    let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
    let head = head("GET", "a.test", "/");
    flood(&mut visitor, |number| {
        frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &head)
    });
    visitor.read_to_end();
    wait_until("it has left", || plane.counters().connections == 0);
    assert_eq!(plane.counters().glitches, 1);
    assert!(plane.counters().requests <= 128);
}

#[test]
fn a_visitor_who_leaves_a_page_of_pictures_is_honest() {
    let upstream = Upstream::new();
    let (plane, _identity) = start(proxy_to(&upstream));
    let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
    for number in 0..120 {
        visitor.get(stream(number), "a.test", "/");
    }
    wait_until("all have been asked", || plane.counters().requests == 120);
    for number in 0..120 {
        let cancel = 8_u32.to_be_bytes();
        visitor.send(frame(RST_STREAM, 0, stream(number), &cancel));
    }
    visitor.send(frame(PING, 0, 0, b"are you?"));
    while visitor.wait_for(PING, 0).flags & ACK == 0 {}
    assert_eq!(plane.counters().glitches, 0);
}

#[test]
fn a_visitor_who_asks_for_each_little_part_is_honest() {
    const PART: u32 = 4096;
    const BYTES: usize = 16 * 1024 * 1024;
    let address = Upstream::answering(|_| {
        let body = "x".repeat(BYTES);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n{body}")
    });
    let (plane, _identity) = start(proxy_to_all([address]));
    let mut visitor = Frames::connect(&plane, "a.test", PART);
    visitor.get(1, "a.test", "/");
    let mut taken = 0;
    while taken < BYTES {
        let part = visitor.wait_for(DATA, 1).payload.len();
        taken += part;
        let size = u32::try_from(part).unwrap().to_be_bytes();
        if taken < BYTES {
            visitor.send(frame(WINDOW_UPDATE, 0, 0, &size));
            visitor.send(frame(WINDOW_UPDATE, 0, 1, &size));
        }
    }
    assert_eq!(plane.counters().glitches, 0);
}

#[test]
fn a_visitor_who_asks_a_thousand_times_is_honest() {
    let (plane, _identity) = start(respond("a"));
    let mut visitor = Frames::connect(&plane, "a.test", WINDOW);
    for number in 0..5_000 {
        visitor.get(stream(number), "a.test", "/");
        visitor.wait_for(DATA, stream(number));
        visitor.send(frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()));
    }
    assert_eq!(plane.counters().glitches, 0);
}
