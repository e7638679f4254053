//! Types by name.

use super::*;

fn of_name(name: &str) -> String {
    let files = Files::at("/srv".into());
    of(name, &files).to_str().unwrap().to_owned()
}

#[test]
fn types_follow_the_name_and_text_is_utf_8() {
    for (name, expected) in [
        ("a.css", "text/css; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
        ("a.htm", "text/html; charset=utf-8"),
        ("a.JS", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.js.map", "application/json; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.xml", "application/xml; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.md", "text/markdown; charset=utf-8"),
        ("a.vtt", "text/vtt; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.jxl", "image/jxl"),
        ("a.heic", "image/heic"),
        ("a.ico", "image/x-icon"),
        ("a.woff2", "font/woff2"),
        ("a.ttf", "font/ttf"),
        ("a.wasm", "application/wasm"),
        ("site.webmanifest", "application/manifest+json"),
        ("a.mp4", "video/mp4"),
        ("a.webm", "video/webm"),
        ("a.m3u8", "application/vnd.apple.mpegurl"),
        ("a.ts", "video/mp2t"),
        ("a.mpd", "application/dash+xml; charset=utf-8"),
        ("a.mp3", "audio/mpeg"),
        ("a.opus", "audio/ogg"),
        ("a.pdf", "application/pdf"),
        ("a.zip", "application/zip"),
        ("a.tar.gz", "application/gzip"),
        ("a.tar.zst", "application/zstd"),
        ("a.epub", "application/epub+zip"),
        ("a.unheard-of", "application/octet-stream"),
        ("README", "application/octet-stream"),
        ("b.d/README", "application/octet-stream"),
    ] {
        assert_eq!(of_name(name), expected, "{name}");
    }
}

#[test]
fn an_owner_has_the_last_word_on_types_and_character_sets() {
    let files = Files {
        charset: Some("euc-kr".to_owned()),
        types: vec![("gpx".to_owned(), "application/gpx+xml".to_owned())],
        ..Files::at("/srv".into())
    };
    assert_eq!(of("a.GPX", &files), "application/gpx+xml");
    assert_eq!(of("a.html", &files), "text/html; charset=euc-kr");
    let silent = Files {
        charset: None,
        ..files
    };
    assert_eq!(of("a.html", &silent), "text/html");
}
