//! Each provider against a small one on this machine, which keeps records and looks who asks.

use std::path::PathBuf;

use ondol_model::plan::Secret;

use super::*;

mod cloudflare;
mod desec;
mod echo;
mod fake;
mod gandi;
mod porkbun;
mod route53;

/// The zone of all fakes, and a name that is not directly below it.
const ZONE: &str = "example.com";
const NAME: &str = "_acme-challenge.shop.example.com";
const BELOW: &str = "_acme-challenge.shop";

/// Secrets in files.
struct Secrets(tempfile::TempDir);

impl Secrets {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn secret(&self, name: &str, text: &str) -> Secret {
        let path = self.path(name);
        ondol_base::file::replace(&path, text.as_bytes(), 0o600).unwrap();
        Secret::File(path)
    }
}

fn record<'r>(zone: Option<&'r str>, text: &'r str) -> Record<'r> {
    let name = NAME;
    Record { zone, name, text }
}

/// What an owner's record and two of ours go through, each thing done twice.
async fn come_and_go(
    change: impl AsyncFn(Change, Record<'_>) -> Result<(), Failure>,
    texts: impl AsyncFn() -> Vec<String>,
) {
    let check = async |expected: &[&str]| {
        let mut texts = texts().await;
        texts.sort();
        assert_eq!(texts, expected);
    };
    let (first, second) = (record(None, "first"), record(Some(ZONE), "second"));
    change(Change::Add, first).await.unwrap();
    check(&["first", "someone's"]).await;
    change(Change::Add, second).await.unwrap();
    change(Change::Add, first).await.unwrap();
    check(&["first", "second", "someone's"]).await;
    change(Change::Remove, first).await.unwrap();
    change(Change::Remove, first).await.unwrap();
    check(&["second", "someone's"]).await;
    change(Change::Remove, second).await.unwrap();
    check(&["someone's"]).await;
}

#[test]
fn zones_are_tried_from_the_likeliest_up() {
    let check = |zone, expected: &[&str]| {
        assert_eq!(record(zone, "").zones().collect::<Vec<_>>(), expected);
    };
    let shop = "shop.example.com";
    check(None, &[NAME, shop, ZONE]);
    check(Some(ZONE), &[ZONE, NAME, shop]);
    assert_eq!(record(None, "").below(ZONE), BELOW);
    assert_eq!(record(None, "").below(NAME), "");
}

#[test]
fn a_set_changes_by_one_text() {
    let check = |change, before: &[&str], expected: Option<&[&str]>| {
        let before: Vec<_> = before.iter().map(|text| (*text).to_owned()).collect();
        let after = changed(change, &before, "a");
        assert_eq!(
            after.as_deref(),
            expected
                .map(|texts| texts
                    .iter()
                    .map(|text| (*text).to_owned())
                    .collect::<Vec<_>>())
                .as_deref()
        );
    };
    check(Change::Add, &[], Some(&["\"a\""]));
    check(Change::Add, &["\"b\""], Some(&["\"b\"", "\"a\""]));
    check(Change::Add, &["a"], None);
    check(Change::Remove, &["\"b\""], None);
    check(Change::Remove, &["\"b\"", "\"a\"", "a"], Some(&["\"b\""]));
    check(Change::Remove, &["\"a\""], Some(&[]));
}

#[test]
fn a_provider_is_known_again_without_its_secret() {
    let token = Secret::Environment("CLOUDFLARE_TOKEN".into());
    let provider = Provider::new(&DnsProvider::Cloudflare { token }).unwrap();
    assert_eq!(
        provider.identity(),
        "cloudflare the environment variable CLOUDFLARE_TOKEN"
    );
    let nothing = DnsProvider::Exec {
        command: Vec::new(),
    };
    assert!(Provider::new(&nothing).is_err());
}

#[test]
fn who_can_not_do_two_changes_at_once_is_not_asked_to() {
    let key = || Secret::Environment("KEY".into());
    let check = |provider: DnsProvider, zone, expected: &str| {
        let provider = Provider::new(&provider).unwrap();
        assert_eq!(provider.turn(&record(zone, "")), expected);
    };
    let route53 = || DnsProvider::Route53 {
        access_key: key(),
        secret_key: key(),
    };
    check(route53(), Some(ZONE), ZONE);
    check(route53(), None, "route53 the environment variable KEY");
    let command = vec!["/usr/local/bin/records".into(), "-v".into()];
    check(
        DnsProvider::Exec { command },
        Some(ZONE),
        "exec /usr/local/bin/records -v",
    );
    check(DnsProvider::Desec { token: key() }, Some(ZONE), NAME);
}
