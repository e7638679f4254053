//! Requests that two readers could read differently: what one takes for a body must never become a
//! request to an upstream (RFC 9112 §11.2).

use std::io::Write;
use std::sync::mpsc;

use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::site;

/// What upstream and visitor saw of some bytes.
struct Seen {
    /// The targets that the upstream was asked for.
    targets: Vec<String>,
    /// The statuses that the visitor got.
    statuses: Vec<u16>,
}

fn send(bytes: &[u8]) -> Seen {
    let (requests, got) = mpsc::channel();
    let address = Upstream::answering(move |request: &Message| {
        let target = request.line().split(' ').nth(1).unwrap().to_owned();
        requests.send(target).unwrap();
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()
    });
    let plane = Plane::start(plan([site("a.test", proxy_to_all([address]))]));
    let mut visitor = plane.visit();
    visitor.send(bytes);
    let mut statuses = Vec::new();
    let mut is_last = false;
    let is_pipeline = bytes.ends_with(LAST.as_bytes());
    while let Ok(answer) = visitor.try_message() {
        statuses.push(answer.status());
        if !is_last && !is_pipeline && answer.field("connection") != Some("close") {
            is_last = true;
            let _ = visitor.stream.write_all(LAST.as_bytes());
        }
    }
    Seen {
        targets: got.try_iter().collect(),
        statuses,
    }
}

/// A request that can be read two ways gets 400, its connection ends, and nothing of it arrives.
#[track_caller]
fn refused(head: &str, body: &str) {
    let request = format!("POST /first HTTP/1.1\r\nHost: a.test\r\n{head}\r\n\r\n{body}");
    refused_bytes(request.as_bytes());
}

#[track_caller]
fn refused_bytes(bytes: &[u8]) {
    let seen = send(bytes);
    let text = String::from_utf8_lossy(bytes);
    assert!(seen.targets.is_empty(), "{:?} from {text:?}", seen.targets);
    assert_eq!(seen.statuses, [400], "{text:?}");
}

/// What ends a connection that has gone on.
const LAST: &str = "GET /last HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const EVIL: &str = "GET /evil HTTP/1.1\r\nHost: a.test\r\n\r\n";

#[test]
fn a_length_that_is_no_number_is_refused() {
    for length in [
        "+5",
        "-5",
        "5,5",
        "5, 6",
        "0x5",
        "5 5",
        "",
        "5.0",
        "18446744073709551616",
        "\u{665}",
    ] {
        refused(&format!("Content-Length: {length}"), EVIL);
    }
}

#[test]
fn several_lengths_are_refused() {
    refused("Content-Length: 0\r\nContent-Length: 38", EVIL);
    refused("Content-Length: 38\r\nContent-Length: 0", EVIL);
}

#[test]
fn codings_before_the_chunked_one_are_not_passed_off_as_content() {
    for coding in ["gzip, chunked", "identity, chunked", "chunked, chunked"] {
        let bytes = format!(
            "POST /first HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n{EVIL}"
        );
        let seen = send(bytes.as_bytes());
        assert!(seen.targets.is_empty(), "{coding}");
        assert!(
            matches!(seen.statuses[..], [400 | 501]),
            "{:?}",
            seen.statuses
        );
    }
}

#[test]
fn an_unknown_transfer_coding_is_refused() {
    for coding in [
        "xchunked",
        "chunked, identity",
        "identity",
        "gzip",
        "chunked, gzip",
        "\"chunked\"",
        "chunked;x=y",
        "\u{b}chunked",
    ] {
        let body = format!("0\r\n\r\n{EVIL}");
        refused(&format!("Transfer-Encoding: {coding}"), &body);
    }
}

#[test]
fn a_coding_and_a_length_never_give_two_requests() {
    for head in [
        "Content-Length: 43\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 43",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
    ] {
        let bytes =
            format!("POST /first HTTP/1.1\r\nHost: a.test\r\n{head}\r\n\r\n0\r\n\r\n{EVIL}");
        let seen = send(bytes.as_bytes());
        assert!(
            !seen.targets.iter().any(|target| target == "/evil"),
            "{head}"
        );
        assert_eq!(seen.statuses.len(), 1, "{head}");
    }
}

