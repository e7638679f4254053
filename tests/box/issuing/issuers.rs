//! Accounts, and issuers one after the other.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use crate::harness::Folders;
use crate::issuers::caddy::Caddy;
use crate::issuing::stage::GOT;
use crate::issuing::stage::Needs;
use crate::issuing::stage::Stage;
use crate::issuing::stage::told;
use crate::issuing::stage::until_failed;
use crate::issuing::stage::within;

const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
const OTHER_KEY: &str = "b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH";

/// A box whose account at the issuer is one that was made elsewhere, with this key.
fn with_account(stage: &Stage, key: &str) -> Folders {
    let folders = Folders::with("");
    let file = folders.path("account.key");
    fs::write(&file, key).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let account = format!(
        ", account = {{ key_id = \"kid-1\", hmac_key = {{ file = \"{}\" }} }}",
        file.display()
    );
    let issuer = stage.issuer(&account);
    folders.configure(&stage.configuration_with(&issuer, "", &["one.example.org"]));
    folders
}

#[test]
fn an_account_that_was_made_elsewhere_is_used() {
    let change = |settings: &mut crate::issuers::pebble::Settings| {
        settings.external_accounts = vec![("kid-1", KEY)];
    };
    let Some(stage) = Stage::set(Needs::Any, change) else {
        return;
    };
    let running = with_account(&stage, KEY).start();
    stage.until_served(&running, "one.example.org");
    assert!(!running.log().contains(KEY));
}

#[test]
fn an_account_whose_key_is_wrong_is_named() {
    let change = |settings: &mut crate::issuers::pebble::Settings| {
        settings.external_accounts = vec![("kid-1", KEY)];
    };
    let Some(stage) = Stage::set(Needs::Any, change) else {
        return;
    };
    let running = with_account(&stage, OTHER_KEY).start();
    until_failed(GOT, &running, "one.example.org", &["account"]);
    running.event("certificate-failed");
    assert!(!running.log().contains(OTHER_KEY));
}

#[test]
fn an_account_that_is_wanted_and_not_given_is_asked_for() {
    let change = |settings: &mut crate::issuers::pebble::Settings| {
        settings.external_accounts = vec![("kid-1", KEY)];
    };
    let Some(stage) = Stage::set(Needs::Any, change) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    until_failed(GOT, &running, "one.example.org", &["account"]);
}

#[test]
fn when_the_first_issuer_is_down_the_second_is_asked() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let name = "one.example.org";
    let Some(caddy) = Caddy::start(&[name], stage.host()) else {
        return;
    };
    stage.front.switch_off();
    let second = format!(
        "{{ directory = \"{}\", name = \"caddy\", root = \"{}\" }}",
        caddy.directory(),
        caddy.tls_root().display()
    );
    let issuers = format!("{}, {second}", stage.issuer(""));
    let configuration = stage.configuration_with(&issuers, "", &[name]);
    let running = Folders::with(&configuration).start();
    let root = caddy.issued_root();
    let served = within(GOT * 2, || stage.served_under(&root, name).ok());
    assert!(
        served.is_some(),
        "{}\n{:#}\n{}",
        running.log(),
        told(&running, name),
        caddy.log()
    );
    assert_eq!(told(&running, name)["issuer_name"], "caddy");
    running.event("certificate-failed");
}

#[test]
fn names_that_an_issuer_refuses_are_named() {
    let change = |settings: &mut crate::issuers::pebble::Settings| {
        settings.blocked = vec!["blocked.example.org"];
    };
    let Some(stage) = Stage::set(Needs::Any, change) else {
        return;
    };
    let running = stage.start("", &["blocked.example.org", "fine.example.org"]);
    until_failed(
        GOT,
        &running,
        "blocked.example.org",
        &["blocked.example.org"],
    );
    stage.until_served(&running, "fine.example.org");
}

#[test]
fn a_kind_of_certificate_is_asked_for() {
    let Some(stage) = Stage::set(Needs::Newer, |_| {}) else {
        return;
    };
    let running = stage.start("profile = \"shortlived\"", &["one.example.org"]);
    stage.until_served(&running, "one.example.org");
    let orders = stage.front.orders();
    assert_eq!(
        orders[0].profile.as_deref(),
        Some("shortlived"),
        "{orders:?}"
    );
}
