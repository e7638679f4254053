//! A real php-fpm behind the proxy: what its scripts are told and say, as behind nginx, and whole applications.

mod dokuwiki;
mod wordpress;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::Message;
use crate::harness::Peer;
use crate::harness::PhpFpm;
use crate::harness::Plane;
use crate::harness::Wire;
use crate::harness::nginx_site;
use crate::harness::open_folder;
use crate::harness::php;
use crate::harness::plan;
use crate::harness::site;

const MIRROR: &str = include_str!("php_fpm/mirror.php");

/// A php-fpm, a folder of scripts, and Ondol before it.
struct App {
    fpm: PhpFpm,
    folder: TempDir,
    plane: Plane,
}

impl App {
    fn with(files: &[(&str, &str)]) -> Option<Self> {
        Self::at(open_folder(), files, "")
    }

    #[expect(clippy::disallowed_methods, reason = "a test may write in place")]
    fn at(folder: TempDir, files: &[(&str, &str)], more: &str) -> Option<Self> {
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let fpm = PhpFpm::start(3, more)?;
        let target = php(&folder.path().canonicalize().unwrap(), fpm.via());
        Some(Self {
            fpm,
            plane: Plane::start_one(plan([site("a.test", target)])),
            folder,
        })
    }

    fn ask(&self, request: impl AsRef<[u8]>) -> Message {
        self.plane.visit().send(request).message()
    }

    fn get(&self, path: &str) -> Message {
        self.plane.visit().get("a.test", path)
    }

    fn nginx(&self) -> Option<Peer> {
        let root = self.folder.path().canonicalize().unwrap();
        Peer::nginx_with(&nginx_site(&root, &self.fpm.socket()))
    }
}

/// A request with a body.
fn post(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn form(path: &str, body: &str) -> Vec<u8> {
    post(path, "application/x-www-form-urlencoded", body.as_bytes())
}

const BOUNDARY: &str = "----a-boundary";

fn upload(path: &str, content: &[u8]) -> Vec<u8> {
    let before = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nmine\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.bin\"\r\n\r\n"
    );
    let after = format!("\r\n--{BOUNDARY}--\r\n");
    let body = [before.as_bytes(), content, after.as_bytes()].concat();
    post(
        path,
        &format!("multipart/form-data; boundary={BOUNDARY}"),
        &body,
    )
}

/// What both must answer alike.
fn requests() -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    for path in [
        "/mirror.php",
        "/mirror.php?a=b&c[]=d&c[]=e%20f",
        "/mirror.php?",
        "/mirror.php/a/b%20c?d",
        "/mirror.php/%C3%A4%3F",
        "/mirror.php/x.php/y",
        "/mirror.php/",
        "/sub/",
        "/sub/?q=1",
        "/sub/index.php/more",
        "/",
        "/?p=1",
        "/2026/11/hello-world/",
        "/pretty/link?a=b",
        "/mirror.php?status=404",
        "/mirror.php?status=500",
        "/mirror.php?status=204",
        "/mirror.php?status=304",
        "/mirror.php?to=/there",
        "/mirror.php?status=201&to=/there",
        "/sub/../mirror.php",
        "/./mirror.php",
    ] {
        for method in ["GET", "HEAD", "DELETE"] {
            if method == "DELETE" && (path.ends_with('/') || path.contains("/?")) {
                continue; // nginx refuses methods before it looks which script a folder has.
            }
            requests.push(
                format!(
                    "{method} {path} HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: identity\r\n\r\n"
                )
                .into_bytes(),
            );
        }
    }
    for fields in [
        "Authorization: Basic a2ltOnNlY3JldA==\r\n",
        "Cookie: a=b; c=d%20e\r\n",
        "Proxy: http://evil.test\r\n",
        "X_Under: score\r\nX-Under: dash\r\n",
        "X-Twice: 1\r\nX-Twice: 2\r\n",
        "Content-Type: text/plain\r\n",
        "User-Agent: \u{e4}\r\n",
    ] {
        requests
            .push(format!("GET /mirror.php HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n").into_bytes());
    }
    requests.push(form("/mirror.php", "a=1&b[x]=2&c=%C3%A4"));
    requests.push(form("/pretty", "a=1"));
    requests.push(form("/mirror.php", ""));
    requests.push(post("/mirror.php", "application/json", b"{\"a\":1}"));
    for length in [0, 1, 65_527, 65_528, 65_529, 300_000, 3_000_000] {
        let content: Vec<u8> = (0..length).map(|at| (at * 7 % 253) as u8).collect();
        requests.push(upload("/mirror.php", &content));
        let head =
            format!("PUT /mirror.php HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n");
        requests.push([head.into_bytes(), content].concat());
    }
    let chunked = "POST /mirror.php HTTP/1.1\r\nHost: a.test\r\nContent-Type: a/b\r\n\
                   Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    requests.push(chunked.as_bytes().to_vec());
    requests
}

/// Each request has an id here. nginx says the type and the length of a body twice, and how it came although it
/// comes otherwise now; its older versions tell only the last of several fields.
const TOLERATED: [&str; 5] = [
    "\"HTTP_X_REQUEST_ID\"",
    "\"HTTP_CONTENT_TYPE\"",
    "\"HTTP_CONTENT_LENGTH\"",
    "\"HTTP_TRANSFER_ENCODING\"",
    "\"HTTP_X_TWICE\"",
];

