//! Apps that Ondol runs, as their visitors meet them: asked, waited for, not running, replaced, cut.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::net::TcpStream;
use std::time::Duration;

use http_body_util::BodyExt as _;
use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::app::AppName;
use ondol_model::app::Endpoint;
use ondol_model::app::EndpointState;
use ondol_model::app::Endpoints;
use ondol_model::app::Launch;
use ondol_model::app::LaunchTraffic;
use ondol_model::limits;
use ondol_model::upstream::Address;
use tokio_tungstenite::tungstenite;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::PATIENCE;
use crate::harness::Plane;
use crate::harness::SentBody;
use crate::harness::Upstream;
use crate::harness::UpstreamStream;
use crate::harness::Wire;
use crate::harness::frames::Frames;
use crate::harness::frames::RST_STREAM;
use crate::harness::frames::frame;
use crate::harness::plan;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const HELD: EndpointState = EndpointState::Held { wait: PATIENCE };
const ASLEEP: EndpointState = EndpointState::Asleep { wait: PATIENCE };
const ALL: &[Launch] = &[1, 2];

fn app() -> AppName {
    AppName::parse("coffee").unwrap()
}

fn plan_of_app() -> Plan {
    plan([
        site("a.test", Target::App(app())),
        site("b.test", respond("b")),
    ])
}

fn ready(launch: Launch, upstreams: &[&Upstream]) -> EndpointState {
    let servers = upstreams.iter().map(|it| it.address().address);
    EndpointState::Ready {
        launch,
        servers: servers.collect(),
    }
}

/// What visitors get from the value of this number on, with every launch but the current one retiring.
fn told(sequence: u64, state: EndpointState, cut: &[Launch]) -> Endpoints {
    let endpoint = Endpoint {
        state,
        retiring: ALL.to_vec(),
        cut: cut.to_vec(),
    };
    Endpoints {
        sequence,
        apps: BTreeMap::from([(app(), endpoint)]),
    }
}

fn start(state: EndpointState) -> Plane {
    Plane::start_hosting(2, plan_of_app(), &[], told(1, state, &[]))
}

fn start_one(state: EndpointState) -> Plane {
    Plane::start_hosting(1, plan_of_app(), &[], told(1, state, &[]))
}

fn launch(plane: &Plane, launch: Launch) -> LaunchTraffic {
    let traffic = plane.traffic();
    let launches = traffic.apps.get(&app());
    let launch = launches.and_then(|launches| launches.get(&launch));
    launch.copied().unwrap_or_default()
}

fn held(plane: &Plane) -> u32 {
    plane.traffic().held.get(&app()).copied().unwrap_or(0)
}

fn wait_for_held(plane: &Plane, count: u32) {
    wait_until("so many wait", || held(plane) == count);
}

fn wait_for_end(plane: &Plane, of: Launch) {
    wait_until("the launch is idle", || launch(plane, of).is_idle());
}

#[test]
fn an_app_is_asked_as_any_server_is() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::unix(folder.path());
    let plane = start(ready(1, &[&upstream]));
    let mut visitor = plane.visit();
    let mut connection = None;
    for _ in 0..3 {
        visitor.send("GET /a%20b?c HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n");
        let connection = connection.get_or_insert_with(|| upstream.accept());
        let asked = connection.message();
        assert_eq!(asked.line(), "GET /a%20b?c HTTP/1.1");
        assert_eq!(asked.field("host"), Some("a.test"));
        assert_eq!(asked.field("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(asked.field("x-forwarded-proto"), Some("http"));
        connection.reply("coffee");
        assert_eq!(visitor.message().text(), "coffee");
    }
    wait_for_end(&plane, 1);
    let expected = LaunchTraffic {
        requests: 3,
        ..LaunchTraffic::default()
    };
    assert_eq!(launch(&plane, 1), expected);
    assert_eq!(plane.traffic().applied, 1);
}

#[test]
fn a_visitor_waits_for_what_is_held_and_others_do_not() {
    let upstream = Upstream::new();
    let plane = start(HELD);
    let mut visitors: Vec<_> = (0..8).map(|_| plane.visit()).collect();
    for visitor in &mut visitors {
        visitor.send("POST /order HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\none");
    }
    wait_for_held(&plane, 8);
    assert_eq!(plane.visit().get("b.test", "/").text(), "b");
    assert_eq!(launch(&plane, 1), LaunchTraffic::default());
    plane.tell(told(2, ready(1, &[&upstream]), &[]));
    for _ in 0..8 {
        let mut connection = upstream.accept();
        assert_eq!(connection.message().text(), "one");
        connection.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    }
    for visitor in &mut visitors {
        assert_eq!(visitor.message().status(), 204);
    }
    assert_eq!(held(&plane), 0);
    wait_for_end(&plane, 1);
    assert_eq!(launch(&plane, 1).requests, 8);
}

#[test]
fn an_app_of_which_nothing_is_known_is_waited_for() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan_of_app());
    let mut visitor = plane.visit();
    visitor.send(GET);
    wait_for_held(&plane, 1);
    plane.tell(told(1, ready(1, &[&upstream]), &[]));
    let mut connection = upstream.accept();
    connection.message();
    connection.reply("awake");
    assert_eq!(visitor.message().text(), "awake");
}

