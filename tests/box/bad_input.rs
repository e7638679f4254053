//! What goes wrong around a box: broken files, a machine that is not as the file says, visitors and
//! upstreams that misbehave, resources that run out, ends that nobody asked for.

use std::fs;
use std::fs::Permissions;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::answering;
use crate::harness::eventually;
use crate::harness::get;
use crate::peers;
use crate::peers::Answer;
use crate::peers::Certificate;
use crate::peers::KeptOpen;
use crate::peers::address;
use crate::peers::ask;
use crate::peers::is_there;
use crate::peers::text;

fn check(folders: &Folders) -> Output {
    let is_root = rustix::process::geteuid().is_root();
    let user: &[&str] = if is_root { &["--user", "nobody"] } else { &[] };
    folders.ondol(&[&["check"], user].concat())
}

/// Contents that are no configuration, and what is said of each.
fn broken() -> [(Vec<u8>, &'static str); 5] {
    let line = "# a comment that goes on and on\n";
    [
        (Vec::new(), "there is no site to serve"),
        (
            line.repeat(10_000_000 / line.len()).into(),
            "larger than 4 MiB",
        ),
        (
            vec![0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0, 1],
            "not UTF-8 text: see line 1",
        ),
        (vec![0; 64], "ondol.toml:1:1"),
        (b"[sites.\"a.test\"\nrespond = 1".into(), "ondol.toml:1:"),
    ]
}

#[test]
fn a_broken_file_is_refused_in_a_sentence_and_nothing_changes() {
    let running = Folders::with(&answering("one")).start();
    let before = (running.status()["revision"].clone(), running.generation());
    let file = running.folders.path("ondol.toml");
    for (content, expected) in broken() {
        fs::write(&file, &content).unwrap();
        let checked = check(&running.folders);
        let reloaded = running.folders.ondol(&["reload"]);
        for output in [&checked, &reloaded] {
            let said = text(output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(expected), "{expected:?} is not in {said:?}");
            assert!(said.len() < 2_000 && !said.contains('\0'), "{said:?}");
        }
        assert!(text(&reloaded).contains("Nothing changed: configuration 1 is served on."));
        let fresh = Folders::with("");
        fs::write(fresh.path("ondol.toml"), &content).unwrap();
        let (status, said) = fresh.refused();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{expected:?} is not in {said:?}");
    }
    for make in [missing, folder, pipe] {
        let _ = fs::remove_file(&file);
        make(&file);
        for output in [check(&running.folders), running.folders.ondol(&["reload"])] {
            let said = text(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("ondol.toml"), "{said}");
        }
        let _ = fs::remove_dir(&file);
    }
    assert_eq!(running.get("a.test"), "one");
    assert_eq!(
        (running.status()["revision"].clone(), running.generation()),
        before
    );
}

fn missing(_: &Path) {}

fn folder(file: &Path) {
    fs::create_dir(file).unwrap();
}

fn pipe(file: &Path) {
    let made = Command::new("mkfifo").arg(file).status().unwrap();
    assert!(made.success());
}

/// A configuration that only this machine can find wrong, and what is said of it where.
struct Mismatch<'a> {
    text: String,
    place: &'a str,
    sentence: String,
}

