//! Folders, as programs that people use see them.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::peers::address;
use crate::peers::ask;
use crate::peers::curl;
use crate::peers::is_there;
use crate::peers::text;

const SITES: &str = r#"[listen]
http = ["127.0.0.1:0"]
https = []

[sites."a.test"]
https = false

[sites."a.test".files]
root = "www"
try = ["$path", "$path.html", "/index.html"]
cache_control = { "*.js" = "public, max-age=31536000, immutable" }

[[sites."a.test".routes]]
path = "/music"
files = { root = "music", listing = true, symlinks = "all" }
"#;

fn serving() -> Running {
    let folders = Folders::with(SITES);
    for (name, content) in [
        ("www/index.html", "<p>the app"),
        ("www/about.html", "<p>about"),
        ("music/아리랑.ogg", "la la la"),
        ("elsewhere/secret.txt", "secret"),
    ] {
        let path = folders.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
        fs::write(path, content).unwrap();
    }
    symlink(
        folders.path("elsewhere/secret.txt"),
        folders.path("music/away.txt"),
    )
    .unwrap();
    symlink(
        folders.path("www/about.html"),
        folders.path("music/about.html"),
    )
    .unwrap();
    folders.start()
}

#[test]
fn curl_gets_what_it_can_unpack() {
    if !is_there("curl") || !is_there("gzip") {
        return;
    }
    let running = serving();
    let script = running.folders.path("www/app.js");
    fs::write(&script, "let text = 1;\n".repeat(2000)).unwrap();
    let packed = Command::new("gzip")
        .args(["-k", "-9"])
        .arg(&script)
        .status();
    assert!(packed.unwrap().success());
    let http = address(&running, "http");
    let url = "http://a.test/app.js";
    let plain = ask(http, &[url]).unwrap();
    let unpacked = ask(http, &["--compressed", url]).unwrap();
    assert_eq!(unpacked.body, plain.body);
    assert!(
        unpacked.head.contains("content-encoding: gzip"),
        "{}",
        unpacked.head
    );
    assert!(unpacked.head.contains("immutable"), "{}", unpacked.head);
    assert!(!plain.head.contains("content-encoding"), "{}", plain.head);
    let parts = ask(http, &["--range", "0-2,20000-20003", url]).unwrap();
    assert_eq!(parts.status, 206);
    assert!(
        parts.head.contains("multipart/byteranges"),
        "{}",
        parts.head
    );
    // A download that broke off goes on where it was.
    let half = running.folders.path("half.js");
    fs::write(&half, &plain.body[..5000]).unwrap();
    let resuming = curl(http)
        .args(["--continue-at", "-", "--output"])
        .args([half.to_str().unwrap(), url])
        .status();
    assert!(resuming.unwrap().success());
    assert_eq!(fs::read_to_string(&half).unwrap(), plain.body);
}

#[test]
fn an_app_in_the_browser_and_a_folder_of_music_stand_side_by_side() {
    if !is_there("curl") {
        return;
    }
    let running = serving();
    let http = address(&running, "http");
    let get = |path: &str| ask(http, &[&format!("http://a.test{path}")]).unwrap();
    assert_eq!(get("/about").body, "<p>about");
    let app = get("/users/7");
    assert_eq!(app.body, "<p>the app");
    assert!(app.head.contains("cache-control: no-cache"), "{}", app.head);
    assert_eq!(get("/music").status, 308);
    let list = get("/music/");
    assert!(list.body.contains(">아리랑.ogg</a>"), "{}", list.body);
    assert_eq!(get("/music/about.html").body, "<p>about");
    // The data plane may read no folder that is not served, whatever leads there.
    let away = get("/music/away.txt");
    assert!(
        !away.body.contains("secret") || !is_confined(&running),
        "{}",
        away.body
    );
    let json = ask(
        http,
        &[
            "--header",
            "Accept: application/json",
            "http://a.test/music/",
        ],
    );
    let json: serde_json::Value = serde_json::from_str(&json.unwrap().body).unwrap();
    assert_eq!(json["path"], "/");
}

fn is_confined(running: &Running) -> bool {
    let check = running.folders.ondol(&["check"]);
    !text(&check).contains("Landlock")
}

#[test]
fn a_replaced_file_is_seen_at_once_and_whole() {
    if !is_there("curl") {
        return;
    }
    let running = serving();
    let http = address(&running, "http");
    let get = || ask(http, &["http://a.test/about"]).unwrap();
    // Each worker sees it in its own time, so for a moment there are two.
    let mut versions = vec!["<p>about".to_owned()];
    for round in 0..5 {
        let next = running.folders.path("www/next");
        let content = format!("<p>round {round}").repeat(1 + round * 100);
        fs::write(&next, &content).unwrap();
        fs::rename(&next, running.folders.path("www/about.html")).unwrap();
        versions.push(content);
        eventually("the new page", || {
            let answer = get();
            assert!(versions.contains(&answer.body), "{}", answer.body);
            versions.ends_with(&[answer.body]).then_some(())
        });
    }
}
