//! `swap = "hold"`: what must not run twice never does, and loses nothing of what it said it kept.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use super::Host;
use super::configuration_running;
use super::field;
use crate::harness::Folders;
use crate::harness::PATIENCE;
use crate::harness::get;

/// Keeps notes in SQLite, and the database for itself alone: a second one would not even start.
const NOTES: &str = include_str!("real/notes.py");
/// Together they ask 50 times a second.
const WRITERS: usize = 20;
const EACH: Duration = Duration::from_millis(400);
const DEPLOYS: usize = 5;

/// Visitors that read and write in turn until they are told to stop.
struct Writers(Vec<(Sender<()>, JoinHandle<Seen>)>);

/// What one of them was told.
#[derive(Debug, Default)]
struct Seen {
    kept: Vec<String>,
    failures: Vec<String>,
}

impl Writers {
    fn begin(http: SocketAddr) -> Self {
        let all = (0..WRITERS).map(|writer| {
            let (stop, stopped) = channel();
            let thread = std::thread::spawn(move || {
                let mut seen = Seen::default();
                for count in 0.. {
                    match count % 2 {
                        0 => seen.write(http, format!("{writer}-{count}")),
                        _ => seen.read(http),
                    }
                    if stopped.recv_timeout(EACH) != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
                seen
            });
            (stop, thread)
        });
        Self(all.collect())
    }

    /// What was kept of what they wrote; nothing may have failed.
    fn end(self) -> Vec<String> {
        let (stops, threads): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
        drop(stops);
        let seen = threads.into_iter().map(|thread| thread.join().unwrap());
        let mut kept = Vec::new();
        let mut failures = Vec::new();
        for seen in seen {
            kept.extend(seen.kept);
            failures.extend(seen.failures);
        }
        assert_eq!(failures, Vec::<String>::new());
        kept
    }
}

impl Seen {
    fn write(&mut self, http: SocketAddr, note: String) {
        match post(http, &note) {
            Ok(answer) if answer.ends_with(&format!(" kept={note}\n")) => self.kept.push(note),
            Ok(answer) => self.failures.push(answer),
            Err(error) => self.failures.push(format!("{note}: {error}")),
        }
    }

    fn read(&mut self, http: SocketAddr) {
        match get(http, "a.test") {
            Ok(answer) if answer.starts_with("version=") => {}
            Ok(answer) => self.failures.push(answer),
            Err(error) => self.failures.push(error.to_string()),
        }
    }
}

fn post(http: SocketAddr, note: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(http)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = note.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{note}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn write(folder: &std::path::Path, version: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("notes.py"), NOTES).unwrap();
    fs::write(folder.join("VERSION"), version).unwrap();
}

#[test]
fn notes_in_a_database_of_one_file_are_all_there_after_five_deploys() {
    let folders = Folders::with("");
    write(&folders.path("coffee"), "0");
    let settings = "swap = \"hold\"\nwatch = \"0s\"\nhealth = { path = \"/up\" }";
    let run = "run = \"python3 notes.py\"\n";
    folders.configure(&configuration_running(&folders, run, settings));
    let host = Host {
        running: Some(folders.start()),
    };
    host.answers("0");
    let writers = Writers::begin(host.http());
    for version in 1..=DEPLOYS {
        let (version, folder) = (version.to_string(), host.path(&format!("v{version}")));
        write(&folder, &version);
        host.done(&["deploy", "coffee", folder.to_str().unwrap()]);
        assert_eq!(host.version(), version);
    }
    let kept = writers.end();
    assert!(kept.len() > WRITERS, "{} notes", kept.len());
    let notes = field(&host.running().get("a.test"), "notes");
    let there: Vec<_> = notes.split(',').collect();
    let lost: Vec<_> = kept
        .iter()
        .filter(|note| !there.contains(&note.as_str()))
        .collect();
    assert_eq!(lost, Vec::<&String>::new());
}
