//! Certificates that the box gets by itself, from real issuers.

mod interrupted;
mod issuers;
mod renewals;
mod stage;
mod trouble;
mod unready;
mod zones;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::Folders;
use crate::issuing::stage::Needs;
use crate::issuing::stage::Stage;
use crate::issuing::stage::folder;
use crate::issuing::stage::told;
use crate::issuing::stage::until_told;
use crate::peers;

#[test]
fn two_sites_get_their_certificates_with_no_command() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let names = ["one.example.org", "two.example.org"];
    let running = stage.start("", &names);
    let root = stage.root(&running);
    for name in names {
        stage.until_served(&running, name);
        let url = format!("https://{name}/");
        let answer = peers::ask(stage.https(), &["--cacert", &root, &url]).unwrap();
        assert_eq!((answer.status, &*answer.body), (200, name));
        let told = told(&running, name);
        assert_eq!(told["issuer_name"], "pebble", "{told:#}");
        assert_eq!(told["state"], "held", "{told:#}");
        until_told(&running, "certificate-obtained", name);
    }
    assert_eq!(stage.front.orders().len(), 2, "{:?}", stage.front.orders());
}

#[test]
fn a_site_is_served_before_its_certificate_is_there() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    stage.front.switch_off();
    let running = stage.start("", &["one.example.org"]);
    let root = peers::root(&running);
    let url = "https://one.example.org/";
    let answer = peers::ask(stage.https(), &["--cacert", &root, url]).unwrap();
    assert_eq!(answer.body, "one.example.org");
    assert_eq!(told(&running, "one.example.org")["issuer_name"], "internal");
}

#[test]
fn what_is_kept_is_readable_by_the_owner_alone() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    let served = stage.until_served(&running, "one.example.org");
    let folder = folder(&running, "pebble", "one.example.org");
    for file in ["chain.pem", "key.pem", "meta.json"] {
        let mode = fs::metadata(folder.join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(stage::Served::in_file(&folder.join("chain.pem")), served);
    let account = running
        .folders
        .path("state/certificates/pebble/account.json");
    let mode = fs::metadata(account).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "account.json");
}

#[test]
fn answers_on_port_80_are_enough() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    // A redirect of everything, and a password before everything, are no hindrance.
    let hash = running_hash();
    let sites = format!(
        "[sites.\"moved.example.org\"]\nredirect = \"https://elsewhere.example.org\"\n\
         [sites.\"locked.example.org\"]\nrespond = \"in\"\nbasic_auth = {{ users = {{ me = \"{hash}\" }} }}\n"
    );
    let configuration = stage.configuration("challenge = \"http\"", &[]) + &sites;
    let running = Folders::with(&configuration).start();
    for name in ["moved.example.org", "locked.example.org"] {
        stage.until_served(&running, name);
    }
}

fn running_hash() -> String {
    // "hiss" by bcrypt; nobody logs in.
    "$2b$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy".to_owned()
}

#[test]
fn handshakes_on_port_443_are_enough() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let configuration = stage.configuration("challenge = \"tls-alpn\"", &["one.example.org"]);
    let without = configuration
        .lines()
        .map(|line| match line.starts_with("http = ") {
            true => "http = []",
            false => line,
        });
    let configuration: Vec<_> = without.collect();
    let running = Folders::with(&configuration.join("\n")).start();
    stage.until_served(&running, "one.example.org");
}

#[test]
fn names_that_are_no_longer_in_the_plan_are_not_renewed_and_new_ones_need_only_a_reload() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    stage.until_served(&running, "one.example.org");
    running
        .folders
        .configure(&stage.configuration("", &["two.example.org"]));
    let output = running.folders.ondol(&["reload"]);
    assert!(output.status.success(), "{}", peers::text(&output));
    stage.until_served(&running, "two.example.org");
    let orders = stage.front.orders_by_name();
    assert_eq!(orders["one.example.org"], 1, "{orders:?}");
    assert!(folder(&running, "pebble", "one.example.org").exists());
}
