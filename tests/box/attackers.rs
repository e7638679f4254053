//! Real attackers against a whole box: others are served while they are there.

use std::fs;
use std::process::Command;
use std::process::Stdio;

use crate::harness::Folders;
use crate::peers;
use crate::peers::address;
use crate::peers::is_there;

const LARGE_BYTES: usize = 16 * 1024 * 1024;
/// Slow heads, slow bodies, slow readers.
const ATTACKS: [&str; 3] = ["-H", "-B", "-X"];
/// Connections of each: fewer than one address may have.
const CONNECTIONS: &str = "120";

#[test]
fn slowhttptest_does_not_keep_others_out() {
    if !is_there("slowhttptest") {
        return;
    }
    let folders = Folders::with("");
    let www = folders.path("www");
    fs::create_dir(&www).unwrap();
    fs::write(www.join("large"), vec![b'x'; LARGE_BYTES]).unwrap();
    let site = "[sites.\"localhost\"]\nhttps = false\nfiles = \"www\"\n";
    folders.configure(&format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n{site}"
    ));
    let running = folders.start();
    let http = address(&running, "http");
    let url = format!("http://localhost:{}/large", http.port());
    let attacks = ATTACKS.map(|kind| {
        Command::new("slowhttptest")
            .args([kind, "-c", CONNECTIONS, "-r", CONNECTIONS, "-i", "1"])
            .args(["-l", "3", "-p", "3", "-u", &url])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    for (kind, attack) in ATTACKS.into_iter().zip(attacks) {
        // It asks for a page itself, now and then, and says whether it got one.
        let said = peers::text(&attack.wait_with_output().unwrap());
        assert!(
            said.contains("YES") && !said.contains("NO\u{1b}"),
            "{kind}: {said}"
        );
    }
    let answer = peers::raw(http, b"HEAD /large HTTP/1.0\r\nHost: localhost\r\n\r\n");
    assert!(answer.contains(" 200 OK\r\n"), "{answer}");
}
