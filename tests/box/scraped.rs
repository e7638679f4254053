//! What machines learn of a whole box: Prometheus' own programs, and whoever asks by hand.

use std::fs;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::answering;
use crate::harness::eventually;
use crate::issuers::program::free_port;
use crate::peers;
use crate::peers::Answer;
use crate::peers::is_there;
use crate::peers::skipped;

/// A box that machines can ask, and where.
fn asked() -> (Running, SocketAddr) {
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let running = Folders::with(&configuration("one", at)).start();
    listened(at);
    (running, at)
}

fn listened(at: SocketAddr) {
    eventually("the listener", || TcpStream::connect(at).ok());
}

fn configuration(text: &str, at: SocketAddr) -> String {
    // Its own check would count.
    format!(
        "{}check = false\n[health]\nlisten = [\"{at}\"]\n",
        answering(text)
    )
}

fn get(at: SocketAddr, path: &str, fields: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: box\r\n{fields}Connection: close\r\n\r\n");
    Answer::parse(&peers::raw(at, request.as_bytes())).unwrap()
}

/// The number of a name with these labels, as long as it is there.
fn number(at: SocketAddr, name: &str) -> Option<f64> {
    let text = get(at, "/metrics", "").body;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

/// Waits for a number.
fn becomes(at: SocketAddr, name: &str, expected: f64) {
    eventually(&format!("{name} {expected}"), || {
        (number(at, name) == Some(expected)).then_some(())
    });
}

const GOOD: &str = r#"ondol_http_requests_total{site="a.test",class="2xx"}"#;

/// A Prometheus that scrapes the box each second; ended with this.
struct Prometheus {
    child: Child,
    at: SocketAddr,
}

impl Prometheus {
    fn of(running: &Running, target: SocketAddr) -> Self {
        let file = running.folders.path("prometheus.yml");
        let configuration = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: ondol\n  static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(&file, configuration).unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                running.folders.path("tsdb").display()
            ))
            .arg(format!("--web.listen-address={at}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, at }
    }

    /// What a question of PromQL gives: one number.
    fn value(&self, question: &str) -> Option<f64> {
        let output = Command::new("curl")
            .args(["-sG", "--data-urlencode"])
            .arg(format!("query={question}"))
            .arg(format!("http://{}/api/v1/query", self.at))
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
        let value = answer["data"]["result"][0]["value"][1].as_str()?;
        value.parse().ok()
    }

    fn shows(&self, question: &str, expected: f64) {
        eventually(&format!("{question} = {expected}"), || {
            (self.value(question) == Some(expected)).then_some(())
        });
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prometheus_scrapes_the_box() {
    if !is_there("prometheus") || !is_there("curl") {
        return;
    }
    let (running, at) = asked();
    for _ in 0..3 {
        assert_eq!(running.get("a.test"), "one");
    }
    let prometheus = Prometheus::of(&running, at);
    prometheus.shows(GOOD, 3.0);
    prometheus.shows("up", 1.0);
    prometheus.shows(r#"ondol_build_info{version!=""}"#, 1.0);
    prometheus.shows(
        r#"ondol_http_request_duration_seconds_count{site="a.test"}"#,
        3.0,
    );
    prometheus.shows(r#"histogram_quantile(0.5, ondol_http_request_duration_seconds_bucket{site="a.test"}) > bool 0"#, 1.0);
    prometheus.shows(r#"ondol_data_planes{state="ready"}"#, 1.0);
}

#[test]
fn promtool_finds_nothing_in_the_numbers_of_a_box() {
    if !is_there("promtool") {
        return;
    }
    let (running, at) = asked();
    assert_eq!(running.get("a.test"), "one");
    becomes(at, GOOD, 1.0);
    let file = running.folders.path("metrics");
    fs::write(&file, get(at, "/metrics", "").body).unwrap();
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    let said = peers::text(&output);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn what_was_counted_outlives_data_planes() {
    let (running, at) = asked();
    assert_eq!(running.get("a.test"), "one");
    becomes(at, GOOD, 1.0);
    // Other listeners need another data plane.
    let (first, _) = running.generation();
    let more =
        configuration("two", at).replace("[\"127.0.0.1:0\"]", "[\"127.0.0.1:0\", \"[::1]:0\"]");
    running.folders.configure(&more);
    assert!(running.folders.ondol(&["reload"]).status.success());
    assert_eq!(running.get("a.test"), "two");
    becomes(at, GOOD, 2.0);
    let (second, pid) = running.generation();
    assert!(second > first);
    // One that is killed has told what it counted until a second ago.
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    eventually("another", || {
        let serving = running.status()["generation"].as_u64();
        serving.filter(|number| *number > second)
    });
    becomes(at, GOOD, 2.0);
    becomes(at, "ondol_data_planes_lost_total", 1.0);
    assert_eq!(running.get("a.test"), "two");
    becomes(at, GOOD, 3.0);
    // And one image of the agent leaves to the next what it has added up.
    running.re_execute();
    listened(at);
    becomes(at, GOOD, 3.0);
    assert_eq!(running.get("a.test"), "two");
    becomes(at, GOOD, 4.0);
}

#[test]
fn who_may_know_what() {
    let (running, at) = asked();
    assert_eq!(get(at, "/livez", "").body, "ok\n");
    assert_eq!(get(at, "/readyz/a.test", "").status, 200);
    assert_eq!(get(at, "/readyz/b.test", "").status, 404);
    let ready = get(at, "/readyz?verbose", "");
    assert!(ready.body.contains("[+]data-plane ok\n"), "{}", ready.body);
    let health = get(at, "/health", "");
    assert_eq!(
        health.header("content-type"),
        Some("application/health+json")
    );
    let health: Value = serde_json::from_str(&health.body).unwrap();
    assert!(
        health["checks"]["ready:store"][0]["status"] == "pass",
        "{health}"
    );
    let behind = get(at, "/health", "X-Forwarded-For: 203.0.113.9\r\n");
    let behind: Value = serde_json::from_str(&behind.body).unwrap();
    assert_eq!(behind.as_object().unwrap().len(), 1, "{behind}");
    assert_eq!(
        get(at, "/metrics", "X-Forwarded-For: 203.0.113.9\r\n").status,
        403
    );
    // The same on the admin socket.
    assert_eq!(
        running.ask("/health")["serviceId"],
        running.status()["box_name"]
    );
}

#[test]
fn a_health_port_that_somebody_has_is_told_and_the_box_serves() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let running = Folders::with(&configuration("one", at)).start();
    assert_eq!(running.get("a.test"), "one");
    eventually("a warning", || {
        let warnings = running.status()["warnings"].to_string();
        (warnings.contains(&at.to_string()) && warnings.contains("health.listen")).then_some(())
    });
    if !is_there("curl") {
        return skipped("the rest", "it is asked by curl");
    }
    drop(taken);
    running.signal(Signal::HUP); // It would be tried again by itself, after some seconds.
    eventually("the port", || TcpStream::connect(at).ok());
    eventually("no warning", || {
        let warnings = running.status()["warnings"].to_string();
        (!warnings.contains("health.listen")).then_some(())
    });
}
