//! Servers that fail, are left out, and come back.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::balance::Balance;
use ondol_model::event::EventKind;
use ondol_model::plan::HealthCheck;
use ondol_model::plan::Proxy;
use ondol_model::upstream::Upstream as Address;

use crate::harness::Http2Upstream;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::reply;
use crate::harness::site;
use crate::harness::wait_until;

const FOR_GOOD: Duration = Duration::from_secs(3600);
const A_MOMENT: Duration = Duration::from_millis(5);

/// A server that can be made sick and well: it breaks off, or answers its name.
#[derive(Debug, Clone)]
struct Patient {
    address: Address,
    is_sick: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Patient {
    fn new(name: &'static str) -> Self {
        Self::with(name, "")
    }

    fn with(name: &'static str, when_sick: &'static str) -> Self {
        let is_sick = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicUsize::new(0));
        let (sick, count) = (Arc::clone(&is_sick), Arc::clone(&asked));
        let address = Upstream::answering(move |_| {
            count.fetch_add(1, SeqCst);
            match sick.load(SeqCst) {
                true => when_sick.to_owned(),
                false => format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{name}"),
            }
        });
        Self {
            address,
            is_sick,
            asked,
        }
    }

    fn set_sick(&self, is_sick: bool) {
        self.is_sick.store(is_sick, SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

/// Servers in turn, of which one that fails twice is left out for good.
fn proxy(servers: &[&Patient]) -> Proxy {
    let addresses = servers.iter().map(|server| server.address.clone());
    let mut proxy = Proxy::to(addresses.collect());
    proxy.balance = Balance::RoundRobin;
    proxy.failing.max_fails = 2;
    proxy.failing.window = FOR_GOOD;
    proxy.failing.out = FOR_GOOD;
    proxy.failing.slow_start = Duration::ZERO;
    proxy
}

fn serve(proxy: &Proxy) -> Plan {
    plan([site("a.test", Target::Proxy(proxy.clone()))])
}

fn texts(plane: &Plane, count: usize) -> String {
    let mut visitor = plane.visit();
    let texts = (0..count).map(|_| visitor.get("a.test", "/").text().to_owned());
    texts.collect()
}

/// What the owner was told of servers, as the words it begins with.
fn told(plane: &Plane) -> Vec<String> {
    let failures = plane.failures().into_iter();
    let upstreams = failures.filter(|failure| failure.kind == EventKind::Upstream);
    upstreams.map(|failure| failure.message).collect()
}

#[test]
fn a_server_that_fails_is_left_out_and_the_owner_told_once() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    a.set_sick(true);
    let plane = Plane::start(serve(&proxy(&[&a, &b])));
    assert_eq!(texts(&plane, 20), "b".repeat(20));
    assert_eq!(a.asked(), 2);
    wait_until("a word about it", || !told(&plane).is_empty());
    assert_eq!(texts(&plane, 20), "b".repeat(20));
    let told = told(&plane);
    assert_eq!(told.len(), 1, "{told:?}");
    let beginning = format!("{} (a.test) does not answer as it should: ", a.address);
    assert!(told[0].starts_with(&beginning), "{told:?}");
    assert!(told[0].contains("broke off"), "{told:?}");
    let mut states = plane.servers();
    states.sort_by_key(|state| state.trouble.is_some());
    let [up, down] = &states[..] else {
        panic!("{states:?}")
    };
    assert_eq!(up.address, b.address.to_string());
    assert_eq!(down.address, a.address.to_string());
    assert_eq!(
        (&up.trouble, &*up.sites),
        (&None, &["a.test".to_owned()][..])
    );
    wait_until("the end of all", || {
        plane.servers().iter().all(|state| state.requests == 0)
    });
}

#[test]
fn a_server_that_is_not_there_is_left_out() {
    let b = Patient::new("b");
    let mut proxy = proxy(&[&b]);
    proxy
        .servers
        .insert(0, ondol_model::plan::Server::at(Upstream::gone()));
    let plane = Plane::start_one(serve(&proxy));
    assert_eq!(texts(&plane, 6), "b".repeat(6));
    wait_until("a word about it", || !told(&plane).is_empty());
}

#[test]
fn one_request_tries_it_when_its_time_is_over() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    a.set_sick(true);
    let mut proxy = proxy(&[&a, &b]);
    proxy.failing.out = A_MOMENT;
    let plane = Plane::start_one(serve(&proxy));
    assert_eq!(texts(&plane, 10), "b".repeat(10));
    wait_until("a word about it", || !told(&plane).is_empty());
    a.set_sick(false);
    wait_until("its return", || texts(&plane, 1) == "a");
    let after = texts(&plane, 4);
    assert!(["abab", "baba"].contains(&&*after), "{after}");
    wait_until("both words", || told(&plane).len() >= 2);
    let last = told(&plane).pop().unwrap();
    assert!(
        last.ends_with("answers again, and gets its requests"),
        "{last}"
    );
}

#[test]
fn what_cannot_be_repeated_tries_it_later_than_the_rest() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    a.set_sick(true);
    let mut proxy = proxy(&[&a, &b]);
    proxy.failing.out = FOR_GOOD;
    let plane = Plane::start_one(serve(&proxy));
    assert_eq!(texts(&plane, 4), "bbbb");
    let post = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody";
    let mut visitor = plane.visit();
    for _ in 0..4 {
        assert_eq!(visitor.send(post).message().text(), "b");
    }
}

