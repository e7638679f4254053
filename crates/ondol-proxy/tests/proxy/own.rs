//! What the box answers on sites by itself: whether it is well, and reports of others' jobs.

use std::time::Duration;

use http::Request;
use http_body_util::combinators::BoxBody;
use ondol_model::HostPattern;
use ondol_model::Site;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::access::Access;
use ondol_model::watch::PingKind;
use ondol_model::watch::State;
use ondol_proxy::Own;
use ondol_proxy::Report;
use tokio::sync::mpsc;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::guarded;
use crate::harness::networks;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;

const TOKEN: &str = "a-token_that.nobody~guesses";

/// Sites of all kinds; those whose names begin with `own` have something of the box.
fn sites() -> Vec<Site> {
    let mut own = site("own.test", respond("visitors"));
    own.aliases = vec![HostPattern::parse("alias.test").unwrap()];
    let closed = Access {
        allow: Some(networks(&["192.0.2.1"])),
        ..Access::default()
    };
    vec![
        own,
        secure_site("own-secure.test", respond("secure")),
        guarded("own-closed.test", respond("closed"), closed),
        site("other.test", respond("other")),
    ]
}

/// Starts with the box in this state, and what takes so many reports.
fn start(state: State, room: usize) -> (Plane, mpsc::Receiver<Report>) {
    let mut plan = plan(sites());
    plan.access_log.format = AccessLogFormat::Json;
    let plane = Plane::start_with(plan, &[&Identity::new(&["own-secure.test"])]);
    let (sender, reports) = mpsc::channel(room);
    tell(&plane, state, sender);
    (plane, reports)
}

fn tell(plane: &Plane, state: State, reports: mpsc::Sender<Report>) {
    let owned = |text: &str| text.to_owned();
    let sites = ["own.test", "own-secure.test", "own-closed.test"];
    let health = sites.map(|site| (owned(site), owned("/health")));
    let token = |site: &str, name: &str| (owned(site), format!("{TOKEN}-{name}"), owned(name));
    let pings = [
        (owned("own.test"), owned(TOKEN), owned("parents")),
        token("own-secure.test", "secure"),
        token("own-closed.test", "closed"),
    ];
    let own = Own::new(state, health, pings, reports);
    plane.block_on(plane.running().own(own));
}

