//! Where a request has been: `Via`, circles, and methods that are about the way itself.

use ondol_model::Target;
use ondol_model::plan::Proxy;
use ondol_model::plan::Via;
use ondol_model::upstream::Upstream as Address;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::respond;
use crate::harness::site;
use crate::harness::wait_until;

fn address(plane: &Plane) -> Address {
    Address::parse(&format!("http://{}", plane.http)).unwrap()
}

#[test]
fn a_site_that_leads_to_itself_is_found_out() {
    let mut plane = Plane::start_one(plan([site("a.test", respond("soon"))]));
    let target = proxy_to_all([address(&plane)]);
    plane.apply(plan([site("a.test", target)]), &[]);
    assert_eq!(plane.visit().get("a.test", "/").status(), 508);
    // The visitor's request, and each time that it came back.
    wait_until("all of them", || plane.counters().responses[4] == 5);
    plane.drain(std::time::Duration::ZERO).join().unwrap();
    assert!(
        plane.access_log().contains(" 508 "),
        "{}",
        plane.access_log()
    );
}

#[test]
fn a_site_may_lead_to_another_and_a_box_to_another() {
    let upstream = Upstream::new();
    let inner = Plane::start_one(plan([site("a.test", proxy_to(&upstream))]));
    let outer = Plane::start_one(plan([site("a.test", proxy_to_all([address(&inner)]))]));
    let mut visitor = outer.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\nVia: 1.0 fred, 1.1 p.test\r\n\r\n");
    let mut connection = upstream.accept();
    let request = connection.message();
    connection.reply("far");
    assert_eq!(visitor.message().text(), "far");
    let via = request.all("via");
    assert_eq!(via.len(), 3, "{via:?}");
    assert_eq!(via[0], "1.0 fred, 1.1 p.test");
    assert!(via[1].starts_with("1.1 ondol-") && via[2].starts_with("1.1 ondol-"));
    assert_ne!(via[1], via[2]);
}

#[test]
fn an_app_need_not_be_told() {
    let upstream = Upstream::new();
    let target = Target::Proxy(Proxy {
        via: Via::Silent,
        ..Proxy::to(vec![upstream.address()])
    });
    let plane = Plane::start_one(plan([site("a.test", target)]));
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut connection = upstream.accept();
    assert_eq!(connection.message().all("via"), Vec::<&str>::new());
    connection.reply("quiet");
    assert_eq!(visitor.message().text(), "quiet");
}

/// TRACE and CONNECT have no business here, however few hops they have left (RFC 9110 §7.6.2, §9.3.6).
#[test]
fn methods_about_the_way_reach_no_app() {
    let upstream = Upstream::new();
    let plane = Plane::start_one(plan([site("a.test", proxy_to(&upstream))]));
    for request in [
        "TRACE / HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n",
    ] {
        let answer = plane.visit().send(request).message();
        assert_eq!(answer.status(), 405, "{request}");
        assert!(
            answer
                .field("allow")
                .is_some_and(|it| !it.contains("TRACE"))
        );
    }
    for request in [
        "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "OPTIONS /x HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 7\r\n\r\n",
    ] {
        let answer = plane.visit().send(request).message();
        assert_eq!(answer.status(), 204, "{request}");
        assert!(
            answer
                .field("allow")
                .is_some_and(|it| it.contains("OPTIONS"))
        );
    }
    assert!(upstream.is_left_alone());
}

#[test]
fn an_app_answers_options_and_learns_how_far_they_may_go() {
    let upstream = Upstream::new();
    let plane = Plane::start_one(plan([site("a.test", proxy_to(&upstream))]));
    for (field, expected) in [
        ("", None),
        ("Max-Forwards: 7\r\n", Some("6")),
        ("Max-Forwards: none\r\n", Some("none")),
    ] {
        let mut visitor = plane.visit();
        visitor.send(format!(
            "OPTIONS /x HTTP/1.1\r\nHost: a.test\r\n{field}\r\n"
        ));
        let mut connection = upstream.accept();
        assert_eq!(connection.message().field("max-forwards"), expected);
        connection.send("HTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n");
        assert_eq!(visitor.message().status(), 204);
    }
    // On other methods it says nothing.
    let mut visitor = plane.visit();
    visitor.send("GET /x HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n");
    let mut connection = upstream.accept();
    assert_eq!(connection.message().field("max-forwards"), Some("0"));
    connection.reply("x");
    assert_eq!(visitor.message().text(), "x");
}
