//! Issuers and machines that fail: each is a sentence and an event, the certificate that is there stays in
//! use, and nothing is deleted.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::harness::Folders;
use crate::harness::Running;
use crate::issuers::front::Fault;
use crate::issuers::front::Part;
use crate::issuers::pebble::Settings;
use crate::issuing::stage::GOT;
use crate::issuing::stage::Needs;
use crate::issuing::stage::Served;
use crate::issuing::stage::Stage;
use crate::issuing::stage::folder;
use crate::issuing::stage::renew;
use crate::issuing::stage::seconds;
use crate::issuing::stage::told;
use crate::issuing::stage::until_failed;
use crate::issuing::stage::until_told;
use crate::issuing::stage::within;
use crate::peers;
use crate::peers::Certificate;
use crate::peers::skipped;

const NAME: &str = "one.example.org";
/// What an issuer that says nothing may be waited for.
const SILENT: Duration = Duration::from_secs(180);

fn afresh(settings: &mut Settings) {
    settings.authorizations_reused = 0;
}

/// A box with a certificate, before trouble comes.
fn with_certificate() -> Option<(Stage, Running, Served)> {
    let stage = Stage::set(Needs::Any, afresh)?;
    let running = stage.start("", &[NAME]);
    let served = stage.until_served(&running, NAME);
    Some((stage, running, served))
}

/// Renews in vain, looks at all that must hold, then lets it succeed.
fn check(part: Part, fault: Fault, words: &[&str]) {
    let Some((stage, running, served)) = with_certificate() else {
        return;
    };
    stage.front.fail(part, fault);
    fails(&stage, &running, &served, words);
    stage.front.heal();
    recovers(&stage, &running, &served);
}

fn fails(stage: &Stage, running: &Running, served: &Served, words: &[&str]) -> String {
    let asked = running
        .folders
        .ondol(&["certs", "renew", "--no-wait", NAME]);
    assert!(asked.status.success(), "{}", peers::text(&asked));
    let sentence = until_failed(SILENT, running, NAME, words);
    until_told(running, "certificate-failed", NAME);
    stays(stage, running, served);
    assert!(
        told(running, NAME)["next_at"].is_string(),
        "{:#}",
        told(running, NAME)
    );
    sentence
}

/// What was there is served and kept.
fn stays(stage: &Stage, running: &Running, served: &Served) {
    assert_eq!(&stage.served(NAME).unwrap(), served);
    let kept = folder(running, "pebble", NAME);
    assert_eq!(&Served::in_file(&kept.join("chain.pem")), served);
    assert!(kept.join("key.pem").exists());
}

fn recovers(stage: &Stage, running: &Running, served: &Served) {
    let (is_good, said) = renew(running, NAME);
    assert!(is_good, "{said}\n{}", running.log());
    assert_ne!(stage.until_served(running, NAME).serial, served.serial);
}

#[test]
fn an_issuer_that_is_gone() {
    let Some((stage, running, served)) = with_certificate() else {
        return;
    };
    stage.front.switch_off();
    fails(&stage, &running, &served, &["pebble"]);
    stage.front.heal();
    recovers(&stage, &running, &served);
}

#[test]
fn an_issuer_that_hangs_up() {
    check(Part::Order, Fault::Hangup, &["pebble"]);
}

#[test]
fn an_issuer_that_says_nothing() {
    check(Part::Order, Fault::Silence, &["pebble"]);
}

#[test]
fn an_issuer_that_has_a_fault_of_its_own() {
    let fault = Fault::Problem {
        status: 500,
        kind: "serverInternal",
        detail: "The hamster is asleep",
        retry_after: None,
    };
    check(Part::Order, fault, &["The hamster is asleep"]);
}

#[test]
fn an_issuer_that_speaks_garbage() {
    check(Part::Order, Fault::Garbage, &["pebble"]);
}

#[test]
fn a_directory_of_garbage() {
    let Some((stage, running, served)) = with_certificate() else {
        return;
    };
    stage.front.fail(Part::Directory, Fault::Garbage);
    // An agent that runs has read the directory before.
    let running = running.start_again(&stage.configuration("", &[NAME]));
    fails(&stage, &running, &served, &["pebble"]);
    stage.front.heal();
    recovers(&stage, &running, &served);
}

#[test]
fn an_issuer_that_has_had_enough_is_left_alone_for_as_long_as_it_says() {
    let Some((stage, running, served)) = with_certificate() else {
        return;
    };
    let fault = Fault::Problem {
        status: 429,
        kind: "rateLimited",
        detail: "Too many orders of yours",
        retry_after: Some(7200),
    };
    stage.front.fail(Part::Order, fault);
    fails(&stage, &running, &served, &["Too many orders of yours"]);
    let told = told(&running, NAME);
    let next = seconds(told["next_at"].as_str().unwrap());
    let last = seconds(told["last"]["at"].as_str().unwrap());
    assert!(next - last >= 7100, "{told:#}");
}

