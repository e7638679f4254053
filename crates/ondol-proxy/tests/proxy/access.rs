//! Who is let through by address and by method.

use std::io::Write as _;
use std::time::Duration;

use ondol_model::path::RoutePath;
use ondol_model::plan::Route;
use ondol_model::plan::access::Access;
use ondol_model::plan::access::Methods;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::guarded;
use crate::harness::networks;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::trusting;

fn from(allow: Option<&[&str]>, deny: &[&str]) -> Access {
    Access {
        allow: allow.map(networks),
        deny: networks(deny),
        ..Access::default()
    }
}

fn methods(names: &[&str]) -> Access {
    Access {
        methods: Some(Methods::new(names.iter().map(|name| (*name).to_owned()))),
        ..Access::default()
    }
}

/// The status that a visitor of this address gets.
fn status(plane: &Plane, address: &str, target: &str) -> u16 {
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: {address}\r\n\r\n");
    plane.visit().send(request).message().status()
}

#[test]
fn visitors_are_let_through_by_their_real_address() {
    let access = from(Some(&["192.168.0.0/16", "fd00::/8"]), &["192.168.7.0/24"]);
    let plane = Plane::start(trusting([guarded("a.test", respond("a"), access)]));
    for (address, expected) in [
        ("192.168.0.1", 200),
        ("::ffff:192.168.0.1", 200),
        ("fd00::1", 200),
        ("192.168.7.1", 403),
        ("::ffff:192.168.7.1", 403),
        ("8.8.8.8", 403),
        ("2001:db8::1", 403),
        ("192.168.0.1, 8.8.8.8", 403),
        ("8.8.8.8, 192.168.0.1", 200),
    ] {
        assert_eq!(status(&plane, address, "/"), expected, "{address}");
    }
}

/// What an app may take for a path below `/internal` is not passed to it by another route.
#[test]
fn no_way_of_writing_a_path_goes_around_who_guards_it() {
    let upstream = Upstream::answering(|_| "HTTP/1.1 204 Fine\r\n\r\n".to_owned());
    let to_app = || crate::harness::proxy_to_all([upstream.clone()]);
    let mut site = guarded("a.test", to_app(), Access::default());
    let mut rules = site.rules.clone();
    rules.access = from(None, &["all"]);
    site.routes.insert(
        0,
        Route {
            path: RoutePath::parse("/internal").unwrap(),
            base: RoutePath::parse("/internal").unwrap(),
            rules,
            target: to_app(),
        },
    );
    let plane = Plane::start(plan([site]));
    for (target, expected) in [
        ("/internal%2Fx", 400),
        ("/%2Finternal", 400),
        ("/internal%5Cx", 400),
        ("/internal;a/x", 400),
        ("/internal%3ba/x", 400),
        ("/a/..;/internal", 400),
        ("/a/..%2finternal", 400),
        ("/internal/../a", 400),
        ("/a/../internal", 400),
        ("/%69nternal/x", 403),
        ("//internal", 403),
        ("/a%2Fb", 204),
        ("/a;b/c", 204),
        ("/a/../b", 204),
        ("/a//b", 204),
    ] {
        let status = plane.visit().get("a.test", target).status();
        assert_eq!(status, expected, "{target}");
    }
}

#[test]
fn a_visitor_cannot_choose_its_address() {
    let access = from(Some(&["192.168.0.0/16"]), &[]);
    let plane = Plane::start(plan([guarded("a.test", respond("a"), access)]));
    assert_eq!(status(&plane, "192.168.0.1", "/"), 403);
    let access = from(Some(&["private"]), &[]);
    let plane = Plane::start(plan([guarded("a.test", respond("a"), access)]));
    assert_eq!(status(&plane, "8.8.8.8", "/"), 200);
}

#[test]
fn a_route_has_its_own_answer() {
    let mut site = guarded("a.test", respond("a"), from(Some(&["127.0.0.1"]), &[]));
    let mut rules = site.rules.clone();
    rules.access = from(None, &["all"]);
    site.routes.insert(
        0,
        Route {
            path: RoutePath::parse("/internal").unwrap(),
            base: RoutePath::parse("/internal").unwrap(),
            rules,
            target: respond("internal"),
        },
    );
    let plane = Plane::start(plan([site]));
    for (target, expected) in [
        ("/", 200),
        ("/internal", 403),
        ("/internal/x", 403),
        ("//internal", 403),
    ] {
        assert_eq!(
            plane.visit().get("a.test", target).status(),
            expected,
            "{target}"
        );
    }
}

#[test]
fn other_methods_get_405_with_those_that_are_let_through() {
    let plane = Plane::start(plan([guarded(
        "a.test",
        respond("a"),
        methods(&["GET", "POST"]),
    )]));
    let mut visitor = plane.visit();
    for (method, expected) in [
        ("GET", 200),
        ("POST", 200),
        ("PUT", 405),
        ("OPTIONS", 405),
        ("get", 405),
        ("HEAD", 200),
    ] {
        let request = format!("{method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
        visitor.send(request);
        let answer = if method == "HEAD" {
            visitor.head()
        } else {
            visitor.message()
        };
        assert_eq!(answer.status(), expected, "{method}");
        if expected == 405 {
            assert_eq!(answer.field("allow"), Some("GET, HEAD, POST"));
        }
    }
}

#[test]
fn who_is_refused_does_not_send_its_body() {
    let upstream = Upstream::new();
    let site = guarded(
        "a.test",
        proxy_to(&upstream),
        from(Some(&["10.0.0.1"]), &[]),
    );
    let plane = Plane::start(plan([site]));
    let mut visitor = plane.visit();
    visitor.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n",
    );
    assert_eq!(visitor.message().status(), 403, "there is no 100 before it");
    assert_eq!(visitor.rest(), b"", "the connection ends");
    assert!(upstream.is_left_alone());
}

#[test]
fn a_refused_body_is_never_read_as_the_next_request() {
    let site = guarded("a.test", respond("a"), methods(&["GET"]));
    let mut plane = Plane::start(plan([site]));
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let length = hidden.len();
    let mut visitor = plane.visit();
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n{hidden}"
    ));
    assert_eq!(visitor.message().status(), 405);
    // What follows is the answer to what was sent, or nothing.
    if visitor
        .stream
        .write_all(b"GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .is_ok()
        && let Ok(next) = visitor.try_message()
    {
        assert_eq!(next.text(), "a");
    }
    plane.drain(Duration::ZERO).join().unwrap();
    assert!(
        !plane.access_log().contains("/hidden"),
        "{}",
        plane.access_log()
    );
}
