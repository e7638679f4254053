//! From what was seen to the sentence, as a table.

use std::net::Ipv4Addr;

use super::*;

const IDENTITIES: &[&str] = &["letsencrypt.org"];
const WAYS: &[Challenge] = &[Challenge::Http, Challenge::TlsAlpn];

/// A box with its own public addresses, which sees what the internet sees.
fn public() -> Surroundings {
    Surroundings {
        v4: Some(Ipv4Addr::new(198, 51, 100, 2)),
        v6: "2001:db8:2::1".parse().ok(),
        is_issuer_outside: true,
        view: View::Outside,
    }
}

/// A box behind a router, whose name server it asks.
fn home() -> Surroundings {
    Surroundings {
        v4: None,
        v6: None,
        view: View::Inside,
        ..public()
    }
}

/// A box whose issuer is the owner's own.
fn own_issuer() -> Surroundings {
    Surroundings {
        is_issuer_outside: false,
        ..home()
    }
}

fn probed(address: &str, http: Http) -> Probed {
    Probed {
        address: address.parse().unwrap(),
        is_own: false,
        http,
        https: Port::Unknown,
    }
}

fn other() -> Http {
    Http::Other {
        status: 404,
        server: Some("nginx".to_owned()),
        is_near: false,
    }
}

fn near() -> Http {
    Http::Other {
        status: 200,
        server: None,
        is_near: true,
    }
}

fn seen_of<'s>(name: &'s HostPattern, addresses: Addresses, caa: Caa) -> Seen<'s> {
    Seen {
        name,
        issuer: "letsencrypt",
        way: Some(Challenge::Http),
        addresses,
        caa,
        issuing: Issuing {
            identities: IDENTITIES,
            account: Some("https://acme.example/acct/7"),
            ways: WAYS,
            is_wildcard: matches!(name, HostPattern::Wildcard(_)),
        },
    }
}

fn show(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Go => "go".to_owned(),
        Verdict::Doubt(sentence) => format!("doubt: {sentence}"),
        Verdict::Stop(sentence) => format!("stop: {sentence}"),
    }
}

#[track_caller]
fn check(name: &str, addresses: Addresses, surroundings: &Surroundings, expected: &str) {
    let name = HostPattern::parse(name).unwrap();
    let seen = seen_of(&name, addresses, Caa::None);
    assert_eq!(show(&judge(&seen, surroundings)), expected);
}

#[track_caller]
fn check_addresses(probed: &[Probed], surroundings: &Surroundings, expected: &str) {
    let addresses = Addresses::Probed(probed.to_vec());
    check("withcoffee.app", addresses, surroundings, expected);
}

fn absent(name: &str, ttl: Option<u32>) -> Addresses {
    let name = name.to_owned();
    Addresses::Unknown(LookupError::NoSuchName { name, ttl })
}

#[test]
fn names_that_are_not_there() {
    let name = "withcoffee.app";
    check(
        name,
        absent(name, Some(3600)),
        &public(),
        "stop: withcoffee.app does not exist in DNS: add an A record to 198.51.100.2",
    );
    check(
        name,
        absent(name, Some(600)),
        &home(),
        "stop: withcoffee.app does not exist in DNS: add an A record to the public address of this box (your router shows the public address of this box as its internet or WAN address) (name servers may repeat the old answer for 10 min after that)",
    );
    check(
        name,
        absent("box.dyn.example", None),
        &home(),
        "stop: withcoffee.app is an alias (CNAME) of box.dyn.example, which does not exist in DNS: correct one of the two",
    );
    let no_record = Addresses::Unknown(LookupError::NoRecord {
        name: name.to_owned(),
        kind: "A".to_owned(),
        ttl: None,
    });
    check(
        name,
        no_record,
        &public(),
        "stop: withcoffee.app has no A or AAAA record: add an A record to 198.51.100.2",
    );
    let own = show(&addresses::judge(
        &seen_of(
            &HostPattern::parse(name).unwrap(),
            absent(name, None),
            Caa::None,
        ),
        &own_issuer(),
    ));
    assert!(
        own.starts_with("doubt: withcoffee.app does not exist"),
        "{own}"
    );
}

