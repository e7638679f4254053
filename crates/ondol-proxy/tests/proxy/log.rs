//! What the access log says of visits, whatever became of them.

use std::time::Duration;

use ondol_model::network::Network;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::RequestIdHeader;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::site;
use crate::harness::wait_until;

#[test]
fn every_visit_has_a_line() {
    let upstream = Upstream::new();
    let mut plan = plan([
        site("a.test", proxy_to(&upstream)),
        site("b.test", respond("b")),
    ]);
    plan.access_log.format = AccessLogFormat::Json;
    let mut plane = Plane::start_one(plan);
    plane.visit().get("b.test", "/fine");
    plane.visit().get("other.test", "/unknown");
    let mut leaves = plane.visit();
    leaves.send("GET /left HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut connection = upstream.accept();
    connection.message();
    drop(leaves);
    connection.rest();
    let mut is_cut = plane.visit();
    is_cut.send("GET /cut HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut connection = upstream.accept();
    connection.message();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
    drop(connection);
    assert!(is_cut.try_message().is_err());
    wait_until("all visits", || {
        plane.counters().responses == [0, 2, 0, 2, 0]
    });
    plane.drain(Duration::ZERO).join().unwrap();
    let log = plane.access_log();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: Vec<_> = lines
        .iter()
        .map(|line| (line["target"].as_str().unwrap(), line["status"].as_u64()))
        .collect();
    let want = [
        ("/fine", Some(200)),
        ("/unknown", Some(404)),
        ("/left", Some(499)),
        ("/cut", Some(200)),
    ];
    assert_eq!(said, want);
    assert!(lines[3]["failure"].is_string(), "{}", lines[3]);
}

/// The lines of a plane's log in JSON, once it has answered so often.
fn lines(plane: &mut Plane, responses: [u64; 5]) -> Vec<serde_json::Value> {
    wait_until("all visits", || plane.counters().responses == responses);
    plane.drain(Duration::ZERO).join().unwrap();
    let log = plane.access_log();
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_request_that_cannot_be_read_has_a_line() {
    let mut plan = plan([site("a.test", respond("a"))]);
    plan.access_log.format = AccessLogFormat::Json;
    let mut plane = Plane::start_one(plan);
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost : a.test\r\n\r\n");
    assert_eq!(visitor.message().status(), 400);
    let lines = lines(&mut plane, [0, 0, 0, 1, 0]);
    assert_eq!(lines[0]["status"].as_u64(), Some(400));
    assert_eq!(lines[0]["client"].as_str(), Some("127.0.0.1"));
    assert!(lines[0]["failure"].is_string(), "{}", lines[0]);
}

#[test]
fn behind_a_trusted_proxy_every_target_logs_the_visitor() {
    let mut plan = plan([site("a.test", respond("a"))]);
    plan.access_log.format = AccessLogFormat::Json;
    plan.listen.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
    let mut plane = Plane::start_one(plan);
    let mut proxy = plane.visit();
    for host in ["a.test", "unknown.test"] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n");
        proxy.send(head).message();
    }
    let clients: Vec<_> = lines(&mut plane, [0, 1, 0, 1, 0])
        .iter()
        .map(|line| line["client"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(clients, ["192.0.2.7", "192.0.2.7"]);
}

#[test]
fn the_id_of_a_trusted_proxy_is_kept_everywhere() {
    let upstream = Upstream::new();
    let mut plan = plan([site("a.test", proxy_to(&upstream))]);
    plan.access_log.format = AccessLogFormat::Json;
    plan.listen.trusted_proxies = vec![Network::parse("127.0.0.0/8").unwrap()];
    plan.sites[0].routes[0].rules.request_id = RequestIdHeader::Present;
    let mut plane = Plane::start_one(plan);
    let mut visitor = plane.visit();
    for (given, is_kept) in [("outer-1.A_b", true), ("<script>", false), ("", false)] {
        visitor.send(format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: {given}\r\n\r\n"
        ));
        let mut connection = upstream.accept();
        let request = connection.message();
        let id = request.field("x-request-id").unwrap().to_owned();
        assert_eq!(id == given, is_kept, "{id}");
        // What an app says of it is not what is in the log.
        connection.send("HTTP/1.1 204 Fine\r\nX-Request-Id: apps\r\nConnection: close\r\n\r\n");
        assert_eq!(visitor.message().field("x-request-id"), Some(&*id));
    }
    // The page of a failure, and an answer that no app gives.
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: outer-2\r\n\r\n");
    drop(upstream.accept());
    let page = visitor.message();
    assert_eq!(
        (page.status(), page.field("x-request-id")),
        (502, Some("outer-2"))
    );
    assert!(page.text().contains("outer-2"), "{}", page.text());
    plane.drain(Duration::ZERO).join().unwrap();
    let log = plane.access_log();
    assert!(log.contains(r#""request_id":"outer-1.A_b""#), "{log}");
    assert!(
        log.contains(r#""request_id":"outer-2""#) && !log.contains("script"),
        "{log}"
    );
}

#[test]
fn an_answer_has_the_id_only_where_it_is_wanted() {
    let mut plan = plan([site("a.test", respond("a")), site("b.test", respond("b"))]);
    plan.sites[1].routes[0].rules.request_id = RequestIdHeader::Present;
    let plane = Plane::start_one(plan);
    let mut visitor = plane.visit();
    assert_eq!(visitor.get("a.test", "/").field("x-request-id"), None);
    visitor.send("GET / HTTP/1.1\r\nHost: b.test\r\nX-Request-Id: mine\r\n\r\n");
    let answer = visitor.message();
    let id = answer.field("x-request-id").unwrap();
    assert!(id.len() == 16 && id != "mine", "{id}");
}
