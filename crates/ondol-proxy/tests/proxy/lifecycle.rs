//! Reloads and the end: what is in flight is answered, what is new is right.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ondol_base::tasks;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::PATIENCE;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

#[test]
fn a_reload_takes_effect_at_once_on_connections_old_and_new() {
    let plane = Plane::start(plan([site("a.test", respond("old"))]));
    let mut kept = plane.visit();
    assert_eq!(kept.get("a.test", "/").text(), "old");
    for text in ["new", "newer"] {
        plane.apply(plan([site("a.test", respond(text))]), &[]);
        assert_eq!(kept.get("a.test", "/").text(), text);
        for _ in 0..4 {
            assert_eq!(plane.visit().get("a.test", "/").text(), text);
        }
    }
    plane.apply(plan([]), &[]);
    assert_eq!(kept.get("a.test", "/").status(), 404);
}

#[test]
fn no_request_fails_while_the_box_is_reloaded() {
    const ROUNDS: usize = 40;
    let app = Upstream::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp".to_owned());
    let sites = |text: &str| {
        plan([
            site("a.test", respond(text)),
            site("app.test", proxy_to_all([app.clone()])),
        ])
    };
    let plane = Plane::start(sites("round"));
    let is_over = Arc::new(AtomicBool::new(false));
    let address = plane.http;
    let hammering: Vec<_> = (0..3)
        .map(|_| {
            let is_over = Arc::clone(&is_over);
            tasks::spawn_thread("visitor", move || hammer(address, &is_over)).unwrap()
        })
        .collect();
    for round in 0..ROUNDS {
        let before = plane.counters().requests;
        plane.apply(sites(&format!("round {round}")), &[]);
        wait_until("more requests", || plane.counters().requests > before + 5);
    }
    is_over.store(true, Ordering::Relaxed);
    for visitor in hammering {
        visitor.join().unwrap();
    }
}

/// Asks on a kept connection and on new ones until told otherwise; every answer must be good.
fn hammer(address: std::net::SocketAddr, is_over: &AtomicBool) {
    let connect = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Wire::new(stream)
    };
    let mut kept = connect();
    while !is_over.load(Ordering::Relaxed) {
        for host in ["a.test", "app.test"] {
            assert_eq!(kept.get(host, "/").status(), 200);
            assert_eq!(connect().get(host, "/").status(), 200);
        }
    }
}

#[test]
fn a_request_in_flight_is_answered_though_its_site_is_gone() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = upstream.accept();
    connection.message();
    plane.apply(plan([]), &[]);
    connection.reply("late");
    assert_eq!(visitor.message().text(), "late");
    assert_eq!(visitor.get("a.test", "/").status(), 404);
}

#[test]
fn a_drain_answers_what_is_in_flight_and_says_goodbye() {
    let upstream = Upstream::new();
    let mut plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = upstream.accept();
    connection.message();
    let draining = plane.drain(PATIENCE);
    wait_until("no more is accepted", || {
        TcpStream::connect(plane.http).is_err()
    });
    connection.reply("last");
    let answer = visitor.message();
    assert_eq!(answer.text(), "last");
    assert_eq!(answer.field("connection"), Some("close"));
    assert_eq!(visitor.rest(), b"");
    drop(visitor);
    assert_eq!(draining.join().unwrap(), 0);
}

#[test]
fn a_drain_ends_connections_that_rest() {
    let identity = Identity::new(&["a.test"]);
    let mut plane = Plane::start_with(
        plan([
            site("a.test", respond("a")),
            secure_site("b.test", respond("b")),
        ]),
        &[&identity],
    );
    let mut rested = plane.visit();
    rested.get("a.test", "/");
    let mut by_http2 = plane.block_on(Http2::connect(&plane, "a.test"));
    let silent = plane.visit();
    wait_until("all are in", || plane.counters().connections == 3);
    let draining = plane.drain(PATIENCE);
    plane.block_on(&mut by_http2.connection).unwrap().unwrap();
    assert_eq!(rested.rest(), b"");
    drop(rested);
    assert_eq!(draining.join().unwrap(), 0);
    drop(silent);
}

#[test]
fn a_drain_lets_http2_streams_end() {
    let upstream = Upstream::new();
    let identity = Identity::new(&["a.test"]);
    let mut plane = Plane::start_with(
        plan([secure_site("a.test", proxy_to(&upstream))]),
        &[&identity],
    );
    let (asked, is_asked) = std::sync::mpsc::channel();
    let (answer, may_answer) = std::sync::mpsc::channel();
    let app = tasks::spawn_thread("app", move || {
        let mut connection = upstream.accept();
        connection.message();
        asked.send(()).unwrap();
        may_answer.recv().unwrap();
        connection.reply("last");
    });
    let mut visitor = plane.block_on(Http2::connect(&plane, "a.test"));
    let mut sender = visitor.send.clone();
    let request = http::Request::get("https://a.test/")
        .body(http_body_util::combinators::BoxBody::default())
        .unwrap();
    let mut waiting = Vec::new();
    plane.block_on(async {
        waiting.push(tasks::spawn_local(sender.send_request(request)));
        while is_asked.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
    });
    let draining = plane.drain(PATIENCE);
    wait_until("no more is accepted", || {
        TcpStream::connect(plane.https).is_err()
    });
    answer.send(()).unwrap();
    plane.block_on(async {
        let response = waiting.remove(0).await.unwrap().unwrap();
        let body = http_body_util::BodyExt::collect(response.into_body());
        assert_eq!(body.await.unwrap().to_bytes(), "last");
        (&mut visitor.connection).await.unwrap().unwrap();
    });
    assert_eq!(draining.join().unwrap(), 0);
    app.unwrap().join().unwrap();
}

#[test]
fn a_drain_cuts_what_is_left_after_its_time_and_counts_it() {
    let upstream = Upstream::new();
    let mut plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = upstream.accept();
    connection.message();
    let draining = plane.drain(Duration::from_millis(100));
    assert_eq!(draining.join().unwrap(), 1);
    assert_eq!(visitor.rest(), b"");
    assert_eq!(connection.rest(), b"");
}

#[test]
fn what_happens_is_counted() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([
        site("a.test", respond("four")),
        site("b.test", proxy_to(&upstream)),
    ]));
    let mut visitor = plane.visit();
    visitor.get("a.test", "/");
    visitor.get("other.test", "/");
    let counters = plane.counters();
    assert_eq!((counters.connections, counters.requests), (1, 2));
    assert_eq!(counters.responses, [0, 1, 0, 1, 0]);
    assert!(counters.bytes_sent >= 4);
    drop(visitor);
    wait_until("nobody is in", || plane.counters().connections == 0);
    assert_eq!(plane.counters().connections_total, 1);
}

#[test]
fn a_stream_that_its_visitor_gives_up_does_not_keep_its_connection_busy() {
    let upstream = Upstream::new();
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(
        plan([secure_site("a.test", proxy_to(&upstream))]),
        &[&identity],
    );
    let app = tasks::spawn_thread("app", move || {
        let mut connection = upstream.accept();
        connection.message();
        connection.rest()
    });
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let request = http::Request::get("https://a.test/")
            .body(http_body_util::combinators::BoxBody::default())
            .unwrap();
        let response = visitor.send.send_request(request);
        let waiting = tasks::spawn_local(response);
        while plane.counters().requests == 0 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        while plane.counters().responses[3] == 0 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(app.unwrap().join().unwrap(), b"");
}
