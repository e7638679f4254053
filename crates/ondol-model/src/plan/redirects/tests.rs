//! Which paths a pattern is about, and where they lead.

use proptest::prelude::*;

use super::*;

fn to(origin: &str, text: &str) -> MovedTo {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        pieces.push(MovedPiece::Text(before.into()));
        let (digit, after) = after.split_at(1);
        pieces.push(MovedPiece::Star(digit.parse::<usize>().unwrap() - 1));
        rest = after;
    }
    pieces.push(MovedPiece::Text(rest.into()));
    let origin = origin.into();
    MovedTo { origin, pieces }
}

fn moved(from: &str, origin: &str, text: &str, path: &str, query: Option<&str>) -> Option<String> {
    let moved = MovedPath {
        from: PathPattern::parse(from).unwrap(),
        to: to(origin, text),
        status: 308,
    };
    moved.address(path, query)
}

#[test]
fn stars_stand_for_what_is_between() {
    for (from, path, stars) in [
        ("/old", "/old", Some(vec![])),
        ("/old", "/old/", None),
        ("/blog/*", "/blog/", Some(vec![""])),
        ("/blog/*", "/blog/2024/a", Some(vec!["2024/a"])),
        ("/blog/*", "/blog", None),
        ("/*.php", "/a/b.php", Some(vec!["a/b"])),
        ("/*.php", "/a.phpx", None),
        ("/*/*/c", "/a/b/c", Some(vec!["a", "b"])),
        ("/*/*/c", "/a/b/d/c", Some(vec!["a", "b/d"])),
        ("/a*a", "/a", None),
        ("/a*a", "/aa", Some(vec![""])),
        ("/**", "/xy", Some(vec!["", "xy"])),
    ] {
        let found = PathPattern::parse(from).unwrap().matches(path);
        let found = found.map(|found| {
            let stars = PathPattern::parse(from).unwrap().stars();
            (0..stars).map(|index| found.get(index)).collect::<Vec<_>>()
        });
        assert_eq!(found, stars, "{from} {path}");
    }
    assert_eq!(PathPattern::parse("blog"), None);
    assert_eq!(PathPattern::parse("/**********"), None);
}

#[test]
fn the_query_is_kept_unless_the_new_address_has_one() {
    let b = "https://b.test";
    for (origin, to, query, address) in [
        ("", "/posts/$1", None, "/posts/x"),
        ("", "/posts/$1", Some("q=1"), "/posts/x?q=1"),
        ("", "/posts/$1#top", Some("q=1"), "/posts/x?q=1#top"),
        ("", "/posts?p=$1", Some("q=1"), "/posts?p=x"),
        (b, "/$1", Some(""), "https://b.test/x?"),
        (b, "", None, "https://b.test"),
    ] {
        let found = moved("/blog/*", origin, to, "/blog/x", query);
        assert_eq!(found.as_deref(), Some(address), "{to}");
    }
}

#[test]
fn what_a_star_stood_for_is_encoded_again() {
    for (path, address) in [
        ("/b/블", "/p/%EB%B8%94"),
        ("/b/a b?c#d", "/p/a%20b%3Fc%23d"),
        ("/b/100%", "/p/100%25"),
        ("/b/a%2Fb", "/p/a%2Fb"),
        ("/b/a\r\nb", "/p/a%0D%0Ab"),
    ] {
        let found = moved("/b/*", "", "/p/$1", path, None);
        assert_eq!(found.as_deref(), Some(address));
    }
}

#[test]
fn what_a_star_stood_for_is_one_value_of_a_query() {
    for (path, address) in [
        ("/b/C++", "/find?q=C%2B%2B&all=1#C%2B%2B"),
        ("/b/a&all=0", "/find?q=a%26all%3D0&all=1#a%26all%3D0"),
        ("/b/a;b/c", "/find?q=a%3Bb/c&all=1#a%3Bb/c"),
    ] {
        let found = moved("/b/*", "", "/find?q=$1&all=1#$1", path, Some("x=y"));
        assert_eq!(found.as_deref(), Some(address));
    }
    let in_path = moved("/b/*", "", "/$1?all=1", "/b/C++&a=b", None);
    assert_eq!(in_path.as_deref(), Some("/C++&a=b?all=1"));
}

#[test]
fn an_exact_path_comes_before_a_pattern() {
    let path = |from: &str, to_: &str| MovedPath {
        from: PathPattern::parse(from).unwrap(),
        to: to("", to_),
        status: 308,
    };
    let paths = [
        path("/*", "/1"),
        path("/a*", "/2"),
        path("/ab", "/3"),
        path("/ab", "/4"),
    ];
    let found = Moved::new(&paths);
    let index = |path| {
        found
            .find(&paths, path)
            .unwrap()
            .address(path, None)
            .unwrap()
    };
    assert_eq!(
        (index("/ab"), index("/abc")),
        ("/3".to_owned(), "/1".to_owned())
    );
}

proptest! {
    #[test]
    fn a_path_of_the_same_site_never_leads_to_another_host(
        star in r"[/\\.:@a%2F\PC]{0,12}",
        to in prop::sample::select(vec!["/$1", "$1", "/$1/x", "//$1", "/\\$1"]),
    ) {
        let address = moved("/o*", "", to, &format!("/o{star}"), None).unwrap();
        prop_assert!(address.starts_with('/'), "{address}");
        prop_assert!(!address.starts_with("//") && !address.starts_with("/\\"), "{address}");
        prop_assert!(address.is_ascii() && !address.contains(['\r', '\n']), "{address}");
    }

    #[test]
    fn a_pattern_matches_its_own_samples(
        texts in prop::collection::vec("[a-c]{0,3}", 1..5),
        star in "[a-c/]{0,4}",
    ) {
        let pattern = PathPattern::parse(&format!("/{}", texts.join("*"))).unwrap();
        prop_assert!(pattern.matches(&pattern.sample(&star)).is_some());
    }
}
