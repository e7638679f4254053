//! A real server, and one that does everything wrong.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::*;
use crate::access::Hidden;
use crate::http::tests::program::Program;
use crate::http::tests::program::is_there;
use crate::http::tests::server::Reply;
use crate::http::tests::server::Server;
use crate::http::tests::server::forward_badly;
use crate::http::tests::server::says;
use crate::reporter::Reporter;
use crate::target::conformance;
use crate::target::retry::Patient;
use crate::target::time::played::Played;

const PASSWORD: &str = "pass: word/ü";
const LISTING: &str = "Content-Type: application/vnd.x.restic.rest.v2\r\n";

pub(crate) fn access(url: String) -> StorageAccess {
    StorageAccess::Rest {
        url,
        user: Some("seocho".to_owned()),
        password: Some(Hidden(PASSWORD.to_owned())),
    }
}

/// A real server of this folder.
pub(crate) fn service(root: &Path, more: &[&str]) -> Option<Program> {
    if !is_there("rclone") {
        return None;
    }
    Program::start(|port| {
        let mut command = Command::new("rclone");
        command.args(["serve", "restic", "--config", "/dev/null"]);
        command.args(["--addr", &format!("127.0.0.1:{port}")]);
        command.args(["--user", "seocho", "--pass", PASSWORD]);
        command.args(more).arg(root);
        Some(command)
    })
}

fn at(server: &Server) -> Arc<dyn Target> {
    open(&access(format!("http://{}/repo/", server.address))).unwrap()
}

fn id() -> String {
    "ab".repeat(32)
}

#[test]
fn a_rest_server_does_what_every_target_does() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path(), &[]) else {
        return;
    };
    let url = format!("http://127.0.0.1:{}/people/seocho", service.port);
    let target = open(&access(url)).unwrap();
    conformance::check(&*target, conformance::Unable::default());
}

#[test]
fn an_append_only_server_does_what_it_can() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path(), &["--append-only"]) else {
        return;
    };
    let url = format!("http://127.0.0.1:{}/", service.port);
    let target = open(&access(url)).unwrap();
    let unable = conformance::Unable {
        replace: true,
        remove: true,
    };
    conformance::check(&*target, unable);
    let pack = Object::In(Folder::Data, id());
    target.write(&pack, &[Bytes::from_static(b"one")]).unwrap();
    let error = target.write(&pack, &[Bytes::from_static(b"other")]);
    let error = error.unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.what.contains("append_only = true"), "{error}");
    assert_eq!(target.read(&pack).unwrap(), "one");
}

/// Half of all requests fail, some of them after they were done.
#[test]
fn a_bad_line_is_survived() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path(), &["--append-only"]) else {
        return;
    };
    let port = service.port;
    let line = Server::start(move |number, asked| forward_badly(port, number, asked));
    let target = open(&access(format!("http://{}/", line.address))).unwrap();
    let time = Arc::new(Played::at(0));
    let patience = Duration::from_secs(15 * 60);
    let target = Patient::new(target, patience, Reporter::silent(), time);
    let unable = conformance::Unable {
        replace: true,
        remove: true,
    };
    conformance::check(&target, unable);
}

#[test]
fn what_restic_keeps_on_a_server_is_found() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path(), &["--append-only"]) else {
        return;
    };
    if !is_there("restic") {
        return;
    }
    let password = "pass%3A%20word%2F%C3%BC";
    let restic = |arguments: &[&str]| {
        let repository = format!("rest:http://seocho:{password}@127.0.0.1:{}/", service.port);
        let done = Command::new("restic")
            .args(["--no-cache", "--repo", &repository])
            .args(arguments)
            .env("RESTIC_PASSWORD", "x")
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    restic(&["init"]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    restic(&["backup", file]);
    let url = format!("http://127.0.0.1:{}", service.port);
    let target = open(&access(url)).unwrap();
    target.create().unwrap();
    assert!(!target.read(&Object::Config).unwrap().is_empty());
    for (folder, count) in [
        (Folder::Keys, 1),
        (Folder::Snapshots, 1),
        (Folder::Locks, 0),
        (Folder::Data, 2),
    ] {
        let found = target.list(folder).unwrap();
        assert_eq!(found.len(), count, "{folder:?}");
        for (id, size) in found {
            let object = Object::In(folder, id);
            assert_eq!(target.read(&object).unwrap().len() as u64, size);
        }
    }
    restic(&["check", "--read-data"]);
}

#[test]
fn a_password_that_is_wrong_is_told() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path(), &[]) else {
        return;
    };
    let url = format!("http://127.0.0.1:{}/", service.port);
    let refused = |user: Option<&str>, password: Option<&str>, words: &str| {
        let target = open(&StorageAccess::Rest {
            url: url.clone(),
            user: user.map(str::to_owned),
            password: password.map(|password| Hidden(password.to_owned())),
        });
        let target = target.unwrap();
        for error in [
            target.create().unwrap_err(),
            target.read(&Object::Config).unwrap_err(),
            target.list(Folder::Keys).unwrap_err(),
        ] {
            assert_eq!(error.trouble, Trouble::Refused, "{error}");
            assert!(error.what.contains(words), "{error}");
        }
    };
    refused(Some("seocho"), Some("x"), "does not accept the user");
    refused(None, None, "give `user` and `password`");
}