#[test]
fn when_all_are_out_all_are_asked() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    for server in [&a, &b] {
        server.set_sick(true);
    }
    let plane = Plane::start_one(serve(&proxy(&[&a, &b])));
    for _ in 0..6 {
        assert_eq!(plane.visit().get("a.test", "/").status(), 502);
    }
    // Each of the six asked both.
    assert_eq!((a.asked(), b.asked()), (6, 6));
    b.set_sick(false);
    assert_eq!(texts(&plane, 1), "b");
    // It has shown that it is well; the other has not.
    assert_eq!(texts(&plane, 4), "bbbb");
}

#[test]
fn a_visitor_who_leaves_is_no_failure() {
    let a = Upstream::new();
    let b = Patient::new("b");
    let mut proxy = proxy(&[&b]);
    proxy.failing.max_fails = 1;
    proxy
        .servers
        .insert(0, ondol_model::plan::Server::at(a.address()));
    let plane = Plane::start_one(serve(&proxy));
    for _ in 0..3 {
        let mut visitor = plane.visit();
        visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        let mut connection = a.accept();
        connection.message();
        drop(visitor);
        assert_eq!(connection.rest(), b"");
        assert_eq!(texts(&plane, 1), "b");
    }
    assert!(told(&plane).is_empty());
}

#[test]
fn an_answer_is_a_failure_where_it_is_said_so() {
    let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\nx";
    let (a, b) = (Patient::with("a", busy), Patient::new("b"));
    a.set_sick(true);
    let mut proxy = proxy(&[&a, &b]);
    let plane = Plane::start_one(serve(&proxy));
    assert_eq!(texts(&plane, 8), "xbxbxbxb");
    proxy.failing.statuses = vec![503];
    plane.apply(serve(&proxy), &[]);
    assert_eq!(texts(&plane, 8), "xbxbbbbb");
}

#[test]
fn a_server_that_never_is_left_out_is_always_asked() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    a.set_sick(true);
    let mut proxy = proxy(&[&a, &b]);
    proxy.failing.max_fails = 0;
    let plane = Plane::start_one(serve(&proxy));
    assert_eq!(texts(&plane, 10), "b".repeat(10));
    assert_eq!(a.asked(), 5);
}

#[test]
fn who_is_out_stays_out_over_a_reload() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    a.set_sick(true);
    let proxy = proxy(&[&a, &b]);
    let plane = Plane::start(serve(&proxy));
    assert_eq!(texts(&plane, 10), "b".repeat(10));
    a.set_sick(false);
    let mut next = serve(&proxy);
    next.sites
        .push(site("b.test", crate::harness::respond("new")));
    plane.apply(next, &[]);
    assert_eq!(plane.visit().get("b.test", "/").text(), "new");
    assert_eq!(texts(&plane, 10), "b".repeat(10));
    assert_eq!(a.asked(), 2);
    wait_until("a word about it", || !told(&plane).is_empty());
    assert_eq!(told(&plane).len(), 1);
}

fn often(path: &str) -> HealthCheck {
    let mut check = HealthCheck::of(path.to_owned());
    check.interval = A_MOMENT;
    check
}

#[test]
fn a_server_whose_check_fails_gets_nothing_until_it_passes() {
    let not_well = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
    let (a, b) = (Patient::with("a", not_well), Patient::new("b"));
    let mut proxy = proxy(&[&a, &b]);
    proxy.health = Some(Box::new(often("/up")));
    let plane = Plane::start(serve(&proxy));
    a.set_sick(true);
    wait_until("a word about it", || !told(&plane).is_empty());
    let word = told(&plane).remove(0);
    assert!(word.contains("its health check got status 500"), "{word}");
    assert_eq!(texts(&plane, 10), "b".repeat(10));
    a.set_sick(false);
    wait_until("its return", || texts(&plane, 4).contains('a'));
    wait_until("the other word", || told(&plane).len() == 2);
}

