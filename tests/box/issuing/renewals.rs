//! Certificates that take the place of others.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use crate::issuers::https;
use crate::issuing::stage::GOT;
use crate::issuing::stage::Needs;
use crate::issuing::stage::Served;
use crate::issuing::stage::Stage;
use crate::issuing::stage::folder;
use crate::issuing::stage::renew;
use crate::issuing::stage::seconds;
use crate::issuing::stage::told;
use crate::issuing::stage::until_told;
use crate::issuing::stage::within;
use crate::peers;

/// Handshakes one after the other until told to stop; each must be with a certificate that is good now.
struct Visitors {
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<Vec<String>>>,
}

impl Visitors {
    fn come(stage: &Stage, name: &'static str, threads: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicUsize::new(0));
        let config = https::believing(&stage.pebble.issued_root());
        let address = stage.https();
        let visit = || {
            let (is_over, count) = (Arc::clone(&is_over), Arc::clone(&count));
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let mut failures = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let shaken = https::connect(address, name, &config)
                        .and_then(|mut stream| stream.conn.complete_io(&mut stream.sock).map(drop));
                    count.fetch_add(1, Ordering::Relaxed);
                    failures.extend(shaken.err().map(|error| error.to_string()));
                }
                failures
            })
        };
        let threads = (0..threads).map(|_| visit()).collect();
        Self {
            is_over,
            count,
            threads,
        }
    }

    /// How many there were, and how many of them failed.
    fn leave(self) -> (usize, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        let failures = threads.flat_map(|thread| thread.join().unwrap()).collect();
        (self.count.load(Ordering::Relaxed), failures)
    }
}

#[test]
fn renewing_under_load_fails_no_handshake_and_needs_no_reload() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    let mut served = stage.until_served(&running, "one.example.org");
    let generation = running.generation();
    let visitors = Visitors::come(&stage, "one.example.org", 2);
    for _ in 0..3 {
        let (is_good, said) = renew(&running, "one.example.org");
        assert!(is_good, "{said}\n{}", running.log());
        let next = stage.until_served(&running, "one.example.org");
        assert_ne!(next.serial, served.serial);
        served = next;
    }
    let (count, failures) = visitors.leave();
    assert!(
        failures.is_empty(),
        "{} of {count}: {failures:?}",
        failures.len()
    );
    assert!(count > 20, "only {count} visitors came");
    assert_eq!(running.generation(), generation);
    until_told(&running, "certificate-renewed", "one.example.org");
}

#[test]
fn a_restart_orders_nothing() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let names = ["one.example.org", "two.example.org"];
    let running = stage.start("", &names);
    let before = names.map(|name| stage.until_served(&running, name));
    let configuration = stage.configuration("", &names);
    let running = running.start_again(&configuration);
    // The first handshake is with it, whether the issuer is there or not.
    assert_eq!(names.map(|name| stage.served(name).unwrap()), before);
    stage.front.switch_off();
    let running = running.start_after_kill();
    assert_eq!(names.map(|name| stage.served(name).unwrap()), before);
    running.re_execute();
    assert_eq!(names.map(|name| stage.served(name).unwrap()), before);
    assert_eq!(stage.front.orders().len(), 2);
}

#[test]
fn a_renewal_names_the_certificate_that_it_replaces() {
    let Some(stage) = Stage::set(Needs::Newer, |_| {}) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    stage.until_served(&running, "one.example.org");
    // Pebble does not find some of its own certificates again, and then takes the order without.
    for count in 2..=6 {
        let (is_good, said) = renew(&running, "one.example.org");
        assert!(is_good, "{said}\n{}", running.log());
        let orders = stage.front.orders();
        assert_eq!(orders.len(), count, "{orders:?}");
        if orders[count - 1].replaces.is_some() {
            return;
        }
    }
    panic!("{:?}", stage.front.orders());
}

#[test]
fn certificates_of_a_minute_are_renewed_before_they_end() {
    let minute = |settings: &mut crate::issuers::pebble::Settings| {
        settings.profiles = vec![("default", 60)];
    };
    let Some(stage) = Stage::set(Needs::Any, minute) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    let first = stage.until_served(&running, "one.example.org");
    let visitors = Visitors::come(&stage, "one.example.org", 1);
    let third = third_certificate(&stage, &first, Duration::from_secs(150));
    let (count, failures) = visitors.leave();
    assert!(
        third,
        "{}\n{:#}",
        running.log(),
        told(&running, "one.example.org")
    );
    assert!(
        failures.is_empty(),
        "{} of {count}: {failures:?}",
        failures.len()
    );
}