#[test]
fn a_file_that_does_not_fit_the_machine_is_shown_at_its_place() {
    let folders = Folders::with("");
    let (at, taken) = (folders.path(""), TcpListener::bind("127.0.0.1:0").unwrap());
    let taken = taken.local_addr().unwrap();
    Certificate::of(&["a.test"]).write(&at, "good");
    Certificate::of(&["b.test"]).write(&at, "other");
    Certificate::good_for(&["a.test"], -90, -1).write(&at, "expired");
    Certificate::good_for(&["a.test"], 1, 90).write(&at, "future");
    fs::copy(at.join("good.pem"), at.join("stranger.pem")).unwrap();
    fs::copy(at.join("other.key"), at.join("stranger.key")).unwrap();
    fs::copy(at.join("good.pem"), at.join("open.pem")).unwrap();
    fs::copy(at.join("good.key"), at.join("open.key")).unwrap();
    fs::set_permissions(at.join("open.key"), Permissions::from_mode(0o644)).unwrap();
    fs::write(at.join("page.html"), "").unwrap();

    let listen =
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n[sites.\"a.test\"]\n";
    let with = |line: &str| format!("{listen}{line}\n");
    let pair = |name: &str| {
        with(&format!(
            "respond = \"x\"\ncertificate = {{ chain = \"{name}.pem\", key = \"{name}.key\" }}"
        ))
    };
    let process = std::process::id();
    let own_name = fs::read_to_string("/proc/self/comm").unwrap();
    let mismatches = [
        (
            with("files = \"missing\""),
            "5:9",
            "missing does not exist".to_owned(),
        ),
        (
            with("files = \"page.html\""),
            "5:9",
            "page.html is not a folder".to_owned(),
        ),
        (
            with("respond = \"x\"").replacen("127.0.0.1:0", &taken.to_string(), 1),
            "2:9",
            format!("{} (process {process})", own_name.trim()),
        ),
        (pair("expired"), "6:25", "ended on".to_owned()),
        (pair("future"), "6:25", "is good only from".to_owned()),
        (pair("other"), "6:25", "does not cover a.test".to_owned()),
        (
            pair("stranger"),
            "6:47",
            "the key does not belong to the certificate".to_owned(),
        ),
        (pair("nowhere"), "6:25", "nowhere.pem".to_owned()),
        (pair("open"), "6:43", "can be read by every user".to_owned()),
    ];
    let _held = TcpListener::bind(taken);
    for (text_of, place, sentence) in mismatches {
        let mismatch = Mismatch {
            text: text_of,
            place,
            sentence,
        };
        found(&folders, &mismatch);
    }
    folders.configure(&pair("good"));
    let output = check(&folders);
    assert!(output.status.success(), "{}", text(&output));
}

#[track_caller]
fn found(folders: &Folders, mismatch: &Mismatch<'_>) {
    let Mismatch {
        text: configuration,
        place,
        sentence,
    } = mismatch;
    folders.configure(configuration);
    let output = check(folders);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("ondol.toml:{place}\n")),
        "{place}: {said}"
    );
    assert!(said.contains(sentence), "{sentence:?}: {said}");
    assert!(said.contains("1 mistake\n"), "{said}");
}

#[test]
fn a_certificate_that_cannot_be_read_at_a_reload_changes_nothing() {
    if !is_there("curl") {
        return;
    }
    let folders = Folders::with("");
    let root = Certificate::of(&["a.test"]).write(&folders.path(""), "own");
    let site = |answer: &str| {
        format!(
            "[listen]\nhttp = []\nhttps = [\"127.0.0.1:0\"]\n[sites.\"a.test\"]\nrespond = \"{answer}\"\n\
             certificate = {{ chain = \"own.pem\", key = \"own.key\" }}\n"
        )
    };
    folders.configure(&site("one"));
    let running = folders.start();
    let https = address(&running, "https");
    let asked = ["--cacert", &root, "https://a.test/"];
    assert_eq!(ask(https, &asked).unwrap().body, "one");
    fs::remove_file(running.folders.path("own.pem")).unwrap();
    running.folders.configure(&site("two"));
    let reload = running.folders.ondol(&["reload"]);
    let said = text(&reload);
    assert_eq!(reload.status.code(), Some(1), "{said}");
    assert!(
        said.contains("ondol.toml:6:25") && said.contains("own.pem"),
        "{said}"
    );
    assert_eq!(ask(https, &asked).unwrap().body, "one");
    assert_eq!(running.status()["revision"], 1);
}

/// What the access log says of requests for a path, as JSON.
fn logged(running: &Running, target: &str) -> Value {
    eventually(&format!("a line of {target}"), || {
        let log = fs::read_to_string(running.folders.path("logs/access.log")).ok()?;
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.into_iter().find(|line| line["target"] == target)
    })
}

