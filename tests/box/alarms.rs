//! Alarms of a whole box: they reach people whatever happens to channels, disks and the box itself.

mod hook;
mod kills;
mod trouble;

use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::harness::Running;
use crate::harness::answering;

/// A box that looks at nothing outside of itself, and tells these people.
fn watching(people: &str) -> String {
    format!(
        "{}check = false\n[watch]\ninternet = []\ndomains = false\n{people}",
        answering("fine")
    )
}

/// Has everybody, or one person, sent a message; returns the messages' numbers.
fn send(running: &Running, person: Option<&str>) -> Vec<i64> {
    let question = serde_json::json!({ "person": person }).to_string();
    let mut socket = UnixStream::connect(running.folders.path("run/admin.sock")).unwrap();
    write!(
        socket,
        "POST /alarms/test HTTP/1.1\r\nHost: box\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{question}",
        question.len()
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let answer: Value = serde_json::from_str(body).unwrap();
    assert_eq!(answer["accepted"], true, "{answer}");
    let ids = answer["messages"].as_array().unwrap().iter();
    ids.map(|id| id.as_i64().unwrap()).collect()
}

/// All messages that the box knows of, the newest first.
fn messages(running: &Running) -> Vec<Value> {
    let alarms = running.ask("/alarms?all=true&limit=1000");
    alarms["messages"].as_array().unwrap().clone()
}
