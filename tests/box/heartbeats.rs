//! Boxes and jobs that watch each other: reports come in on a site, and their absence is the alarm.

use std::net::SocketAddr;

use serde_json::Value;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::harness::get_path;
use crate::issuers::program::free_port;

const TOKEN: &str = "d3b07384-d9a0-4c9f-8f6e-2b1c5a7e9f01";

/// A box that takes the reports of a friend.
fn watching(at: SocketAddr) -> String {
    format!(
        r#"
[listen]
http = ["{at}"]
https = []

[sites.localhost]
https = false
respond = "visitors"
health = "/up"
check = false

[heartbeats.friend]
period = "10s"
grace = "8s"
site = "localhost"
token = "{TOKEN}"

[watch]
internet = []
"#
    )
}

/// A box that tells another that it lives.
fn living(other: SocketAddr) -> String {
    format!(
        r#"
[listen]
http = ["127.0.0.1:0"]
https = []

[sites."a.test"]
https = false
respond = "a"

[alarms]
heartbeat = "http://localhost:{}/ping/{TOKEN}"
heartbeat_interval = "15s"

[watch]
internet = []
"#,
        other.port()
    )
}

fn start() -> (Running, SocketAddr) {
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    (Folders::with(&watching(at)).start(), at)
}

fn friend(running: &Running) -> Value {
    let watch = running.ask("/watch");
    watch["heartbeats"][0].clone()
}

fn becomes(running: &Running, state: &str) -> Value {
    eventually(&format!("the friend is {state}"), || {
        let friend = friend(running);
        (friend["state"] == state).then_some(friend)
    })
}

/// The sentence about what is wrong with the friend, once something is.
fn incident(running: &Running) -> String {
    eventually("an incident", || {
        let watch = running.ask("/watch");
        let mut incidents = watch["incidents"].as_array()?.iter();
        let incident = incidents.find(|it| it["subject"] == "heartbeat:friend")?;
        Some(incident["sentence"].as_str().unwrap().to_owned())
    })
}

#[test]
fn a_job_reports_and_its_failure_is_told() {
    let (running, at) = start();
    becomes(&running, "unknown");
    let report = |rest: &str| {
        let path = format!("/ping/{TOKEN}{rest}");
        get_path(at, "localhost", &path).unwrap()
    };
    assert_eq!(report(""), "OK");
    becomes(&running, "pass");
    assert_eq!(report("/3"), "OK");
    let failed = becomes(&running, "fail");
    assert_eq!(failed["said"], "exit code 3");
    let sentence = "heartbeat friend reports a failure: exit code 3";
    assert_eq!(incident(&running), sentence);
    // What is no report is the site's.
    assert_eq!(
        get_path(at, "localhost", "/ping/another").unwrap(),
        "visitors"
    );
    eventually("the box says that something is wrong", || {
        let answer = get_path(at, "localhost", "/up").unwrap();
        (answer == "{\"status\":\"fail\"}").then_some(())
    });
    assert_eq!(report("/0"), "OK");
    becomes(&running, "pass");
    // A kill forgets nothing of it.
    let running = running.start_after_kill();
    assert_eq!(becomes(&running, "pass")["said"], "");
    assert_eq!(report("/start"), "OK");
}

#[test]
fn a_box_that_is_gone_is_told_by_the_other() {
    let (running, at) = start();
    let living = Folders::with(&living(at)).start();
    let first = becomes(&running, "pass");
    assert!(
        first["said"].as_str().unwrap().contains("\"status\""),
        "{first}"
    );
    eventually("it knows that it is heard", || {
        let watch = living.ask("/watch");
        (!watch["heartbeat_at"].is_null()).then_some(())
    });
    drop(living); // As by a power cut.
    let sentence = incident(&running);
    let begin = "heartbeat friend has not reported since";
    assert!(sentence.starts_with(begin), "{sentence}");
}
