//! Smaller bodies: who gets them, of what, and that they are the same.

use std::io::Read;
use std::net::TcpStream;

use ondol_model::plan::Compression;
use ondol_model::plan::Encoding;

use crate::harness::Http2;
use crate::harness::Identity;
use crate::harness::Message;
use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::UpstreamStream;
use crate::harness::Wire;
use crate::harness::plan;
use crate::harness::proxy_to;
use crate::harness::proxy_to_all;
use crate::harness::ruled;
use crate::harness::secure_site;
use crate::harness::site;

const BROWSER: &str = "Accept-Encoding: gzip, deflate, br, zstd\r\n";

fn page() -> String {
    let lines = (0..100).map(|number| format!("<li>This is line {number} of a page.</li>\n"));
    lines.collect()
}

/// Asks, answers exactly this, and gives what the app and the visitor got.
fn relay(method: &str, fields: &str, answer: &str) -> (Message, Message) {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(format!(
        "{method} / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"
    ));
    let mut app = upstream.accept();
    let request = app.message();
    app.send(answer);
    drop(app);
    let answer = if method == "HEAD" {
        visitor.head()
    } else {
        visitor.message()
    };
    (request, answer)
}

fn answer(fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
}

#[track_caller]
fn decoded(message: &Message) -> String {
    let mut text = String::new();
    let body = message.body.as_slice();
    match message.field("content-encoding") {
        Some("gzip") => {
            let mut reader = flate2::read::GzDecoder::new(body);
            reader.read_to_string(&mut text).unwrap();
        }
        Some("br") => {
            let mut reader = brotli::Decompressor::new(body, 4096);
            reader.read_to_string(&mut text).unwrap();
        }
        Some("zstd") => {
            let mut out = Vec::with_capacity(1 << 20);
            zstd_safe::decompress(&mut out, body).unwrap();
            text = String::from_utf8(out).unwrap();
        }
        other => panic!("{other:?}"),
    }
    text
}

#[test]
fn a_page_is_made_smaller_in_the_coding_that_the_visitor_takes() {
    let page = page();
    for (accepts, expected) in [
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip, deflate, br", Some("br")),
        ("gzip;q=1, br;q=0.5", Some("gzip")),
        ("deflate", None),
        ("gzip;q=0", None),
    ] {
        let fields = format!("Accept-Encoding: {accepts}\r\n");
        let (_, got) = relay("GET", &fields, &answer("Accept-Ranges: bytes\r\n", &page));
        assert_eq!(got.field("content-encoding"), expected);
        assert_eq!(got.field("vary"), Some("accept-encoding"), "{accepts}");
        if expected.is_some() {
            assert!(got.body.len() < page.len() / 4);
            assert_eq!(decoded(&got), page);
            assert_eq!(got.field("accept-ranges"), None);
            let length = got.body.len().to_string();
            assert_eq!(got.field("content-length"), Some(&*length));
        } else {
            assert_eq!(got.text(), page);
            assert_eq!(got.field("accept-ranges"), Some("bytes"));
        }
    }
}

#[test]
fn what_must_not_be_changed_is_left_as_it_is() {
    let page = page();
    let long = answer("", &page);
    let kind = |kind: &str| long.replace("text/html", kind);
    for (fields, answer) in [
        (BROWSER, answer("", "short")),
        (BROWSER, answer("Content-Encoding: x-own\r\n", &page)),
        (
            BROWSER,
            answer("Cache-Control: public, no-transform\r\n", &page),
        ),
        (BROWSER, answer("Content-Digest: sha-256=:x:\r\n", &page)),
        (BROWSER, kind("image/png")),
        (BROWSER, kind("text/event-stream")),
        (BROWSER, kind("application/grpc")),
        (BROWSER, long.replace("Content-Type: text/html\r\n", "")),
        (
            BROWSER,
            long.replace("200 OK", "206 Part").replace(
                "Content-Type",
                "Content-Range: bytes 0-9/10\r\nContent-Type",
            ),
        ),
        (
            "Accept-Encoding: gzip\r\nCache-Control: no-transform\r\n",
            long.clone(),
        ),
    ] {
        let (_, got) = relay("GET", fields, &answer);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(got.text(), body);
        assert_ne!(got.field("content-encoding"), Some("zstd"));
        let length = body.len().to_string();
        assert_eq!(got.field("content-length"), Some(&*length), "{answer}");
    }
}