#[test]
fn a_server_is_asked_once_for_all_who_use_it() {
    let upstream = Upstream::new();
    let mut proxy = Proxy::to(vec![upstream.address()]);
    let mut check = HealthCheck::of("/up?x=1".to_owned());
    check.interval = FOR_GOOD;
    check.host = Some("app.test:8080".to_owned());
    proxy.health = Some(Box::new(check));
    let target = || Target::Proxy(proxy.clone());
    let sites = || plan([site("a.test", target()), site("b.test", target())]);
    let plane = Plane::start(sites());
    let mut connection = upstream.accept();
    let request = connection.message();
    assert_eq!(request.line(), "GET /up?x=1 HTTP/1.1");
    assert_eq!(request.field("host"), Some("app.test:8080"));
    assert_eq!(request.field("user-agent"), Some("ondol-health"));
    connection.reply("");
    assert_eq!(connection.rest(), b"");
    plane.apply(sites(), &[]);
    // Whoever else was to ask would have been first.
    let mut visitor = plane.visit();
    visitor.send("GET /visit HTTP/1.1\r\nHost: b.test\r\n\r\n");
    let mut connection = upstream.accept();
    assert_eq!(connection.message().line(), "GET /visit HTTP/1.1");
    connection.reply("seen");
    assert_eq!(visitor.message().text(), "seen");
    assert!(upstream.is_left_alone());
}

#[test]
fn a_server_alone_is_asked_all_the_same() {
    let not_well = "HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\nx";
    let a = Patient::with("a", not_well);
    a.set_sick(true);
    let mut proxy = proxy(&[&a]);
    proxy.health = Some(Box::new(often("/up")));
    let plane = Plane::start(serve(&proxy));
    wait_until("a word about it", || !told(&plane).is_empty());
    let word = told(&plane).remove(0);
    assert!(
        word.contains("No other server can take its place"),
        "{word}"
    );
    assert_eq!(texts(&plane, 3), "xxx");
}

#[test]
fn a_server_that_was_down_when_it_left_the_plan_is_used_when_it_is_back_in_it() {
    let is_sick = Arc::new(AtomicBool::new(false));
    let a = held_or(&is_sick, "a");
    let b = held_or(&Arc::default(), "b");
    let c = Patient::new("c");
    let mut both = Proxy::to(vec![a.clone(), b]);
    both.balance = Balance::RoundRobin;
    both.failing.slow_start = Duration::ZERO;
    both.health = Some(Box::new(often("/up")));
    let plane = Plane::start(serve(&both));
    // Two answers that never end, one of each: what is known of their servers outlasts the plan.
    let mut visitors = [plane.visit(), plane.visit()];
    for visitor in &mut visitors {
        visitor.send("GET /held HTTP/1.1\r\nHost: a.test\r\n\r\n");
        assert_eq!(visitor.head().status(), 200);
    }
    is_sick.store(true, SeqCst);
    wait_until("a word about it", || !told(&plane).is_empty());
    let mut other = proxy(&[&c]);
    other.health = Some(Box::new(often("/up")));
    plane.apply(serve(&other), &[]);
    wait_until("the end of its checks", || c.asked() > 0);
    is_sick.store(false, SeqCst);
    plane.apply(serve(&both), &[]);
    wait_until("its return", || texts(&plane, 2).contains('a'));
}

/// A server that answers its name, never ends what it says of `/held`, and fails its checks while it is sick.
fn held_or(is_sick: &Arc<AtomicBool>, name: &'static str) -> Address {
    let is_sick = Arc::clone(is_sick);
    Upstream::answering(move |request| match request.line() {
        "GET /held HTTP/1.1" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx".to_owned(),
        "GET /up HTTP/1.1" if is_sick.load(SeqCst) => {
            "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned()
        }
        _ => format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{name}"),
    })
}

#[test]
fn a_server_of_http_2_is_checked_on_a_new_connection_each_time() {
    let upstream = Http2Upstream::new();
    let mut proxy = Proxy::to(vec![upstream.address()]);
    proxy.health = Some(Box::new(often("/up")));
    let plane = Plane::start_one(serve(&proxy));
    plane.block_on(async {
        for _ in 0..3 {
            let mut connection = upstream.accept().await;
            let (request, answering) = connection.request().await;
            assert_eq!(request.uri().path(), "/up");
            reply(answering, "well");
            assert!(connection.try_request().await.is_none(), "it was kept");
        }
    });
}