#[test]
fn an_issuer_that_looks_for_another_answer() {
    let Some((stage, running, served)) = with_certificate() else {
        return;
    };
    stage.front.fail(Part::Authorization, Fault::OtherToken);
    fails(&stage, &running, &served, &[NAME]);
    stage.front.heal();
    recovers(&stage, &running, &served);
}

fn chain_of(names: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    Certificate::of(names).write(folder.path(), "other");
    fs::read_to_string(folder.path().join("other.pem")).unwrap()
}

#[test]
fn a_certificate_for_another_name() {
    let other = chain_of(&["other.example.org"]);
    check(
        Part::Certificate,
        Fault::Body(other),
        &["pebble sent a certificate"],
    );
}

#[test]
fn a_certificate_for_another_key() {
    let other = chain_of(&[NAME]);
    check(Part::Certificate, Fault::Body(other), &["key"]);
}

#[test]
fn a_certificate_that_is_none() {
    check(Part::Certificate, Fault::Garbage, &["pebble"]);
}

/// A file system of a few KiB in a place, until this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: &Path) -> Option<Self> {
        fs::create_dir_all(place).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs"]);
        let mounted = command.arg(place).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            skipped("a full disk", "this user can't mount a small one");
            return None;
        }
        Some(Self(place.to_owned()))
    }

    fn fill(&self) {
        let chunk = vec![0; 4096];
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the box may have a file open until it ends.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_stops_an_order_before_it_costs_anything() {
    let Some(stage) = Stage::set(Needs::Any, afresh) else {
        return;
    };
    let folders = Folders::with(&stage.configuration("", &[NAME]));
    fs::create_dir_all(folders.path("state")).unwrap();
    let Some(disk) = SmallDisk::mount(&folders.path("state/certificates")) else {
        return;
    };
    let running = folders.start();
    let served = stage.until_served(&running, NAME);
    let orders = stage.front.orders().len();
    disk.fill();
    fails(&stage, &running, &served, &["space"]);
    assert_eq!(stage.front.orders().len(), orders);
    disk.empty();
    recovers(&stage, &running, &served);
}

#[test]
fn a_key_that_can_no_longer_be_used() {
    let Some((stage, running, served)) = with_certificate() else {
        return;
    };
    let key = folder(&running, "pebble", NAME).join("key.pem");
    fs::write(&key, "no key\n").unwrap();
    assert_eq!(stage.served(NAME).unwrap(), served);
    let running = running.start_again(&stage.configuration("", &[NAME]));
    // Certificates that get lost are not ordered anew at once.
    let next = stage.until_served_within(GOT * 2, &running, NAME);
    assert_ne!(next.serial, served.serial);
    assert!(running.log().contains("key.pem"), "{}", running.log());
}

const FAKETIME: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

/// A box whose clock is wrong; `None` where it can't be.
fn with_clock(stage: &Stage, offset: &str) -> Option<Running> {
    let Some(library) = FAKETIME.iter().find(|library| Path::new(library).exists()) else {
        skipped("faketime", "it is not installed");
        return None;
    };
    let variables = [
        ("LD_PRELOAD", *library),
        ("FAKETIME", offset),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let running = Folders::with(&stage.configuration("", &[NAME])).start_with(&variables);
    let status = running.status();
    let started = status["started_at"].as_str().or(status["since"].as_str());
    let year = OFFSETS
        .iter()
        .find(|(known, _)| *known == offset)
        .unwrap()
        .1;
    if started.is_some_and(|started| !started.starts_with(&this_year(year))) {
        skipped(
            "a wrong clock",
            "this binary does not take its time from faketime",
        );
        return None;
    }
    Some(running)
}

const OFFSETS: [(&str, i32); 2] = [("+366d", 1), ("-366d", -1)];

fn this_year(more: i32) -> String {
    (time::OffsetDateTime::now_utc().year() + more).to_string()
}

#[test]
fn a_clock_that_is_a_year_ahead() {
    a_clock_that_is_wrong("+366d");
}

#[test]
fn a_clock_that_is_a_year_behind() {
    a_clock_that_is_wrong("-366d");
}

fn a_clock_that_is_wrong(offset: &str) {
    let Some(stage) = Stage::set(Needs::Any, afresh) else {
        return;
    };
    let Some(running) = with_clock(&stage, offset) else {
        return;
    };
    // The site is served all the while, by Ondol's own CA.
    let got = within(GOT, || {
        let message = told(&running, NAME)["last"]["message"].clone();
        message.as_str().map(str::to_owned)
    });
    let sentence = got.unwrap_or_else(|| panic!("{}", running.log()));
    assert!(sentence.contains("clock"), "{sentence}");
    let running = running.start_again(&stage.configuration("", &[NAME]));
    let (is_good, said) = renew(&running, NAME);
    assert!(
        is_good || stage.served(NAME).is_ok(),
        "{said}\n{}",
        running.log()
    );
}
