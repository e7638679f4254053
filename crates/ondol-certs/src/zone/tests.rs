//! Records in the zones of a real name server, and what is left of them after accidents.

use super::*;

mod knot;

use knot::Knot;

fn name(text: &str) -> HostPattern {
    HostPattern::parse(text).unwrap()
}

/// A zone over a name server, with the journal in its folder.
fn zone(knot: &Knot, provider: &DnsProvider) -> Zone {
    let journal = ZoneJournal::open(&journal_path(knot)).unwrap();
    Zone::new(provider, &lookup(knot), journal).unwrap()
}

fn journal_path(knot: &Knot) -> std::path::PathBuf {
    knot.folder.path().join("challenge-records.json")
}

fn lookup(knot: &Knot) -> Lookup {
    Lookup::new(&[knot.address])
}

async fn texts(knot: &Knot, name: &str) -> Vec<String> {
    let mut texts = lookup(knot).texts_at(knot.address, name).await.unwrap();
    texts.sort();
    texts
}

#[tokio::test]
async fn texts_of_two_orders_share_a_name() {
    let zones = [("example.com", "_acme-challenge TXT \"someone's\"")];
    let Some(knot) = Knot::start("texts_of_two_orders_share_a_name", &zones) else {
        return;
    };
    // The case of a key's name does not matter (RFC 8945 §4.3.3).
    let zone = zone(&knot, &knot.provider("Ondol."));
    let (domain, wildcard) = (name("example.com"), name("*.example.com"));
    let (first, second) = tokio::join!(
        zone.publish(&domain, "first"),
        zone.publish(&wildcard, "second"),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    let at = "_acme-challenge.example.com";
    assert_eq!(texts(&knot, at).await, ["first", "second", "someone's"]);
    zone.remove(first).await;
    assert_eq!(texts(&knot, at).await, ["second", "someone's"]);
    zone.remove(second).await;
    assert_eq!(texts(&knot, at).await, ["someone's"]);
}

#[tokio::test]
async fn an_alias_leads_to_the_zone_that_is_written() {
    let zones = [
        (
            "example.com",
            "_acme-challenge.shop CNAME shop.auth\nauth NS ns\n",
        ),
        ("auth.example.com", ""),
    ];
    let Some(knot) = Knot::start("an_alias_leads_to_the_zone_that_is_written", &zones) else {
        return;
    };
    let zone = zone(&knot, &knot.provider("ondol"));
    let published = zone
        .publish(&name("shop.example.com"), "text")
        .await
        .unwrap();
    assert_eq!(texts(&knot, "shop.auth.example.com").await, ["text"]);
    zone.remove(published).await;
    assert!(texts(&knot, "shop.auth.example.com").await.is_empty());
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let Some(knot) = Knot::start("who_is_not_let_in_is_told_why", &[("example.com", "")]) else {
        return;
    };
    let check = async |provider: DnsProvider, site: &str, expected: &str| {
        let zone = zone(&knot, &provider);
        let failure = zone.publish(&name(site), "text").await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Dns);
        let server = format!("the name server {}", knot.address);
        assert_eq!(failure.sentence, format!("{server} {expected}"));
    };
    for key in ["nobody", "useless"] {
        let expected = format!(
            "does not accept the key `{key}` (BADKEY): its name and its algorithm must be the same there, and it must be allowed to update the zone"
        );
        check(knot.provider(key), "example.com", &expected).await;
    }
    let path = knot.folder.path().join("tsig.key");
    let expected = format!(
        "has another key by the name `ondol` than the one in {} (BADSIG), or with another algorithm",
        path.display()
    );
    check(
        knot.provider_with_other_key("ondol"),
        "example.com",
        &expected,
    )
    .await;
    let expected =
        "keeps no zone that _acme-challenge.shop.example.org is in: name the one that does";
    check(knot.provider("ondol"), "shop.example.org", expected).await;
}

#[tokio::test]
async fn what_can_not_be_removed_is_tried_with_the_next_order() {
    let test = "what_can_not_be_removed_is_tried_with_the_next_order";
    let Some(knot) = Knot::start(test, &[("example.com", "")]) else {
        return;
    };
    let zone = zone(&knot, &knot.provider("ondol"));
    let first = zone.publish(&name("a.example.com"), "first").await.unwrap();
    let second = zone
        .publish(&name("b.example.com"), "second")
        .await
        .unwrap();
    let _wrong_now = knot.provider_with_other_key("ondol");
    zone.remove(first).await;
    assert_eq!(
        texts(&knot, "_acme-challenge.a.example.com").await,
        ["first"]
    );
    let _right_again = knot.provider("ondol");
    zone.remove(second).await;
    assert!(
        texts(&knot, "_acme-challenge.a.example.com")
            .await
            .is_empty()
    );
    assert!(
        texts(&knot, "_acme-challenge.b.example.com")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn names_that_have_no_record_are_refused() {
    let zones = [(
        "example.com",
        "_acme-challenge.ring CNAME ring\nring CNAME _acme-challenge.ring\n_acme-challenge.away CNAME away.example.org.\n",
    )];
    let Some(knot) = Knot::start("names_that_have_no_record_are_refused", &zones) else {
        return;
    };
    let zone = zone(&knot, &knot.provider("ondol"));
    let check = async |site: &str, expected: &str| {
        let failure = zone.publish(&name(site), "text").await.unwrap_err();
        assert_eq!(failure.sentence, expected);
    };
    check(
        "192.0.2.1",
        "192.0.2.1 is an address, which no zone can vouch for",
    )
    .await;
    check("ring.example.com", "_acme-challenge.ring.example.com is an alias (CNAME) that leads to more than 8 others: let it lead to its end directly").await;
    let expected = format!(
        "the name server {} keeps no zone that away.example.org is in: name the one that does (_acme-challenge.away.example.com is an alias of away.example.org)",
        knot.address
    );
    check("away.example.com", &expected).await;
}

#[tokio::test]
async fn what_a_killed_run_left_is_cleaned_up() {
    let Some(knot) = Knot::start(
        "what_a_killed_run_left_is_cleaned_up",
        &[("example.com", "")],
    ) else {
        return;
    };
    let provider = knot.provider("ondol");
    let at = "_acme-challenge.example.com";
    let before = zone(&knot, &provider);
    let published = before.publish(&name("example.com"), "left").await.unwrap();
    std::mem::forget(published); // As a killed process does.
    drop(before);
    assert_eq!(texts(&knot, at).await, ["left"]);
    let after = zone(&knot, &provider);
    let needed = after.publish(&name("example.com"), "needed").await.unwrap();
    after.clean_up().await;
    assert_eq!(texts(&knot, at).await, ["needed"]);
    after.remove(needed).await;
    assert!(texts(&knot, at).await.is_empty());
    let kept = std::fs::read_to_string(journal_path(&knot)).unwrap();
    assert!(!kept.contains("text"), "{kept}");
}

/// Orders run on any thread.
#[expect(dead_code, reason = "it is there to be compiled")]
fn futures_can_be_sent(zone: &Zone, name: &HostPattern, published: Published) -> impl Send {
    (
        zone.publish(name, "text"),
        zone.remove(published),
        zone.clean_up(),
    )
}
