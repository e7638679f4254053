//! The same requests to Ondol, nginx and Caddy: where the standards leave no choice, the answers are the same.

use std::io::Read;
use std::io::Write;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use ondol_model::Target;
use ondol_model::plan::Files;
use tempfile::TempDir;

use crate::harness::Message;
use crate::harness::Peer;
use crate::harness::Plane;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::site;

const LARGE_BYTES: usize = 300_000;
const SECRET: &str = "nobody may read this";

/// What every server must answer alike: the status, the body, and what tells the client which part it is.
#[derive(Debug, PartialEq, Eq)]
struct Essence {
    status: u16,
    range: Option<String>,
    parts: Option<Vec<(String, Vec<u8>)>>,
    body: Option<Vec<u8>>,
}

impl Essence {
    fn of(message: &Message) -> Self {
        let status = message.status();
        let kind = message.field("content-type").unwrap_or_default();
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=");
        let is_success = matches!(status, 200 | 206);
        Self {
            status,
            range: message.field("content-range").map(str::to_owned),
            parts: boundary.map(|boundary| parts(&message.body, boundary)),
            body: (is_success && boundary.is_none()).then(|| message.body.clone()),
        }
    }
}

/// The range and the bytes of each part.
fn parts(body: &[u8], boundary: &str) -> Vec<(String, Vec<u8>)> {
    let line = format!("--{boundary}").into_bytes();
    let starts: Vec<_> = body
        .windows(line.len())
        .enumerate()
        .filter(|(_, window)| *window == line)
        .map(|(at, _)| at)
        .collect();
    let pairs = starts
        .windows(2)
        .map(|pair| &body[pair[0] + line.len()..pair[1] - 2]);
    pairs
        .map(|part| {
            let end = part.windows(4).position(|at| at == b"\r\n\r\n").unwrap();
            let head = str::from_utf8(&part[..end]).unwrap().to_lowercase();
            let range = head
                .lines()
                .find(|line| line.starts_with("content-range"))
                .unwrap();
            (range.to_owned(), part[end + 4..].to_vec())
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a test may write in place")]
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("sub")).unwrap();
    std::fs::write(folder.path().join("secret.txt"), SECRET).unwrap();
    for (name, content) in [
        ("index.html", b"home".to_vec()),
        ("sub/index.html", b"sub".to_vec()),
        ("a.txt", b"0123456789".repeat(100)),
        ("empty.txt", Vec::new()),
        (
            "large.txt",
            (0..LARGE_BYTES).map(|at| (at / 3 % 251) as u8).collect(),
        ),
    ] {
        let path = root.join(name);
        std::fs::write(&path, content).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000))
            .unwrap();
    }
    folder
}

/// Requests as they are sent, where `{tag}` is the server's own entity tag of that file.
fn requests() -> Vec<(&'static str, &'static str, Vec<String>)> {
    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
    const AFTER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";
    let mut requests = Vec::new();
    let conditions = [
        "If-None-Match: {tag}".to_owned(),
        "If-None-Match: W/{tag}".to_owned(),
        "If-None-Match: \"x\", {tag}".to_owned(),
        "If-None-Match: \"x\"".to_owned(),
        "If-None-Match: *".to_owned(),
        "If-Match: {tag}".to_owned(),
        "If-Match: \"x\", {tag}".to_owned(),
        "If-Match: \"x\"".to_owned(),
        "If-Match: W/{tag}".to_owned(),
        "If-Match: *".to_owned(),
        format!("If-Modified-Since: {DATE}"),
        format!("If-Modified-Since: {BEFORE}"),
        format!("If-Modified-Since: {AFTER}"),
        "If-Modified-Since: yesterday".to_owned(),
        format!("If-Unmodified-Since: {DATE}"),
        format!("If-Unmodified-Since: {BEFORE}"),
        format!("If-Unmodified-Since: {AFTER}"),
        format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {DATE}"),
        format!("If-None-Match: {{tag}}\r\nIf-Modified-Since: {BEFORE}"),
        "If-Match: {tag}\r\nIf-None-Match: {tag}".to_owned(),
    ];
    let ranges = [
        "Range: bytes=0-0".to_owned(),
        "Range: bytes=5-".to_owned(),
        "Range: bytes=-5".to_owned(),
        "Range: bytes=10-99999999".to_owned(),
        "Range: bytes=-99999999".to_owned(),
        "Range: bytes=99999999-".to_owned(),
        "Range: bytes=0-1,300-309".to_owned(),
        "Range: bytes=700-709, -3, 0-0".to_owned(),
        "Range: bytes=300-309,99999999-".to_owned(),
        "Range: lines=0-1".to_owned(),
        "Range: bytes=0-1\r\nIf-Range: {tag}".to_owned(),
        "Range: bytes=0-1\r\nIf-Range: \"x\"".to_owned(),
        "Range: bytes=0-1\r\nIf-Range: W/{tag}".to_owned(),
        format!("Range: bytes=0-1\r\nIf-Range: {DATE}"),
        format!("Range: bytes=0-1\r\nIf-Range: {BEFORE}"),
        "Range: bytes=0-1\r\nIf-None-Match: {tag}".to_owned(),
    ];
    for target in ["/a.txt", "/large.txt"] {
        requests.push((
            "GET",
            target,
            conditions.iter().chain(&ranges).cloned().collect(),
        ));
        requests.push(("HEAD", target, conditions.to_vec()));
    }
    let plain = || vec!["Accept: */*".to_owned()];
    for target in [
        "/",
        "/sub/",
        "/none",
        "/sub/none",
        "/empty.txt",
        "/./a.txt",
        "/sub/../a.txt",
        "/%61.txt",
        "/a.txt?x=y",
        "//a.txt",
        "/sub//index.html",
        "/a.txt/",
    ] {
        requests.push(("GET", target, plain()));
    }
    requests.push(("POST", "/a.txt", vec!["Content-Length: 0".to_owned()]));
    requests
}

