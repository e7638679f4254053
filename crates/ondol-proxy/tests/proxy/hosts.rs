//! Which site answers a host, and what those hear who ask for none.

use ondol_model::HostPattern;
use ondol_model::network::Network;
use ondol_model::plan::AliasAnswer;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::plan;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;

fn sites() -> Plane {
    let mut redirecting = site("main.test", respond("main"));
    redirecting.aliases = vec![HostPattern::parse("www.main.test").unwrap()];
    let mut serving = site("both.test", respond("both"));
    serving.aliases = vec![HostPattern::parse("also.test").unwrap()];
    serving.alias_answer = AliasAnswer::Serve;
    Plane::start(plan([
        redirecting,
        serving,
        site("*.wild.test", respond("wild")),
        site("one.wild.test", respond("one")),
        site("::1", respond("six")),
    ]))
}

#[test]
fn a_host_is_answered_by_its_own_site_however_it_is_written() {
    let plane = sites();
    for (host, site) in [
        ("main.test", "main"),
        ("MAIN.Test", "main"),
        ("main.test.", "main"),
        ("main.test:8080", "main"),
        ("main.test:", "main"),
        ("also.test", "both"),
        ("any.wild.test", "wild"),
        ("one.wild.test", "one"),
        ("[::1]", "six"),
        ("[0:0::1]:80", "six"),
    ] {
        let answer = plane.visit().get(host, "/");
        assert_eq!((answer.status(), answer.text()), (200, site), "{host}");
    }
}

#[test]
fn an_unknown_host_gets_404_on_plain_http() {
    let plane = sites();
    for host in ["other.test", "wild.test", "a.b.wild.test", "127.0.0.1"] {
        assert_eq!(plane.visit().get(host, "/").status(), 404, "{host}");
    }
}

#[test]
fn an_alias_leads_to_the_main_name_with_port_path_and_query() {
    let answer = sites().visit().get("www.main.test:8080", "/a%20b?c=d&e");
    assert_eq!(answer.status(), 308);
    let location = answer.field("location");
    assert_eq!(location, Some("http://main.test:8080/a%20b?c=d&e"));
}

#[test]
fn a_redirect_never_leaves_the_site() {
    for target in ["//evil.test/", "///evil.test", "/\\evil.test"] {
        let answer = sites().visit().get("www.main.test", target);
        let location = answer.field("location").unwrap_or("http://main.test/");
        assert!(location.starts_with("http://main.test/"), "{location}");
    }
}

#[test]
fn bad_hosts_get_400() {
    let plane = sites();
    for fields in [
        "",
        "Host: main.test\r\nHost: main.test\r\n",
        "Host: \r\n",
        "Host: main.test:0\r\n",
        "Host: main.test:65536\r\n",
        "Host: main.test:x\r\n",
        "Host: user@main.test\r\n",
        "Host: main.test/path\r\n",
        "Host: main.test, both.test\r\n",
        "Host: [::1\r\n",
        "Host: [main.test]\r\n",
        "Host: m\u{e4}in.test\r\n",
    ] {
        let request = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        let answer = plane.visit().send(request).message();
        assert_eq!(answer.status(), 400, "{fields:?}");
        assert_eq!(answer.field("connection"), Some("close"), "{fields:?}");
    }
}

#[test]
fn a_visitor_of_1996_without_host_gets_404() {
    let answer = sites().visit().send("GET / HTTP/1.0\r\n\r\n").message();
    assert_eq!(answer.status(), 404);
    let answer = sites()
        .visit()
        .send("GET / HTTP/1.0\r\nHost: main.test\r\n\r\n")
        .message();
    assert_eq!(answer.text(), "main");
}

#[test]
fn a_target_with_a_host_is_taken_if_the_host_header_agrees() {
    let plane = sites();
    let ask = |head: &str| plane.visit().send(format!("{head}\r\n\r\n")).message();
    let answer = ask("GET http://main.test/ HTTP/1.1\r\nHost: main.test");
    assert_eq!(answer.text(), "main");
    for head in [
        "GET http://main.test/ HTTP/1.1\r\nHost: both.test",
        "GET http://user@main.test/ HTTP/1.1\r\nHost: user@main.test",
        "GET http:///path HTTP/1.1\r\nHost: main.test",
    ] {
        assert_eq!(ask(head).status(), 400, "{head}");
    }
}

