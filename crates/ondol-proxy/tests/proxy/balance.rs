//! Which of several servers gets a request.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use ondol_model::Target;
use ondol_model::balance::Balance;
use ondol_model::network::Network;
use ondol_model::plan::Proxy;
use ondol_model::plan::Server;
use ondol_model::upstream::Upstream as Address;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::site;
use crate::harness::wait_until;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

fn saying(text: &'static str) -> Address {
    Upstream::answering(move |_| format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{text}"))
}

fn balanced(balance: Balance, servers: impl IntoIterator<Item = (Address, u8)>) -> Target {
    let servers = servers
        .into_iter()
        .map(|(upstream, weight)| Server { upstream, weight });
    Target::Proxy(Proxy {
        balance,
        servers: servers.collect(),
        ..Proxy::to(Vec::new())
    })
}

#[test]
fn turns_are_taken_by_weight() {
    for balance in [Balance::RoundRobin, Balance::LeastConnections] {
        let target = balanced(balance, [(saying("a"), 3), (saying("b"), 1)]);
        let plane = Plane::start_one(plan([site("a.test", target)]));
        let mut visitor = plane.visit();
        let texts: Vec<_> = (0..8)
            .map(|_| visitor.get("a.test", "/").text().to_owned())
            .collect();
        assert_eq!(texts.concat(), "aabaaaba", "{balance:?}");
    }
}

#[test]
fn who_is_busy_gets_no_more_while_another_is_free() {
    let (a, b) = (Upstream::new(), Upstream::new());
    let servers = [(a.address(), 1), (b.address(), 1)];
    let target = balanced(Balance::LeastConnections, servers);
    let plane = Plane::start_one(plan([site("a.test", target)]));
    let mut first = plane.visit();
    first.send(GET);
    let mut busy = a.accept();
    busy.message();
    let mut second = plane.visit();
    second.send(GET);
    let mut free = b.accept();
    for _ in 0..3 {
        free.message();
        free.reply("b");
        assert_eq!(second.message().text(), "b");
        second.send(GET);
    }
    free.message();
    // An answer that has begun is still work, until its end.
    busy.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
    first.head();
    for _ in 0..2 {
        free.reply("b");
        assert_eq!(second.message().text(), "b");
        second.send(GET);
        free.message();
    }
    assert_eq!(first.take(1), b"a");
    busy.send("a");
    assert_eq!(first.take(1), b"a");
}

/// Each worker sees its own visitors alone.
#[test]
fn requests_are_counted_across_workers() {
    let gate = Arc::new(AtomicBool::new(false));
    let counts = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let servers = counts.clone().map(|count| {
        let gate = Arc::clone(&gate);
        let address = Upstream::answering(move |_| {
            count.fetch_add(1, SeqCst);
            wait_until("the gate", || gate.load(SeqCst));
            "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
        });
        (address, 1)
    });
    let target = balanced(Balance::LeastConnections, servers);
    let plane = Plane::start(plan([site("a.test", target)]));
    let mut visitors = Vec::new();
    for sent in 1..=12 {
        let mut visitor = plane.visit();
        visitor.send(GET);
        let begun = || counts.iter().map(|count| count.load(SeqCst)).sum::<usize>();
        wait_until("the request", || begun() == sent);
        visitors.push(visitor);
    }
    assert_eq!(counts.each_ref().map(|count| count.load(SeqCst)), [6, 6]);
    gate.store(true, SeqCst);
    for visitor in &mut visitors {
        assert_eq!(visitor.message().status(), 204);
    }
}

#[test]
fn an_open_websocket_is_work() {
    let (a, b) = (Upstream::new(), Upstream::new());
    let servers = [(a.address(), 1), (b.address(), 1)];
    let target = balanced(Balance::LeastConnections, servers);
    let plane = Plane::start_one(plan([site("a.test", target)]));
    let mut talker = plane.visit();
    talker.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    let mut tunnel = a.accept();
    tunnel.message();
    tunnel.send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    assert_eq!(talker.message().status(), 101);
    wait_until("the tunnel", || plane.counters().tunnels == 1);
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut free = b.accept();
    for _ in 0..3 {
        free.message();
        free.reply("b");
        assert_eq!(visitor.message().text(), "b");
        visitor.send(GET);
    }
    free.message();
    drop(talker);
    assert_eq!(tunnel.rest(), b"");
    drop(tunnel);
    wait_until("its end", || plane.counters().tunnels == 0);
    // The other one has a request, and nothing is left of the WebSocket.
    let mut next = plane.visit();
    next.send(GET);
    a.accept().message();
}

#[test]
fn a_visitor_keeps_its_server() {
    let servers = || [("a", 1), ("b", 1), ("c", 1)].map(|(text, weight)| (saying(text), weight));
    let servers = servers();
    let serve = |servers: &[(Address, u8)]| {
        let target = balanced(Balance::ClientHash, servers.iter().cloned());
        let mut plan = plan([site("a.test", target)]);
        plan.listen.trusted_proxies = vec![Network::parse("127.0.0.0/8").unwrap()];
        plan
    };
    let plane = Plane::start(serve(&servers));
    let ask = |client: u8| {
        let address = Ipv4Addr::new(192, 0, 2, client);
        let request =
            format!("GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: {address}\r\n\r\n");
        plane.visit().send(request).message().text().to_owned()
    };
    let before: Vec<_> = (0..40).map(ask).collect();
    assert_eq!((0..40).map(ask).collect::<Vec<_>>(), before);
    for text in ["a", "b", "c"] {
        assert!(before.iter().any(|it| it == text), "{before:?}");
    }
    // Only those whose server goes have another.
    plane.apply(serve(&servers[..2]), &[]);
    for (after, before) in (0..40).map(ask).zip(before) {
        assert!(after == before || before == "c", "{after} {before}");
    }
}