/// Where another server does not keep to RFC 9110, or redirects to the address that it likes better.
fn differs_by_choice(peer: &str, method: &str, target: &str, fields: &str) -> bool {
    match peer {
        // A date counts beside a tag (§13.1.3 says that it does not).
        "nginx" => fields.starts_with("If-None-Match: {tag}\r\nIf-Modified-Since"),
        // A unit that is not known is refused (§14.2 says ignored), and a POST gets the file.
        "caddy" => {
            let others = [
                "/a.txt/",
                "//a.txt",
                "/sub//index.html",
                "/./a.txt",
                "/sub/../a.txt",
            ];
            fields == "Range: lines=0-1" || method == "POST" || others.contains(&target)
        }
        _ => false,
    }
}

fn ask<S: Read + Write>(wire: &mut Wire<S>, method: &str, target: &str, fields: &str) -> Message {
    wire.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n\r\n"
    ));
    if method == "HEAD" {
        wire.head()
    } else {
        wire.message()
    }
}

#[test]
fn conditions_and_ranges_are_answered_as_other_servers_do() {
    let folder = folder();
    let root = folder.path().join("root");
    let plane = Plane::start(plan([site(
        "a.test",
        Target::Files(Files::at(root.clone())),
    )]));
    let peers = [Peer::nginx(&root), Peer::caddy(&root)];
    let mut differences = Vec::new();
    for peer in peers.into_iter().flatten() {
        for (method, target, all) in requests() {
            let tag = |message: Message| message.field("etag").unwrap_or("\"none\"").to_owned();
            let own_tag = tag(ask(&mut plane.visit(), "HEAD", target, "Accept: */*"));
            let its_tag = tag(ask(&mut peer.visit(), "HEAD", target, "Accept: */*"));
            for fields in all {
                if differs_by_choice(peer.name, method, target, &fields) {
                    continue;
                }
                let own = ask(
                    &mut plane.visit(),
                    method,
                    target,
                    &fields.replace("{tag}", &own_tag),
                );
                let its = ask(
                    &mut peer.visit(),
                    method,
                    target,
                    &fields.replace("{tag}", &its_tag),
                );
                let (own, its) = (Essence::of(&own), Essence::of(&its));
                if own != its {
                    let shown = |one: &Essence| {
                        format!(
                            "{} {:?} {:?}",
                            one.status,
                            one.range,
                            one.body.as_ref().map(Vec::len)
                        )
                    };
                    let (own, its) = (shown(&own), shown(&its));
                    differences.push(format!(
                        "{method} {target} {fields:?}: {own}; {}: {its}",
                        peer.name
                    ));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn no_way_of_writing_a_path_leads_out_of_the_folder() {
    let folder = folder();
    let root = folder.path().join("root");
    let plane = Plane::start(plan([site("a.test", Target::Files(Files::at(root)))]));
    let ups = [
        "..",
        "%2e%2e",
        ".%2e",
        "%2E.",
        "..%00",
        "..;",
        "..\\",
        "%252e%252e",
        "..%c0%af",
        "．．",
    ];
    let separators = [
        "/", "%2f", "%2F", "\\", "%5c", "//", "/./", "%252f", "/%00/",
    ];
    let depths = ["", "/sub", "/sub/none", "/a.txt", "/index.html"];
    for (depth, up, separator) in depths.iter().flat_map(|depth| {
        let pairs = ups
            .iter()
            .flat_map(|up| separators.iter().map(move |separator| (up, separator)));
        pairs.map(move |(up, separator)| (depth, up, separator))
    }) {
        for levels in 1..=4 {
            let climb = format!("{separator}{up}").repeat(levels);
            let target = format!("{depth}{climb}{separator}secret.txt");
            let target = if target.starts_with('/') {
                target
            } else {
                format!("/{target}")
            };
            let mut visitor = plane.visit();
            visitor.send(format!(
                "GET {target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
            ));
            let answer = String::from_utf8_lossy(&visitor.rest()).into_owned();
            assert!(!answer.contains(SECRET), "{target}");
            assert!(!answer.starts_with("HTTP/1.1 200"), "{target}: {answer}");
        }
    }
}
