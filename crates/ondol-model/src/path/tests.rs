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
    check("/a%5C..%5Cb", Some("/a\\..\\b"));
    check("/a/..;/b", Some("/a/..;/b"));
    check("//a//", Some("/a/"));
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

/// Whether a path is below `/admin`, or is not, however it is read.
#[track_caller]
fn check_clear(path: &str, expected: bool) {
    let admin = RoutePath::parse("/admin").expect("a test's own path");
    let normal = normalize(path).expect("a good path");
    let is_clear = is_clear(path, &normal, |other| {
        admin.covers(other) == admin.covers(&normal)
    });
    assert_eq!(is_clear, expected, "{path}");
}

#[test]
fn a_path_that_others_read_otherwise_is_known() {
    for clear in [
        "/",
        "/admin/x",
        "/a/./b/../c",
        "/projects/group%2Fproject",
        "/admin/group%2Fproject",
        "/a;v=1/b;c",
        "/admin/a;v=1",
        "/a\\b",
        "/a/../b",
        "/admin/a/../b",
        "/%61dmin/x",
        "//admin",
        "/100%25",
    ] {
        check_clear(clear, true);
    }
    for unclear in [
        "/admin%2Fx",
        "/%2Fadmin",
        "/admin%5cx",
        "/admin\\x",
        "/a%2F..%2fadmin",
        "/a/..%2Fadmin",
        "/a/..;/admin",
        "/admin;x/y",
        "/admin%3Bx/y",
        "/admin/..%2Fa",
        "/admin/../a",
        "/admin/%2e%2e/a",
        "/..%2Fa",
        "/a/..;/..;/b",
    ] {
        check_clear(unclear, false);
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

    #[test]
    fn a_path_without_oddities_is_clear(path in "(/[a-z0-9._-]{1,8}){1,5}/?") {
        if let Some(normal) = normalize(&path) && !path.contains("/..") {
            prop_assert!(is_clear(&path, &normal, |_| false));
        }
    }
}
