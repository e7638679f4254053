//! What an upstream gets of a request, byte for byte.

use ondol_model::network::Network;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;

/// What an upstream gets of a request, with the request id made the same for all.
fn forwarded(request: &str) -> String {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(request);
    let mut connection = upstream.accept();
    let got = connection.message();
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
    without_id(&got)
}

fn without_id(request: &Message) -> String {
    let id = request.field("x-request-id").expect("an id").to_owned();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let body = String::from_utf8_lossy(&request.body);
    let via = request.field("via").expect("a way");
    let head = request.head.replace(&id, "ID");
    let told = ["1.1", "2.0"].iter().find(|it| via.starts_with(*it));
    assert!(told.is_some() && via[3..].starts_with(" ondol-"), "{via}");
    format!("{}{body}", head.replace(via, "VERSION ondol-NAME"))
}

const FORWARDING: &str = "x-forwarded-for: 127.0.0.1\r\nx-real-ip: 127.0.0.1\r\n\
    x-forwarded-proto: http\r\nx-forwarded-host: a.test\r\nx-request-id: ID\r\n\
    via: VERSION ondol-NAME\r\n";

#[test]
fn a_plain_get_arrives_with_what_the_upstream_must_know() {
    let got = forwarded("GET /p/a%20th?q=1 HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n");
    let want =
        format!("GET /p/a%20th?q=1 HTTP/1.1\r\nhost: a.test\r\naccept: */*\r\n{FORWARDING}\r\n");
    assert_eq!(got, want);
}

#[test]
fn what_concerns_one_connection_stays_behind() {
    let got = forwarded(
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, X-Own, X-Forwarded-For\r\nX-Own: 1\r\n\
         Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nTE: gzip, trailers\r\n\
         Trailer: x\r\nProxy: http://evil.test\r\nExpect: 100-continue\r\nX-Stays: 1\r\n\r\n",
    );
    let want = format!(
        "GET / HTTP/1.1\r\nhost: a.test\r\nx-stays: 1\r\n{FORWARDING}te: trailers\r\nconnection: te\r\n\r\n"
    );
    assert_eq!(got, want);
}

#[test]
fn what_a_visitor_says_of_itself_is_not_believed() {
    let got = forwarded(
        "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 1\r\n\
         Forwarded: for=1.2.3.4\r\nX-Request-Id: mine\r\n\r\n",
    );
    let want = format!("GET / HTTP/1.1\r\nhost: a.test\r\n{FORWARDING}\r\n");
    assert_eq!(got, want);
}

#[test]
fn what_an_app_could_take_for_our_word_is_dropped() {
    let got = forwarded(
        "GET / HTTP/1.1\r\nHost: a.test\r\nX_Forwarded_For: 1.2.3.4\r\nX-Real_IP: 1.2.3.4\r\n\
         X_Forwarded-Proto: https\r\nX.Forwarded.For: 1.2.3.4\r\nContent_Length: 5\r\nRemote_User: a\r\n\
         Remote.User: a\r\nx-own: 1\r\n\r\n",
    );
    let want = format!("GET / HTTP/1.1\r\nhost: a.test\r\nx-own: 1\r\n{FORWARDING}\r\n");
    assert_eq!(got, want);
}

#[test]
fn what_a_trusted_proxy_says_is_passed_on() {
    let upstream = Upstream::new();
    let mut plan = plan([site("a.test", proxy_to(&upstream))]);
    plan.listen.trusted_proxies = vec![
        Network::parse("127.0.0.1").unwrap(),
        Network::parse("10.0.0.0/8").unwrap(),
    ];
    let plane = Plane::start(plan);
    let mut visitor = plane.visit();
    visitor.send(
        "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.1\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: b.test\r\nX-Real-IP: 6.6.6.6\r\n\r\n",
    );
    let got = upstream.accept().message();
    let chain = got.field("x-forwarded-for");
    assert_eq!(chain, Some("6.6.6.6, 1.2.3.4, 10.0.0.1, 127.0.0.1"));
    assert_eq!(got.field("x-real-ip"), Some("1.2.3.4"));
    assert_eq!(got.field("x-forwarded-proto"), Some("https"));
    assert_eq!(got.field("x-forwarded-host"), Some("b.test"));
}

