//! What owners say of answers: header fields, compression, pages and moved paths, by the text of a file.

use std::fs;

use crate::harness::Folders;
use crate::harness::Running;
use crate::peers::Answer;
use crate::peers::address;
use crate::peers::ask;
use crate::peers::is_there;
use crate::peers::skipped;

const SITE: &str = r#"[listen]
http = ["127.0.0.1:0"]
https = []

[sites."a.test"]
https = false
files = "www"
security_headers = true
hsts = true
headers = { X-Box = "$site $path", Cache-Control = { default = "no-cache" } }
error_pages = "pages"
redirects = [
  { from = "/blog/*", to = "/posts/$1", status = 301 },
  { from = "/블로그", to = "/posts/" },
]

[[sites."a.test".routes]]
path = "/shop"
respond = { status = 503, file = "pages/busy.html" }
headers = { Retry-After = "3600", X-Box = false }

[[sites."a.test".routes]]
path = "/plain"
files = "www"
compression = false

[[sites."a.test".routes]]
path = "/gone"
proxy = "http://127.0.0.1:1"
"#;

fn page() -> String {
    let lines = (0..5000).map(|number| format!("<li>온돌 {number} is warm</li>\n"));
    lines.collect()
}

fn serving() -> Running {
    let folders = Folders::with("");
    for (name, content) in [
        ("www/index.html", &*page()),
        ("www/short.html", "short"),
        ("pages/404.html", "<p>lost</p>"),
        ("pages/50x.html", "<p>{status}</p>"),
        ("pages/busy.html", "<p>busy</p>"),
    ] {
        let path = folders.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folders.configure(SITE);
    folders.start()
}

#[track_caller]
fn get(running: &Running, path: &str, more: &[&str]) -> Answer {
    let url = format!("http://a.test{path}");
    let browser = ["-H", "Accept: text/html"];
    let arguments = [&[&*url], &browser[..], more].concat();
    ask(address(running, "http"), &arguments).unwrap()
}

#[test]
fn curl_decodes_what_was_made_smaller() {
    if !is_there("curl") {
        return;
    }
    let running = serving();
    for encoding in ["gzip", "br", "zstd"] {
        let accept = format!("Accept-Encoding: {encoding}");
        let answer = get(&running, "/", &["--compressed", "-H", &accept]);
        if answer.body.is_empty() {
            skipped("curl", &format!("it was built without {encoding}"));
            continue;
        }
        assert_eq!(answer.header("content-encoding"), Some(encoding));
        assert!(answer.body == page(), "{encoding}");
    }
    let own = get(&running, "/", &["--compressed"]);
    assert!(own.header("content-encoding").is_some() && own.body == page());
    let tag = own.header("etag").unwrap().to_owned();
    // Heads are in lower case here; what marks a weak tag is not.
    let known = format!("If-None-Match: {}", tag.replacen("w/", "W/", 1));
    let same = get(&running, "/", &["-H", &known]);
    assert_eq!((same.status, same.header("etag")), (304, Some(&*tag)));
    let part = get(&running, "/", &["--compressed", "--range", "0-9"]);
    assert_eq!((part.status, &*part.body), (206, "<li>온돌"));
    assert_eq!(part.header("content-encoding"), None);

    let plain = get(&running, "/plain/", &["--compressed"]);
    assert_eq!(plain.header("content-encoding"), None);
    assert!(plain.body == page());
    let short = get(&running, "/short.html", &["--compressed"]);
    assert_eq!((short.header("vary"), &*short.body), (None, "short"));
}

#[test]
fn answers_have_the_fields_and_pages_that_the_file_asks_for() {
    if !is_there("curl") {
        return;
    }
    let running = serving();
    let short = get(&running, "/short.html", &[]);
    assert_eq!(short.header("x-box"), Some("a.test /short.html"));
    assert_eq!(short.header("cache-control"), Some("no-cache"));
    assert_eq!(short.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(short.header("strict-transport-security"), None);

    let lost = get(&running, "/lost", &[]);
    assert_eq!((lost.status, &*lost.body), (404, "<p>lost</p>"));
    assert_eq!(lost.header("cache-control"), Some("no-store"));
    assert_eq!(lost.header("x-frame-options"), Some("sameorigin"));
    let gone = get(&running, "/gone", &[]);
    assert_eq!((gone.status, &*gone.body), (502, "<p>502</p>"));

    let busy = get(&running, "/shop/cart", &[]);
    assert_eq!((busy.status, &*busy.body), (503, "<p>busy</p>"));
    assert_eq!(busy.header("retry-after"), Some("3600"));
    assert_eq!(busy.header("x-box"), None);

    let moved = get(&running, "/blog/2024/1?q", &[]);
    let place = moved.header("location");
    assert_eq!((moved.status, place), (301, Some("/posts/2024/1?q")));
    let moved = get(&running, "/%EB%B8%94%EB%A1%9C%EA%B7%B8", &[]);
    let place = moved.header("location");
    assert_eq!((moved.status, place), (308, Some("/posts/")));
}
