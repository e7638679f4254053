//! Certificates that the box gets by itself, from real issuers.

use crate::issuers::caddy;
use crate::issuers::caddy::Caddy;
use crate::issuers::challtestsrv::NameServer;
use crate::issuers::front::Front;
use crate::issuers::knot::Knot;
use crate::issuers::pebble::Pebble;
use crate::issuers::pebble::Settings;

#[test]
fn issuers_and_name_servers_start_for_tests() {
    let Some(name_server) = NameServer::start() else {
        return;
    };
    let settings = Settings {
        name_server: Some(name_server.address()),
        ..Settings::default()
    };
    let Some(pebble) = Pebble::start(&settings) else {
        return;
    };
    let root = pebble.issued_root();
    assert!(root.contains("BEGIN CERTIFICATE"), "{}", pebble.log());
    let front = Front::start(&pebble);
    let out = std::process::Command::new("curl")
        .args(["-sS", "--cacert"])
        .arg(front.tls_root())
        .arg(front.directory())
        .output()
        .unwrap();
    println!("{out:?}");
    if let Some(knot) = Knot::start(&["box.example.org"]) {
        knot.add_txt("_acme-challenge.box.example.org", "hello");
        assert_eq!(knot.texts("_acme-challenge.box.example.org"), ["hello"]);
        println!("{}", knot.provider());
    }
    if let Some(address) = caddy::free_address() {
        if let Some(caddy) = Caddy::start(&["a.example.org"], address) {
            assert!(
                caddy.issued_root().contains("BEGIN CERTIFICATE"),
                "{}",
                caddy.log()
            );
        }
    }
}
