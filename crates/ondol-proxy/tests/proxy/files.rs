//! A folder as visitors see it.

use std::io::Read;

use ondol_model::Target;
use ondol_model::plan::Files;
use tempfile::TempDir;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::plan;
use crate::harness::secure_site;
use crate::harness::site;

const LARGE_BYTES: usize = 3 * 1024 * 1024 + 11;

fn large() -> Vec<u8> {
    (0..LARGE_BYTES).map(|at| (at / 5 % 249) as u8).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test may write in place")]
fn folder() -> (TempDir, Target) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    for (name, content) in [
        ("index.html", &b"home"[..]),
        ("sub/index.html", b"sub"),
        (".secret", b"secret"),
        ("large.bin", &large()),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let root = folder.path().to_owned();
    (folder, Target::Files(Files::at(root)))
}

#[test]
fn files_are_served_and_what_is_not_there_is_404() {
    let (_folder, target) = folder();
    let plane = Plane::start(plan([site("a.test", target)]));
    let mut visitor = plane.visit();
    for (path, status, text) in [
        ("/", 200, "home"),
        ("/sub/", 200, "sub"),
        ("/sub/../index.html", 200, "home"),
        ("/%73ub/index.html?x", 200, "sub"),
    ] {
        let answer = visitor.get("a.test", path);
        assert_eq!((answer.status(), answer.text()), (status, text), "{path}");
    }
    for (path, status) in [
        ("/sub", 308),
        ("/none", 404),
        ("/.secret", 404),
        ("/sub/..%2f..%2fetc/passwd", 404),
        ("/..", 400),
        ("/%00", 400),
    ] {
        assert_eq!(plane.visit().get("a.test", path).status(), status, "{path}");
    }
}

#[test]
fn a_large_file_arrives_whole_in_part_and_not_at_all_if_it_is_known() {
    let (_folder, target) = folder();
    let plane = Plane::start(plan([site("a.test", target)]));
    let mut visitor = plane.visit();
    let whole = visitor.get("a.test", "/large.bin");
    assert!(whole.body == large(), "it differs");
    let mut ask = |field: &str| {
        visitor.send(format!(
            "GET /large.bin HTTP/1.1\r\nHost: a.test\r\n{field}\r\n\r\n"
        ));
        visitor.message()
    };
    let part = ask("Range: bytes=1000000-1999999");
    assert_eq!(part.status(), 206);
    assert!(part.body == large()[1_000_000..2_000_000], "it differs");
    let tag = whole.field("etag").unwrap();
    assert_eq!(ask(&format!("If-None-Match: {tag}")).status(), 304);
}

#[test]
fn head_of_a_file_tells_its_length_and_keeps_the_connection_in_step() {
    let (_folder, target) = folder();
    let plane = Plane::start(plan([site("a.test", target)]));
    let mut visitor = plane.visit();
    visitor.send("HEAD /large.bin HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let length = LARGE_BYTES.to_string();
    assert_eq!(visitor.head().field("content-length"), Some(&*length));
    assert_eq!(visitor.get("a.test", "/").text(), "home");
}

#[test]
fn a_large_file_arrives_whole_by_http2() {
    let (_folder, target) = folder();
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(plan([secure_site("a.test", target)]), &[&identity]);
    plane.block_on(async {
        let mut visitor = Http2::connect(&plane, "a.test").await;
        let answer = visitor.get("https://a.test/large.bin").await.unwrap();
        assert!(answer.into_body().to_bytes() == large(), "it differs");
    });
}

#[test]
fn a_visitor_who_leaves_a_download_hurts_no_one() {
    let (_folder, target) = folder();
    let plane = Plane::start(plan([site("a.test", target)]));
    for _ in 0..20 {
        let mut visitor = plane.visit();
        visitor.send("GET /large.bin HTTP/1.1\r\nHost: a.test\r\n\r\n");
        visitor.stream.read_exact(&mut [0; 1000]).unwrap();
    }
    crate::harness::wait_until("all have left", || plane.counters().connections == 0);
    assert_eq!(plane.visit().get("a.test", "/").text(), "home");
}
