//! Visitors that ask and then end their side of the connection: `nc -N`, and old scripts.

use std::net::Shutdown;
use std::process::Command;
use std::time::Duration;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::respond;
use crate::harness::site;
use crate::harness::wait_until;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

#[test]
fn who_ends_its_side_gets_its_answer_and_then_the_end() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    visitor.stream.shutdown(Shutdown::Write).unwrap();
    let mut connection = upstream.accept();
    connection.message();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(visitor.head().status(), 200);
    connection.send("world");
    assert_eq!(visitor.take(10), b"helloworld");
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn several_requests_before_the_end_are_all_answered() {
    let plane = Plane::start(plan([site("a.test", respond("here"))]));
    let mut visitor = plane.visit();
    visitor.send(GET.repeat(3));
    visitor.stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert_eq!(visitor.message().text(), "here");
    }
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn who_does_not_come_back_is_gone() {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    visitor.stream.shutdown(Shutdown::Write).unwrap();
    let mut connection = upstream.accept();
    connection.message();
    assert_eq!(connection.rest(), b"", "the upstream works for nobody");
    assert_eq!(visitor.rest(), b"");
}

/// The end of a side is always ready to be read, so that whoever reads it again and again takes a core.
#[test]
fn who_waits_for_a_peer_that_ended_its_side_uses_no_processor() {
    let tests = std::env::current_exe().unwrap();
    let alone = Command::new(tests)
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("half_closed::waiting_in_a_process_of_its_own")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(
        alone.status.success() && said.contains("1 passed"),
        "{alone:?}"
    );
}

#[test]
#[ignore = "processor time is that of a whole process; the test above starts one"]
fn waiting_in_a_process_of_its_own() {
    // Less than what a visitor that ended its side is waited for, and than any limit of a phase.
    const WAIT: Duration = Duration::from_millis(1500);
    let upstream = Upstream::new();
    let plane = Plane::start_one(plan([site("a.test", proxy_to(&upstream))]));
    let mut half = Vec::new();
    let mut apps = Vec::new();
    let whole_post = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nok";
    let tunnel =
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: custom/1\r\n\r\n";
    for request in [GET, whole_post, tunnel] {
        let mut visitor = plane.visit();
        visitor.send(request);
        let mut app = upstream.accept();
        app.message();
        if request == tunnel {
            app.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: custom/1\r\n\r\n");
            visitor.head();
        }
        visitor.stream.shutdown(Shutdown::Write).unwrap();
        half.push(visitor);
        apps.push(app);
    }
    // A body that never ends is the one of a visitor who is gone.
    let mut cut = plane.visit();
    cut.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nhello");
    let mut app = upstream.accept();
    app.head();
    cut.stream.shutdown(Shutdown::Write).unwrap();
    wait_until("the tunnel is open", || plane.counters().tunnels == 1);

    let mut before = processor_time();
    while before == processor_time() {} // It does move when the processor is used.
    before = processor_time();
    let waiting = &mut half[0].stream;
    waiting.set_read_timeout(Some(WAIT)).unwrap();
    let nothing = std::io::Read::read(waiting, &mut [0]);
    assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    let used = processor_time() - before;
    assert!(used < WAIT / 4, "{used:?} of {WAIT:?}");
}

/// Of all threads (proc_pid_stat(5)).
fn processor_time() -> Duration {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, behind_name) = stat.rsplit_once(") ").unwrap();
    let (user, system) = (11, 12);
    let fields: Vec<_> = behind_name.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    Duration::from_millis((ticks(user) + ticks(system)) * 1000 / TICKS_PER_SECOND)
}
