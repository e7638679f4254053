//! A real service, and one that does everything wrong.

use std::path::Path;
use std::process::Command;

use ondol_model::backup::Part;

use super::*;
use crate::access::BandwidthLimit;
use crate::http::tests::program::Program;
use crate::http::tests::program::is_there;
use crate::http::tests::program::s3s_fs;
use crate::http::tests::server::Asked;
use crate::http::tests::server::Reply;
use crate::http::tests::server::Server;
use crate::http::tests::server::forward_badly;
use crate::http::tests::server::says;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::target::conformance;
use crate::target::retry::Patient;
use crate::target::time::Time;
use crate::target::time::played::Played;
use crate::testing::PASSWORD;
use crate::testing::archive_files;
use crate::testing::restic;

const KEY: &str = "AKIDONDOL";
const SECRET: &str = "a+secret/of=theirs";

pub(crate) fn access(port: u16, prefix: &str) -> StorageAccess {
    StorageAccess::S3 {
        endpoint: format!("http://127.0.0.1:{port}"),
        region: "us-east-1".to_owned(),
        bucket: "backups".to_owned(),
        prefix: prefix.to_owned(),
        key: KEY.to_owned(),
        secret: Hidden(SECRET.to_owned()),
    }
}

/// A real service with a bucket in this folder.
pub(crate) fn service(root: &Path) -> Option<Program> {
    let path = s3s_fs()?;
    std::fs::create_dir(root.join("backups")).unwrap();
    Program::start(|port| {
        let mut command = Command::new(path);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--access-key", KEY, "--secret-key", SECRET]);
        command.arg(root);
        Some(command)
    })
}

fn at(server: &Server) -> Arc<dyn Target> {
    open(&access(server.address.port(), "box")).unwrap()
}

fn name(number: usize) -> String {
    format!("{number:064x}")
}

#[test]
fn a_bucket_does_what_every_target_does() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path()) else {
        return;
    };
    let target = open(&access(service.port, "boxes/seocho 1")).unwrap();
    conformance::check(&*target, conformance::Unable::default());
}

/// Half of all requests fail, some of them after they were done.
#[test]
fn a_bad_line_is_survived() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path()) else {
        return;
    };
    let port = service.port;
    let line = Server::start(move |number, asked| forward_badly(port, number, asked));
    let time = Arc::new(Played::at(0));
    let patience = std::time::Duration::from_secs(15 * 60);
    let target = Patient::new(at(&line), patience, Reporter::silent(), time);
    target.create().unwrap();
    for number in 0..60 {
        let object = Object::In(Folder::Data, name(number));
        let content = Bytes::from(vec![b'x'; 1 + number * 1_000]);
        let pieces = [content.clone()];
        target.write(&object, &pieces).unwrap();
        assert_eq!(target.read(&object).unwrap(), content);
        if number % 3 == 0 {
            target.remove(&object).unwrap();
        }
    }
    assert_eq!(target.list(Folder::Data).unwrap().len(), 40);
}

#[test]
fn what_restic_keeps_in_a_bucket_is_found() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path()) else {
        return;
    };
    if !is_there("restic") {
        return;
    }
    let run_restic = |repository: &str, arguments: &[&str]| {
        let done = Command::new("restic")
            .args(["--no-cache", "--repo", repository])
            .args(arguments)
            .env("RESTIC_PASSWORD", "x")
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let bucket = format!("s3:http://127.0.0.1:{}/backups/box", service.port);
    run_restic(&bucket, &["init"]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    run_restic(&bucket, &["backup", file]);
    let target = open(&access(service.port, "box")).unwrap();
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
            // What was written here is as good to restic.
            let content = target.read(&object).unwrap();
            target.remove(&object).unwrap();
            target.write(&object, &[content]).unwrap();
        }
    }
    // This service misunderstands how restic asks for the names of packs, but keeps objects as files.
    let folder = root.path().join("backups/box");
    run_restic(folder.to_str().unwrap(), &["check", "--read-data"]);
}