/// What of an answer is nobody's choice.
fn shown(answer: &Message, is_head: bool) -> String {
    let names = [
        "content-type",
        "location",
        "set-cookie",
        "x-one",
        "x-powered-by",
    ];
    let fields = names.map(|name| answer.all(name).join(" | "));
    let body = if is_head {
        String::new()
    } else {
        let text = String::from_utf8_lossy(&answer.body);
        let lines = text
            .lines()
            .filter(|line| !TOLERATED.iter().any(|name| line.contains(name)));
        lines
            .map(|line| format!("{}\n", line.trim_end_matches(',')))
            .collect()
    };
    format!("{} {fields:?}\n{body}", answer.status())
}

#[test]
fn a_script_is_told_and_says_the_same_as_behind_nginx() {
    let files = [
        ("mirror.php", MIRROR),
        ("index.php", MIRROR),
        ("sub/index.php", MIRROR),
    ];
    let Some(app) = App::with(&files) else { return };
    let Some(nginx) = app.nginx() else { return };
    let mut differences = String::new();
    for request in requests() {
        let is_head = request.starts_with(b"HEAD");
        let ask = |answer: Message| shown(&answer, is_head);
        let (ours, theirs) = if is_head {
            (
                ask(app.plane.visit().send(&request).head()),
                ask(nginx.visit().send(&request).head()),
            )
        } else {
            (
                ask(app.ask(&request)),
                ask(nginx.visit().send(&request).message()),
            )
        };
        if ours != theirs {
            let text = String::from_utf8_lossy(&request);
            differences += text.lines().next().unwrap_or_default();
            for (sign, one, other) in [("ondol", &ours, &theirs), ("nginx", &theirs, &ours)] {
                let alone = one
                    .lines()
                    .filter(|line| !other.lines().any(|it| it == *line));
                alone.for_each(|line| {
                    let _ = write!(differences, "\n  {sign} {line}"); // Never fails for a string.
                });
            }
            differences.push('\n');
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn a_large_answer_arrives_whole_and_as_it_is_made() {
    let large = "<?php for ($i = 0; $i < 400; $i++) { echo str_repeat(chr(65 + $i % 26), 50000); }";
    let slow = "<?php header('Content-Type: text/event-stream'); ob_end_flush();
        echo \"data: one\\n\\n\"; flush(); while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }
        echo \"data: two\\n\\n\";";
    let Some(app) = App::with(&[("large.php", large), ("slow.php", slow)]) else {
        return;
    };
    let answer = app.get("/large.php");
    let expected: Vec<u8> = (0..400_u32)
        .flat_map(|at| vec![b'A' + (at % 26) as u8; 50_000])
        .collect();
    assert!(answer.body == expected, "{} bytes", answer.body.len());
    let mut visitor = app.plane.visit();
    visitor.send("GET /slow.php HTTP/1.1\r\nHost: a.test\r\n\r\n");
    visitor.head();
    let first = visitor.take(b"B\r\ndata: one\n\n\r\n".len());
    assert_eq!(first, b"B\r\ndata: one\n\n\r\n");
    ondol_base::file::replace(&app.folder.path().join("go"), b"", 0o644).unwrap();
    let rest = visitor.take(b"B\r\ndata: two\n\n\r\n0\r\n\r\n".len());
    assert_eq!(rest, b"B\r\ndata: two\n\n\r\n0\r\n\r\n");
}

#[test]
fn a_script_that_fails_shows_nothing_of_itself() {
    let files = [
        (
            "fatal.php",
            "<?php ini_set('display_errors', 0); secret_function();",
        ),
        ("exit.php", "<?php http_response_code(503); exit;"),
        ("killed.php", "<?php posix_kill(getmypid(), 9);"),
        ("warned.php", "<?php error_log('it is late'); echo 'fine';"),
    ];
    let Some(app) = App::with(&files) else { return };
    for (path, status) in [
        ("/fatal.php", 500),
        ("/exit.php", 503),
        ("/killed.php", 502),
        ("/warned.php", 200),
        ("/missing.php", 404),
    ] {
        let answer = app.get(path);
        assert_eq!(answer.status(), status, "{path}");
        for hidden in ["secret_function", "it is late", "posix"] {
            assert!(!answer.text().contains(hidden), "{path}: {}", answer.text());
        }
    }
}

#[test]
fn more_visitors_than_processes_all_get_their_answers() {
    let files = [("slow.php", "<?php usleep(20000); echo $_GET['n'];")];
    let Some(app) = App::with(&files) else { return };
    let mut visitors: Vec<Wire<_>> = (0..40).map(|_| app.plane.visit()).collect();
    for (number, visitor) in visitors.iter_mut().enumerate() {
        visitor.send(format!(
            "GET /slow.php?n={number} HTTP/1.1\r\nHost: a.test\r\n\r\n"
        ));
    }
    for (number, visitor) in visitors.iter_mut().enumerate() {
        assert_eq!(visitor.message().text(), number.to_string());
    }
}

/// Copies a folder with what its links lead to.
fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp")
        .args(["-rL", "--no-preserve=ownership"])
        .args([from, to])
        .stderr(std::process::Stdio::null()) // A link that leads nowhere is left out.
        .status();
    assert!(status.is_ok());
}
