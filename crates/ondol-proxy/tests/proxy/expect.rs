//! `Expect: 100-continue`: a body is asked for only when someone wants it.

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::site;

const EXPECTANT: &str =
    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n";

#[test]
fn the_body_is_asked_for_once_and_passed_on_without_the_expectation() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(EXPECTANT);
    // The upstream is slow: it has not even accepted the connection.
    assert_eq!(visitor.head().status(), 100);
    visitor.send("hello");
    let mut connection = upstream.accept();
    let got = connection.message();
    assert_eq!((got.text(), got.field("expect")), ("hello", None));
    connection.reply("thanks");
    assert_eq!(visitor.message().text(), "thanks");
}

#[test]
fn who_is_refused_is_not_asked_for_the_body() {
    let upstream = Upstream::new();
    let mut small = site("a.test", proxy_to(&upstream));
    small.routes[0].rules.body_bytes_max = 4;
    let plane = Plane::start(plan([
        small,
        site(
            "gone.test",
            crate::harness::proxy_to_all([Upstream::gone()]),
        ),
    ]));
    for (request, status) in [
        (EXPECTANT.to_owned(), 413),
        (EXPECTANT.replace("a.test", "unknown.test"), 404),
        (EXPECTANT.replace("a.test", "gone.test"), 502),
        (EXPECTANT.replace("POST", "TRACE"), 405),
    ] {
        let mut visitor = plane.visit();
        visitor.send(&request);
        assert_eq!(visitor.head().status(), status, "{request}");
    }
}

#[test]
fn other_expectations_cannot_be_met() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    for expectation in ["200-ok", "", "100-continue, more"] {
        let mut visitor = plane.visit();
        visitor.send(format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\nExpect: {expectation}\r\n\r\n"
        ));
        assert_eq!(visitor.message().status(), 417, "{expectation:?}");
    }
    assert!(upstream.is_left_alone());
}