/// Through a bad line too: what is acknowledged is there, and whole.
#[test]
fn a_repository_in_a_bucket_is_one_to_restic() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path()) else {
        return;
    };
    let port = service.port;
    let line = Server::start(move |number, asked| forward_badly(port, number, asked));
    let target = || -> Arc<dyn Target> {
        let time = Arc::new(Played::at(0));
        let patience = std::time::Duration::from_secs(15 * 60);
        let patient = Patient::new(at(&line), patience, Reporter::silent(), time);
        Arc::new(patient)
    };
    let files = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/target"));
    let repository = Repository::create(target(), PASSWORD).unwrap();
    let archived = archive_files(&repository, "run-1", Part::Files, 1_700_000_000, files);
    assert!(archived.files > 10, "{archived:?}");
    let again = Repository::open(target(), PASSWORD, Some(repository.id())).unwrap();
    let snapshots = again.snapshots().unwrap();
    assert_eq!((snapshots.good.len(), snapshots.damaged.len()), (1, 0));
    let file = files.join("whole.rs");
    let node = again.node(&snapshots.good[0], &file).unwrap().unwrap();
    let mut content = Vec::new();
    again.write_file(&node, &mut content).unwrap();
    assert!(content == std::fs::read(&file).unwrap());

    let folder = root.path().join("backups/box");
    let Some((is_well, told)) = restic(&folder, &["check", "--read-data"]) else {
        return;
    };
    assert!(is_well && told.contains("no errors were found"), "{told}");
}

#[test]
fn keys_and_buckets_that_are_wrong_are_told() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = service(root.path()) else {
        return;
    };
    let refused = |change: &dyn Fn(&mut StorageAccess), expected: Trouble, words: &str| {
        let mut access = access(service.port, "");
        change(&mut access);
        let target = open(&access).unwrap();
        // This service says of an object in a bucket that is not there that there is no such object.
        let errors = [
            target.create().unwrap_err(),
            target.list(Folder::Data).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.trouble, expected, "{error}");
            assert!(error.what.contains(words), "{error}");
            assert!(!error.what.contains(SECRET), "{error}");
        }
    };
    let set = |access: &mut StorageAccess, new: &str| {
        if let StorageAccess::S3 { secret, .. } = access {
            secret.0 = new.to_owned();
        }
    };
    refused(
        &|access| set(access, "another"),
        Trouble::Refused,
        "does not accept the secret",
    );
    let set = |access: &mut StorageAccess| {
        if let StorageAccess::S3 { key, .. } = access {
            *key = "AKIDNOBODY".to_owned();
        }
    };
    refused(&set, Trouble::Refused, "access key");
    let set = |access: &mut StorageAccess| {
        if let StorageAccess::S3 { bucket, .. } = access {
            *bucket = "another".to_owned();
        }
    };
    refused(&set, Trouble::Refused, "there is no bucket `another`");
}

fn page_of(ids: std::ops::Range<usize>, next: Option<&str>) -> Reply {
    let more = match next {
        Some(next) => format!(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>"
        ),
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    let count = ids.len();
    let contents: String = ids
        .map(|number| {
            let key = format!("box/snapshots/{}", name(number));
            format!("<Contents><Key>{key}</Key><Size>{number}</Size><ETag>&quot;x&quot;</ETag></Contents>")
        })
        .collect();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>backups</Name><KeyCount>{count}</KeyCount>{more}{contents}</ListBucketResult>"
    );
    says("200 OK", "", text.as_bytes())
}

