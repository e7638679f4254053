//! Connections that become another protocol's.

use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use ondol_base::tasks;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

const ASK: &str =
    "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: custom/1\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: custom/1\r\n\r\n";

fn start(upstream: &Upstream) -> Plane {
    Plane::start(plan([
        site("a.test", proxy_to(upstream)),
        site("b.test", respond("b")),
    ]))
}

fn echo(upstream: Upstream) {
    let echoing = tasks::spawn_thread("echo", move || {
        let mut socket = tungstenite::accept(upstream.accept().stream).unwrap();
        while let Ok(message) = socket.read() {
            if message.is_close() || socket.send(message).is_err() {
                return;
            }
        }
    });
    drop(echoing.unwrap());
}

fn chat<S: Read + Write>(url: &str, stream: S) {
    let (mut socket, answer) = tungstenite::client(url, stream).unwrap();
    assert_eq!(answer.status(), 101);
    let large = "x".repeat(300_000);
    for text in ["hello", "", &large] {
        socket.send(Message::text(text)).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text(text));
    }
    socket.close(None).unwrap();
}

#[test]
fn a_websocket_works_by_http() {
    let upstream = Upstream::new();
    let plane = start(&upstream);
    echo(upstream);
    chat("ws://a.test/chat", plane.visit().stream);
}

#[test]
fn a_websocket_works_by_https() {
    let upstream = Upstream::new();
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(
        plan([secure_site("a.test", proxy_to(&upstream))]),
        &[&identity],
    );
    echo(upstream);
    chat("wss://a.test/chat", plane.visit_tls("a.test").stream);
}

#[test]
fn both_sides_learn_what_the_other_said() {
    let upstream = Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    visitor.send(ASK);
    let mut connection = upstream.accept();
    let asked = connection.message();
    assert_eq!(asked.field("connection"), Some("upgrade"));
    assert_eq!(asked.field("upgrade"), Some("custom/1"));
    connection.send(AGREE);
    let agreed = visitor.head();
    assert_eq!(agreed.status(), 101);
    assert_eq!(agreed.field("connection"), Some("upgrade"));
    assert_eq!(agreed.field("upgrade"), Some("custom/1"));
}

#[test]
fn what_is_said_right_behind_the_heads_arrives() {
    let upstream = Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    visitor.send(format!("{ASK}from the visitor"));
    let mut connection = upstream.accept();
    connection.head();
    connection.send(format!("{AGREE}from the upstream"));
    assert_eq!(visitor.head().status(), 101);
    assert_eq!(visitor.take(17), b"from the upstream");
    assert_eq!(connection.take(16), b"from the visitor");
}

#[test]
fn a_tunnel_ends_with_each_side_on_its_own() {
    let upstream = Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    visitor.send(ASK);
    let mut connection = upstream.accept();
    connection.head();
    connection.send(AGREE);
    visitor.head();
    wait_until("a tunnel", || plane.counters().tunnels == 1);
    visitor.send("last words");
    visitor.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(connection.rest(), b"last words");
    connection.send("an answer");
    drop(connection);
    assert_eq!(visitor.rest(), b"an answer");
    wait_until("no tunnel", || plane.counters().tunnels == 0);
}

#[test]
fn a_tunnel_to_what_was_not_asked_for_gets_502() {
    for answer in [
        "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n",
        "HTTP/1.1 101 Go\r\nConnection: upgrade\r\n\r\n",
    ] {
        let upstream = Upstream::new();
        let plane = start(&upstream);
        let mut visitor = plane.visit();
        visitor.send(ASK);
        let mut connection = upstream.accept();
        connection.head();
        connection.send(answer);
        assert_eq!(visitor.message().status(), 502, "{answer}");
        assert_eq!(connection.rest(), b"");
    }
}

#[test]
fn a_refused_upgrade_is_an_ordinary_answer() {
    let upstream = Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    // What follows was meant for a tunnel that never was; it is the next request and nothing else.
    visitor.send(format!("{ASK}GET / HTTP/1.1\r\nHost: b.test\r\n\r\n"));
    let mut connection = upstream.accept();
    connection.message();
    connection.reply("no");
    assert_eq!(visitor.message().text(), "no");
    assert_eq!(visitor.message().text(), "b");
}

#[test]
fn http2_is_never_tunneled() {
    let upstream = Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    visitor.send(
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    let mut connection = upstream.accept();
    let asked = connection.message();
    for gone in ["upgrade", "connection", "http2-settings"] {
        assert_eq!(asked.field(gone), None);
    }
    connection.reply("plain");
    assert_eq!(visitor.message().text(), "plain");
}

#[test]
fn a_visitor_of_1996_upgrades_nothing() {
    let upstream = Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    visitor.send(ASK.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(upstream.accept().message().field("upgrade"), None);
}

#[test]
fn a_tunnel_outlives_a_reload_that_takes_its_site_away() {
    let upstream = Upstream::new();
    let plane = start(&upstream);
    let mut visitor = plane.visit();
    visitor.send(ASK);
    let mut connection = upstream.accept();
    connection.head();
    connection.send(AGREE);
    visitor.head();
    plane.apply(plan([]), &[]);
    visitor.send("still");
    assert_eq!(connection.take(5), b"still");
    connection.send("here");
    assert_eq!(visitor.take(4), b"here");
}

#[test]
fn a_tunnel_is_cut_when_a_drain_runs_out_of_time() {
    let upstream = Upstream::new();
    let mut plane = start(&upstream);
    let mut visitor = plane.visit();
    visitor.send(ASK);
    let mut connection = upstream.accept();
    connection.head();
    connection.send(AGREE);
    visitor.head();
    let draining = plane.drain(Duration::from_millis(100));
    visitor.send("still");
    assert_eq!(connection.take(5), b"still");
    assert_eq!(draining.join().unwrap(), 1);
    assert_eq!(visitor.rest(), b"");
    assert_eq!(connection.rest(), b"");
}
