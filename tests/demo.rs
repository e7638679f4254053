//! `ondol demo` as a newcomer has it: the printed commands work as printed, and nothing is left behind.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use rustix::process::Pid;
use rustix::process::Signal;

/// The demo with its temporary folder in another.
fn demo(temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ondol"));
    command.arg("demo").env("TMPDIR", temporary);
    command
}

/// A folder that other users may enter: root's demo serves as one.
fn temporary() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), mode).unwrap();
    folder
}

#[track_caller]
fn nothing_is_left(temporary: &Path) {
    let left: Vec<_> = fs::read_dir(temporary)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let running = processes_of(temporary);
    assert!(running.is_empty(), "still running: {running:?}");
}

/// The numbers of processes that were given this folder.
fn processes_of(temporary: &Path) -> Vec<i32> {
    let text = temporary.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has_folder = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    numbers.filter(has_folder).collect()
}

#[test]
fn once_asks_both_sites_and_leaves_nothing() {
    let temporary = temporary();
    let output = demo(temporary.path()).arg("--once").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for expected in [
        "https://hello.localhost",
        "<h1 style=\"color: #b4471f\">Hello from Ondol</h1>",
        "certificate checked against Ondol's own CA",
        "This is request 1, and this is how it arrived",
        "x-forwarded-proto: https",
        "308 Permanent Redirect",
        "leads to https://hello.localhost",
        "Everything worked",
    ] {
        assert!(
            text.contains(expected),
            "{expected:?} is missing in\n{text}"
        );
    }
    nothing_is_left(temporary.path());
}

/// A demo whose screen was read up to the requests.
struct Shown {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    commands: Vec<String>,
}

fn show(temporary: &Path) -> Shown {
    let mut command = demo(temporary);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut commands = Vec::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        if line.trim().starts_with("curl ") {
            commands.push(line.trim().to_owned());
        }
        if line.contains("Requests as they come") {
            break;
        }
    }
    Shown {
        child,
        lines,
        commands,
    }
}

impl Shown {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

#[test]
fn the_printed_commands_work_and_their_requests_are_shown() {
    let temporary = temporary();
    let mut shown = show(temporary.path());
    assert_eq!(shown.commands.len(), 2);
    for (command, expected) in shown
        .commands
        .iter()
        .zip(["Hello from Ondol", "Hello from the sample app"])
    {
        let output = Command::new("sh").args(["-c", command]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains(expected),
            "{command}: {output:?}"
        );
    }
    let mut wanted = vec!["https://hello.localhost", "https://app.localhost"];
    while !wanted.is_empty() {
        let line = shown.lines.next().expect("the demo goes on").unwrap();
        wanted.retain(|url| !(line.contains(url) && line.contains("  200  ")));
    }
    shown.signal(Signal::INT);
    assert!(shown.child.wait().unwrap().success());
    let rest: Vec<_> = shown.lines.map(Result::unwrap).collect();
    assert!(rest.concat().contains("nothing is left behind"), "{rest:?}");
    nothing_is_left(temporary.path());
}

#[test]
fn being_told_to_end_while_it_starts_leaves_nothing() {
    let temporary = temporary();
    let mut child = demo(temporary.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Its folder is there, but its agent is hardly ready.
    while fs::read_dir(temporary.path()).unwrap().next().is_none() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    nothing_is_left(temporary.path());
}

#[test]
fn an_agent_that_dies_is_told_with_its_last_words() {
    let temporary = temporary();
    let mut shown = show(temporary.path());
    shown.child.stderr.take();
    let agent = processes_of(temporary.path());
    let [agent] = agent[..] else {
        panic!("one agent was expected: {agent:?}");
    };
    rustix::process::kill_process(Pid::from_raw(agent).unwrap(), Signal::KILL).unwrap();
    assert_eq!(shown.child.wait().unwrap().code(), Some(1));
    nothing_is_left(temporary.path());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let output = demo(Path::new("/proc/none"))
        .arg("--once")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("could not make a temporary folder"), "{text}");
}

/// The demo's folder, while it is there.
fn folder_in(temporary: &Path) -> PathBuf {
    let mut entries = fs::read_dir(temporary).unwrap();
    entries.next().unwrap().unwrap().path()
}

fn connections(folder: &Path) -> Option<u64> {
    let status = Command::new(env!("CARGO_BIN_EXE_ondol"))
        .args(["status", "--json", "--runtime"])
        .arg(folder.join("run"))
        .output()
        .unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).ok()?;
    status["connections"].as_u64()
}

#[test]
fn a_visitor_who_stays_does_not_keep_the_demo_from_ending() {
    let temporary = temporary();
    let mut shown = show(temporary.path());
    let folder = folder_in(temporary.path());
    let configuration = fs::read_to_string(folder.join("ondol.toml")).unwrap();
    let (_, rest) = configuration.split_once("http = [\"").unwrap();
    let (address, _) = rest.split_once('"').unwrap();
    let mut visitor = TcpStream::connect(address).unwrap();
    // A request whose end does not come is waited for.
    visitor.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    while connections(&folder) != Some(1) {}
    shown.signal(Signal::INT);
    assert!(shown.child.wait().unwrap().success());
    let said = std::io::read_to_string(shown.child.stderr.take().unwrap()).unwrap();
    assert_eq!(said, "", "the agent had to be killed");
    nothing_is_left(temporary.path());
}