#[test]
fn a_target_without_a_path_gets_one() {
    for (target, arrives) in [("http://a.test", "/"), ("http://a.test?x", "/?x")] {
        let got = forwarded(&format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        assert!(
            got.starts_with(&format!("GET {arrives} HTTP/1.1\r\n")),
            "{got}"
        );
    }
}

#[test]
fn the_host_arrives_as_the_visitor_wrote_it() {
    let got = forwarded("GET http://A.test:81/x HTTP/1.1\r\nHost: a.TEST:81\r\n\r\n");
    assert!(
        got.starts_with("GET /x HTTP/1.1\r\nhost: A.test:81\r\n"),
        "{got}"
    );
}

#[test]
fn an_empty_post_says_that_it_is_empty() {
    for length in ["", "Content-Length: 0\r\n"] {
        let got = forwarded(&format!("POST / HTTP/1.1\r\nHost: a.test\r\n{length}\r\n"));
        assert!(got.ends_with("\r\ncontent-length: 0\r\n\r\n"), "{got}");
    }
    let got = forwarded("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert!(!got.contains("content-length"), "{got}");
}

#[test]
fn a_body_of_known_length_keeps_it() {
    let got = forwarded("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
    assert!(got.ends_with("\r\ncontent-length: 5\r\n\r\nhello"), "{got}");
    assert!(!got.contains("transfer-encoding"), "{got}");
}

#[test]
fn a_chunked_body_is_chunked_anew_without_its_extensions() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n\
         5;name=value\r\nhello\r\n00\r\nX-Trailer: 1\r\n\r\n",
    );
    let mut connection = upstream.accept();
    let head = connection.head();
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    assert_eq!(head.field("content-length"), None);
    let want = b"5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(connection.take(want.len()), want);
    connection.reply("ok");
    assert_eq!(visitor.message().text(), "ok");
}

#[test]
fn what_http2_splits_is_one_again() {
    let (requests, got) = std::sync::mpsc::channel();
    let address = Upstream::answering(move |request| {
        requests.send(request.clone()).unwrap();
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()
    });
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(
        plan([secure_site("a.test", proxy_to_all([address]))]),
        &[&identity],
    );
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let request = http::Request::get("https://a.test/x?y")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("te", "trailers")
            .body(http_body_util::combinators::BoxBody::default());
        let answer = visitor.request(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
    });
    let want = "GET /x?y HTTP/1.1\r\nhost: a.test\r\ncookie: a=1; b=2\r\n";
    let forwarding = FORWARDING.replace("http\r\n", "https\r\n");
    assert_eq!(
        without_id(&got.recv().unwrap()),
        format!("{want}{forwarding}te: trailers\r\nconnection: te\r\n\r\n")
    );
}

#[test]
fn an_upstream_on_a_unix_socket_is_asked_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::unix(folder.path());
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut connection = upstream.accept();
    assert_eq!(connection.message().field("host"), Some("a.test"));
    connection.reply("by unix");
    assert_eq!(visitor.message().text(), "by unix");
}

#[test]
fn visitors_wait_while_the_queue_of_a_unix_socket_is_full() {
    const VISITORS: u64 = 6;
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::unix(folder.path());
    let Upstream::Unix(listener) = &upstream else {
        panic!("it is one");
    };
    rustix::net::listen(listener, 0).unwrap();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitors: Vec<_> = (0..VISITORS).map(|_| plane.visit()).collect();
    for visitor in &mut visitors {
        visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    }
    wait_until("all have asked", || plane.counters().requests == VISITORS);
    let mut connections: Vec<_> = (0..VISITORS).map(|_| upstream.accept()).collect();
    for connection in &mut connections {
        connection.message();
        connection.reply("served");
    }
    for visitor in &mut visitors {
        assert_eq!(visitor.message().text(), "served");
    }
}
