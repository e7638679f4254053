//! The access log of a whole box: what the programs that read logs make of it, how it is rotated by a
//! data plane that may write to one folder alone, and what a site has of its own.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::harness::Folders;
use crate::harness::PATIENCE;
use crate::harness::Running;
use crate::harness::answering;
use crate::harness::eventually;
use crate::peers;
use crate::peers::text;

/// Requests as the worst visitors make them, without their host. None of the targets ends with a backslash:
/// GoAccess 1.7 takes that for the end of its own pattern, however it is written in JSON.
const REQUESTS: [&str; 9] = [
    "GET / HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nReferer: https://example.com/?code=S3CR3T\r\n",
    "GET /a%20b?q=1&token=S3CR3T HTTP/1.1\r\nUser-Agent: curl/8.0\r\n",
    "POST /\"quoted\\x HTTP/1.1\r\nUser-Agent: a \"b\" \\c\r\nContent-Length: 0\r\n",
    "GET /x HTTP/1.1\r\nUser-Agent: \u{202e}gpj \u{9b}31m \u{1f525}\r\nReferer: -\r\n",
    "GET /] HTTP/1.1\r\nUser-Agent:\r\nReferer: a b\t\"\r\n",
    "HEAD /?password=S3CR3T HTTP/1.0\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "GET /wp-login.php HTTP/1.1\r\n",
    "GET / HTTP/1.1\r\nX : broken\r\n",
];

fn log(running: &Running) -> PathBuf {
    running.folders.path("logs/access.log")
}

/// A box whose log has a line for each of the requests, and some for a name that is none.
fn visited(format: &str) -> Running {
    let configuration = format!("[log]\naccess = \"{format}\"\n{}", answering("one"));
    let running = Folders::with(&configuration).start();
    for head in REQUESTS {
        let (line, rest) = head.split_once("\r\n").unwrap();
        peers::raw(
            running.http(),
            format!("{line}\r\nHost: a.test\r\nConnection: close\r\n{rest}\r\n").as_bytes(),
        );
    }
    let unknown = "GET /phpmyadmin/ HTTP/1.1\r\nHost: unknown.test\r\nConnection: close\r\n\r\n";
    peers::raw(running.http(), unknown.as_bytes());
    eventually("all lines", || {
        let log = fs::read_to_string(log(&running)).ok()?;
        (log.lines().count() == REQUESTS.len() + 1).then_some(())
    });
    let log = fs::read_to_string(log(&running)).unwrap();
    assert!(!log.contains("S3CR3T"), "{log}");
    assert!(
        log.bytes()
            .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
    );
    running
}

