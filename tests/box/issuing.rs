//! Certificates that the box gets by itself, from real issuers.

use crate::issuers::challtestsrv::NameServer;
use crate::issuers::pebble::Pebble;
use crate::issuers::pebble::Settings;

#[test]
fn an_issuer_and_a_name_server_start_for_tests() {
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
}
