//! What the access log says of visits, whatever became of them.

use std::time::Duration;

use ondol_model::plan::AccessLogFormat;

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
    plan.access_log = AccessLogFormat::Json;
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
