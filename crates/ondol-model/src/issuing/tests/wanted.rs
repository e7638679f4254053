//! Which certificates a plan wants.

use super::*;
use crate::plan::AliasAnswer;
use crate::plan::DnsProvider;
use crate::plan::Rules;
use crate::plan::SHORT_LIVED;
use crate::plan::Scheme;
use crate::plan::Secret;
use crate::plan::Site;

fn site(texts: &[&str], issuance: Issuance) -> Site {
    let mut names = names(texts);
    Site {
        name: names.remove(0),
        aliases: names,
        alias_answer: AliasAnswer::Serve,
        scheme: Scheme::Https,
        certificate: None,
        client_auth: None,
        passthrough: None,
        issuance: Arc::new(issuance),
        rules: Rules::default(),
        redirects: Vec::new(),
        check: None,
        health: None,
        routes: Vec::new(),
    }
}

fn with_dns(issuers: &[AcmeIssuer]) -> Issuance {
    Issuance {
        dns: Some(DnsProvider::Desec {
            token: Secret::Environment("TOKEN".into()),
        }),
        ..issuance(issuers)
    }
}

fn short_lived(issuers: &[AcmeIssuer]) -> Issuance {
    Issuance {
        profile: Some(SHORT_LIVED.into()),
        ..issuance(issuers)
    }
}

#[track_caller]
fn check(sites: &[Site], expected: &[&str]) {
    let left = sites.iter().map(|site| (site, site.names().collect()));
    let found: Vec<String> = wanted(left)
        .iter()
        .map(|wanted| {
            let names: Vec<_> = wanted.names.iter().map(ToString::to_string).collect();
            let issuers: Vec<_> = wanted.issuers().map(|issuer| &*issuer.name).collect();
            format!("{} by {}", names.join(" "), issuers.join(" "))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_site_has_one_certificate_for_its_public_names() {
    let public = || issuance(&[lets_encrypt(), zero_ssl()]);
    check(
        &[
            site(&["a.kr", "www.a.kr", "a.internal", "nas"], public()),
            site(&["b.test"], public()),
            site(&["example.com"], public()),
            site(&["a.example.org", "b.kr"], public()),
        ],
        &[
            "a.kr www.a.kr by letsencrypt zerossl",
            "b.kr by letsencrypt zerossl",
        ],
    );
}

#[test]
fn nobody_is_asked_where_only_the_own_ca_is_named() {
    let internal = Issuance {
        issuers: vec![crate::plan::Issuer::Internal],
        ..Issuance::default()
    };
    check(&[site(&["a.kr"], internal)], &[]);
}

#[test]
fn a_directory_of_the_owners_own_vouches_for_any_name() {
    let both = || issuance(&[lets_encrypt(), own("home")]);
    check(
        &[site(
            &["a.kr", "a.internal", "10.0.0.1", "www.a.kr"],
            both(),
        )],
        &[
            "a.kr www.a.kr by letsencrypt home",
            "a.internal 10.0.0.1 by home",
        ],
    );
}

#[test]
fn public_addresses_have_certificates_that_last_some_days() {
    let texts = [
        "8.8.8.8",
        "192.168.1.1",
        "203.0.113.1",
        "[2606:4700::1]",
        "[fd00::1]",
        "a.kr",
    ];
    check(
        &[site(&texts, issuance(&[lets_encrypt()]))],
        &["a.kr by letsencrypt"],
    );
    check(
        &[site(&texts, short_lived(&[lets_encrypt()]))],
        &["8.8.8.8 [2606:4700::1] a.kr by letsencrypt"],
    );
}

#[test]
fn a_wildcard_covers_what_is_below_it() {
    check(
        &[
            site(&["*.a.kr", "a.kr"], with_dns(&[lets_encrypt()])),
            // Another way to show whose it is makes no difference.
            site(&["b.a.kr"], issuance(&[lets_encrypt()])),
            site(&["x.b.a.kr", "c.a.kr"], issuance(&[lets_encrypt()])),
            // Another issuer does.
            site(&["d.a.kr"], issuance(&[zero_ssl()])),
            site(&["e.a.kr"], short_lived(&[lets_encrypt()])),
        ],
        &[
            "*.a.kr a.kr by letsencrypt",
            "x.b.a.kr by letsencrypt",
            "d.a.kr by zerossl",
            "e.a.kr by letsencrypt",
        ],
    );
}

#[test]
fn a_wildcard_that_cannot_be_got_covers_nothing_and_keeps_nobody_from_theirs() {
    let sites = [
        site(&["a.kr", "*.a.kr"], issuance(&[lets_encrypt()])),
        site(&["b.a.kr"], issuance(&[lets_encrypt()])),
        site(&["*.home.internal"], with_dns(&[lets_encrypt()])),
    ];
    check(
        &sites,
        &[
            "a.kr by letsencrypt",
            "*.a.kr by letsencrypt",
            "b.a.kr by letsencrypt",
        ],
    );
}

#[test]
fn a_site_with_very_many_names_has_several_certificates() {
    let texts: Vec<String> = (0..230).map(|n| format!("s{n}.kr")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let sizes = |issuance| {
        let site = site(&texts, issuance);
        let all = wanted([(&site, site.names().collect())]);
        let sizes: Vec<_> = all.iter().map(|one| one.names.len()).collect();
        sizes
    };
    assert_eq!(sizes(issuance(&[lets_encrypt()])), [100, 100, 30]);
    assert_eq!(
        sizes(short_lived(&[lets_encrypt()])),
        [25, 25, 25, 25, 25, 25, 25, 25, 25, 5]
    );
}
