//! Names that do not lead here: said before an issuer is asked.

use crate::issuing::stage::GOT;
use crate::issuing::stage::Needs;
use crate::issuing::stage::Stage;
use crate::issuing::stage::renew;
use crate::issuing::stage::until_failed;

const NAME: &str = "one.example.org";

#[test]
fn a_name_without_an_address_is_named_and_not_ordered() {
    let Some(stage) = Stage::set(Needs::Any, |_| {}) else {
        return;
    };
    stage.names().set_default("");
    let running = stage.start("", &[NAME]);
    until_failed(GOT, &running, NAME, &[NAME]);
    assert!(
        stage.front.orders().is_empty(),
        "{:?}",
        stage.front.orders()
    );
    stage.names().set_default(&stage.host().to_string());
    let (is_good, said) = renew(&running, NAME);
    assert!(is_good, "{said}\n{}", running.log());
}

#[test]
fn a_name_that_leads_elsewhere_is_named_with_both_addresses() {
    let Some(stage) = Stage::set(Needs::Any, |settings| {
        settings.authorizations_reused = 0;
    }) else {
        return;
    };
    stage.names().set_a(NAME, &["203.0.113.7"]);
    let running = stage.start("", &[NAME]);
    until_failed(GOT * 2, &running, NAME, &[NAME, "203.0.113.7"]);
    running.event("certificate-failed");
}

#[test]
fn an_ipv6_address_that_leads_elsewhere_is_named() {
    let Some(stage) = Stage::set(Needs::Any, |settings| {
        settings.authorizations_reused = 0;
    }) else {
        return;
    };
    stage.names().set_a(NAME, &[&stage.host().to_string()]);
    stage.names().set_aaaa(NAME, &["2001:db8::7"]);
    let running = stage.start("", &[NAME]);
    // Pebble asks the IPv6 address first; whoever gets a certificate all the same has nothing to say.
    let failed = crate::issuing::stage::within(GOT * 2, || {
        let told = crate::issuing::stage::told(&running, NAME);
        told["last"]["message"].as_str().map(str::to_owned)
    });
    let sentence = failed.unwrap_or_else(|| panic!("{}", running.log()));
    let is_served = stage.served(NAME).is_ok();
    assert!(is_served || sentence.contains("2001:db8::7"), "{sentence}");
}

#[test]
fn an_issuer_that_the_zone_forbids_is_not_asked() {
    let Some(stage) = Stage::set(Needs::Newer, |_| {}) else {
        return;
    };
    stage
        .names()
        .set_caa(NAME, &[("issue", "other-ca.example")]);
    let running = stage.start("", &[NAME]);
    until_failed(GOT, &running, NAME, &["CAA"]);
    assert!(
        stage.front.orders().is_empty(),
        "{:?}",
        stage.front.orders()
    );
}