#[test]
fn an_upstream_that_is_down_or_silent_is_the_upstreams_fault() {
    let down = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (down_at, silent_at) = (down.local_addr().unwrap(), silent.local_addr().unwrap());
    drop(down);
    let running = Folders::with(&format!(
        "[log]\naccess = \"json\"\n[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n[sites.\"a.test\"]\nhttps = false\nrespond = \"fine\"\n\
         [[sites.\"a.test\".routes]]\npath = \"/down\"\nproxy = \"http://{down_at}\"\n\
         [[sites.\"a.test\".routes]]\npath = \"/gone\"\nproxy = \"unix:/no/such/socket\"\n\
         [sites.\"silent.test\"]\nhttps = false\nproxy = \"http://{silent_at}\"\ntimeouts = {{ response = \"100ms\" }}\n"
    ))
    .start();
    let http = running.http();
    for (host, path, status, cause) in [
        ("a.test", "/down", 502, "Connection refused"),
        ("a.test", "/gone", 502, "No such file"),
        ("silent.test", "/silent", 504, "did not answer in time"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = Answer::parse(&peers::raw(http, request.as_bytes())).unwrap();
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(!answer.body.contains("127.0.0.1"), "{answer:?}");
        let line = logged(&running, path);
        let failure = line["failure"].as_str().unwrap();
        assert!(failure.contains(cause), "{cause:?} in {line}");
        let id = line["request_id"].as_str().unwrap();
        assert!(answer.body.contains(id), "{id} in {answer:?}");
    }
    assert_eq!(running.get("a.test"), "fine");
}

#[test]
fn malformed_requests_get_an_answer_and_the_connection_ends() {
    let limited = answering("fine") + "limits = { body = \"1KB\" }\n";
    let running = Folders::with(&limited).start();
    let http = running.http();
    let long = "x".repeat(9 * 1024);
    let fields = "X-Field: x\r\n".repeat(150);
    let host = "Host: a.test\r\n";
    for (request, status) in [
        (
            "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03 TLS".to_owned(),
            400,
        ),
        ("GET /\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{host}Bad Field: x\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}No colon\r\n\r\n"), 400),
        (
            format!("POST / HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n"),
            400,
        ),
        (
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            400,
        ),
        (
            format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: bad\r\n\r\n"),
            400,
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}X: {long}\r\nY: {long}\r\n\r\n"),
            431,
        ),
        (format!("GET / HTTP/1.1\r\n{host}{fields}\r\n"), 431),
        (format!("GET /{long}{long} HTTP/1.1\r\n{host}\r\n"), 414),
        (
            format!("GET /{long} HTTP/1.1\r\n{host}Connection: close\r\n\r\n"),
            414,
        ),
        (
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 2000\r\n\r\n"),
            413,
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}{host}Connection: close\r\n\r\n"),
            400,
        ),
        (
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
            400,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n".to_owned(),
            400,
        ),
    ] {
        let start: String = request.chars().take(60).collect();
        let answer = Answer::parse(&peers::raw(http, request.as_bytes()));
        let answer = answer.unwrap_or_else(|| panic!("no answer to {start:?}"));
        assert_eq!(answer.status, status, "{start:?}");
    }
    assert_eq!(running.get("a.test"), "fine");
    assert_eq!(running.generation().0, 1, "nothing crashed");
}

const DESCRIPTORS: u32 = 96;

/// A box that may open few files, as with `ulimit -n`.
fn with_few_descriptors() -> Running {
    let folders = Folders::with(&answering("fine")).with_own_program();
    let program = folders.program().display();
    // Written by another process: a file that this one writes can't be executed until it is closed
    // in whatever other tests have started meanwhile.
    let script = format!(
        "mv {program} {program}.real && printf '#!/bin/sh\\nulimit -n {DESCRIPTORS}\\nexec {program}.real \"$@\"\\n' > {program} && chmod +x {program}"
    );
    let made = Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(made.success());
    folders.start()
}

#[test]
fn when_descriptors_run_out_new_visitors_are_still_answered() {
    let running = with_few_descriptors();
    let http = running.http();
    let mut idle = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        let mut visitor = KeptOpen::to(http).unwrap();
        assert_eq!(visitor.get("a.test").unwrap(), "fine");
        idle.push(visitor);
    }
    let told = peers::event_with(&running, "descriptors", "LimitNOFILE");
    assert_eq!(get(http, "a.test").unwrap(), "fine");
    assert_eq!(told, 1, "one event for one trouble");
    assert_eq!(running.generation().0, 1, "the data plane lives");
}

#[test]
fn visitors_who_say_nothing_do_not_keep_others_out() {
    let running = with_few_descriptors();
    let http = running.http();
    let silent: Vec<_> = (0..2 * DESCRIPTORS)
        .map(|_| TcpStream::connect(http).unwrap())
        .collect();
    assert_eq!(get(http, "a.test").unwrap(), "fine");
    drop(silent);
}