#[test]
fn nobody_waits_longer_than_is_said() {
    let wait = Duration::from_millis(20);
    for state in [EndpointState::Held { wait }, EndpointState::Asleep { wait }] {
        let plane = start(state);
        let mut visitor = plane.visit();
        let answer = visitor.get("a.test", "/");
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.field("retry-after"), Some("5"));
        assert!(answer.text().contains("One moment"), "{}", answer.text());
        assert_eq!(held(&plane), 0);
        assert_eq!(visitor.get("b.test", "/").text(), "b");
    }
}

#[test]
fn pages_say_that_an_app_does_not_run() {
    for (state, words, after) in [
        (EndpointState::Failed, "Out of order", Some("60")),
        (EndpointState::Stopped, "Switched off", None),
    ] {
        let plane = start(state);
        let mut visitor = plane.visit();
        let answer = visitor.get("a.test", "/");
        assert_eq!(answer.status(), 503);
        assert!(answer.text().contains(words), "{}", answer.text());
        assert_eq!(answer.field("retry-after"), after);
        assert_eq!(visitor.get("b.test", "/").text(), "b");
    }
}

#[test]
fn those_who_wait_learn_that_it_failed() {
    for state in [EndpointState::Failed, EndpointState::Stopped] {
        let plane = start(HELD);
        let mut visitor = plane.visit();
        visitor.send(GET);
        wait_for_held(&plane, 1);
        plane.tell(told(2, state, &[]));
        assert_eq!(visitor.message().status(), 503);
        assert_eq!(held(&plane), 0);
    }
}

#[test]
fn the_first_visitor_wakes_an_app_and_no_other() {
    let upstream = Upstream::new();
    let plane = start(ASLEEP);
    assert_eq!(plane.woken(), None);
    let mut visitors: Vec<_> = (0..4).map(|_| plane.visit()).collect();
    for visitor in &mut visitors {
        visitor.send(GET);
    }
    wait_for_held(&plane, 4);
    assert_eq!((plane.woken(), plane.woken()), (Some(app()), None));
    // Whoever says again that it sleeps may not have heard.
    plane.tell(told(2, ASLEEP, &[]));
    assert_eq!((plane.woken(), plane.woken()), (Some(app()), None));
    plane.tell(told(3, HELD, &[]));
    plane.tell(told(4, ready(1, &[&upstream]), &[]));
    assert_eq!(plane.woken(), None);
    for _ in 0..4 {
        let mut connection = upstream.accept();
        connection.message();
        connection.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    }
    for visitor in &mut visitors {
        assert_eq!(visitor.message().status(), 204);
    }
}

#[test]
fn one_who_leaves_makes_room() {
    let identity = Identity::new(&["a.test"]);
    let plan = plan([secure_site("a.test", Target::App(app()))]);
    let plane = Plane::start_hosting(2, plan, &[&identity], told(1, HELD, &[]));
    let mut visitor = Frames::connect(&plane, "a.test", 65_535);
    for stream in [1, 3, 5] {
        visitor.get(stream, "a.test", "/");
    }
    wait_for_held(&plane, 3);
    visitor.send(frame(RST_STREAM, 0, 3, &[0, 0, 0, 8]));
    wait_for_held(&plane, 2);
    visitor.shut(Shutdown::Both);
    wait_for_held(&plane, 0);
}