#[test]
fn name_servers_that_fail_leave_a_doubt() {
    let failure = LookupError::ServerFailure {
        name: "withcoffee.app".to_owned(),
        server: "192.0.2.53:53".parse().unwrap(),
    };
    check(
        "withcoffee.app",
        Addresses::Unknown(failure),
        &public(),
        "doubt: the addresses of withcoffee.app could not be looked up: the name server 192.0.2.53:53 could not find out about withcoffee.app (SERVFAIL): the name servers of its zone do not answer, or its DNSSEC signatures are wrong",
    );
}

#[test]
fn this_box_answers() {
    let one = probed("203.0.113.7", Http::Ours);
    check_addresses(std::slice::from_ref(&one), &public(), "go");
    check_addresses(std::slice::from_ref(&one), &home(), "go");
    let both = [one, probed("2001:db8::1", Http::Ours)];
    check_addresses(&both, &home(), "go");
}

#[test]
fn another_machine_answers() {
    let there = [probed("203.0.113.7", other())];
    check_addresses(
        &there,
        &public(),
        "stop: withcoffee.app points to 203.0.113.7, where another server answers (404, nginx), but this box is 198.51.100.2: correct the record",
    );
    check_addresses(
        &there,
        &home(),
        "stop: withcoffee.app points to 203.0.113.7, where another server answers (404, nginx), and not Ondol: correct the record, or if that is your own address, forward port 80 to this box (your router shows the public address of this box as its internet or WAN address)",
    );
    check(
        "203.0.113.7",
        Addresses::Probed(there.to_vec()),
        &public(),
        "stop: the name of the site is 203.0.113.7, where another server answers (404, nginx), but this box is 198.51.100.2: correct the name of the site",
    );
}

#[test]
fn the_address_of_version_6_leads_elsewhere() {
    let here = probed("198.51.100.2", Http::Ours);
    let aaaa = |http| [here.clone(), probed("2001:db8::1", http)];
    check_addresses(
        &aaaa(other()),
        &public(),
        "stop: the AAAA record of withcoffee.app leads to 2001:db8::1, where another server answers (404, nginx): correct or remove it, since issuers prefer IPv6",
    );
    check_addresses(
        &aaaa(Http::Silent),
        &public(),
        "doubt: withcoffee.app points to 2001:db8::1, whose port 80 does not answer, and this box is 2001:db8:2::1: correct the record if that is not meant",
    );
    check_addresses(
        &aaaa(Http::NoWay),
        &home(),
        "doubt: withcoffee.app: whether its AAAA record 2001:db8::1 leads here can't be seen, as this box has no IPv6: remove it if it is not meant, since issuers prefer IPv6",
    );
}

#[test]
fn what_may_work_from_outside_is_tried() {
    let check = |http, surroundings: &Surroundings, expected: &str| {
        check_addresses(&[probed("203.0.113.7", http)], surroundings, expected);
    };
    check(
        near(),
        &home(),
        "doubt: withcoffee.app points to 203.0.113.7, where a device nearby answers (200), perhaps the router itself: forward port 80 to this box if that is not done yet",
    );
    check(
        Http::Refused,
        &home(),
        "doubt: withcoffee.app points to 203.0.113.7, whose port 80 refuses connections when asked from inside: forward it to this box if that is not done yet",
    );
    check(
        Http::Silent,
        &public(),
        "doubt: withcoffee.app points to 203.0.113.7, whose port 80 does not answer, and this box is 198.51.100.2: correct the record if that is not meant",
    );
    check(
        Http::Busy { status: 503 },
        &home(),
        "doubt: withcoffee.app points to 203.0.113.7, whose port 80 answers 503, and not as Ondol",
    );
    let to = Some("https://withcoffee.app/".to_owned());
    check(
        Http::Redirects { to },
        &home(),
        "doubt: withcoffee.app points to 203.0.113.7, whose port 80 is not answered by Ondol, but redirects to https://withcoffee.app/",
    );
    check(
        Http::Unreadable,
        &home(),
        "doubt: withcoffee.app points to 203.0.113.7, whose port 80 does not answer in HTTP",
    );
    check(Http::NotAsked, &home(), "go");
}

