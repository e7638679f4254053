//! Sites and routes that lead elsewhere.

use ondol_model::HostPattern;
use ondol_model::Target;
use ondol_model::plan::MovedPath;
use ondol_model::plan::MovedPiece;
use ondol_model::plan::MovedTo;
use ondol_model::plan::PathPattern;
use ondol_model::plan::Redirect;
use ondol_model::plan::RedirectPath;

use crate::harness::Plane;
use crate::harness::plan;
use crate::harness::respond;
use crate::harness::site;

fn location(to: &str, path: RedirectPath, target: &str) -> Option<String> {
    let redirect = Target::Redirect(Redirect {
        to: to.to_owned(),
        path,
        status: 301,
    });
    let plane = Plane::start(plan([site("a.test", redirect)]));
    let answer = plane.visit().get("a.test", target);
    (answer.status() == 301).then(|| answer.field("location").unwrap().to_owned())
}

#[test]
fn a_redirect_keeps_or_drops_the_path() {
    for (to, path, leads_to) in [
        ("https://b.test", RedirectPath::Keep, "https://b.test/x?y"),
        ("https://b.test/", RedirectPath::Keep, "https://b.test/x?y"),
        (
            "https://b.test/z",
            RedirectPath::Keep,
            "https://b.test/z/x?y",
        ),
        ("https://b.test/z", RedirectPath::Drop, "https://b.test/z"),
        ("/z", RedirectPath::Keep, "/z/x?y"),
        ("/", RedirectPath::Keep, "/x?y"),
    ] {
        assert_eq!(location(to, path, "/x?y").as_deref(), Some(leads_to));
    }
}

#[test]
fn a_redirect_on_this_host_never_leads_to_another() {
    for target in [
        "//evil.test/x",
        "///evil.test",
        "/\\evil.test",
        "//evil.test/../x",
    ] {
        if let Some(location) = location("/", RedirectPath::Keep, target) {
            let leaves = location.starts_with("//") || location.starts_with("/\\");
            assert!(!leaves, "{target} leads to {location}");
        }
    }
}

#[test]
fn a_query_without_a_path_is_kept() {
    let mut alias = site("main.test", respond("main"));
    alias.aliases = vec![HostPattern::parse("www.main.test").unwrap()];
    let plane = Plane::start(plan([alias]));
    let mut visitor = plane.visit();
    visitor.send("GET http://www.main.test?x=1 HTTP/1.1\r\nHost: www.main.test\r\n\r\n");
    assert_eq!(
        visitor.message().field("location"),
        Some("http://main.test/?x=1")
    );
}

fn moved(from: &str, pieces: &[MovedPiece], status: u16) -> MovedPath {
    MovedPath {
        from: PathPattern::parse(from).unwrap(),
        to: MovedTo {
            origin: "".into(),
            pieces: pieces.to_vec(),
        },
        status,
    }
}

#[test]
fn a_moved_path_comes_before_the_routes_of_its_site() {
    let text = |text: &str| MovedPiece::Text(text.into());
    let mut target = site("a.test", respond("here"));
    target.redirects = vec![
        moved("/old", &[text("/new")], 301),
        moved("/blog/*", &[text("/posts/"), MovedPiece::Star(0)], 308),
        moved("/out*", &[text("/"), MovedPiece::Star(0)], 302),
    ];
    let plane = Plane::start(plan([target]));
    let mut visitor = plane.visit();
    for (target, status, location) in [
        ("/old", 301, Some("/new")),
        ("/old?a=b", 301, Some("/new?a=b")),
        ("/%6Fld", 301, Some("/new")),
        ("//old", 301, Some("/new")),
        ("/blog/2024/x%20y?z", 308, Some("/posts/2024/x%20y?z")),
        (
            "/blog/%EB%B8%94%0D%0Ax",
            308,
            Some("/posts/%EB%B8%94%0D%0Ax"),
        ),
        ("/out/evil.test", 302, Some("/evil.test")),
        ("/out%5Cevil.test", 302, Some("/%5Cevil.test")),
        ("/new", 200, None),
        ("/older", 200, None),
    ] {
        let answer = visitor.get("a.test", target);
        assert_eq!(answer.status(), status, "{target}");
        assert_eq!(answer.field("location"), location, "{target}");
    }
}