#[test]
fn chunks_in_http_1_0_are_refused() {
    refused_bytes(
        format!(
            "POST /first HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{EVIL}"
        )
        .as_bytes(),
    );
}

#[test]
fn lines_that_hide_a_field_are_refused() {
    for field in [
        "X-A: 1\r\n folded: 1",
        "X-A: 1\r\n\tfolded: 1",
        " X-A: 1",
        "X-A : 1",
        "Transfer-Encoding : chunked",
        ": 1",
        "X-A",
        "X A: 1",
        "X-A: 1\rX-B: 2",
        "X-A: 1\0",
        "X\0A: 1",
        "X-A: \u{7f}",
        "X-(A): 1",
    ] {
        refused(&format!("{field}\r\nContent-Length: 0"), EVIL);
    }
}

#[test]
fn request_lines_that_hide_something_are_refused() {
    for line in [
        "GET /first\tHTTP/1.1",
        "GET /first HTTP/1.1 ",
        "GET  /first HTTP/1.1",
        "GET /first HTTP/1.2",
        "GET /first HTTP/2.0",
        "GET /first http/1.1",
        "GET /fi\0rst HTTP/1.1",
        "GET /first x HTTP/1.1",
        "GET /fi\rrst HTTP/1.1",
        "GET /first",
        "GET first HTTP/1.1",
        "GET a.test HTTP/1.1",
        "G(T /first HTTP/1.1",
        "/first HTTP/1.1",
    ] {
        refused_bytes(format!("{line}\r\nHost: a.test\r\n\r\n").as_bytes());
    }
}

#[test]
fn chunks_that_can_be_read_two_ways_end_the_connection() {
    for body in [
        "x\r\n\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
    ] {
        let bytes = format!(
            "POST /first HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n{body}{EVIL}"
        );
        let seen = send(bytes.as_bytes());
        // The upstream never gets the first one whole, so it never reads a target of it either.
        assert!(seen.targets.is_empty(), "{:?} from {body:?}", seen.targets);
        assert_eq!(seen.statuses, [400], "{body:?}");
    }
}

#[test]
fn honest_pipelining_is_answered_in_order() {
    let post = "POST /first HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    let seen = send(format!("{post}{LAST}").as_bytes());
    assert_eq!(seen.targets, ["/first", "/last"]);
    assert_eq!(seen.statuses, [200, 200]);
}

#[test]
fn the_body_of_a_request_that_was_refused_early_is_no_request() {
    let upstream = Upstream::new();
    let mut limited = site("a.test", crate::harness::proxy_to(&upstream));
    limited.routes[0].rules.body_bytes_max = 10;
    let plane = Plane::start(plan([limited]));
    for (host, status) in [("a.test", 413), ("unknown.test", 404)] {
        let mut visitor = plane.visit();
        let length = EVIL.len() + 100_000;
        visitor.send(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
        ));
        let answer = visitor.message();
        assert_eq!(answer.status(), status);
        // The visitor may send the body all the same, as if the answer had not come yet.
        let _ = visitor.stream.write_all(EVIL.as_bytes());
        assert_eq!(visitor.rest(), b"");
    }
    assert!(upstream.is_left_alone());
}

#[test]
fn the_body_of_a_get_is_no_request() {
    let length = EVIL.len();
    let seen = send(
        format!("GET /first HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{EVIL}")
            .as_bytes(),
    );
    assert_eq!(seen.targets, ["/first"]);
    assert_eq!(seen.statuses, [200]);
}

#[test]
fn a_long_pipeline_is_answered_whole() {
    const COUNT: usize = 300;
    let one = "GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let seen = send(format!("{}{LAST}", one.repeat(COUNT)).as_bytes());
    assert_eq!(seen.targets.len(), COUNT + 1);
    assert_eq!(seen.statuses, [200; COUNT + 1]);
}