#[test]
fn a_body_that_would_not_become_smaller_is_sent_as_it_is() {
    let mut seed = 1_u64;
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(33 + u8::try_from((seed >> 33) % 94).unwrap())
    });
    let noise: String = noise.take(1500).collect();
    let (_, got) = relay("GET", "Accept-Encoding: gzip\r\n", &answer("", &noise));
    // Letters and signs alone become a little smaller still.
    assert!(got.body.len() <= noise.len());
}

#[test]
fn vary_is_merged_and_said_once() {
    let page = page();
    for (says, expected) in [
        ("Vary: Cookie\r\n", vec!["Cookie", "accept-encoding"]),
        (
            "Vary: Cookie, Accept-Encoding\r\n",
            vec!["Cookie, Accept-Encoding"],
        ),
        ("Vary: *\r\n", vec!["*"]),
    ] {
        let (_, got) = relay("GET", BROWSER, &answer(says, &page));
        assert_eq!(got.all("vary"), expected);
    }
}

#[test]
fn a_tag_of_a_smaller_body_is_weak_and_comes_back_as_the_apps_own() {
    let page = page();
    let (_, got) = relay("GET", BROWSER, &answer("ETag: \"v1\"\r\n", &page));
    let tag = got.field("etag").unwrap().to_owned();
    assert!(tag.starts_with("W/"), "{tag}");
    let (_, plain) = relay("GET", "", &answer("ETag: \"v1\"\r\n", &page));
    assert_eq!(plain.field("etag"), Some("\"v1\""));

    let unchanged = "HTTP/1.1 304 Same\r\nETag: \"v1\"\r\n\r\n";
    let fields = format!("{BROWSER}If-None-Match: {tag}\r\n");
    let (request, got) = relay("GET", &fields, unchanged);
    assert_eq!(request.field("if-none-match"), Some("\"v1\""));
    assert_eq!(got.status(), 304);
    assert_eq!(got.field("etag"), Some(&*tag));
    assert_eq!(got.field("vary"), Some("accept-encoding"));

    let (request, _) = relay("PUT", &format!("If-Match: {tag}\r\n"), unchanged);
    assert_eq!(request.field("if-match"), Some("\"v1\""));
    let (request, got) = relay("GET", "If-None-Match: \"v1\", W/\"v0\"\r\n", unchanged);
    assert_eq!(request.field("if-none-match"), Some("\"v1\", W/\"v0\""));
    assert_eq!(got.field("etag"), Some("\"v1\""));
}

#[test]
fn a_head_has_the_fields_that_a_get_has() {
    let page = page();
    let whole = answer("ETag: \"v1\"\r\n", &page);
    let (head, _) = whole.split_once("\r\n\r\n").unwrap();
    let (_, got) = relay("HEAD", BROWSER, &format!("{head}\r\n\r\n"));
    assert_eq!(got.field("content-encoding"), Some("zstd"));
    assert_eq!(got.field("content-length"), None);
    assert!(got.field("etag").unwrap().starts_with("W/"));
    let (_, got) = relay("HEAD", "", &format!("{head}\r\n\r\n"));
    let length = page.len().to_string();
    assert_eq!(got.field("content-length"), Some(&*length));
}

/// A visitor and an app between which a page is on its way.
fn on_the_way(encoding: &str) -> (Wire<TcpStream>, Wire<UpstreamStream>, Plane) {
    let upstream = Upstream::new();
    let plane = Plane::start(plan([site("a.test", proxy_to(&upstream))]));
    let mut visitor = plane.visit();
    visitor.send(format!(
        "GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: {encoding}\r\n\r\n"
    ));
    let mut app = upstream.accept();
    app.message();
    app.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n");
    let head = visitor.head();
    assert_eq!(head.field("content-encoding"), Some(encoding));
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    (visitor, app, plane)
}