/// A small disk over a folder; taken away when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    fn over(folder: PathBuf) -> Option<Self> {
        Self::of("size=64k,mode=755", folder)
    }

    /// One that is mounted with these options.
    pub(crate) fn of(options: &str, folder: PathBuf) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(&folder)
            .output();
        match output {
            Ok(output) if output.status.success() => Some(Self(folder)),
            Ok(output) => {
                peers::skipped("mount", text(&output).trim());
                None
            }
            Err(error) => {
                peers::skipped("mount", &error.to_string());
                None
            }
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Writes until nothing more fits.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[b'x'; 512]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_costs_lines_of_the_log_and_no_answer() {
    let folders = Folders::with(&answering("fine"));
    let Some(disk) = SmallDisk::over(folders.path("logs")) else {
        return;
    };
    // A disk that was mounted there is root's, and stays so.
    fs::set_permissions(folders.path("logs"), Permissions::from_mode(0o1777)).unwrap();
    let running = folders.start();
    let log = running.folders.path("logs/access.log");
    assert_eq!(running.get("a.test"), "fine");
    disk.fill();
    // What is left of the log's own page takes some lines.
    for _ in 0..200 {
        assert_eq!(running.get("a.test"), "fine");
    }
    let told = peers::event_with(&running, "access-log", "No space left");
    assert_eq!(told, 1, "one event for one trouble");
    assert_eq!(running.get("a.test"), "fine");
    fs::remove_file(disk.0.join("filler")).unwrap();
    eventually("the log goes on", || {
        let count = fs::read_to_string(&log).unwrap().lines().count();
        (count == 202).then_some(())
    });
    // The first event says that writing "is tried again", so it is not asked for that word alone.
    let told = peers::event_with(&running, "access-log", "can be written again");
    assert_eq!(told, 2, "one event for the end of it");
}

#[test]
fn folders_that_cannot_be_written_and_users_that_are_not_there_are_named() {
    let folders = Folders::with(&answering("one"));
    fs::write(folders.path("state"), "a file").unwrap();
    let (status, said) = folders.refused();
    let state = folders.path("state");
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(state.to_str().unwrap()), "{said}");
    if !rustix::process::geteuid().is_root() {
        peers::skipped("another user", "only root can start as one");
        return;
    }
    let folders = Folders::with(&answering("one"));
    let output = folders.ondol(&["run", "--user", "nobody-of-that-name"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("there is no user \"nobody-of-that-name\""),
        "{said}"
    );
}

/// Fails while a process is there.
fn is_gone(pid: rustix::process::Pid) -> Option<()> {
    rustix::process::test_kill_process(pid)
        .is_err()
        .then_some(())
}

#[test]
fn ctrl_c_ends_it_well_and_leaves_no_process() {
    let mut running = Folders::with(&answering("one")).start();
    let (_, data_plane) = running.generation();
    running.signal(Signal::INT);
    assert_eq!(running.ended().code(), Some(0), "{}", running.log());
    is_gone(data_plane).expect("the data plane ended before the agent");
}

#[test]
fn after_a_kill_the_next_start_works_at_once() {
    let mut running = Folders::with(&answering("one")).start();
    let (_, data_plane) = running.generation();
    let revision = running.status()["revision"].clone();
    running.signal(Signal::KILL);
    running.ended();
    running.forget_ready();
    let again = peers::Again::run(&running);
    running.wait_ready();
    assert_eq!(running.get("a.test"), "one");
    assert_eq!(running.status()["revision"], revision);
    assert_eq!(running.status()["pid"], again.pid());
    eventually("the old data plane is gone", || is_gone(data_plane));
}

#[test]
fn an_address_can_be_used_again_at_once_and_a_visitor_who_stays_is_no_reason_not_to_stop() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let configuration = answering("one").replace("127.0.0.1:0", &at.to_string());
    let running = Folders::with(&configuration).start();
    let mut visitor = KeptOpen::to(at).unwrap();
    assert_eq!(visitor.get("a.test").unwrap(), "one");
    let _running = running.start_again(&configuration);
    assert_eq!(get(at, "a.test").unwrap(), "one");
}
