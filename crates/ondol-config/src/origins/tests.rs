//! Where the values of an accepted file are found again.

use std::path::PathBuf;

use super::*;
use crate::SourceFile;
use crate::Sources;
use crate::accept;

const MAIN: &str = r#"[listen]
http = [":80", ":8080"]

[tls]
certificate = { chain = "a.pem", key = "a.key" }

[sites."B.Test"]
files = "/b"

[[sites."B.Test".routes]]
path = "/assets/"
files = "/assets"

[[sites."B.Test".routes]]
path = "/api"
proxy = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
"#;
const INCLUDED: &str = r#"[sites."a.test"]
certificate = { chain = "a.pem", key = "a.key" }
redirect = "https://b.test"
"#;

#[track_caller]
fn origins() -> Origins {
    let files = [("main.toml", MAIN), ("a.toml", INCLUDED)];
    let files = files.map(|(path, text)| SourceFile {
        path: PathBuf::from(path),
        text: text.to_owned(),
    });
    let accepted = accept(&Sources {
        files: files.to_vec(),
    });
    let accepted = accepted.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    accepted.origins
}

#[track_caller]
fn check(key: KeyPath, expected: &str) {
    let mistake = origins().mistake(&key, "it is busy".into(), Some("wait".into()));
    let (file, line, column) = (mistake.file().display(), mistake.line(), mistake.column());
    assert_eq!(format!("{file}:{line}:{column}"), expected, "{mistake}");
    assert_eq!(
        (mistake.problem(), mistake.help()),
        ("it is busy", Some("wait"))
    );
}

#[test]
fn a_value_is_shown_where_it_stands() {
    check(KeyPath::listen("http", 1), "main.toml:2:16");
    check(KeyPath::tls().certificate(0).key("key"), "main.toml:5:40");
    let site = KeyPath::site("b.test");
    check(site.clone(), "main.toml:7:1");
    check(site.clone().route("/").key("files"), "main.toml:8:9");
    check(
        site.clone().route("/assets/").key("files"),
        "main.toml:12:9",
    );
    check(site.route("/api").server(1), "main.toml:16:32");
    check(
        KeyPath::site("a.test").key("certificate").key("chain"),
        "a.toml:2:25",
    );
    check(
        KeyPath::site("a.test").route("/").key("redirect").key("to"),
        "a.toml:3:12",
    );
}

#[test]
fn the_default_of_a_section_that_is_left_out_is_named() {
    let text = "[box]\nname = 'x'\n[sites.'a.test']\nfiles = '/a'\n".to_owned();
    let path = PathBuf::from("main.toml");
    let files = vec![SourceFile { path, text }];
    let accepted = accept(&Sources { files }).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let help = Some("choose another".to_owned());
    let key = KeyPath::listen("http", 0);
    let mistake = accepted.origins.mistake(&key, "it is taken".into(), help);
    assert_eq!(
        mistake.to_string(),
        "\
error: it is taken (the default of `listen.http`)
 --> main.toml:1:1
  = help: choose another
"
    );
}

#[test]
fn a_value_that_is_left_out_is_shown_at_its_parent() {
    check(KeyPath::listen("https", 0), "main.toml:1:1");
    check(
        KeyPath::site("b.test").key("certificate").key("chain"),
        "main.toml:7:1",
    );
    check(
        KeyPath::site("b.test").route("/none").key("files"),
        "main.toml:7:1",
    );
    check(KeyPath::site("none.test").key("files"), "main.toml:7:2");
}

#[test]
fn what_the_file_has_is_told_from_what_it_leaves_out() {
    let origins = origins();
    let site = || KeyPath::site("b.test");
    for key in [
        KeyPath::tls().key("certificate"),
        site().key("files"),
        KeyPath::listen("http", 1),
        KeyPath::site("a.test").key("certificate").key("key"),
    ] {
        assert!(origins.has(&key), "{key:?}");
    }
    for key in [
        KeyPath::tls().key("issuers"),
        site().key("certificate"),
        site().key("tls").key("dns"),
        KeyPath::listen("https", 0),
        KeyPath::site("none.test"),
    ] {
        assert!(!origins.has(&key), "{key:?}");
    }
}
