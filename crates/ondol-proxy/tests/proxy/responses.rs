//! What a visitor gets of an upstream's response.

use std::net::TcpStream;

use crate::harness::Cut;
use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::secure_site;
use crate::harness::site;

/// Asks, answers exactly this and closes; gives what the visitor then has.
fn relay(method: &str, version: &str, response: &str) -> Result<Message, Cut> {
    let (mut visitor, _plane) = ask(method, version, response);
    visitor.try_message()
}

fn ask(method: &str, version: &str, response: &str) -> (Wire<TcpStream>, Plane) {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(format!("{method} / {version}\r\nHost: a.test\r\n\r\n"));
    let mut connection = upstream.accept();
    connection.message();
    connection.send(response);
    (visitor, plane)
}

#[track_caller]
fn get(response: &str) -> Message {
    relay("GET", "HTTP/1.1", response).unwrap()
}

#[test]
fn a_body_of_known_length_keeps_it() {
    let got = get("HTTP/1.1 201 Made\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello");
    assert_eq!((got.status(), got.text()), (201, "hello"));
    assert_eq!(got.field("content-length"), Some("5"));
    assert_eq!(got.all("x-a"), ["1", "2"]);
}

#[test]
fn a_chunked_body_arrives_whole() {
    let got = get(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    );
    assert_eq!(got.text(), "hello!");
    assert_eq!(got.field("transfer-encoding"), Some("chunked"));
}

#[test]
fn a_body_that_ends_with_its_connection_is_chunked() {
    let got = get("HTTP/1.0 200 OK\r\n\r\nuntil close");
    assert_eq!(got.text(), "until close");
    assert_eq!(got.field("transfer-encoding"), Some("chunked"));
}

#[test]
fn an_old_visitor_gets_a_body_that_ends_with_its_connection() {
    let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let got = relay("GET", "HTTP/1.0", response).unwrap();
    assert_eq!(got.text(), "hello");
    assert_eq!(got.field("transfer-encoding"), None);
}

#[test]
fn what_concerns_one_connection_stays_behind() {
    let got = get(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: x\r\nUpgrade: h2c\r\nX-Stays: 1\r\n\r\n",
    );
    for gone in [
        "connection",
        "x-own",
        "keep-alive",
        "proxy-authenticate",
        "upgrade",
    ] {
        assert_eq!(got.field(gone), None);
    }
    assert_eq!(got.field("x-stays"), Some("1"));
}

#[test]
fn the_answer_to_head_has_the_headers_of_get_and_no_body() {
    let (mut visitor, _plane) = ask(
        "HEAD",
        "HTTP/1.1",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    );
    assert_eq!(visitor.head().field("content-length"), Some("5"));
    // The connection goes on: what follows is the next answer.
    assert_eq!(visitor.get("other.test", "/").status(), 404);
}

#[test]
fn the_answer_to_head_of_a_chunked_body_claims_no_length() {
    let (mut visitor, _plane) = ask(
        "HEAD",
        "HTTP/1.1",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    assert_eq!(visitor.head().field("content-length"), None);
    assert_eq!(visitor.get("other.test", "/").status(), 404);
}

#[test]
fn answers_without_a_body_keep_the_connection_in_step() {
    for (response, length) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", None),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", None),
        (
            // The length could stay (RFC 9110 §15.4.5), but hyper writes none.
            "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\n",
            None,
        ),
        ("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", None),
    ] {
        let (mut visitor, _plane) = ask("GET", "HTTP/1.1", response);
        let got = visitor.message();
        assert_eq!(got.field("content-length"), length, "{response}");
        assert_eq!(got.field("transfer-encoding"), None, "{response}");
        assert_eq!(visitor.get("other.test", "/").status(), 404);
    }
}

#[test]
fn interim_answers_are_passed_over() {
    let got = get(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal",
    );
    assert_eq!((got.status(), got.text()), (200, "final"));
    assert_eq!(got.field("link"), None);
}

#[test]
fn a_body_cut_short_never_looks_whole() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n",
    ] {
        let got = relay("GET", "HTTP/1.1", response);
        // Nothing of it may have been passed on yet: then it is a 502.
        assert!(
            got.is_err() || got.is_ok_and(|m| m.status() == 502),
            "{response}"
        );
    }
}

#[test]
fn a_body_cut_short_is_an_error_on_http2() {
    let short = Upstream::new();
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(
        plan([secure_site("a.test", proxy_to(&short))]),
        &[&identity],
    );
    let answering = ondol_base::tasks::spawn_thread("short", move || {
        let mut connection = short.accept();
        connection.message();
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    });
    let got = plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        visitor.get("https://a.test/").await
    });
    answering.unwrap().join().unwrap();
    assert!(got.is_err(), "{got:?}");
}

