//! Which certificate each name gets, in lines.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ondol_model::certificate::Validity;
use ondol_model::plan::Issuer;
use ondol_model::plan::KnownIssuer;
use ondol_model::plan::Scheme;

use super::*;
use crate::facts::KeyKind;
use crate::fixture::patterns;
use crate::fixture::plan;
use crate::fixture::site;
use crate::sample::files_in;

fn facts(names: &[&str], not_after: i64) -> Facts {
    Facts {
        names: patterns(names),
        issuer: String::new(),
        validity: Validity {
            not_before: 0,
            not_after,
        },
        key: KeyKind::Other,
    }
}

/// The choices as `file: name, name`, with `internal` for Ondol's own CA.
fn check(plan: &Plan, known: &HashMap<CertificateFiles, Facts>, expected: &[&str]) {
    let choices = choose(plan, &|files| known.get(files), &Offers::default());
    let lines: Vec<_> = choices
        .iter()
        .map(|choice| {
            let source = match choice.source {
                Source::Files(files) => files.chain.file_stem().unwrap().to_string_lossy(),
                Source::Issued(kept) => kept.issuer.as_ref().into(),
                Source::Internal => "internal".into(),
            };
            let names: Vec<_> = choice.names.iter().map(ToString::to_string).collect();
            format!("{source}: {}", names.join(", "))
        })
        .collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_site_has_its_own_then_a_shared_then_an_internal_certificate() {
    let [own, shared, broken] =
        ["own", "shared", "broken"].map(|name| files_in(Path::new("/"), name));
    let known = HashMap::from([
        (own.clone(), facts(&["a.test", "b.test"], 9)),
        (shared.clone(), facts(&["*.test", "*.x.test"], 9)),
    ]);
    let mut plain = site(&["plain.test"], None);
    plain.scheme = Scheme::Http;
    let plan = plan(
        vec![
            site(&["a.test", "b.test"], Some(&own)),
            site(&["c.test", "*.x.test"], None),
            site(&["d.example", "d.test"], None),
            site(&["e.test"], Some(&broken)),
            site(&["a.test", "f.example"], Some(&own)),
            plain,
        ],
        &[&broken, &shared],
    );
    check(
        &plan,
        &known,
        &[
            "own: a.test, b.test",
            "shared: c.test, *.x.test",
            "internal: d.example",
            "shared: d.test",
            "shared: e.test",
            "own: a.test",
            "internal: f.example",
        ],
    );
}

#[test]
fn one_certificate_for_all_names_goes_before_several_and_the_longest_before_the_rest() {
    let [part, whole, longest] =
        ["part", "whole", "longest"].map(|name| files_in(Path::new("/"), name));
    let known = HashMap::from([
        (part.clone(), facts(&["a.test"], 90)),
        (whole.clone(), facts(&["a.test", "b.test"], 30)),
        (longest.clone(), facts(&["a.test"], 100)),
    ]);
    let sites = vec![site(&["a.test", "b.test"], None), site(&["a.test"], None)];
    let plan = plan(sites, &[&part, &whole, &longest]);
    check(&plan, &known, &["whole: a.test, b.test", "longest: a.test"]);
}

#[test]
fn a_certificate_of_an_issuer_stands_before_a_stand_in_even_when_it_has_ended() {
    let kept = |issuer: &str, names: &[&str], [not_before, not_after]: [i64; 2]| {
        let sample = crate::sample::Sample::of(&["x.test"]);
        let mut pair = crate::files::parse(&sample.chain(), &sample.key).unwrap();
        pair.facts = facts(names, not_after);
        pair.facts.validity.not_before = not_before;
        Kept {
            issuer: issuer.into(),
            name: patterns(names).remove(0),
            pair,
            meta: crate::shelf::Meta::default(),
        }
    };
    let all = [
        kept("letsencrypt", &["a.org"], [1, 5]),
        kept("letsencrypt-staging", &["a.org"], [0, 90]),
        kept("zerossl", &["b.org"], [2, 80]),
        kept("letsencrypt", &["b.org"], [1, 90]),
        kept("letsencrypt", &["c.org"], [0, 5]),
        kept("letsencrypt", &["*.d.org"], [0, 90]),
    ];
    let mut sites: Vec<_> = ["a.org", "b.org", "c.org", "x.d.org", "e.org"]
        .map(|name| site(&[name], None))
        .into();
    for site in &mut sites {
        let issuers = [KnownIssuer::LetsEncrypt, KnownIssuer::ZeroSsl];
        let issuance = Arc::make_mut(&mut site.issuance);
        issuance.issuers = issuers.map(|it| Issuer::Acme(it.issuer(None))).into();
    }
    let plan = plan(sites, &[]);
    let sources = |now| {
        let offers = Offers::new(&all, now);
        let choices = choose(&plan, &|_| None, &offers);
        let sources = choices.iter().map(|choice| match choice.source {
            Source::Issued(kept) => kept.issuer.to_string(),
            Source::Files(_) | Source::Internal => "internal".to_owned(),
        });
        sources.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        sources(3),
        "letsencrypt zerossl letsencrypt letsencrypt internal",
        "that of b.org which came last, whoever comes first in the plan"
    );
    assert_eq!(
        sources(50),
        "letsencrypt-staging zerossl letsencrypt letsencrypt internal",
        "those of a.org and c.org have ended"
    );
}