#[test]
fn one_too_many_is_told_at_once_to_come_back() {
    let plane = start_one(HELD);
    let max = usize::try_from(limits::APP_HELD_MAX).unwrap();
    plane.block_on(async {
        let mut connections = Vec::new();
        let mut waiting = Vec::new();
        while waiting.len() < max {
            let mut visitor = Http2::connect_plain(&plane).await;
            let streams = (max - waiting.len()).min(100);
            for _ in 0..streams {
                visitor.send.ready().await.unwrap();
                let request = http::Request::get("http://a.test/");
                let request = request.body(SentBody::default()).unwrap();
                let answer = visitor.send.send_request(request);
                waiting.push(tasks::spawn_local(answer));
            }
            connections.push(visitor);
        }
        while held(&plane) < limits::APP_HELD_MAX {
            tokio::task::yield_now().await;
        }
        let mut late = Http2::connect_plain(&plane).await;
        let answer = late.get("http://a.test/").await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "5");
        assert_eq!(held(&plane), limits::APP_HELD_MAX);
        drop(connections.pop());
        waiting.iter().for_each(|it| it.abort());
    });
}

#[test]
fn who_only_looks_is_let_in_first() {
    let upstream = Upstream::new();
    let plane = start_one(HELD);
    let mut visitors = Vec::new();
    for number in 0..40_u32 {
        let mut visitor = plane.visit();
        let method = if number < 20 { "POST" } else { "GET" };
        visitor.send(format!(
            "{method} /{number} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n"
        ));
        wait_for_held(&plane, number + 1);
        visitors.push(visitor);
    }
    plane.tell(told(2, ready(1, &[&upstream]), &[]));
    let mut order = Vec::new();
    for _ in 0..40 {
        let mut connection = upstream.accept();
        let asked = connection.message();
        order.push(asked.line().to_owned());
        connection.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    }
    let (first, last) = order.split_at(20);
    assert!(
        first.iter().all(|line| line.starts_with("GET")),
        "{order:?}"
    );
    assert!(
        last.iter().all(|line| line.starts_with("POST")),
        "{order:?}"
    );
    for visitor in &mut visitors {
        assert_eq!(visitor.message().status(), 204);
    }
}

#[test]
fn those_who_take_long_do_not_keep_others_waiting() {
    let upstream = Upstream::new();
    let plane = start_one(HELD);
    let count = u32::try_from(limits::APP_LET_IN_MAX).unwrap() + 1;
    let mut visitors = Vec::new();
    for number in 0..count {
        let mut visitor = plane.visit();
        visitor.send(GET);
        wait_for_held(&plane, number + 1);
        visitors.push(visitor);
    }
    plane.tell(told(2, ready(1, &[&upstream]), &[]));
    let mut connections: Vec<_> = (0..count).map(|_| upstream.accept()).collect();
    for connection in &mut connections {
        connection.message();
        connection.reply("slow");
    }
    for visitor in &mut visitors {
        assert_eq!(visitor.message().text(), "slow");
    }
}

#[test]
fn another_launch_gets_what_is_new_and_the_one_before_finishes() {
    let (old, new) = (Upstream::new(), Upstream::new());
    let plane = start_one(ready(1, &[&old]));
    let mut slow = plane.visit();
    slow.send(GET);
    let mut connection = old.accept();
    connection.message();
    let mut quick = plane.visit();
    quick.send(GET);
    let mut idle = old.accept();
    idle.message();
    idle.reply("old");
    assert_eq!(quick.message().text(), "old");
    plane.tell(told(2, ready(2, &[&new]), &[]));
    assert_eq!(
        idle.rest(),
        b"",
        "nobody keeps a connection to what is to end"
    );
    quick.send(GET);
    let mut other = new.accept();
    other.message();
    other.reply("new");
    assert_eq!(quick.message().text(), "new");
    assert_eq!(
        (launch(&plane, 1).in_flight, launch(&plane, 1).requests),
        (1, 1)
    );
    // The answer has begun, and counts until its end.
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    slow.head();
    assert_eq!(launch(&plane, 1).in_flight, 1);
    connection.send("k");
    assert_eq!(slow.take(2), b"ok");
    wait_for_end(&plane, 1);
    assert_eq!(connection.rest(), b"");
    assert_eq!(
        (launch(&plane, 2).requests, launch(&plane, 2).failed),
        (1, 0)
    );
}

