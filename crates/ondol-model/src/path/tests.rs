//! Paths as tables, and what must hold for any path.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(path: &str, expected: Option<&str>) {
    assert_eq!(normalize(path).as_deref(), expected, "{path}");
}

#[test]
fn paths_are_decoded_and_resolved_once() {
    check("/", Some("/"));
    check("/a/b.txt", Some("/a/b.txt"));
    check("/a//b", Some("/a/b"));
    check("/a/./b/../c", Some("/a/c"));
    check("/a/..", Some("/"));
    check("/a/.", Some("/a/"));
    check("/a/%2e%2e/b", Some("/b"));
    check("/%61", Some("/a"));
    check("/%2561", Some("/%61"));
    check("/a%2Fb", Some("/a%2Fb"));
    check("/.well-known/x", Some("/.well-known/x"));
    check("/%ED%95%9C", Some("/한"));
}

#[test]
fn what_no_honest_visitor_sends_is_refused() {
    for path in [
        "",
        "a",
        "/..",
        "/a/../../b",
        "/%2e%2e/etc",
        "/%",
        "/%4",
        "/%zz",
        "/%00",
        "/%ff",
        "*",
    ] {
        check(path, None);
    }
}

#[test]
fn prefixes_end_at_a_segment() {
    let covers = |prefix, path| RoutePath::parse(prefix).is_some_and(|p| p.covers(path));
    assert!(covers("/", "/anything") && covers("/api", "/api") && covers("/api", "/api/x"));
    assert!(!covers("/api", "/apix") && !covers("/api/", "/api") && covers("/api/", "/api/"));
    let rest = |prefix, path| RoutePath::parse(prefix).map(|p| p.rest(path).to_owned());
    assert_eq!(rest("/assets/", "/assets/a.css").as_deref(), Some("/a.css"));
    assert_eq!(rest("/assets", "/assets").as_deref(), Some("/"));
    assert_eq!(rest("/", "/a").as_deref(), Some("/a"));
    assert!(RoutePath::parse("api").is_none() && RoutePath::parse("/a/../b").is_none());
}

proptest! {
    #[test]
    fn normal_paths_stay_under_the_root(path in "/([a.%/]|%2e|%2f|\\.\\.|%25){0,24}") {
        if let Some(normal) = normalize(&path) {
            prop_assert!(normal.starts_with('/'));
            prop_assert!(!normal.split('/').any(|segment| segment == ".." || segment == "."));
            prop_assert!(!normal.contains("//"));
        }
    }
}
