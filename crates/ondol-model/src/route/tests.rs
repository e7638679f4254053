//! Who answers, as tables, and that every site is found by its names.

use proptest::prelude::*;

use super::*;
use crate::plan::AccessLog;
use crate::plan::AliasAnswer;
use crate::plan::Listen;
use crate::plan::Respond;
use crate::plan::Rules;
use crate::plan::Scheme;
use crate::plan::Target;

fn site(name: &str, aliases: &[&str]) -> Site {
    let pattern = |text: &str| HostPattern::parse(text).expect("a test's own name");
    Site {
        name: pattern(name),
        aliases: aliases.iter().map(|alias| pattern(alias)).collect(),
        alias_answer: AliasAnswer::Redirect,
        scheme: Scheme::Https,
        certificate: None,
        client_auth: None,
        passthrough: None,
        issuance: Default::default(),
        rules: Rules::default(),
        redirects: Vec::new(),
        check: None,
        health: None,
        routes: Vec::new(),
    }
}

fn plan(sites: Vec<Site>) -> Plan {
    Plan {
        box_name: "test".into(),
        email: None,
        timezone: None,
        listen: Listen {
            http: vec![],
            https: vec![],
            trusted_proxies: vec![],
            client_ip_header: crate::forwarded::ClientIpHeader::XForwardedFor,
        },
        access_log: AccessLog::default(),
        certificates: vec![],
        resolvers: Vec::new(),
        apps: Vec::new(),
        backup: crate::plan::Backup::default(),
        care: crate::plan::Care::default(),
        sites,
    }
}

fn to(path: &str) -> Route {
    let answer = Respond::text(200, path);
    Route {
        rules: Rules::default(),
        path: RoutePath::parse(path).expect("a test's own path"),
        base: RoutePath::root(),
        target: Target::Respond(answer),
    }
}

#[test]
fn exact_names_come_before_wildcards() {
    let routing = Routing::new(&plan(vec![
        site("*.example.com", &[]),
        site("a.example.com", &["alias.example.com"]),
    ]));
    let find = |host| routing.find(host).map(|found| (found.site.0, found.by));
    assert_eq!(find("b.example.com"), Some((0, FoundBy::Name)));
    assert_eq!(find("a.example.com"), Some((1, FoundBy::Name)));
    assert_eq!(find("alias.example.com"), Some((1, FoundBy::Alias)));
    assert_eq!(find("example.com"), None);
    assert_eq!(find("x.b.example.com"), None);
    assert_eq!(find("localhost"), None);
}

#[test]
fn a_name_claimed_twice_is_a_clash() {
    let sites = [
        site("a.test", &["b.test"]),
        site("b.test", &[]),
        site("*.test", &["*.test"]),
    ];
    let found: Vec<_> = clashes(&sites)
        .into_iter()
        .map(|clash| (clash.name.to_string(), clash.first.0, clash.second.0))
        .collect();
    assert_eq!(found, [("b.test".into(), 0, 1), ("*.test".into(), 2, 2)]);
}

#[test]
fn the_longest_path_wins_whatever_the_order() {
    let mut routes = vec![to("/"), to("/a"), to("/a/b/"), to("/b")];
    sort(&mut routes);
    let site = Site {
        routes,
        ..site("a.test", &[])
    };
    let answer = |path| route(&site, path).map(|index| site.routes[index].path.to_string());
    assert_eq!(answer("/a/b/c").as_deref(), Some("/a/b/"));
    assert_eq!(answer("/a/b").as_deref(), Some("/a"));
    assert_eq!(answer("/ab").as_deref(), Some("/"));
}

proptest! {
    #[test]
    fn every_site_is_found_by_its_names(labels in proptest::collection::hash_set("[a-z]{1,8}", 1..20)) {
        let sites: Vec<_> = labels
            .iter()
            .enumerate()
            .map(|(i, label)| if i % 3 == 0 { site(&format!("*.{label}.test"), &[]) } else { site(&format!("{label}.test"), &[]) })
            .collect();
        let plan = plan(sites);
        let routing = Routing::new(&plan);
        for (index, site) in plan.sites.iter().enumerate() {
            let host = site.name.to_string().replace('*', "any");
            prop_assert_eq!(routing.find(&host).map(|found| found.site), Some(SiteIndex(index)));
        }
    }
}
