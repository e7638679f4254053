//! The story of an alarm, as its people hear it: who is told, who is called next, and that all is well again.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;

/// The shortest interval is ten seconds, three looks must fail, and an incident waits half a minute for what belongs to
/// it; and the machine may be busy.
const TOLD_WITHIN: Duration = Duration::from_secs(150);

const SHOP: &str = "site:shop.test";

/// What was told to somebody.
struct Told {
    person: String,
    message: Value,
}

impl Told {
    fn is(&self, person: &str, kind: &str) -> bool {
        self.person == person && self.message["kind"] == kind
    }

    /// The machine of the test may have troubles of its own, such as a disk that is nearly full.
    fn is_of_the_test(&self) -> bool {
        self.message["subject"] == SHOP || self.message["kind"] == "test"
    }
}

/// Takes messages to everybody; whom they are for is the path.
struct Receiver {
    at: SocketAddr,
    told: mpsc::Receiver<Told>,
}

impl Receiver {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if take(stream).is_some_and(|one| tell.send(one).is_err()) {
                    return; // The test is over.
                }
            }
        });
        Self { at, told }
    }

    fn next(&self, running: &Running) -> Told {
        loop {
            match self.told.recv_timeout(TOLD_WITHIN) {
                Ok(told) if told.is_of_the_test() => return told,
                Ok(_) => {}
                Err(_) => panic!("nobody was told:\n{}", running.log()),
            }
        }
    }

    fn nothing_more(&self) {
        if let Some(more) = self.told.try_iter().find(Told::is_of_the_test) {
            panic!("{} was told: {}", more.person, more.message);
        }
    }
}

/// One request, answered.
fn take(stream: TcpStream) -> Option<Told> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    stream.get_mut().write_all(answer).ok()?;
    Some(Told {
        person: path.trim_start_matches('/').to_owned(),
        message: serde_json::from_slice(&body).ok()?,
    })
}

/// A shop behind the box, which can be pulled.
struct Shop {
    at: SocketAddr,
    is_there: Arc<AtomicBool>,
}

impl Shop {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let is_there = Arc::new(AtomicBool::new(true));
        let serves = Arc::clone(&is_there);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serves.load(Ordering::Relaxed) {
                    answer(stream);
                }
            }
        });
        Self { at, is_there }
    }

    fn set(&self, is_there: bool) {
        self.is_there.store(is_there, Ordering::Relaxed);
    }
}

fn answer(mut stream: TcpStream) {
    let mut request = [0; 4096];
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nshop";
    // Who asked may have gone.
    if stream.read(&mut request).is_ok_and(|length| length > 0) {
        let _ = stream.write_all(answer);
    }
}

/// A shop, and two people: the second is called when the first does not answer.
fn configuration(shop: SocketAddr, people: SocketAddr) -> String {
    format!(
        r#"
[box]
name = "seocho"

[listen]
http = ["127.0.0.1:0"]
https = []

[sites."shop.test"]
https = false
proxy = "http://{shop}"
check = {{ path = "/up", status = "2xx", contains = "shop" }}

[people.me]
webhook = "http://{people}/me"

[people.spouse]
webhook = "http://{people}/spouse"
language = "ko"
role = "hands"
runbook = "전원 단추를 눌러 주세요."

[alarms]
escalate = ["me", {{ after = "1s", to = "spouse" }}]

[watch]
interval = "10s"
internet = []
domains = false
disk = {{ warn = "2%", fail = "1%" }}
"#
    )
}

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr];
    String::from_utf8(both.concat()).unwrap()
}

/// Incidents of the shop that are open, and all that there were.
fn incidents(running: &Running) -> (usize, usize) {
    let alarms = running.ask("/alarms?all=true");
    let all = alarms["incidents"].as_array().unwrap().iter();
    let all: Vec<_> = all.filter(|one| one["subject"] == SHOP).collect();
    let is_open = |incident: &&&Value| incident["ended_at"].is_null();
    (all.iter().filter(is_open).count(), all.len())
}

#[test]
fn a_test_reaches_two_people() {
    let (shop, people) = (Shop::open(), Receiver::open());
    let running = Folders::with(&configuration(shop.at, people.at)).start();
    let tested = running.folders.ondol(&["alarm", "test"]);
    assert_eq!(tested.status.code(), Some(0), "{}", text(&tested));
    let mut told = [people.next(&running), people.next(&running)];
    told.sort_by(|a, b| a.person.cmp(&b.person));
    assert!(told[0].is("me", "test") && told[1].is("spouse", "test"));
    assert_eq!(told[0].message["title"], "seocho: a test, all is well");
    let korean = told[1].message["title"].as_str().unwrap();
    assert!(korean.contains("시험 메시지"), "{korean}");
    people.nothing_more();
}

#[test]
fn a_site_that_is_gone_is_one_incident_until_it_is_back() {
    let (shop, people) = (Shop::open(), Receiver::open());
    let running = Folders::with(&configuration(shop.at, people.at)).start();
    let folders = &running.folders;
    eventually("the shop is well", || {
        let watch = running.ask("/watch");
        let mut subjects = watch["subjects"].as_array()?.iter();
        let site = subjects.find(|it| it["subject"] == SHOP)?;
        (site["state"] == "pass").then_some(())
    });
    shop.set(false);

    let first = people.next(&running);
    assert!(first.is("me", "problem"), "{}", first.message);
    assert_eq!(first.message["severity"], "critical");
    assert_eq!(first.message["url"], "http://shop.test/");
    assert_eq!(
        first.message["title"],
        "seocho: shop.test answers with status 502"
    );
    let second = people.next(&running);
    assert!(second.is("spouse", "problem"), "{}", second.message);
    let words = second.message["text"].as_str().unwrap();
    assert!(words.contains("전원 단추를 눌러 주세요."), "{words}");
    assert_eq!(incidents(&running), (1, 1));

    let status = text(&folders.ondol(&["status"]));
    for part in ["✗ shop.test answers with", "me, spouse were told"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let answered = folders.ondol(&["alarm", "ack", "--by", "spouse"]);
    assert!(answered.status.success(), "{}", text(&answered));
    let silenced = folders.ondol(&["alarm", "silence", "shop.test", "--for", "2h"]);
    assert!(silenced.status.success(), "{}", text(&silenced));
    eventually("both are seen", || {
        let status = text(&folders.ondol(&["status"]));
        let parts = [
            "spouse looks after it",
            "Nobody is told of site:shop.test until",
            "`ondol alarm silence site:shop.test --off`",
        ];
        parts.iter().all(|part| status.contains(part)).then_some(())
    });

    // Whoever was told hears that it is over, whatever is silenced.
    shop.set(true);
    let mut told = [people.next(&running), people.next(&running)];
    told.sort_by(|a, b| a.person.cmp(&b.person));
    assert!(
        told[0].is("me", "recovery") && told[1].is("spouse", "recovery"),
        "{} {}",
        told[0].message,
        told[1].message
    );
    assert_eq!(incidents(&running), (0, 1));
    people.nothing_more();

    let again = text(&folders.ondol(&["alarm", "silence", "--off"]));
    assert!(
        again.contains("people are told of everything again"),
        "{again}"
    );
    eventually("the status forgets it", || {
        let status = text(&folders.ondol(&["status"]));
        let is_up = status.contains("1 up (shop.test)");
        (is_up && !status.contains("Nobody is told of")).then_some(())
    });
}