#[test]
fn an_address_of_this_box_is_not_another_machine() {
    let own = |http| Probed {
        is_own: true,
        ..probed("198.51.100.2", http)
    };
    check_addresses(
        &[own(Http::Refused)],
        &public(),
        "doubt: withcoffee.app points to 198.51.100.2, whose port 80 refuses connections",
    );
    check_addresses(
        &[own(other())],
        &public(),
        "doubt: withcoffee.app points to 198.51.100.2, an address of this box, where another server answers (404, nginx)",
    );
}

#[test]
fn one_of_several_addresses_may_be_another_machine() {
    check_addresses(
        &[
            probed("198.51.100.2", Http::Ours),
            probed("203.0.113.7", other()),
        ],
        &public(),
        "doubt: withcoffee.app points to 203.0.113.7 too, where another server answers (404, nginx): remove that A record",
    );
}

#[test]
fn private_addresses_are_not_for_public_issuers() {
    let private = [probed("192.168.0.5", Http::Ours)];
    check_addresses(
        &private,
        &public(),
        "stop: withcoffee.app points to 192.168.0.5, an address of a private network, which letsencrypt can't reach: point it to 198.51.100.2, or use the challenge `dns`",
    );
    check_addresses(
        &private,
        &home(),
        "doubt: seen from this box, withcoffee.app points to 192.168.0.5, an address of a private network; letsencrypt needs a public one",
    );
    check_addresses(&private, &own_issuer(), "go");
    check_addresses(
        &[probed("192.168.0.5", other())],
        &own_issuer(),
        "stop: withcoffee.app points to 192.168.0.5, where another server answers (404, nginx), and not Ondol: correct the record",
    );
    check(
        "192.168.0.5",
        Addresses::Probed(private.to_vec()),
        &home(),
        "stop: 192.168.0.5 is an address of a private network, for which letsencrypt can't vouch: use the issuer `internal`",
    );
}

#[test]
fn by_tls_alpn_port_443_counts() {
    let name = HostPattern::parse("withcoffee.app").unwrap();
    let check = |http, https, expected: &str| {
        let probed = Probed {
            https,
            ..probed("203.0.113.7", http)
        };
        let mut seen = seen_of(&name, Addresses::Probed(vec![probed]), Caa::None);
        seen.way = Some(Challenge::TlsAlpn);
        assert_eq!(show(&judge(&seen, &home())), expected);
    };
    check(Http::Refused, Port::Open, "go");
    check(Http::Ours, Port::Closed, "go");
    check(
        Http::Silent,
        Port::Closed,
        "doubt: withcoffee.app points to 203.0.113.7, whose port 443 could not be reached from this box",
    );
    check(
        other(),
        Port::Open,
        "doubt: withcoffee.app points to 203.0.113.7, where another server answers (404, nginx) on port 80: is it this box?",
    );
}

#[test]
fn port_80_is_closed_only_where_443_is_open() {
    let check = |probed: &[(Http, Port)], expected| {
        let probed = probed.iter().map(|(http, https)| Probed {
            address: "203.0.113.7".parse().unwrap(),
            is_own: false,
            http: http.clone(),
            https: *https,
        });
        assert_eq!(port_80(&Addresses::Probed(probed.collect())), expected);
    };
    check(&[(Http::Refused, Port::Open)], Port::Closed);
    check(&[(Http::Silent, Port::Open)], Port::Closed);
    check(&[(Http::Refused, Port::Closed)], Port::Unknown);
    check(
        &[(Http::Silent, Port::Open), (Http::Ours, Port::Open)],
        Port::Open,
    );
    check(&[(Http::NoWay, Port::Closed)], Port::Unknown);
}