/// What an answer to a question for a listing leads to.
#[track_caller]
fn check_list(reply: Reply, expected: Result<usize, Trouble>) {
    let server = Server::start(move |_, _| reply.clone());
    let found = at(&server).list(Folder::Data);
    match (&found, expected) {
        (Ok(found), Ok(count)) => assert_eq!(found.len(), count),
        (Err(error), Err(trouble)) => assert_eq!(error.trouble, trouble, "{error}"),
        _ => panic!("{found:?}"),
    }
}

#[test]
fn listings_are_whole_or_errors() {
    let listed = |text: &str| says("200 OK", LISTING, text.as_bytes());
    let one = format!("{{\"name\":\"{}\",\"size\":3}}", id());
    check_list(listed("[]\n"), Ok(0));
    check_list(listed("null"), Ok(0));
    check_list(listed(&format!("[{one}]")), Ok(1));
    check_list(
        listed(&format!("[{one},{{\"name\":\"tmp\",\"size\":1}}]")),
        Ok(1),
    );
    let wrong = Err(Trouble::Wrong);
    check_list(listed(""), wrong);
    check_list(listed("{}"), wrong);
    check_list(listed(&format!("[{one},")), wrong);
    check_list(listed(&format!("[{one}]]")), wrong);
    check_list(listed(&format!("[\"{}\"]", id())), wrong);
    check_list(says("200 OK", "", b"[]"), wrong);
    check_list(says("200 OK", "Content-Type: text/html\r\n", b""), wrong);
    let busy = says("503 Service Unavailable", "", b"");
    check_list(busy, Err(Trouble::Unreachable));
    check_list(says("204 No Content", "", b""), wrong);
}

#[test]
fn a_huge_listing_is_read() {
    let objects = (0..200_000).map(|number| format!("{{\"name\":\"{number:064x}\",\"size\":1}}"));
    let text = format!("[{}]", objects.collect::<Vec<_>>().join(","));
    check_list(says("200 OK", LISTING, text.as_bytes()), Ok(200_000));
}

/// A folder that is not there is empty, a repository that is not there is none.
#[test]
fn a_missing_folder_is_told_from_a_missing_repository() {
    let server = Server::start(|_, asked| match &*asked.path {
        "/repo/config" => says("200 OK", "", b"x"),
        _ => says("404 Not Found", "", b""),
    });
    assert_eq!(at(&server).list(Folder::Locks).unwrap(), []);
    check_list(says("404 Not Found", "", b""), Err(Trouble::Missing));
}

#[test]
fn what_a_server_says_becomes_a_sentence() {
    let check = |status: &str, more: &str, trouble: Trouble, words: &str| {
        let reply = says(status, more, b"no\nmore");
        let server = Server::start(move |_, _| reply.clone());
        let target = at(&server);
        let content = [Bytes::from_static(b"x")];
        let error = target.write(&Object::Config, &content).unwrap_err();
        assert_eq!(error.trouble, trouble, "{error}");
        assert!(error.what.contains(words), "{error}");
        assert!(!error.what.contains(PASSWORD), "{error}");
    };
    let text = "Content-Type: text/plain\r\n";
    check("500 Oops", text, Trouble::Unreachable, "answered 500 (no)");
    check("502 Bad", "", Trouble::Unreachable, "502 (Bad Gateway)");
    check("429 Slow", text, Trouble::Unreachable, "429 (no)");
    check("413 Big", text, Trouble::Full, "no room left");
    check("507 Full", text, Trouble::Full, "no room left");
    check("401 Who", text, Trouble::Refused, "does not accept");
    check(
        "404 None",
        text,
        Trouble::Refused,
        "no place for the repository at /repo/",
    );
    check(
        "405 Not",
        text,
        Trouble::Refused,
        "is there a restic REST server",
    );
    check("403 No", text, Trouble::Refused, "read /repo/");
    check(
        "202 Later",
        text,
        Trouble::Wrong,
        "not as a restic REST server",
    );
    let there = "Location: https://login.example/\r\n";
    check(
        "302 Found",
        there,
        Trouble::Refused,
        "https://login.example/",
    );
}

/// The answer to the first write is lost, so it is made once more.
#[test]
fn a_write_that_was_done_is_not_an_error() {
    for (there, expected) in [(&b"config"[..], true), (b"confi", false), (b"", false)] {
        let server = Server::start(move |_, asked| match &*asked.method {
            "POST" => says("403 Forbidden", "", b""),
            "GET" => says("200 OK", "", there),
            _ => says("403 Forbidden", "", b""),
        });
        let content = [Bytes::from_static(b"con"), Bytes::from_static(b"fig")];
        let written = at(&server).write(&Object::Config, &content);
        assert_eq!(written.is_ok(), expected, "{written:?}");
    }
}

#[test]
fn only_whole_objects_are_taken() {
    let server = Server::start(|_, _| says("200 OK", "", b""));
    let error = at(&server).read(&Object::Config).unwrap_err();
    assert_eq!(error.trouble, Trouble::Wrong);
    let error = at(&server).read_range(&Object::Config, 3, 4).unwrap_err();
    assert_eq!(error.trouble, Trouble::Wrong);
    let asked = server.asked();
    assert_eq!(asked[0].path, "/repo/config");
    assert_eq!(
        asked[0].header("authorization"),
        Some("Basic c2VvY2hvOnBhc3M6IHdvcmQvw7w=")
    );
    assert_eq!(asked[1].header("range"), Some("bytes=3-6"));
}