#[test]
fn a_huge_listing_is_asked_for_to_its_end() {
    let server = Server::start(|number, _| match number {
        99 => page_of(99_000..99_999, None),
        _ => page_of(
            number * 1_000..(number + 1) * 1_000,
            Some(&format!("{}+/=", number + 1)),
        ),
    });
    let found = at(&server).list(Folder::Snapshots).unwrap();
    assert_eq!(found.len(), 99_999);
    let expected = (0..99_999).map(|number| (name(number), number as u64));
    assert!(found.into_iter().eq(expected));
    let asked = server.asked();
    assert_eq!(
        asked[0].path,
        "/backups?list-type=2&max-keys=1000&prefix=box%2Fsnapshots%2F"
    );
    assert!(
        asked[99]
            .path
            .starts_with("/backups?continuation-token=99%2B%2F%3D&")
    );
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_listing_that_does_not_end_is_an_error() {
    let server = Server::start(|_, _| page_of(0..3, Some("again")));
    let error = at(&server).list(Folder::Snapshots).unwrap_err();
    assert_eq!(error.trouble, Trouble::Wrong);
    assert!(error.what.contains("has no end"), "{error}");
}

#[test]
fn a_page_that_fails_fails_the_listing() {
    let Reply::Says(page) = page_of(0..10, None) else {
        panic!("it says nothing");
    };
    let short = page.len() - 30;
    let cases: [(Reply, Trouble); 6] = [
        (says("503 Slow Down", "", b""), Trouble::Unreachable),
        (says("200 OK", "", b""), Trouble::Wrong),
        (says("200 OK", "", b"<html>Hello</html>"), Trouble::Wrong),
        (
            says("200 OK", "", b"<ListBucketResult><IsTruncated>false"),
            Trouble::Wrong,
        ),
        (Reply::Ends(page[..short].to_vec()), Trouble::Unreachable),
        (
            says("302 Found", "Location: https://login.example/\r\n", b""),
            Trouble::Refused,
        ),
    ];
    for (reply, expected) in cases {
        let answer = reply.clone();
        let server = Server::start(move |number, _| match number {
            0 => page_of(0..1_000, Some("more")),
            _ => answer.clone(),
        });
        let error = at(&server).list(Folder::Snapshots).unwrap_err();
        assert_eq!(error.trouble, expected, "{error}");
    }
}

#[test]
fn a_pace_is_kept_by_the_piece() {
    let object = vec![b'x'; 2 << 20];
    let sent = object.clone();
    let server = Server::start(move |_, asked| match &*asked.method {
        "PUT" => says("200 OK", "", b""),
        _ => says("200 OK", "", &object),
    });
    let target = at(&server);
    let limits = [BandwidthLimit {
        from: 0,
        to: 0,
        rate: Some(1 << 20),
    }];
    let time = Arc::new(Played::at(0));
    let pace = Arc::new(Pace::new(&limits, None, Arc::clone(&time) as Arc<dyn Time>));
    assert_eq!(target.pace(&pace), Pacing::ByPiece);
    let content = [Bytes::from(sent)];
    target.write(&Object::Config, &content).unwrap();
    let up = time.elapsed().as_secs_f64();
    target.read(&Object::Config).unwrap();
    let down = time.elapsed().as_secs_f64() - up;
    // The last piece is not waited for, nor is what was saved up.
    assert!((1.4..=2.1).contains(&up), "{up}");
    assert!((1.0..=2.1).contains(&down), "{down}");
}

/// What an answer leads to where an object was asked for.
#[track_caller]
fn check_read(reply: Reply, expected: Result<&[u8], (Trouble, &str)>) {
    let server = Server::start(move |_, _| reply.clone());
    let target = at(&server);
    check_all(&[target.read(&Object::Config)], expected);
}

#[track_caller]
fn check_all(found: &[Result<Bytes, TargetError>], expected: Result<&[u8], (Trouble, &str)>) {
    for found in found {
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err((trouble, words))) => {
                assert_eq!(error.trouble, trouble, "{error}");
                assert!(error.what.contains(words), "{error}");
                assert!(!error.what.contains(SECRET), "{error}");
                assert!(!error.what.ends_with('.'), "{error}");
            }
            (found, _) => panic!("{found:?}"),
        }
    }
}

fn error(status: &str, code: &str, message: &str) -> Reply {
    error_with(status, code, message, "")
}

