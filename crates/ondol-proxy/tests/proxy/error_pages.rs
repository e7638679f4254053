//! The pages that owners write for errors, and for fixed answers.

use std::path::Path;

use ondol_model::Target;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::ErrorPages;
use ondol_model::plan::Respond;
use ondol_model::plan::RespondBody;
use tempfile::TempDir;

use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::ruled;
use crate::harness::site;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        ondol_base::file::replace(&path, text.as_bytes(), 0o644).unwrap();
    }
    folder
}

/// Asks as a browser does.
fn browse(plane: &Plane, method: &str, more: &str) -> Message {
    let mut visitor = plane.visit();
    let accept = "Accept: text/html,*/*;q=0.8\r\nConnection: close\r\n";
    visitor.send(format!(
        "{method} /x HTTP/1.1\r\nHost: a.test\r\n{accept}{more}\r\n"
    ));
    let mut message = visitor.head();
    message.body = visitor.rest();
    message
}

fn failing(folder: &Path, replaces_answers: bool, status: Option<u16>) -> Plane {
    let target = match status {
        None => Upstream::gone(),
        Some(status) => Upstream::answering(move |_| {
            format!(
                "HTTP/1.1 {status} Oh\r\nContent-Length: 3\r\nRetry-After: 9\r\nETag: \"x\"\r\n\r\napp"
            )
        }),
    };
    let pages = ErrorPages {
        folder: folder.to_owned(),
        replaces_answers,
    };
    let site = ruled(site("a.test", proxy_to_all([target])), |rules| {
        rules.error_pages = Some(pages.clone());
    });
    let mut plan = plan([site]);
    plan.access_log.format = AccessLogFormat::Json;
    Plane::start(plan)
}

#[test]
fn the_most_particular_page_is_shown_to_browsers() {
    for (files, expected) in [
        (
            &[("502.html", "a"), ("50x.html", "b"), ("5xx.html", "c")][..],
            "a",
        ),
        (&[("50x.html", "b"), ("5xx.html", "c")], "b"),
        (
            &[("5xx.html", "c {status} {x} {"), ("4xx.html", "d")],
            "c 502 {x} {",
        ),
    ] {
        let folder = folder(files);
        let plane = failing(folder.path(), false, None);
        let page = browse(&plane, "GET", "");
        assert_eq!((page.status(), page.text()), (502, expected));
        assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.field("cache-control"), Some("no-store"));
        let head = browse(&plane, "HEAD", "");
        let length = expected.len().to_string();
        assert_eq!(head.field("content-length"), Some(&*length));
        assert_eq!(head.text(), "");
        let program = plane.visit().get("a.test", "/");
        assert!(program.text().starts_with("502 Bad gateway"));
    }
}

#[test]
fn the_built_in_page_stands_in_for_one_that_is_missing() {
    let empty = folder(&[]);
    let gone = empty.path().join("gone");
    for folder in [empty.path(), &gone] {
        let plane = failing(folder, true, None);
        let page = browse(&plane, "GET", "Accept-Language: ko\r\n");
        assert!(page.text().contains("<h1>사이트가 응답하지 않음</h1>"));
        let plane = failing(folder, true, Some(500));
        let answer = browse(&plane, "GET", "");
        assert_eq!((answer.status(), answer.text()), (500, "app"));
    }
}

#[test]
fn a_page_shows_the_id_that_the_log_has() {
    let folder = folder(&[("5xx.html", "id {request_id}.")]);
    let mut plane = failing(folder.path(), false, None);
    let page = browse(&plane, "GET", "");
    let id = page.text()[3..19].to_owned();
    assert!(page.text().ends_with('.') && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    plane.drain(crate::harness::PATIENCE).join().unwrap();
    assert!(plane.access_log().contains(&id));
}

#[test]
fn an_apps_own_errors_are_replaced_where_that_is_wanted() {
    let folder = folder(&[("50x.html", "ours")]);
    for (replaces, status, expected) in [
        (true, 503, "ours"),
        (false, 503, "app"),
        (true, 511, "app"),
        (true, 404, "app"),
        (true, 200, "app"),
    ] {
        let plane = failing(folder.path(), replaces, Some(status));
        let answer = browse(&plane, "GET", "");
        assert_eq!((answer.status(), answer.text()), (status, expected));
        assert_eq!(answer.field("retry-after"), Some("9"));
        let tag = (expected == "app").then_some("\"x\"");
        assert_eq!(answer.field("etag"), tag);
        let program = plane.visit().get("a.test", "/");
        assert_eq!(program.text(), "app");
    }
}

#[test]
fn a_fixed_answer_may_be_a_file_that_is_read_each_time() {
    let folder = folder(&[("busy.html", "back soon")]);
    let file = folder.path().join("busy.html");
    let respond = |content_type: Option<&str>| {
        Target::Respond(Respond {
            status: 503,
            body: RespondBody::File(file.clone()),
            content_type: content_type.map(str::to_owned),
        })
    };
    let plane = Plane::start(plan([
        site("a.test", respond(None)),
        site("b.test", respond(Some("text/plain"))),
    ]));
    let answer = browse(&plane, "GET", "");
    assert_eq!((answer.status(), answer.text()), (503, "back soon"));
    assert_eq!(
        answer.field("content-type"),
        Some("text/html; charset=utf-8")
    );
    let head = browse(&plane, "HEAD", "");
    assert_eq!((head.field("content-length"), head.text()), (Some("9"), ""));
    let plain = plane.visit().get("b.test", "/");
    assert_eq!(plain.field("content-type"), Some("text/plain"));

    ondol_base::file::replace(&file, b"back tomorrow", 0o644).unwrap();
    assert_eq!(browse(&plane, "GET", "").text(), "back tomorrow");
    std::fs::remove_file(&file).unwrap();
    let page = browse(&plane, "GET", "");
    assert_eq!(page.status(), 503);
    assert!(page.text().contains("<h1>Unavailable</h1>"));
}