#[test]
fn a_target_with_a_host_does_not_replace_the_host_header() {
    let request = "GET http://main.test/ HTTP/1.1\r\n\r\n";
    assert_eq!(sites().visit().send(request).message().status(), 400);
}

#[test]
fn an_http2_request_has_one_host() {
    let identity = Identity::new(&["main.test", "both.test"]);
    let plane = Plane::start_with(
        plan([
            secure_site("main.test", respond("main")),
            secure_site("both.test", respond("both")),
        ]),
        &[&identity],
    );
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "main.test").await;
        for (host, status) in [("main.test", 200), ("both.test", 400)] {
            let request = http::Request::get("https://main.test/")
                .header("host", host)
                .body(http_body_util::combinators::BoxBody::default());
            let answer = visitor.request(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), status, "{host}");
        }
    });
}

#[test]
fn plain_http_leads_to_https_with_its_port() {
    let plane = Plane::start(plan([secure_site("main.test", respond("main"))]));
    let answer = plane.visit().get("main.test:8080", "/a?b");
    assert_eq!(answer.status(), 308);
    let location = format!("https://main.test:{}/a?b", plane.https.port());
    assert_eq!(answer.field("location"), Some(&*location));
}

#[test]
fn plain_http_of_an_alias_leads_to_https_and_the_main_name_in_one_hop() {
    let mut main = secure_site("main.test", respond("main"));
    main.aliases = vec![HostPattern::parse("www.main.test").unwrap()];
    let plane = Plane::start(plan([main]));
    let answer = plane.visit().get("www.main.test", "/a?b");
    let location = format!("https://main.test:{}/a?b", plane.https.port());
    assert_eq!(answer.field("location"), Some(&*location));
}

#[test]
fn a_tls_connection_serves_only_what_its_certificate_is_for() {
    let one = Identity::new(&["one.test", "*.one.test"]);
    let two = Identity::new(&["two.test"]);
    let unknown = Identity::new(&[]);
    let plane = Plane::start_with(
        plan([
            secure_site("one.test", respond("one")),
            secure_site("a.one.test", respond("a.one")),
            secure_site("two.test", respond("two")),
            site("plain.test", respond("plain")),
        ]),
        &[&one, &two, &unknown],
    );
    for (name, host, status) in [
        ("one.test", "one.test", 200),
        ("one.test", "ONE.test.:443", 200),
        ("one.test", "a.one.test", 200), // The same certificate covers it.
        ("one.test", "two.test", 421),
        ("one.test", "other.test", 421),
        ("other.test", "other.test", 421),
        ("other.test", "one.test", 421),
        ("plain.test", "plain.test", 421), // It has no HTTPS.
        ("127.0.0.1", "one.test", 200),    // No name was asked for (RFC 6066 §3).
    ] {
        let answer = plane.visit_tls(name).get(host, "/");
        assert_eq!(answer.status(), status, "{name} asked for {host}");
    }
}

#[test]
fn who_came_by_https_to_a_trusted_proxy_is_not_led_there_again() {
    let mut plan = plan([secure_site("main.test", respond("main"))]);
    let ask = |plane: &Plane| {
        let request = "GET / HTTP/1.1\r\nHost: main.test\r\nX-Forwarded-Proto: https\r\n\r\n";
        plane.visit().send(request).message().status()
    };
    let plane = Plane::start(plan.clone());
    assert_eq!(ask(&plane), 308, "anyone could say so");
    plan.listen.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
    plane.apply(plan, &[]);
    assert_eq!(ask(&plane), 200);
}

#[test]
fn a_connection_serves_every_host_that_its_certificate_covers() {
    let both = Identity::new(&["one.test", "two.test"]);
    let own = Identity::new(&["two.test"]);
    let sites = [
        secure_site("one.test", respond("one")),
        secure_site("two.test", respond("two")),
    ];
    let plane = Plane::start_with(plan(sites), &[&both, &own]);
    assert_eq!(
        plane.visit_tls("one.test").get("two.test", "/").text(),
        "two"
    );
    assert_eq!(
        plane.visit_tls("two.test").get("one.test", "/").status(),
        421
    );
}

#[test]
fn the_server_as_a_whole_has_methods() {
    let plane = sites();
    let mut visitor = plane.visit();
    visitor.send("OPTIONS * HTTP/1.1\r\nHost: main.test\r\n\r\n");
    let answer = visitor.message();
    assert_eq!(answer.status(), 204);
    assert!(
        answer
            .field("allow")
            .is_some_and(|methods| methods.contains("GET"))
    );
}