fn error_with(status: &str, code: &str, message: &str, more: &str) -> Reply {
    let text = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    );
    says(
        status,
        "Date: Sat, 21 Nov 2026 18:00:00 GMT\r\n",
        text.as_bytes(),
    )
}

#[test]
fn only_whole_objects_are_taken() {
    check_read(says("200 OK", "", b"config"), Ok(b"config"));
    let nothing = "sent nothing of config";
    check_read(says("200 OK", "", b""), Err((Trouble::Wrong, nothing)));
    let part = says(
        "206 Partial Content",
        "Content-Range: bytes 0-2/6\r\n",
        b"con",
    );
    check_read(part, Err((Trouble::Wrong, "a part of config")));
    let zipped = says("200 OK", "Content-Encoding: gzip\r\n", b"config");
    check_read(zipped, Err((Trouble::Wrong, "compressed")));
    let elsewhere = says("404 Not Found", "", b"<html>nginx</html>");
    check_read(elsewhere, Err((Trouble::Refused, "not as S3 services do")));
    let missing = error("404 Not Found", "NoSuchKey", "");
    check_read(missing, Err((Trouble::Missing, "no such object")));
}

#[test]
fn only_the_bytes_that_were_asked_for_are_taken() {
    let check = |reply: Reply, (offset, length): (u64, u64), expected| {
        let server = Server::start(move |_, _| reply.clone());
        let found = at(&server).read_range(&Object::Config, offset, length);
        check_all(&[found], expected);
        let last = offset + length - 1;
        let asked = server.asked();
        let range = format!("bytes={offset}-{last}");
        assert_eq!(asked[0].header("range"), Some(&*range));
    };
    let part = |range: &str, body: &[u8]| {
        let range = format!("Content-Range: bytes {range}\r\n");
        says("206 Partial Content", &range, body)
    };
    let wrong = Err((Trouble::Wrong, "instead of 3 from byte 2"));
    check(part("2-4/6", b"nfi"), (2, 3), Ok(b"nfi"));
    check(part("0-2/6", b"con"), (2, 3), wrong);
    check(part("2-3/4", b"nf"), (2, 3), wrong);
    check(part("2-5/6", b"nfig"), (2, 3), wrong);
    check(says("200 OK", "", b"config"), (2, 3), wrong);
    check(says("200 OK", "", b"nfi"), (2, 3), wrong);
    check(says("200 OK", "", b""), (2, 3), wrong);
    check(says("200 OK", "", b"config"), (0, 6), Ok(b"config"));
    let none = error("416 Range Not Satisfiable", "InvalidRange", "");
    check(none, (2, 3), Err((Trouble::Wrong, "fewer bytes")));
}

/// Wherever the answer ends, something else than the object is never taken for it.
#[test]
fn an_object_that_is_cut_off_is_an_error() {
    let Reply::Says(whole) = says("200 OK", "ETag: x\r\n", b"config") else {
        panic!("it says nothing");
    };
    let last = whole.len() - 1;
    let server = Server::start(move |number, _| Reply::Ends(whole[..number.min(last)].to_vec()));
    let target = at(&server);
    for _ in 0..=last {
        let error = target.read(&Object::Config).unwrap_err();
        assert_eq!(error.trouble, Trouble::Unreachable, "{error}");
    }
}

#[test]
fn what_passes_is_worth_another_try() {
    let busy = "Please reduce your request rate.";
    for reply in [
        error("503 Busy", "SlowDown", busy),
        error("503 Busy", "ServiceUnavailable", busy),
        error("500 Oops", "InternalError", busy),
        error("400 Bad Request", "RequestTimeout", "idle"),
        error("400 Bad Request", "XAmzContentSHA256Mismatch", "damaged"),
        says("502 Bad Gateway", "", b"x"),
        says("429 Too Many Requests", "", b""),
    ] {
        check_read(reply, Err((Trouble::Unreachable, "server")));
    }
    let reply = error("503 Busy", "SlowDown", busy);
    let said = "the server answered 503, SlowDown: Please reduce your request rate";
    check_read(reply, Err((Trouble::Unreachable, said)));
}