/// The next chunk that a visitor gets.
fn chunk(visitor: &mut Wire<TcpStream>) -> Vec<u8> {
    let mut line = String::new();
    while !line.ends_with("\r\n") {
        line.push(char::from(visitor.take(1)[0]));
    }
    let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
    let chunk = visitor.take(size);
    visitor.take(2);
    chunk
}

#[test]
fn a_page_that_comes_bit_by_bit_arrives_bit_by_bit() {
    for encoding in Encoding::ALL.map(Encoding::word) {
        let (mut visitor, mut app, _plane) = on_the_way(encoding);
        let mut body = Vec::new();
        for bit in ["<html>", "<p>one", "<p>two"] {
            app.send(format!("{:x}\r\n{bit}\r\n", bit.len()));
            // Without waiting for the next bit.
            body.extend(chunk(&mut visitor));
        }
        app.send("0\r\n\r\n");
        loop {
            let last = chunk(&mut visitor);
            if last.is_empty() {
                break;
            }
            body.extend(last);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n");
        assert_eq!(decoded(&Message { head, body }), "<html><p>one<p>two");
    }
}

#[test]
fn a_page_that_is_cut_short_is_seen_to_be() {
    let (mut visitor, mut app, _plane) = on_the_way("gzip");
    app.send("6\r\n<html>\r\n");
    chunk(&mut visitor);
    drop(app);
    let rest = visitor.rest();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{rest:?}");
}

#[test]
fn a_large_body_arrives_whole_over_each_version() {
    let page = page().repeat(60);
    let copy = page.clone();
    let app = Upstream::answering(move |_| answer("", &copy));
    let identity = Identity::new(&["a.test"]);
    let site = secure_site("a.test", proxy_to_all([app]));
    let plane = Plane::start_with(plan([site]), &[&identity]);
    for encoding in Encoding::ALL.map(Encoding::word) {
        let mut visitor = plane.visit_tls("a.test");
        let fields = format!("Host: a.test\r\nAccept-Encoding: {encoding}\r\n");
        visitor.send(format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        let got = visitor.message();
        assert_eq!(got.field("content-encoding"), Some(encoding));
        assert!(decoded(&got) == page, "{encoding}");

        let got = plane.block_on(async {
            let mut visitor = Http2::connect(&plane, "a.test").await;
            let request = http::Request::get("https://a.test/");
            let request = request.header("accept-encoding", encoding);
            let request = request.body(http_body_util::combinators::BoxBody::default());
            visitor.request(request.unwrap()).await.unwrap()
        });
        assert_eq!(got.headers()["content-encoding"], encoding);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n");
        let body = got.into_body().to_bytes().to_vec();
        assert!(decoded(&Message { head, body }) == page, "{encoding}");
    }
}

#[test]
fn it_can_be_switched_off_and_limited() {
    let page = page();
    let copy = page.clone();
    let app = Upstream::answering(move |_| answer("", &copy));
    let site_ = || site("a.test", proxy_to_all([app.clone()]));
    let ask = |compression: Option<Compression>| {
        let site = ruled(site_(), |rules| rules.compression = compression.clone());
        let plane = Plane::start(plan([site]));
        let mut visitor = plane.visit();
        visitor.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{BROWSER}\r\n"));
        visitor.message()
    };
    let off = ask(None);
    assert_eq!((off.text(), off.field("vary")), (&*page, None));
    let gzip_alone = Compression {
        encodings: vec![Encoding::Gzip],
        ..Compression::default()
    };
    assert_eq!(
        ask(Some(gzip_alone)).field("content-encoding"),
        Some("gzip")
    );
    let large_ones = Compression {
        bytes_min: 1 << 20,
        ..Compression::default()
    };
    assert_eq!(ask(Some(large_ones)).field("content-encoding"), None);
}
