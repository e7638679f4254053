//! What is too much of anything.

use std::time::Duration;

use http_body_util::combinators::BoxBody;
use ondol_model::limits::CONNECTIONS_PER_ADDRESS_MAX;
use ondol_model::limits::HEAD_BYTES_MAX;
use ondol_model::limits::HEADERS_MAX;
use ondol_model::limits::TARGET_BYTES_MAX;
use ondol_model::plan::AccessLogFormat;
use rustix::process::Resource;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

fn start() -> Plane {
    Plane::start(plan([site("a.test", respond("a"))]))
}

#[test]
fn a_target_that_is_too_long_gets_414() {
    let target = format!("/{}", "x".repeat(TARGET_BYTES_MAX - 1));
    let plane = start();
    assert_eq!(plane.visit().get("a.test", &target).status(), 200);
    let answer = plane.visit().get("a.test", &format!("{target}x"));
    assert_eq!(answer.status(), 414);
    assert_eq!(answer.field("connection"), Some("close"));
}

#[test]
fn a_head_that_is_too_large_gets_431_and_the_connection_ends() {
    let plane = start();
    let ask = |bytes: usize| {
        let mut visitor = plane.visit();
        let field = format!("X: {}", "x".repeat(bytes));
        visitor.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{field}\r\n\r\n"));
        (visitor.message().status(), visitor)
    };
    assert_eq!(ask(HEAD_BYTES_MAX - 100).0, 200);
    let (status, mut visitor) = ask(HEAD_BYTES_MAX);
    assert_eq!(status, 431);
    assert_eq!(visitor.rest(), b"");
    let (status, mut visitor) = ask(1024 * 1024);
    assert_eq!(status, 431);
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn a_request_that_cannot_be_read_gets_a_page_that_says_so() {
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(2 * HEAD_BYTES_MAX));
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n", "x".repeat(HEAD_BYTES_MAX));
    let cases = [
        ("what?\r\n\r\n", 400, "Bad request"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "Bad request"),
        ("GET / HTTP/7.1\r\n\r\n", 400, "Bad request"),
        (&long, 414, "Address too long"),
        (&large, 431, "Headers too large"),
    ];
    for (request, status, title) in cases {
        let mut plan = plan([site("a.test", respond("a"))]);
        plan.access_log.format = AccessLogFormat::Json;
        let mut plane = Plane::start(plan);
        let mut visitor = plane.visit();
        // One that is answered before, and one that can't be read right behind it.
        visitor.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n{request}"));
        assert_eq!(visitor.message().text(), "a");
        let answer = visitor.message();
        assert_eq!(answer.status(), status, "{request:.40}");
        assert_eq!(answer.field("connection"), Some("close"));
        assert_eq!(
            answer.field("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert!(answer.text().contains(title), "{}", answer.text());
        assert_eq!(visitor.rest(), b"");
        plane.drain(Duration::ZERO).join().unwrap();
        let log = plane.access_log();
        let line: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!(line["status"], status);
        let id = line["request_id"].as_str().unwrap();
        assert!(answer.text().contains(id), "{line}");
    }
}

#[test]
fn a_browser_whose_request_cannot_be_read_gets_a_page_it_can_show() {
    let plane = start();
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nAccept: text/html\r\nHost : a.test\r\n\r\n");
    let answer = visitor.message();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().starts_with("<!doctype html>"));
}

#[test]
fn an_answer_that_looks_like_a_refusal_is_passed_on() {
    let refusal = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut app = upstream.accept();
    app.head();
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n");
    visitor.head();
    app.send(refusal);
    assert_eq!(visitor.take(refusal.len()), refusal.as_bytes());
    app.send("x".repeat(200 - refusal.len()));
    visitor.take(200 - refusal.len());
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    app.head();
    app.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(visitor.message().status(), 400);
}

#[test]
fn too_many_headers_get_431() {
    let plane = start();
    let ask = |count: usize| {
        let fields: String = (1..count).map(|at| format!("x-{at}: 1\r\n")).collect();
        let request = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n");
        plane.visit().send(request).message().status()
    };
    assert_eq!(ask(HEADERS_MAX), 200);
    assert_eq!(ask(HEADERS_MAX + 1), 431);
}

#[test]
fn too_many_headers_by_http2_get_431() {
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(plan([secure_site("a.test", respond("a"))]), &[&identity]);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        for (count, status) in [(HEADERS_MAX, 200), (HEADERS_MAX + 1, 431)] {
            let mut request = http::Request::get("https://a.test/");
            for at in 0..count {
                request = request.header(format!("x-{at}"), "1");
            }
            let request = request.body(BoxBody::default()).unwrap();
            let answer = visitor.request(request).await.unwrap();
            assert_eq!(answer.status(), status, "{count}");
        }
    });
}

#[test]
fn what_a_proxy_must_not_do_for_strangers_gets_405() {
    let plane = start();
    for line in ["CONNECT a.test:443", "TRACE /"] {
        let request = format!("{line} HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
        let answer = plane.visit().send(request).message();
        assert_eq!(answer.status(), 405, "{line}");
    }
}

#[test]
fn one_address_has_only_so_many_connections() {
    let mut descriptors = rustix::process::getrlimit(Resource::Nofile);
    descriptors.current = descriptors.maximum;
    rustix::process::setrlimit(Resource::Nofile, descriptors).unwrap();
    let plane = Plane::start_one(plan([site("a.test", respond("a"))]));
    let most = CONNECTIONS_PER_ADDRESS_MAX as u64;
    let mut visitors: Vec<_> = (0..most).map(|_| plane.visit()).collect();
    wait_until("all are in", || plane.counters().connections == most);
    assert_eq!(plane.visit().rest(), b"", "one more was let in");
    assert_eq!(plane.counters().shed, 1);
    visitors.pop();
    wait_until("one has left", || plane.counters().connections == most - 1);
    assert_eq!(plane.visit().get("a.test", "/").status(), 200);
}
