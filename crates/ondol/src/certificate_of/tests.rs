//! What people type, and which certificate they get.

use ondol_admin::api::CertState;
use ondol_admin::api::Route;
use ondol_admin::api::Time;

use super::*;

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn cert(issuer: &str, names: &[&str], sites: &[&str], wanted: &[&str]) -> Cert {
    Cert {
        names: texts(names),
        issuer: issuer.to_owned(),
        issuer_name: None,
        source: "internal".to_owned(),
        not_before: Time::from_unix_seconds(0),
        not_after: Time::from_unix_seconds(1),
        renew_at: None,
        sites: texts(sites),
        problem: None,
        meanwhile: None,
        wanted: texts(wanted),
        state: CertState::Held,
        asked: None,
        step: None,
        next_at: None,
        last: None,
        failures: 0,
    }
}

fn site(name: &str, aliases: &[&str], scheme: &str, target: &str) -> Site {
    Site {
        name: name.to_owned(),
        aliases: texts(aliases),
        serves_aliases: false,
        scheme: scheme.to_owned(),
        listens: Vec::new(),
        routes: vec![Route {
            path: "/".to_owned(),
            target: target.to_owned(),
            to: String::new(),
        }],
        certificate: None,
        health: None,
    }
}

fn certs() -> Certs {
    Certs {
        certificates: vec![
            cert(
                "wildcard",
                &["*.example.com", "shop.example.com"],
                &["blog.example.com"],
                &[],
            ),
            cert(
                "shop",
                &["shop.example.com"],
                &["shop.example.com"],
                &["shop.example.com", "store.example.net"],
            ),
        ],
    }
}

#[test]
fn any_name_of_a_certificate_leads_to_it() {
    for (typed, issuer) in [
        ("blog.example.com", Some("wildcard")),
        ("SHOP.Example.com.", Some("shop")),
        ("store.example.net", Some("shop")),
        ("*.example.com", Some("wildcard")),
        ("new.example.com", Some("wildcard")),
        ("a.new.example.com", None),
        ("example.com", None),
        ("", None),
        ("not a name", None),
    ] {
        let certs = certs();
        let found = find(&certs, typed).map(|cert| cert.issuer.as_str());
        assert_eq!(found, issuer, "{typed}");
    }
}

#[test]
fn a_name_without_a_certificate_says_why_or_which_was_meant() {
    let sites = Sites {
        sites: vec![
            site("lan.test", &["www.lan.test"], "http", "files"),
            site("nvr.test", &[], "https", "passthrough"),
            site("new.test", &[], "https", "files"),
        ],
    };
    for (typed, expected) in [
        (
            "WWW.lan.test",
            "www.lan.test has no certificate: it is served over plain HTTP alone",
        ),
        (
            "nvr.test",
            "nvr.test has no certificate here: its connections are passed on to a machine that has one",
        ),
        (
            "new.test",
            "new.test has no certificate now: `ondol status` says why",
        ),
        (
            "sohp.example.com",
            "no certificate here covers `sohp.example.com`; did you mean `shop.example.com`?",
        ),
        (
            "store",
            "no certificate here covers `store`; did you mean `store.example.net`?",
        ),
        (
            "net.test",
            "no certificate here covers `net.test`; did you mean `new.test` or `nvr.test`?",
        ),
        (
            "elsewhere.org",
            "no certificate here covers `elsewhere.org`: `ondol certs` lists them",
        ),
    ] {
        assert_eq!(missing(&certs(), &sites, typed), expected);
    }
    let long = "a".repeat(10_000);
    assert!(missing(&certs(), &sites, &long).ends_with("lists them"));
}
