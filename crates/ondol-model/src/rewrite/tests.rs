//! What apps get.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check_rest(prefix: &str, path: &str, expected: Rest<'_>) {
    let prefix = RoutePath::parse(prefix).expect("a test's own prefix");
    let normal = normalize(path).expect("a test's own path");
    assert_eq!(rest(path, &normal, &prefix), expected, "{path}");
}

#[test]
fn what_follows_a_prefix_is_what_the_visitor_sent() {
    for (path, expected) in [
        ("/api", ""),
        ("/api/", "/"),
        ("/api/x", "/x"),
        ("/api/a%20b/%2F", "/a%20b/%2F"),
        ("/api/x/../y", "/x/../y"),
        ("/api//evil.test/x", "/evil.test/x"),
        ("/api///x//y", "/x//y"),
        ("/%61pi/x", "/x"),
        ("//api/x", "/x"),
        ("/./api/./x", "/./x"),
        ("/x/../api/y", "/y"),
        ("/api/../api/y", "/y"),
        ("/api/%2e%2e/api/y", "/y"),
    ] {
        check_rest("/api", path, Rest::Is(expected));
        if expected.starts_with('/') {
            check_rest("/api/", path, Rest::Is(expected));
        }
    }
    check_rest("/", "//a//b", Rest::Is("/a//b"));
    check_rest("/api", "/apix", Rest::NotCovered);
    check_rest("/api", "/API", Rest::NotCovered);
    check_rest("/a b", "/a%20b/c", Rest::Is("/c"));
    let deep = format!("{}/api/x", "/.".repeat(100));
    check_rest("/api", &deep, Rest::Hidden);
}

#[track_caller]
fn check(text: &str, target: &str, expected: &str) {
    let prefix = RoutePath::parse("/api").expect("a test's own prefix");
    let rewrite = Rewrite::parse(text, prefix).expect(text);
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let normal = normalize(path).expect("a test's own path");
    let found = rewrite.apply(path, &normal, query);
    assert_eq!(found.as_deref(), Some(expected), "{text} {target}");
}

#[test]
fn targets_are_written_anew() {
    check("/app$path", "/api/x%20y?a=b", "/app/api/x%20y?a=b");
    check("/app$rest", "/api/x?a=b", "/app/x?a=b");
    check("/app$rest", "/api", "/app");
    check("/app/$rest", "/api/x", "/app/x");
    check("$rest", "/api", "/");
    check("$rest", "/api//evil.test", "/evil.test");
    check("$path", "//evil.test/api", "/evil.test/api");
    check(
        "/index.php?path=$path&$query",
        "/api/x?a=b",
        "/index.php?path=/api/x&a=b",
    );
    check("/index.php?q=$query", "/api", "/index.php?q=");
    check("/fixed", "/api?a", "/fixed?a");
    check("/fixed?", "/api?a", "/fixed?");
    check("/$$path", "/api", "/$path");
    check("/a$rest/z", "/api/..;/x", "/a/..;/x/z");
}

#[test]
fn what_is_no_target_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "it begins"),
        ("app", "it begins"),
        ("//evil.test", "it begins"),
        ("http://evil.test/", "it begins"),
        ("$query", "it begins"),
        ("/a b", "not visible ASCII"),
        ("/é", "not visible ASCII"),
        ("/a#b", "not visible ASCII"),
        ("/$pathx", "there is no `$pathx`"),
        ("/$", "there is no `$`"),
        ("$path$path$path$path$path", "at most 4"),
    ] {
        let refused = Rewrite::parse(text, RoutePath::root()).expect_err(text);
        assert!(refused.contains(reason), "{text}: {refused}");
    }
    assert!(Rewrite::parse(&format!("/{}", "x".repeat(2000)), RoutePath::root()).is_err());
}

proptest! {
    /// Whatever a visitor sends: a target is one path of the same server, and climbs nowhere.
    #[test]
    fn a_target_is_a_path_and_stays_below(
        path in "(/|/api|/%61pi|\\.|\\.\\.|%2e|%2E%2e|//|[a-z:@;]|%2F|x\\.test){0,9}",
        query in proptest::option::of("[a-z=/?]{0,5}"),
    ) {
        let path = format!("/{path}");
        if let Some(normal) = normalize(&path) {
            let prefix = RoutePath::parse("/api").expect("a prefix");
            if let Rest::Is(rest) = rest(&path, &normal, &prefix) {
                let leads_to = if rest.is_empty() { "/" } else { rest };
                let leads_to = normalize(leads_to);
                prop_assert_eq!(leads_to.as_deref(), Some(prefix.rest(&normal)));
                prop_assert!(!rest.starts_with("//"));
            }
            for text in ["$rest", "$path", "/app$rest", "/app$path", "/app/$rest"] {
                let rewrite = Rewrite::parse(text, prefix.clone()).expect(text);
                let Some(target) = rewrite.apply(&path, &normal, query.as_deref()) else {
                    continue;
                };
                prop_assert!(target.starts_with('/') && !target.starts_with("//"), "{}", target);
                let path = target.split('?').next().unwrap_or_default();
                let normal = normalize(path);
                let below = if text.starts_with("/app") { "/app" } else { "/" };
                let below = RoutePath::parse(below).expect("a path");
                prop_assert!(normal.as_deref().is_some_and(|it| below.covers(it)), "{}", target);
            }
        }
    }
}