#[test]
fn what_a_service_refuses_becomes_a_sentence() {
    let check = |code: &str, message: &str, trouble: Trouble, words: &str| {
        let reply = error("403 Forbidden", code, message);
        check_read(reply, Err((trouble, words)));
    };
    let denied = "does not let the access key read from the bucket `backups` (403, AccessDenied: Access Denied): allow it s3:GetObject";
    let (refused, full) = (Trouble::Refused, Trouble::Full);
    check("AccessDenied", "Access Denied.", refused, denied);
    check("InvalidAccessKeyId", "gone", refused, "or not any more");
    check("SignatureDoesNotMatch", "x", refused, "the secret");
    check("RequestTimeTooSkewed", "far", refused, "clock");
    check("InvalidObjectState", "GLACIER", refused, "archive");
    let room = "has no room left";
    let cap = "Cannot upload files, storage cap exceeded. See";
    check("AccessDenied", cap, full, room);
    check("QuotaExceeded", "x", full, room);
    check("XMinioStorageFull", "x", full, room);
    let secretive = format!("you sent {SECRET}\n and {}", "x".repeat(1_000));
    check("AccessDenied", &secretive, refused, "you sent …");
}

#[test]
fn a_bucket_that_is_elsewhere_is_told() {
    let code = "AuthorizationHeaderMalformed";
    let region = "<Region>eu-central-1</Region>";
    let reply = error_with("400 Bad Request", code, "x", region);
    let words = "is in the region eu-central-1";
    check_read(reply, Err((Trouble::Refused, words)));
    let there = "Location: https://elsewhere.example/\r\n";
    let reply = says("301 Moved Permanently", there, b"");
    let words = "points elsewhere (301, https://elsewhere.example/)";
    check_read(reply, Err((Trouble::Refused, words)));
}

#[test]
fn a_clock_that_is_wrong_is_told_by_how_much() {
    let hours_ago = clock::wall() - std::time::Duration::from_secs(3 * 3_600);
    let date = httpdate::fmt_http_date(hours_ago);
    let text = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
    let reply = says(
        "403 Forbidden",
        &format!("Date: {date}\r\n"),
        text.as_bytes(),
    );
    check_read(reply, Err((Trouble::Refused, "min ahead: put it right")));
}

#[test]
fn what_is_written_is_signed_and_hashed() {
    let server = Server::start(|_, _| says("200 OK", "ETag: \"nonsense\"\r\n", b""));
    let content = [Bytes::from_static(b"con"), Bytes::from_static(b"fig")];
    at(&server).write(&Object::Config, &content).unwrap();
    let asked = server.asked();
    let Asked {
        method, path, body, ..
    } = &asked[0];
    assert_eq!((&**method, &**path), ("PUT", "/backups/box/config"));
    assert_eq!(body, b"config");
    let header = |name| asked[0].header(name).unwrap();
    assert_eq!(header("content-md5"), "IkUCMmWuTPh9Asi2upkROQ==");
    let hash = signature_v4::hash(b"config");
    assert_eq!(header("x-amz-content-sha256"), hash);
    assert!(header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIDONDOL/"));
    assert!(!format!("{:?}", at(&server)).contains(SECRET));
}

#[test]
fn what_can_not_be_written_or_removed_is_told() {
    let server = Server::start(|_, asked| match &*asked.method {
        "PUT" => error("403 Forbidden", "AccessDenied", ""),
        _ => error("403 Forbidden", "AccessDenied", "locked"),
    });
    let target = at(&server);
    let content = [Bytes::from_static(b"x")];
    let error = target.write(&Object::Config, &content).unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.what.contains("s3:PutObject"), "{error}");
    let error = target.remove(&Object::Config).unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.what.contains("append_only = true"), "{error}");
}