#[test]
fn failures_of_the_app_are_counted() {
    let upstream = Upstream::new();
    let plane = start_one(ready(1, &[&upstream]));
    for (answer, status) in [
        (
            "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Some(500),
        ),
        (
            "HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Some(404),
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", None),
        ("nonsense\r\n\r\n", Some(502)),
    ] {
        let mut visitor = plane.visit();
        visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
        let mut connection = upstream.accept();
        connection.message();
        connection.send(answer);
        drop(connection);
        let answered = visitor.try_message();
        assert_eq!(answered.ok().map(|it| it.status()), status);
    }
    drop(upstream);
    assert_eq!(plane.visit().get("a.test", "/").status(), 502);
    wait_for_end(&plane, 1);
    let expected = LaunchTraffic {
        requests: 5,
        failed: 4,
        ..LaunchTraffic::default()
    };
    assert_eq!(launch(&plane, 1), expected);
}

#[test]
fn the_box_asking_its_own_site_keeps_no_app_awake() {
    let upstream = Upstream::new();
    let plane = start_one(ready(1, &[&upstream]));
    for (agent, requests) in [("Ondol-Check/1", 0), ("Ondol-Check/10", 1)] {
        let mut visitor = plane.visit();
        visitor.send(format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: {agent}\r\n\r\n"
        ));
        let mut connection = upstream.accept();
        connection.message();
        connection.send("HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(visitor.message().status(), 500);
        wait_for_end(&plane, 1);
        let expected = LaunchTraffic {
            requests,
            failed: requests,
            ..LaunchTraffic::default()
        };
        assert_eq!(launch(&plane, 1), expected, "{agent}");
    }
}

#[test]
fn a_dead_instance_fails_nobody_while_another_lives() {
    let alive = Upstream::answering(|_| "HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let state = EndpointState::Ready {
        launch: 1,
        servers: vec![Upstream::gone().address, alive.address],
    };
    let plane = start(state);
    for _ in 0..10 {
        assert_eq!(plane.visit().get("a.test", "/").status(), 204);
    }
    assert_eq!(
        (launch(&plane, 1).requests, launch(&plane, 1).failed),
        (10, 0)
    );
}

#[test]
fn an_app_that_just_ended_is_asked_where_it_is_next() {
    let new = Upstream::new();
    let gone = EndpointState::Ready {
        launch: 1,
        servers: vec![Upstream::gone().address],
    };
    for held_between in [true, false] {
        let plane = start(gone.clone());
        let mut visitor = plane.visit();
        visitor.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nwhole");
        wait_for_held(&plane, 1);
        if held_between {
            plane.tell(told(2, HELD, &[]));
        }
        plane.tell(told(3, ready(1, &[&new]), &[]));
        let mut connection = new.accept();
        assert_eq!(connection.message().text(), "whole");
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nnew");
        assert_eq!(visitor.message().text(), "new");
        wait_for_end(&plane, 1);
        assert_eq!(
            (launch(&plane, 1).requests, launch(&plane, 1).failed),
            (1, 0)
        );
    }
}

#[test]
fn an_app_that_is_back_where_it_was_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let state = EndpointState::Ready {
        launch: 1,
        servers: vec![Address::Unix(path)],
    };
    let plane = start(state);
    let mut visitor = plane.visit();
    visitor.send(GET);
    wait_for_held(&plane, 1);
    let upstream = Upstream::unix(folder.path());
    let mut connection = upstream.accept();
    connection.message();
    connection.reply("back");
    assert_eq!(visitor.message().text(), "back");
}

#[test]
fn a_reload_forgets_nobody_who_waits() {
    let upstream = Upstream::new();
    let plane = start(HELD);
    let mut visitor = plane.visit();
    visitor.send(GET);
    wait_for_held(&plane, 1);
    plane.apply(plan_of_app(), &[]);
    plane.apply(plan([]), &[]);
    plane.tell(told(2, ready(1, &[&upstream]), &[]));
    let mut connection = upstream.accept();
    connection.message();
    connection.reply("still");
    assert_eq!(visitor.message().text(), "still");
}