#[test]
fn a_site_says_no_more_than_whether_the_box_is_well() {
    for (state, status, word) in [
        (State::Pass, 200, "pass"),
        (State::Warn, 200, "warn"),
        (State::Fail, 503, "fail"),
        (State::Unknown, 200, "pass"),
    ] {
        let (plane, _reports) = start(state, 1);
        for host in [
            "own.test",
            "alias.test",
            "own-closed.test",
            "own-secure.test",
        ] {
            let mut visitor = plane.visit();
            let answer = visitor.get(host, "/health");
            assert_eq!(answer.status(), status, "{host}");
            assert_eq!(answer.text(), format!("{{\"status\":\"{word}\"}}"));
            let kind = answer.field("content-type");
            assert_eq!(kind, Some("application/health+json"));
            assert_eq!(answer.field("cache-control"), Some("max-age=5"));
            visitor.send(format!("HEAD /health HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            let head = visitor.head();
            assert_eq!(head.status(), status);
            assert_eq!(head.field("content-length"), Some("17"));
            assert_eq!(visitor.get(host, "/health?x=1").status(), status);
        }
        let mut visitor = plane.visit_tls("own-secure.test");
        assert_eq!(visitor.get("own-secure.test", "/health").status(), status);
        let mut visitor = plane.visit();
        visitor.send("POST /health HTTP/1.1\r\nHost: own.test\r\nContent-Length: 0\r\n\r\n");
        let refused = visitor.message();
        assert_eq!(refused.status(), 405);
        assert_eq!(refused.field("allow"), Some("GET, HEAD"));
    }
}

#[test]
fn a_report_is_taken_by_each_way_to_give_one() {
    let (plane, mut reports) = start(State::Pass, 16);
    for (suffix, kind) in [
        ("", PingKind::Success),
        ("/start", PingKind::Start),
        ("/fail", PingKind::Fail),
        ("/log", PingKind::Log),
        ("/0", PingKind::Exit(0)),
        ("/137?rid=1", PingKind::Exit(137)),
    ] {
        let answer = plane
            .visit()
            .get("own.test", &format!("/ping/{TOKEN}{suffix}"));
        assert_eq!((answer.status(), answer.text()), (200, "OK"), "{suffix}");
        assert_eq!(answer.field("ping-body-limit"), Some("10000"));
        let report = reports.try_recv().unwrap();
        assert_eq!((report.name.as_str(), report.kind), ("parents", kind));
        assert_eq!(report.said, "");
    }
    let mut visitor = plane.visit();
    visitor.send(format!(
        "HEAD /ping/{TOKEN} HTTP/1.1\r\nHost: own.test\r\n\r\n"
    ));
    assert_eq!(visitor.head().field("content-length"), Some("2"));
    assert_eq!(reports.try_recv().unwrap().kind, PingKind::Success);
    // The name of the site decides, not who may see it, nor how the visitor came.
    let closed = format!("/ping/{TOKEN}-closed");
    assert_eq!(plane.visit().get("own-closed.test", &closed).text(), "OK");
    assert_eq!(reports.try_recv().unwrap().name, "closed");
    plane.block_on(async {
        let by_tls = Http2::connect(&plane, "own-secure.test").await;
        let plain = Http2::connect_plain(&plane).await;
        for mut visitor in [by_tls, plain] {
            let url = format!("https://own-secure.test/ping/{TOKEN}-secure/fail");
            let post = Request::post(url).body(BoxBody::default()).unwrap();
            let answer = visitor.request(post).await.unwrap();
            assert_eq!(answer.into_body().to_bytes(), "OK");
            let report = reports.try_recv().unwrap();
            assert_eq!((&*report.name, report.kind), ("secure", PingKind::Fail));
        }
    });
}

#[test]
fn the_beginning_of_what_comes_with_a_report_is_kept() {
    let (plane, mut reports) = start(State::Pass, 16);
    let post = |body: &[u8]| {
        let mut visitor = plane.visit();
        let length = body.len();
        visitor.send(format!(
            "POST /ping/{TOKEN}/fail HTTP/1.1\r\nHost: own.test\r\nContent-Length: {length}\r\n\r\n"
        ));
        visitor.send(body);
        assert_eq!(visitor.message().text(), "OK");
        // The connection is in step after it.
        assert_eq!(visitor.get("own.test", "/").text(), "visitors");
    };
    post("the disk is full\n끝".as_bytes());
    assert_eq!(reports.try_recv().unwrap().said, "the disk is full\n끝");
    post(&vec![b'x'; 300_000]);
    assert_eq!(reports.try_recv().unwrap().said, "x".repeat(10_000));
    post(b"\xff\0z");
    assert_eq!(reports.try_recv().unwrap().said, "\u{fffd}\0z");
    let mut visitor = plane.visit();
    visitor.send(format!(
        "POST /ping/{TOKEN} HTTP/1.1\r\nHost: own.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    ));
    assert_eq!(visitor.message().text(), "OK");
    assert_eq!(reports.try_recv().unwrap().said, "abcde");
}

#[test]
fn what_is_not_for_the_box_goes_on_to_the_site() {
    let app = Upstream::answering(|request| {
        let line = request.line();
        let length = line.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{line}")
    });
    let plane = Plane::start(plan([
        site("own.test", proxy_to_all([app.clone()])),
        site("other.test", proxy_to_all([app])),
    ]));
    let (sender, mut reports) = mpsc::channel(4);
    tell(&plane, State::Fail, sender);
    let goes_on = |host: &str, target: &str| {
        let line = format!("GET {target} HTTP/1.1");
        assert_eq!(plane.visit().get(host, target).text(), line, "{host}");
    };
    for target in [
        "/ping/another".to_owned(),
        "/ping/".to_owned(),
        "/ping".to_owned(),
        format!("/ping/{TOKEN}/starts"),
        format!("/ping/{TOKEN}/256"),
        format!("/ping/{TOKEN}/fail/more"),
        format!("/x/ping/{TOKEN}"),
        format!("/ping/{TOKEN}-secure"),
        "/health/".to_owned(),
        "/healthy".to_owned(),
        "/".to_owned(),
    ] {
        goes_on("own.test", &target);
        goes_on("other.test", &target);
    }
    goes_on("other.test", "/health");
    goes_on("other.test", &format!("/ping/{TOKEN}"));
    assert!(reports.try_recv().is_err());
    // What is gone is the site's again.
    let (nobody, _) = mpsc::channel(1);
    plane.block_on(plane.running().own(Own::new(State::Fail, [], [], nobody)));
    goes_on("own.test", "/health");
    goes_on("own.test", &format!("/ping/{TOKEN}"));
}

#[test]
fn reports_that_come_too_fast_or_that_nobody_takes_are_put_off() {
    let mut plan = plan(sites());
    plan.access_log.format = AccessLogFormat::Json;
    let plane = Plane::start_one(plan);
    let (sender, mut reports) = mpsc::channel(2);
    tell(&plane, State::Pass, sender);
    let path = format!("/ping/{TOKEN}");
    let statuses: Vec<_> = (0..30)
        .map(|_| {
            let answer = plane.visit().get("own.test", &path);
            if answer.status() != 200 {
                let wait: u64 = answer.field("retry-after").unwrap().parse().unwrap();
                assert!((1..=5).contains(&wait), "{wait}");
            }
            answer.status()
        })
        .collect();
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!(statuses[..2], [200, 200], "there is room for two");
    assert_eq!(count(200), 2);
    assert!((8..=18).contains(&count(503)), "{statuses:?}");
    assert!(count(429) >= 10, "{statuses:?}");
    // Another job is not put off by it.
    reports.try_recv().unwrap();
    let closed = format!("/ping/{TOKEN}-closed");
    assert_eq!(plane.visit().get("own-closed.test", &closed).status(), 200);
}

#[test]
fn a_token_is_not_in_the_log() {
    let (mut plane, _reports) = start(State::Pass, 4);
    let mut visitor = plane.visit();
    visitor.get("own.test", &format!("/ping/{TOKEN}/start?rid=secret"));
    visitor.get("own.test", "/health");
    drop(visitor);
    plane.drain(Duration::ZERO).join().unwrap();
    let log = plane.access_log();
    assert!(log.contains("\"/ping/REDACTED\""), "{log}");
    assert!(
        log.contains("\"/health\"") && log.contains("own.test"),
        "{log}"
    );
    assert!(!log.contains(TOKEN) && !log.contains("secret"), "{log}");
}

/// A report whose sender stops in the middle is one all the same, and holds nobody else up.
#[test]
fn a_report_that_breaks_off_counts() {
    let (plane, mut reports) = start(State::Pass, 4);
    let mut visitor = plane.visit();
    visitor.send(format!(
        "POST /ping/{TOKEN}/fail HTTP/1.1\r\nHost: own.test\r\nContent-Length: 1000\r\n\r\nhalf of it"
    ));
    drop(visitor);
    let report = plane.block_on(reports.recv()).unwrap();
    assert_eq!((report.kind, &*report.said), (PingKind::Fail, "half of it"));
}