/// What a program printed; fails when it failed.
fn said(command: &mut Command) -> String {
    let output = command.env("HOME", "/nonexistent").output().unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

fn goaccess(log: &Path, format: &[&str]) -> Value {
    let report = log.with_file_name("report.json");
    let invalid = log.with_file_name("invalid");
    let mut command = Command::new("goaccess");
    command
        .arg(log)
        .args(format)
        .args(["--no-global-config", "-o"]);
    command.arg(&report).arg("--invalid-requests").arg(&invalid);
    said(&mut command);
    let invalid = fs::read_to_string(invalid).unwrap_or_default();
    assert_eq!(invalid, "", "{command:?}");
    serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap()
}

#[test]
fn goaccess_reads_every_line_of_both_formats() {
    if !peers::is_there("goaccess") {
        return;
    }
    let json = r#"{"time":"%dT%t.%^Z","client":"%h","method":"%m","target":"%U","version":"%H","host":"%v","status":"%s","bytes":"%b","duration_us":"%D","referer":"%R","user_agent":"%u"}"#;
    let json = format!("--log-format={json}");
    let dates = ["--date-format=%Y-%m-%d", "--time-format=%H:%M:%S"];
    for (format, arguments) in [
        ("combined", vec!["--log-format=COMBINED"]),
        ("json", [&[&*json], &dates[..]].concat()),
    ] {
        let running = visited(format);
        let report = goaccess(&log(&running), &arguments);
        let general = &report["general"];
        assert_eq!(general["failed_requests"], 0, "{format}: {general}");
        assert_eq!(
            general["total_requests"],
            REQUESTS.len() + 1,
            "{format}: {general}"
        );
        let hosts = &report["hosts"]["data"][0];
        assert_eq!(hosts["data"], "127.0.0.1", "{format}: {hosts}");
    }
}

#[test]
fn lnav_reads_every_line_of_both_formats() {
    if !peers::is_there("lnav") {
        return;
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/lnav/ondol.json");
    let as_json = "sum(status >= 400) AS errors, min(client) AS client FROM ondol_access";
    let as_combined = "sum(sc_status >= 400) AS errors, min(c_ip) AS client FROM access_log";
    for (format, rest) in [("combined", as_combined), ("json", as_json)] {
        let running = visited(format);
        let home = running.folders.path("home");
        let formats = home.join(".lnav/formats/ondol");
        fs::create_dir_all(&formats).unwrap();
        fs::copy(&own, formats.join("ondol.json")).unwrap();
        let question = format!("-c;SELECT count(*) AS lines, {rest}");
        let mut lnav = Command::new("lnav");
        lnav.args(["-n", &question, "-c:write-json-to -"])
            .arg(log(&running));
        let output = lnav.env("HOME", &home).env("TERM", "xterm").output();
        let said = text(&output.unwrap());
        let rows: Value =
            serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!(rows[0]["lines"], REQUESTS.len() + 1, "{format}: {said}");
        assert_eq!(rows[0]["errors"], 2, "{format}: {said}");
        assert_eq!(rows[0]["client"], "127.0.0.1", "{format}: {said}");
    }
}

#[test]
fn fail2ban_finds_who_is_to_be_banned_with_the_filters_that_come_with_it() {
    if !peers::is_there("fail2ban-regex") {
        return;
    }
    let running = visited("combined");
    let filters = Path::new("/etc/fail2ban/filter.d");
    for (filter, matched) in [
        ("nginx-botsearch.conf", 1),
        ("nginx-bad-request.conf", 1),
        ("apache-badbots.conf", 0),
    ] {
        let filter = filters.join(filter);
        if !filter.exists() {
            peers::skipped("fail2ban", &format!("{} is not there", filter.display()));
            continue;
        }
        let said = said(
            Command::new("fail2ban-regex")
                .arg(log(&running))
                .arg(&filter),
        );
        let lines = REQUESTS.len() + 1;
        let expected = format!(
            "Lines: {lines} lines, 0 ignored, {matched} matched, {} missed",
            lines - matched
        );
        assert!(said.contains(&expected), "{}: {said}", filter.display());
    }
}

/// Makes so many requests on one connection; each fills about a kilobyte of the log.
fn fill(address: SocketAddr, count: usize) {
    let agent = "x".repeat(1_000);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for number in 0..count {
        let end = if number + 1 == count {
            "close"
        } else {
            "keep-alive"
        };
        let request = format!(
            "GET /{number} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: {agent}\r\nConnection: {end}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
    }
    stream.read_to_end(&mut Vec::new()).unwrap();
}

/// The logs that were rotated, the oldest first.
fn rotated(running: &Running) -> Vec<PathBuf> {
    let entries = fs::read_dir(running.folders.path("logs")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| !path.ends_with("access.log"));
    paths.sort();
    paths
}

/// The lines of the log and of all that it was, the oldest first, as `zcat -f` shows them.
fn all_lines(running: &Running) -> Vec<String> {
    let mut paths = rotated(running);
    paths.push(log(running));
    let output = Command::new("zcat").arg("-f").args(paths).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    text(&output).lines().map(str::to_owned).collect()
}

#[test]
fn a_confined_data_plane_rotates_and_one_that_drains_loses_no_line() {
    if !peers::is_there("zcat") {
        return;
    }
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = slow.local_addr().unwrap();
    let configuration = |more: &str| {
        format!(
            "[log]\nrotate = {{ size = \"64KiB\", keep = 1000 }}\n{}check = false\n[sites.\"slow.test\"]\nhttps = false\nproxy = \"http://{upstream}\"\ncheck = false\n",
            answering("one").replace("\"127.0.0.1:0\"", &format!("\"127.0.0.1:0\"{more}"))
        )
    };
    let running = Folders::with(&configuration("")).start();
    let (old, _) = running.generation();
    let mut late = TcpStream::connect(running.http()).unwrap();
    late.set_read_timeout(Some(PATIENCE)).unwrap();
    late.write_all(b"GET /late HTTP/1.1\r\nHost: slow.test\r\nConnection: close\r\n\r\n")
        .unwrap();
    let (mut app, _) = slow.accept().unwrap();
    fill(running.http(), 10);
    // Another listener takes another data plane; the old one still has the late visitor.
    running.folders.configure(&configuration(", \"[::1]:0\""));
    let reload = running.folders.ondol(&["reload"]);
    assert!(reload.status.success(), "{}", text(&reload));
    assert_ne!(running.generation().0, old);
    for round in 1..=3 {
        fill(running.http(), 100);
        eventually("it is rotated and compressed", || {
            let rotated = rotated(&running);
            let is_gz = |path: &PathBuf| path.extension().is_some_and(|end| end == "gz");
            (rotated.len() >= round && rotated.iter().all(is_gz)).then_some(())
        });
    }
    app.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate")
        .unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("late"), "{answer}");
    let lines = eventually("all lines", || {
        let lines = all_lines(&running);
        (lines.len() >= 311).then_some(lines)
    });
    assert_eq!(lines.len(), 311, "each request has one line");
    let late = lines.iter().filter(|line| line.contains("GET /late "));
    assert_eq!(late.count(), 1);
    let owner = fs::metadata(log(&running)).unwrap().uid();
    for path in rotated(&running) {
        let found = fs::metadata(&path).unwrap();
        assert_eq!(
            (found.uid(), found.mode() & 0o777),
            (owner, 0o640),
            "{path:?}"
        );
    }
    assert_eq!(running.status()["log_lines_dropped"], 0);
}

#[test]
fn a_site_has_its_own_log_and_a_health_check_none() {
    let site =
        "log = \"a.log\"\nroutes = [{ path = \"/health\", respond = \"fine\", log = false }]\n";
    let other = "[sites.\"b.test\"]\nhttps = false\nrespond = \"two\"\n";
    let running = Folders::with(&format!("{}{site}{other}", answering("one"))).start();
    let ask = |host: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        peers::raw(running.http(), request.as_bytes())
    };
    for path in ["/1", "/health", "/2"] {
        assert!(ask("a.test", path).starts_with("HTTP/1.1 200"));
    }
    ask("b.test", "/3");
    let targets = |name: &str| {
        let log = fs::read_to_string(running.folders.path("logs").join(name)).unwrap_or_default();
        let lines = log
            .lines()
            .map(|line| line.split(' ').nth(6).unwrap().to_owned());
        let mut targets: Vec<_> = lines.collect();
        targets.sort(); // Each worker writes its own lines when it has a moment.
        targets
    };
    for (name, expected) in [("a.log", &["/1", "/2"][..]), ("access.log", &["/3"])] {
        eventually("its lines", || {
            (targets(name).len() >= expected.len()).then_some(())
        });
        assert_eq!(targets(name), expected, "{name}");
    }
}