#[test]
fn what_is_held_while_the_plane_drains_is_answered() {
    let upstream = Upstream::new();
    let plane = start(HELD);
    let mut visitor = plane.visit();
    visitor.send(GET);
    wait_for_held(&plane, 1);
    let told = told(2, ready(1, &[&upstream]), &[]);
    let running = plane.running();
    plane.block_on(async {
        let draining = running.drain(PATIENCE);
        let answering = async {
            running.endpoints(told.into()).await;
            let answered = tasks::spawn_blocking(move || {
                let mut connection = upstream.accept();
                connection.message();
                connection.reply("last");
                assert_eq!(visitor.message().text(), "last");
            });
            answered.await.unwrap();
        };
        let (cut, ()) = tokio::join!(draining, answering);
        assert_eq!(cut, 0);
    });
}

#[test]
fn what_has_no_answer_when_its_launch_is_cut_gets_a_page() {
    let (old, new) = (Upstream::new(), Upstream::new());
    let plane = start_one(ready(1, &[&old]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = old.accept();
    connection.message();
    plane.tell(told(2, ready(2, &[&new]), &[]));
    assert_eq!(launch(&plane, 1).in_flight, 1);
    plane.tell(told(3, ready(2, &[&new]), &[1]));
    let answer = visitor.message();
    assert_eq!(
        (answer.status(), answer.field("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(connection.rest(), b"");
    wait_for_end(&plane, 1);
    assert_eq!(launch(&plane, 1).failed, 0);
    visitor.send(GET);
    let mut connection = new.accept();
    connection.message();
    connection.reply("new");
    assert_eq!(visitor.message().text(), "new");
}

#[test]
fn an_answer_is_cut_with_its_launch() {
    let (old, new) = (Upstream::new(), Upstream::new());
    let mut plane = start_one(ready(1, &[&old]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = old.accept();
    connection.message();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    visitor.head();
    assert_eq!(visitor.take(4), b"half");
    plane.tell(told(2, ready(2, &[&new]), &[1]));
    assert_eq!(visitor.rest(), b"");
    assert_eq!(connection.rest(), b"");
    wait_for_end(&plane, 1);
    assert_eq!(launch(&plane, 1).failed, 0);
    plane.drain(PATIENCE).join().unwrap();
    let log = plane.access_log();
    assert!(
        log.contains("\" 200 4 "),
        "not as if the visitor had left: {log}"
    );
}

#[test]
fn streams_beside_one_that_is_cut_go_on() {
    let (old, new) = (Upstream::new(), Upstream::new());
    let identity = Identity::new(&["a.test"]);
    let plan = plan([secure_site("a.test", Target::App(app()))]);
    let endpoints = told(1, ready(1, &[&old]), &[]);
    let plane = Plane::start_hosting(1, plan, &[&identity], endpoints);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let connection = tasks::spawn_blocking(move || {
            let mut connection = old.accept();
            connection.message();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            assert_eq!(connection.rest(), b"");
        });
        let request = http::Request::get("https://a.test/");
        let request = request.body(SentBody::default()).unwrap();
        let begun = visitor.send.send_request(request).await.unwrap();
        assert_eq!(begun.status(), 200);
        let told = told(2, ready(2, &[&new]), &[1]);
        plane.running().endpoints(told.into()).await;
        begun.into_body().collect().await.unwrap_err();
        connection.await.unwrap();
        let answering = tasks::spawn_blocking(move || {
            let mut connection = new.accept();
            connection.message();
            connection.reply("new");
        });
        let answer = visitor.get("https://a.test/").await.unwrap();
        assert_eq!(answer.into_body().to_bytes(), "new");
        answering.await.unwrap();
    });
}

/// A visitor who talks to the app of launch 1, as one of so many; a frame of three bytes has begun.
fn talk(plane: &Plane, upstream: &Upstream, count: u32) -> (Wire<TcpStream>, Wire<UpstreamStream>) {
    let mut visitor = plane.visit();
    visitor.send(
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    let mut connection = upstream.accept();
    connection.message();
    connection.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n\x01");
    assert_eq!(visitor.head().status(), 101);
    assert_eq!(visitor.take(1), b"\x01");
    wait_until("tunnels alone count", || {
        let launch = launch(plane, 1);
        launch.in_flight == 0 && launch.tunnels == count
    });
    (visitor, connection)
}

#[test]
fn a_tunnel_is_told_why_it_ends_at_the_end_of_a_frame() {
    let upstream = Upstream::new();
    let plane = start_one(ready(1, &[&upstream]));
    let (mut visitor, mut connection) = talk(&plane, &upstream, 1);
    let (mut other, mut unfinished) = talk(&plane, &upstream, 2);
    connection.send([2, b'h', b'i', 0x81, 0]); // The rest of a frame, and a whole one.
    assert_eq!(visitor.take(5), [2, b'h', b'i', 0x81, 0]);
    plane.tell(told(2, HELD, &[]));
    assert_eq!(launch(&plane, 1).tunnels, 2);
    plane.tell(told(3, HELD, &[1]));
    assert_eq!(visitor.rest(), [0x88, 2, 0x03, 0xF4]);
    assert_eq!(connection.rest(), b"");
    // The other one is in the middle of a frame, which may still end.
    unfinished.send([2, b'h', b'i']);
    assert_eq!(other.rest(), [2, b'h', b'i', 0x88, 2, 0x03, 0xF4]);
    wait_for_end(&plane, 1);
}

#[test]
fn a_websocket_that_is_cut_closes_as_it_should() {
    let upstream = Upstream::new();
    let state = ready(1, &[&upstream]);
    let identity = Identity::new(&["a.test"]);
    let plan = plan([secure_site("a.test", Target::App(app()))]);
    let plane = Plane::start_hosting(1, plan, &[&identity], told(1, state, &[]));
    let echoing = tasks::spawn_thread("echo", move || {
        let mut socket = tungstenite::accept(upstream.accept().stream).unwrap();
        while let Ok(message) = socket.read() {
            if socket.send(message).is_err() {
                return;
            }
        }
    });
    let visitor = plane.visit_tls("a.test").stream;
    let (mut socket, _) = tungstenite::client("wss://a.test/", visitor).unwrap();
    let large = tungstenite::Message::text("x".repeat(300_000));
    for message in [tungstenite::Message::text("hello"), large] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
    plane.tell(told(2, HELD, &[1]));
    let tungstenite::Message::Close(Some(close)) = socket.read().unwrap() else {
        panic!("it was not closed");
    };
    assert_eq!(u16::from(close.code), 1012);
    wait_for_end(&plane, 1);
    echoing.unwrap().join().unwrap();
}

#[test]
fn a_tunnel_of_another_protocol_just_ends() {
    let upstream = Upstream::new();
    let plane = start_one(ready(1, &[&upstream]));
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    let mut connection = upstream.accept();
    connection.message();
    connection.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n\x01");
    assert_eq!(visitor.head().status(), 101);
    visitor.send("to the app");
    assert_eq!(connection.take(10), b"to the app");
    plane.tell(told(2, EndpointState::Failed, &[1]));
    assert_eq!(visitor.rest(), b"\x01");
    assert_eq!(connection.rest(), b"");
    wait_for_end(&plane, 1);
    assert_eq!(launch(&plane, 1).requests, 1);
}

#[test]
fn a_launch_that_is_over_is_forgotten() {
    let upstream = Upstream::answering(|_| "HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let state = |launch| EndpointState::Ready {
        launch,
        servers: vec![Address::clone(&upstream.address)],
    };
    let plane = start(state(1));
    assert_eq!(plane.visit().get("a.test", "/").status(), 204);
    let mut endpoints = told(2, state(2), &[]);
    plane.tell(endpoints.clone());
    assert_eq!(launch(&plane, 1).requests, 1);
    wait_for_end(&plane, 1);
    endpoints.sequence = 3;
    endpoints.apps.get_mut(&app()).unwrap().retiring.clear();
    plane.tell(endpoints);
    wait_until("it is forgotten", || {
        let traffic = plane.traffic();
        traffic.apps[&app()].keys().eq(&[2])
    });
}
