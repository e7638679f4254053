//! What is counted of each site, and what open connections speak.

use ondol_proxy::Counters;
use ondol_proxy::SiteCounts;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::passed_site;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::secure_site;
use crate::harness::site;
use crate::harness::wait_until;
use crate::passthrough::hello;

const UPGRADE: &str =
    "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: custom/1\r\n\r\n";

fn of(plane: &Plane, site: &str) -> SiteCounts {
    plane
        .running()
        .sites()
        .get(site)
        .copied()
        .unwrap_or_default()
}

/// Open connections: those of HTTP/1.1, of HTTP/2, tunnels, and what is passed on.
fn open(plane: &Plane) -> [u64; 4] {
    let Counters {
        connections,
        http2,
        tunnels,
        passing,
        ..
    } = plane.counters();
    [
        connections - http2 - tunnels,
        http2,
        tunnels - passing,
        passing,
    ]
}

#[test]
fn each_site_has_its_own_requests_whichever_core_has_them() {
    let sites = [
        site("a.test", respond("hello")),
        site("b.test", respond("b")),
    ];
    let plane = Plane::start(plan(sites));
    for _ in 0..8 {
        let mut visitor = plane.visit(); // Another core for some of them.
        assert_eq!(visitor.get("a.test", "/").status(), 200);
        assert_eq!(visitor.get("c.test", "/").status(), 404);
    }
    plane.visit().get("b.test", "/");
    let mut garbage = plane.visit();
    garbage.send("what\r\n\r\n").rest();
    wait_until("all ends", || {
        plane.counters().responses.iter().sum::<u64>() == 18
    });
    let a = of(&plane, "a.test");
    assert_eq!(
        (a.responses, a.bytes_sent, a.in_flight),
        ([0, 8, 0, 0, 0], 40, 0)
    );
    assert_eq!(a.latency.iter().sum::<u64>(), 8);
    assert!(a.duration_us > 0);
    assert_eq!(of(&plane, "b.test").responses, [0, 1, 0, 0, 0]);
    assert_eq!(of(&plane, "").responses, [0, 0, 0, 9, 0]);
    assert_eq!(plane.running().sites().len(), 3);
}

#[test]
fn a_request_is_under_way_until_its_answer_has_ended() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut asked = upstream.accept();
    asked.message();
    let one = SiteCounts {
        in_flight: 1,
        ..SiteCounts::default()
    };
    assert_eq!(of(&plane, "a.test"), one);
    asked.send("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\na");
    visitor.head();
    assert_eq!(of(&plane, "a.test"), one);
    asked.send("b");
    wait_until("its end", || of(&plane, "a.test").in_flight == 0);
    assert_eq!(of(&plane, "a.test").responses, [0, 0, 0, 0, 1]);
    // Who leaves before the answer counts too, once.
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    asked.message();
    assert_eq!(of(&plane, "a.test").in_flight, 1);
    drop(visitor);
    wait_until("its end", || of(&plane, "a.test").in_flight == 0);
    assert_eq!(of(&plane, "a.test").responses, [0, 0, 0, 1, 1]);
}

#[test]
fn a_reload_keeps_what_was_counted_of_sites_that_stay() {
    let upstream = Upstream::new();
    let both = [
        site("a.test", proxy_to(&upstream)),
        site("b.test", respond("b")),
    ];
    let plane = Plane::start(plan(both));
    plane.visit().get("b.test", "/");
    let mut visitor = plane.visit();
    visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut asked = upstream.accept();
    asked.message();
    plane.apply(
        plan([site("c.test", respond("c")), site("a.test", respond("new"))]),
        &[],
    );
    assert_eq!(of(&plane, "a.test").in_flight, 1);
    asked.reply("old");
    assert_eq!(visitor.message().text(), "old");
    plane.visit().get("a.test", "/");
    wait_until("both", || of(&plane, "a.test").responses[1] == 2);
    let names: Vec<_> = plane.running().sites().into_keys().collect();
    assert_eq!(
        names.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["", "a.test", "c.test"]
    );
}

#[test]
fn connections_are_counted_by_what_they_speak() {
    let upstream = Upstream::new();
    let machine = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let sites = [
        site("a.test", proxy_to(&upstream)),
        secure_site("b.test", respond("b")),
        passed_site("other.test", &[machine.local_addr().unwrap()], None),
    ];
    let plane = Plane::start_with(plan(sites), &[&Identity::new(&["b.test"])]);
    let mut first = plane.visit();
    first.send(UPGRADE);
    let mut tunnel = upstream.accept();
    tunnel.message();
    assert_eq!(open(&plane), [1, 0, 0, 0]);
    tunnel.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: custom/1\r\n\r\n");
    first.head();
    wait_until("a tunnel", || open(&plane) == [0, 0, 1, 0]);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "b.test").await;
        visitor.get("https://b.test/").await.unwrap();
        assert_eq!(open(&plane), [0, 1, 1, 0]);
        drop(visitor.send);
        let _ = visitor.connection.await;
    });
    let mut passed = plane.connect_tls();
    let hello = hello("other.test");
    std::io::Write::write_all(&mut passed, &hello).unwrap();
    let other = machine.accept().unwrap();
    wait_until("what is passed on", || open(&plane)[3] == 1);
    drop((first, tunnel, passed, other));
    wait_until("all ends", || open(&plane) == [0, 0, 0, 0]);
}