fn third_certificate(stage: &Stage, first: &Served, limit: Duration) -> bool {
    let mut serials = vec![first.serial.clone()];
    let found = within(limit, || {
        let serial = stage.served("one.example.org").ok()?.serial;
        if !serials.contains(&serial) {
            serials.push(serial);
        }
        (serials.len() == 3).then_some(())
    });
    found.is_some()
}

#[test]
fn what_the_issuer_suggests_is_when_it_is_renewed() {
    // By itself it would be renewed after 400 s; a new one is left alone for 150 s.
    let long = |settings: &mut crate::issuers::pebble::Settings| {
        settings.profiles = vec![("default", 600)];
    };
    let Some(stage) = Stage::set(Needs::Newer, long) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    let served = stage.until_served(&running, "one.example.org");
    let kept = folder(&running, "pebble", "one.example.org");
    let planned = within(GOT, || renewal_moment(&kept));
    let planned = planned.unwrap_or_else(|| panic!("{}", running.log()));
    let begin = served.not_after - 600;
    assert!((begin..begin + 580).contains(&planned), "{planned}");
    // Its issuer wants it replaced at once, which is asked for when the agent starts, if not before.
    let chain = fs::read_to_string(kept.join("chain.pem")).unwrap();
    let end = "-----END CERTIFICATE-----\n";
    let leaf = chain.split_inclusive(end).next().unwrap();
    let (from, until) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    stage.pebble.suggest(leaf, from, until);
    ask_soon(&kept);
    let configuration = stage.configuration("", &["one.example.org"]);
    let running = running.start_again(&configuration);
    let moved = within(GOT, || {
        renewal_moment(&kept).filter(|moment| *moment < begin)
    });
    assert!(moved.is_some(), "{}", running.log());
    let next = told(&running, "one.example.org")["next_at"].clone();
    let next = seconds(next.as_str().unwrap());
    assert!(next <= begin + 200, "{next}\n{}", running.log());
}

/// When the certificate in a folder is to be renewed, as its issuer suggests.
fn renewal_moment(folder: &Path) -> Option<i64> {
    let meta = fs::read_to_string(folder.join("meta.json")).ok()?;
    let meta: Value = serde_json::from_str(&meta).ok()?;
    meta["renewal"]["moment"].as_i64()
}

/// Makes it look as if the issuer had been asked about the renewal long ago.
fn ask_soon(folder: &Path) {
    let file = folder.join("meta.json");
    let mut meta: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    meta["renewal"]["ask_at"] = 0.into();
    fs::write(&file, meta.to_string()).unwrap();
}

#[test]
fn a_certificate_is_revoked_after_another_took_its_place() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    let served = stage.until_served(&running, "one.example.org");
    let arguments = [
        "certs",
        "revoke",
        "one.example.org",
        "--reason",
        "key-compromise",
        "--yes",
    ];
    let output = running.folders.ondol(&arguments);
    assert!(
        output.status.success(),
        "{}\n{}",
        peers::text(&output),
        running.log()
    );
    let revoked = within(GOT, || {
        (stage.pebble.status_of(&served.serial) == "Revoked").then_some(())
    });
    assert!(revoked.is_some(), "{}", running.log());
    let next = stage.until_served(&running, "one.example.org");
    assert_ne!(next.serial, served.serial);
    assert_eq!(stage.pebble.status_of(&next.serial), "Valid");
    until_told(&running, "certificate-revoked", "one.example.org");
}

#[test]
fn an_account_gets_a_new_key_and_goes_on() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    let running = stage.start("", &["one.example.org"]);
    stage.until_served(&running, "one.example.org");
    let file = running
        .folders
        .path("state/certificates/pebble/account.json");
    let before = fs::read_to_string(&file).unwrap();
    let output = running.folders.ondol(&["certs", "rekey", "pebble"]);
    assert!(
        output.status.success(),
        "{}\n{}",
        peers::text(&output),
        running.log()
    );
    assert_ne!(fs::read_to_string(&file).unwrap(), before);
    let (is_good, said) = renew(&running, "one.example.org");
    assert!(is_good, "{said}\n{}", running.log());
    let configuration = stage.configuration("", &["one.example.org"]);
    let running = running.start_again(&configuration);
    let (is_good, said) = renew(&running, "one.example.org");
    assert!(is_good, "{said}\n{}", running.log());
}
