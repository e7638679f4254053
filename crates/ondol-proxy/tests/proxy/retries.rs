//! What is sent again, to whom, and what never is.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use ondol_model::Target;
use ondol_model::balance::Balance;
use ondol_model::plan::Proxy;
use ondol_model::upstream::Upstream as Address;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::site;

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const BODILESS_DELETE: &str = "DELETE / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody";
const EMPTY_POST: &str = "POST / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const PUT: &str = "PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody";

/// A server that says this to everyone, and how many have asked it; nothing is a connection closed.
fn saying(answer: &'static str) -> (Address, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let address = Upstream::answering(move |_| {
        counted.fetch_add(1, SeqCst);
        answer.to_owned()
    });
    (address, count)
}

const BREAKS: &str = "";
const HALF_A_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Le";
const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";

/// Asks once where servers say this, the first being the first; the status, and how many each had.
fn ask(request: &str, answers: &[&'static str], retry: impl Fn(&mut Proxy)) -> (u16, Vec<usize>) {
    let (addresses, counts): (Vec<_>, Vec<_>) = answers.iter().copied().map(saying).unzip();
    let mut proxy = Proxy::to(addresses);
    proxy.balance = Balance::RoundRobin;
    retry(&mut proxy);
    let plane = Plane::start_one(plan([site("a.test", Target::Proxy(proxy))]));
    let status = plane.visit().send(request).message().status();
    let counts = counts.iter().map(|count| count.load(SeqCst)).collect();
    (status, counts)
}

#[test]
fn what_may_happen_twice_is_sent_to_another_once() {
    for request in [GET, BODILESS_DELETE] {
        assert_eq!(ask(request, &[BREAKS, FINE], |_| {}), (200, vec![1, 1]));
        let more = [BREAKS, BREAKS, FINE];
        assert_eq!(ask(request, &more, |_| {}), (502, vec![1, 1, 0]));
        let twice = |proxy: &mut Proxy| proxy.retry.times = 2;
        assert_eq!(ask(request, &more, twice), (200, vec![1, 1, 1]));
        let never = |proxy: &mut Proxy| proxy.retry.times = 0;
        assert_eq!(ask(request, &[BREAKS, FINE], never), (502, vec![1, 0]));
        assert_eq!(ask(request, &[BREAKS], |_| {}), (502, vec![1]));
    }
}

#[test]
fn what_must_not_happen_twice_is_sent_once() {
    for request in [POST, EMPTY_POST, PUT] {
        let often = |proxy: &mut Proxy| {
            proxy.retry.times = 10;
            proxy.retry.statuses = vec![503];
        };
        assert_eq!(ask(request, &[BREAKS, FINE], often), (502, vec![1, 0]));
        assert_eq!(ask(request, &[BUSY, FINE], often), (503, vec![1, 0]));
    }
}

#[test]
fn a_status_is_an_answer_unless_it_is_asked_for_again() {
    let asked_for = |proxy: &mut Proxy| proxy.retry.statuses = vec![502, 503];
    assert_eq!(ask(GET, &[BUSY, FINE], |_| {}), (503, vec![1, 0]));
    assert_eq!(ask(GET, &[BUSY, FINE], asked_for), (200, vec![1, 1]));
    // There is no better one: what was said last is passed on.
    assert_eq!(ask(GET, &[BUSY, BUSY], asked_for), (503, vec![1, 1]));
    assert_eq!(ask(GET, &[BUSY], asked_for), (503, vec![1]));
}

#[test]
fn nothing_is_sent_again_when_the_time_is_over() {
    let over = |proxy: &mut Proxy| proxy.retry.within = std::time::Duration::ZERO;
    assert_eq!(ask(GET, &[BREAKS, FINE], over), (502, vec![1, 0]));
}

/// The second has the request alone, and its visitor sees nothing of the first.
#[test]
fn a_server_that_dies_in_its_head_is_forgotten() {
    let dying = Upstream::new();
    let (fine, _) = saying(FINE);
    let mut proxy = Proxy::to(vec![dying.address(), fine]);
    proxy.balance = Balance::RoundRobin;
    let plane = Plane::start_one(plan([site("a.test", Target::Proxy(proxy))]));
    let mut visitor = plane.visit();
    visitor.send(GET);
    let mut connection = dying.accept();
    connection.message();
    connection.send(HALF_A_HEAD);
    drop(connection);
    assert_eq!(visitor.message().text(), "fine");
}
