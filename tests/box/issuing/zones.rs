//! Names that are shown to be the owner's by records in their zone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use serde_json::json;

use crate::harness::Folders;
use crate::issuers::knot::Knot;
use crate::issuing::stage::GOT;
use crate::issuing::stage::Needs;
use crate::issuing::stage::Stage;
use crate::issuing::stage::renew;
use crate::issuing::stage::until_failed;
use crate::issuing::stage::within;
use crate::peers;

const RECORD: &str = "_acme-challenge.box.example.org";

#[test]
fn a_wildcard_gets_its_certificate_by_records_that_are_gone_afterwards() {
    let Some(knot) = Knot::start(&["box.example.org"]) else {
        return;
    };
    let Some(stage) = Stage::set_at(knot.address(), Needs::Any, |_| {}) else {
        return;
    };
    let tls = format!("dns = {}", knot.provider());
    let sites = "[sites.\"*.box.example.org\"]\nrespond = \"wild\"\n[sites.\"box.example.org\"]\nrespond = \"bare\"\n";
    let configuration = stage.configuration(&tls, &[]) + sites;
    let running = Folders::with(&configuration).start();
    let served = stage.until_served(&running, "any.box.example.org");
    assert!(
        served
            .names
            .iter()
            .any(|name| name.contains("*.box.example.org")),
        "{served:?}"
    );
    stage.until_served(&running, "box.example.org");
    let gone = within(GOT, || knot.texts(RECORD).is_empty().then_some(()));
    assert!(gone.is_some(), "{:?}", knot.texts(RECORD));
}

#[test]
fn records_of_others_at_the_same_name_stay() {
    let Some(knot) = Knot::start(&["box.example.org"]) else {
        return;
    };
    let Some(stage) = Stage::set_at(knot.address(), Needs::Any, |_| {}) else {
        return;
    };
    knot.add_txt(RECORD, "of-another");
    let tls = format!("challenge = \"dns\"\ndns = {}", knot.provider());
    let running = stage.start(&tls, &["box.example.org"]);
    stage.until_served(&running, "box.example.org");
    let alone = within(GOT, || (knot.texts(RECORD) == ["of-another"]).then_some(()));
    assert!(alone.is_some(), "{:?}", knot.texts(RECORD));
}

#[test]
fn a_name_server_that_refuses_the_key_is_named() {
    let Some(knot) = Knot::start(&["box.example.org"]) else {
        return;
    };
    let Some(stage) = Stage::set_at(knot.address(), Needs::Any, |_| {}) else {
        return;
    };
    let wrong = knot.provider().replace("box-key", "other-key");
    let tls = format!("challenge = \"dns\"\ndns = {wrong}");
    let running = stage.start(&tls, &["box.example.org"]);
    until_failed(GOT, &running, "box.example.org", &["key"]);
    running.event("certificate-failed");
}

#[test]
fn a_record_that_is_written_once_is_enough() {
    let Some(knot) = Knot::start(&["box.example.org"]) else {
        return;
    };
    let Some(stage) = Stage::set_at(knot.address(), Needs::Newer, |_| {}) else {
        return;
    };
    let running = stage.start("challenge = \"dns-persist\"", &["box.example.org"]);
    // Without the record it fails, and says what to do.
    until_failed(GOT, &running, "box.example.org", &["ondol certs persist"]);
    let output = running
        .folders
        .ondol(&["certs", "persist", "box.example.org"]);
    assert!(output.status.success(), "{}", peers::text(&output));
    let record = String::from_utf8(output.stdout).unwrap();
    let line = record
        .lines()
        .find(|line| line.starts_with("_validation-persist."));
    let line = line.unwrap_or_else(|| panic!("no record: {record}"));
    let name = line
        .split([' ', '\t'])
        .next()
        .unwrap()
        .trim_end_matches('.');
    let text: String = line.split('"').skip(1).step_by(2).collect();
    assert!(text.contains("accounturi="), "{record}");
    knot.add_txt(name, &text);
    let (is_good, said) = renew(&running, "box.example.org");
    assert!(is_good, "{said}\n{}", running.log());
    stage.until_served(&running, "box.example.org");
    let (is_good, said) = renew(&running, "box.example.org");
    assert!(is_good, "{said}\n{}", running.log());
}

#[test]
fn what_can_not_be_cleaned_up_holds_up_nobody() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let hook = place.path().join("hangs");
    fs::write(&hook, "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(&hook, PermissionsExt::from_mode(0o700)).unwrap();
    let hook = hook.display();
    let sites = format!(
        "[sites.\"hook.example.org\"]\nrespond = \"hook\"\n\
         tls = {{ challenge = \"dns\", dns = {{ provider = \"exec\", command = [\"{hook}\"] }} }}\n"
    );
    let folders = Folders::with(&(stage.configuration("", &["one.example.org"]) + &sites));
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let left = json!({ "records": [{
        "provider": format!("exec {hook}"),
        "name": "_acme-challenge.hook.example.org",
        "text": "left by an earlier run",
        "at": now,
    }] });
    let journal = folders.path("state/certificates/challenge-records.json");
    fs::create_dir_all(journal.parent().unwrap()).unwrap();
    fs::write(&journal, left.to_string()).unwrap();
    let running = folders.start();
    stage.until_served(&running, "one.example.org");
    assert!(
        !running.log().contains("could not be removed"),
        "{}",
        running.log()
    );
}
