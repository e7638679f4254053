//! Names, patterns and candidates.

use proptest::prelude::*;

use super::*;

fn fits(pattern: &str, name: &str) -> bool {
    NamePattern::parse(pattern).expect(pattern).fits(name)
}

#[test]
fn a_pattern_is_an_ending_a_name_or_a_path() {
    for (pattern, name) in [
        ("html", "index.html"),
        (".html", "a/b.HTML"),
        ("tar.gz", "a.tar.gz"),
        ("*.js", "assets/app.js"),
        ("*", "anything"),
        ("app-*.js", "assets/app-1234.js"),
        ("/assets/*", "assets/deep/app.js"),
        ("/assets/*.js", "assets/deep/app.js"),
        ("/sw.js", "sw.js"),
        ("*커피*", "새 커피.txt"),
    ] {
        assert!(fits(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("html", "html"),
        ("html", "a.xhtml"),
        ("html", "a.html/b"),
        ("*.js", "app.jsx"),
        ("*.js", "app.js/b.css"),
        ("/sw.js", "deep/sw.js"),
        ("/assets/*", "other/assets/a"),
        ("é", "aé"),
    ] {
        assert!(!fits(pattern, name), "{pattern} {name}");
    }
    for pattern in ["", ".", "a/b", "assets/*", "a\n"] {
        assert!(NamePattern::parse(pattern).is_none(), "{pattern}");
    }
}

#[test]
fn of_the_rules_that_fit_the_longest_wins() {
    let rules = [
        ("*", "a"),
        ("js", "b"),
        ("/assets/*", "c"),
        ("/assets/sw.js", "d"),
    ];
    let files = Files {
        cache_control: rules
            .map(|(pattern, value)| CacheRule {
                pattern: NamePattern::parse(pattern).expect(pattern),
                value: value.to_owned(),
            })
            .to_vec(),
        ..Files::at("/srv".into())
    };
    for (name, expected) in [
        ("a.png", "a"),
        ("a.js", "b"),
        ("assets/a.js", "c"),
        ("assets/sw.js", "d"),
    ] {
        assert_eq!(files.cache_control(name), Some(expected), "{name}");
    }
    assert_eq!(Files::at("/srv".into()).cache_control("a.js"), None);
}

#[test]
fn a_candidate_is_the_path_a_file_or_an_end() {
    let path = |before: &str, after: &str| Candidate::Path {
        before: before.to_owned(),
        after: after.to_owned(),
    };
    for (text, expected) in [
        ("$path", path("", "")),
        ("$path.html", path("", ".html")),
        ("/ko$path", path("/ko", "")),
        ("/index.html", Candidate::Fixed("index.html".to_owned())),
        (
            "/app/index.html",
            Candidate::Fixed("app/index.html".to_owned()),
        ),
        ("=404", Candidate::NotFound),
    ] {
        assert_eq!(Candidate::parse(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "/",
        "index.html",
        "/app/",
        "/../x",
        "ko$path",
        "$path/x",
        "$path$path",
        "$uri",
        "/$uri",
        "=500",
        "/a//b",
    ] {
        assert_eq!(Candidate::parse(text), None, "{text}");
    }
}

/// A pattern as it is easiest to understand.
fn slow(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => slow(rest, text),
        (Some((b'*', rest)), Some((_, later))) => slow(rest, text) || slow(pattern, later),
        (Some((wanted, rest)), Some((byte, later))) => wanted == byte && slow(rest, later),
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_pattern_fits_what_it_says(pattern in "/[ab*]{0,8}", text in "[ab]{0,10}") {
        let expected = slow(&pattern.as_bytes()[1..], text.as_bytes());
        prop_assert_eq!(fits(&pattern, &text), expected);
    }
}