#[test]
fn trailers_reach_a_visitor_by_http2() {
    let address = Upstream::answering(|_| {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n\
         5\r\nhello\r\n0\r\ngrpc-status: 0\r\n\r\n"
            .to_owned()
    });
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(
        plan([secure_site("a.test", proxy_to_all([address]))]),
        &[&identity],
    );
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let got = visitor.get("https://a.test/").await.unwrap();
        let trailers = got.body().trailers().unwrap().clone();
        assert_eq!(trailers["grpc-status"], "0");
        assert_eq!(got.into_body().to_bytes(), "hello");
    });
}

#[test]
fn an_answer_may_come_byte_by_byte() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut connection = upstream.accept();
    connection.message();
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x\r\nabc\r\n000A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n";
    for byte in answer.bytes() {
        connection.send([byte]);
    }
    assert_eq!(visitor.message().text(), "abc0123456789");
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    connection.message();
}

#[test]
fn an_upstream_that_closes_does_not_end_the_visit() {
    let (mut visitor, _plane) = ask("GET", "HTTP/1.1", "HTTP/1.0 200 OK\r\n\r\nuntil close");
    let answer = visitor.message();
    assert_eq!(
        (answer.text(), answer.field("connection")),
        ("until close", None)
    );
    assert_eq!(visitor.get("other.test", "/").status(), 404);
}

#[test]
fn old_letters_in_headers_pass_unchanged() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Name: \u{c548}\r\n\r\n");
    let mut connection = upstream.accept();
    assert_eq!(connection.message().field("x-name"), Some("\u{c548}"));
    connection.send("HTTP/1.1 200 OK\r\nX-Name: \u{b155}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(visitor.message().field("x-name"), Some("\u{b155}"));
}

#[test]
fn trailers_that_concern_one_connection_stay_behind() {
    let address = Upstream::answering(|_| {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\ncontent-length: 7\r\nx-stays: 1\r\n\r\n"
            .to_owned()
    });
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(
        plan([secure_site("a.test", proxy_to_all([address]))]),
        &[&identity],
    );
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let got = visitor.get("https://a.test/").await.unwrap();
        let trailers = got.body().trailers().unwrap();
        assert_eq!(trailers["x-stays"], "1");
        assert_eq!(trailers.len(), 1);
    });
}

#[test]
fn trailers_reach_a_visitor_by_http1_who_wants_them() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: te\r\n\r\n");
    let mut connection = upstream.accept();
    assert_eq!(connection.message().field("te"), Some("trailers"));
    connection.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
         2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n",
    );
    let head = visitor.head();
    assert_eq!(head.field("trailer"), Some("x-sum"));
    let body = visitor.take("2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n".len());
    assert_eq!(
        String::from_utf8_lossy(&body),
        "2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n"
    );
}

#[test]
fn a_date_is_said_once() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (said, want) in [
        (String::new(), None),
        (format!("Date: {date}\r\n"), Some(date)),
        (format!("Date: {date}\r\n").repeat(2), Some(date)),
    ] {
        let got = get(&format!(
            "HTTP/1.1 200 OK\r\n{said}Content-Length: 0\r\n\r\n"
        ));
        let dates = got.all("date");
        assert_eq!(dates.len(), 1, "{said:?}");
        assert!(want.is_none_or(|want| dates == [want]), "{dates:?}");
    }
}

/// Where else a service is offered is about the upstream's own address (RFC 7838), where nobody can visit it.
#[test]
fn an_address_of_the_upstream_is_not_offered_to_visitors() {
    let got = get("HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":8443\"\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(got.field("alt-svc"), None);
}

/// Each side says it in its own way, and some say it twice.
#[test]
fn connections_go_on_however_that_is_said() {
    let (requests, got) = std::sync::mpsc::channel();
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let answering = ondol_base::tasks::spawn_thread("one connection", move || {
        let mut connection = upstream.accept();
        for connection_field in [
            "keep-alive, keep-alive",
            "Keep-Alive\r\nConnection: keep-alive",
            ",",
        ] {
            requests.send(connection.message()).unwrap();
            connection.send(format!(
                "HTTP/1.1 200 OK\r\nConnection: {connection_field}\r\nContent-Length: 2\r\n\r\nok"
            ));
        }
    });
    let mut visitor = plane.visit();
    for connection_field in [
        "keep-alive, keep-alive",
        "Keep-Alive\r\nConnection: keep-alive",
        ",",
    ] {
        visitor.send(format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: {connection_field}\r\n\r\n"
        ));
        assert_eq!(visitor.message().text(), "ok", "{connection_field:?}");
        assert_eq!(got.recv().unwrap().field("connection"), None);
    }
    answering.unwrap().join().unwrap();
}