#[test]
fn caa_records_that_forbid_are_named() {
    let check = |name: &str, tag: &str, value: &str, expected: &str| {
        let name = HostPattern::parse(name).unwrap();
        let caa = Caa::At {
            name: "withcoffee.app".to_owned(),
            records: vec![Record {
                is_critical: tag == "tbs",
                tag: tag.to_owned(),
                value: value.to_owned(),
            }],
        };
        let seen = seen_of(&name, Addresses::NotNeeded, caa);
        assert_eq!(show(&judge(&seen, &public())), expected);
    };
    check("www.withcoffee.app", "issue", "letsencrypt.org", "go");
    check("www.withcoffee.app", "issuewild", ";", "go");
    check(
        "www.withcoffee.app",
        "issue",
        "digicert.com",
        "stop: the CAA record of withcoffee.app (`0 issue \"digicert.com\"`) does not allow letsencrypt to issue for www.withcoffee.app: add `withcoffee.app. CAA 0 issue \"letsencrypt.org\"`",
    );
    check(
        "*.withcoffee.app",
        "issuewild",
        ";",
        "stop: the CAA record of withcoffee.app (`0 issuewild \";\"`) does not allow letsencrypt to issue for *.withcoffee.app: add `withcoffee.app. CAA 0 issuewild \"letsencrypt.org\"`",
    );
    check(
        "withcoffee.app",
        "issue",
        "letsencrypt.org; accounturi=https://acme.example/acct/8",
        "stop: the CAA record of withcoffee.app (`0 issue \"letsencrypt.org; accounturi=https://acme.example/acct/8\"`) allows another account at letsencrypt alone: set its accounturi to https://acme.example/acct/7",
    );
    check(
        "withcoffee.app",
        "issue",
        "letsencrypt.org; validationmethods=dns-01",
        "stop: the CAA record of withcoffee.app (`0 issue \"letsencrypt.org; validationmethods=dns-01\"`) does not allow letsencrypt to check withcoffee.app by http-01 or tls-alpn-01: add it to validationmethods, or choose another `challenge`",
    );
    check(
        "withcoffee.app",
        "tbs",
        "x",
        "stop: the CAA record of withcoffee.app (`128 tbs \"x\"`) is marked as critical, and no issuer knows `tbs`, so none issues for withcoffee.app: remove it",
    );
}

#[test]
fn a_caa_record_is_a_part_of_a_sentence_however_long_it_is() {
    let name = HostPattern::parse("withcoffee.app").unwrap();
    let caa = Caa::At {
        name: "withcoffee.app".to_owned(),
        records: vec![Record {
            is_critical: false,
            tag: "issue".to_owned(),
            value: "\u{1b}".repeat(60_000),
        }],
    };
    let seen = seen_of(&name, Addresses::NotNeeded, caa);
    let said = show(&judge(&seen, &public()));
    assert!(said.len() < 500, "{} bytes", said.len());
    assert!(said.contains("(`0 issue \"\\027"), "{said}");
}

#[test]
fn what_stops_one_name_stops_the_order() {
    let stop = |text: &str| Verdict::Stop(text.to_owned());
    let doubt = |text: &str| Verdict::Doubt(text.to_owned());
    let check = |verdicts: &[Verdict], expected: &str| assert_eq!(show(&all(verdicts)), expected);
    check(&[], "go");
    check(
        &[Verdict::Go, doubt("a"), doubt("a"), doubt("b")],
        "doubt: a; b",
    );
    check(&[doubt("a"), stop("b"), Verdict::Go], "stop: b");
    let many: Vec<Verdict> = ["a", "b", "c", "d", "e"].map(stop).to_vec();
    check(&many, "stop: a; b; c; and 2 more like that");
}
