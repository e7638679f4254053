//! How names are read, as tables.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(
        Hostname::parse(text)
            .map(|name| name.to_string())
            .as_deref(),
        Ok(expected)
    );
}

#[test]
fn names_are_canonical() {
    check("Example.COM", "example.com");
    check("example.com.", "example.com");
    check("한국.example", "xn--3e0b707e.example");
    check("127.0.0.1", "127.0.0.1");
    check("::1", "[::1]");
    check("[2001:DB8::1]", "[2001:db8::1]");
    check("my_service.test", "my_service.test");
}

#[test]
fn what_is_no_name_is_refused() {
    for text in [
        "",
        ".",
        "a..b",
        "-a.b",
        "a b",
        "http://a.b",
        "a.b:80",
        "a/b",
        "a.*.b",
    ] {
        assert!(Hostname::parse(text).is_err(), "{text:?} was accepted");
    }
    assert_eq!(
        Hostname::parse(&"a".repeat(64)),
        Err(HostnameError::TooLong)
    );
}

#[test]
fn patterns_are_one_label_deep() {
    assert_eq!(
        HostPattern::parse("*.Example.com")
            .map(|p| p.to_string())
            .as_deref(),
        Ok("*.example.com")
    );
    assert!(HostPattern::parse("*").is_err());
    assert!(HostPattern::parse("*.*.example.com").is_err());
    assert!(HostPattern::parse("*.127.0.0.1").is_err());
}

#[test]
fn authorities_lose_port_dot_and_case() {
    let read = |text| authority(text).map(|(host, port)| (host.into_owned(), port));
    assert_eq!(read("Example.com"), Some(("example.com".into(), None)));
    assert_eq!(
        read("example.com.:8443"),
        Some(("example.com".into(), Some(8443)))
    );
    assert_eq!(read("example.com:"), Some(("example.com".into(), None)));
    assert_eq!(read("[::1]:80"), Some(("[::1]".into(), Some(80))));
    assert_eq!(read("[0:0::1]"), Some(("[::1]".into(), None)));
    for text in [
        "",
        ":80",
        "a:0",
        "a:65536",
        "a:+1",
        "u@a",
        "a b",
        "[::1",
        "[x]",
        "a/b",
        "한국.kr",
        "a:1:2",
    ] {
        assert_eq!(read(text), None, "{text:?} was accepted");
    }
}

#[test]
fn private_names_are_told_from_public_ones() {
    let private = |text| Hostname::parse(text).is_ok_and(|name| name.is_private());
    assert!(
        private("app.localhost") && private("nas") && private("10.0.0.1") && private("a.home.arpa")
    );
    assert!(private("nas.lan") && private("a.nas.home") && private("wiki.corp"));
    assert!(!private("homelan.com") && !private("x.homes"));
    assert!(!private("example.com") && !private("notlocalhost.com") && !private("xtest.dev"));
}

#[test]
fn a_wildcard_covers_hosts_one_label_below() {
    let covering = |text| {
        let name = HostPattern::parse(text).expect("a name");
        name.covering_wildcard().map(|name| name.to_string())
    };
    assert_eq!(covering("a.b.com").as_deref(), Some("*.b.com"));
    for text in ["*.b.com", "nas", "192.0.2.7", "[2001:db8::1]"] {
        assert_eq!(covering(text), None, "{text}");
    }
}

#[test]
fn names_for_examples_are_told_from_others() {
    let reserved = |text| HostPattern::parse(text).is_ok_and(|name| name.is_reserved());
    for text in ["example.com", "a.b.example.net", "*.example.org"] {
        assert!(reserved(text), "{text}");
    }
    for text in [
        "notexample.com",
        "example.com.kr",
        "example.kr",
        "com",
        "a.example",
    ] {
        assert!(!reserved(text), "{text}");
    }
}

proptest! {
    #[test]
    fn a_canonical_name_reads_as_itself(text in "\\PC{0,40}") {
        if let Ok(name) = Hostname::parse(&text) {
            prop_assert_eq!(Hostname::parse(name.as_str()), Ok(name.clone()));
            let (host, port) = authority(name.as_str()).expect("a name is an authority");
            prop_assert_eq!(host.as_ref(), name.as_str());
            prop_assert_eq!(port, None);
        }
    }
}
