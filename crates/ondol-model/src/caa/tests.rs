//! Who is allowed, and why not.

use super::*;

const ACCOUNT: &str = "https://acme.example/acct/7";

fn records(lines: &[&str]) -> Vec<Caa> {
    let record = |line: &&str| {
        let mut words = line.splitn(3, ' ');
        Caa {
            is_critical: words.next().unwrap() == "128",
            tag: words.next().unwrap().to_owned(),
            value: words.next().unwrap().to_owned(),
        }
    };
    lines.iter().map(record).collect()
}

fn issuing(is_wildcard: bool) -> Issuing<'static> {
    Issuing {
        identities: &["ca.example", "ca.example.net"],
        account: Some(ACCOUNT),
        ways: &[Challenge::Http, Challenge::TlsAlpn],
        is_wildcard,
    }
}

#[test]
fn each_set_of_records_allows_or_forbids() {
    let check = |lines: &[&str], is_wildcard, expected: &str| {
        let records = records(lines);
        let found = match objection(&records, &issuing(is_wildcard)) {
            None => "allowed".to_owned(),
            Some(Objection::Others(record)) => format!("others: {}", record.value),
            Some(Objection::Account(record)) => format!("account: {}", record.value),
            Some(Objection::Ways(record)) => format!("ways: {}", record.value),
            Some(Objection::Unknown(record)) => format!("unknown: {}", record.tag),
        };
        assert_eq!(found, expected, "{lines:?}, wildcard: {is_wildcard}");
    };
    check(&["0 iodef mailto:me@example.com"], false, "allowed");
    check(&["0 issue ca.example"], false, "allowed");
    check(&["0 issue CA.Example.NET"], true, "allowed");
    check(&["0 issue  ca.example ; "], false, "allowed");
    check(&["0 issue ;"], false, "others: ;");
    check(&["0 issue other.example"], false, "others: other.example");
    check(
        &["0 issue other.example", "0 issue ca.example"],
        false,
        "allowed",
    );
    check(&["0 issue not-ca.example"], false, "others: not-ca.example");
    // Wildcards have their own property, and without it the common one.
    check(&["0 issue ca.example", "0 issuewild ;"], true, "others: ;");
    check(&["0 issue ca.example", "0 issuewild ;"], false, "allowed");
    check(&["0 issue ;", "0 issuewild ca.example"], true, "allowed");
    check(&["0 issuewild ;"], false, "allowed");
    // Critical properties that nobody knows.
    check(&["128 tbs x", "0 issue ca.example"], false, "unknown: tbs");
    check(&["0 tbs x", "128 issue ca.example"], false, "allowed");
    // Parameters of RFC 8657.
    let mine = format!("0 issue ca.example; accounturi={ACCOUNT}");
    check(&[&mine], false, "allowed");
    let twice = format!("ca.example; accounturi={ACCOUNT}; accounturi={ACCOUNT}");
    check(
        &[&format!("0 issue {twice}")],
        false,
        &format!("account: {twice}"),
    );
    let others = "ca.example;accounturi=https://acme.example/acct/8";
    check(
        &[&format!("0 issue {others}")],
        false,
        &format!("account: {others}"),
    );
    check(
        &["0 issue ca.example; validationmethods=dns-01,http-01"],
        false,
        "allowed",
    );
    let dns = "ca.example; validationmethods=dns-01";
    check(&[&format!("0 issue {dns}")], false, &format!("ways: {dns}"));
    check(
        &[
            "0 issue other.example",
            &format!("0 issue {dns}"),
            "0 issue x",
        ],
        false,
        &format!("ways: {dns}"),
    );
    check(
        &["0 issue ca.example; what"],
        false,
        "others: ca.example; what",
    );
    check(&["0 issue ca.example; policy=ev"], false, "allowed");
}

#[test]
fn an_account_or_ways_that_are_not_known_are_not_judged() {
    let records = records(&["0 issue ca.example; accounturi=x; validationmethods=dns-01"]);
    let unknown = Issuing {
        account: None,
        ways: &[],
        ..issuing(false)
    };
    assert_eq!(objection(&records, &unknown), None);
}

#[test]
fn ways_that_records_forbid_are_left_out() {
    let records = records(&["0 issue ca.example; validationmethods=tls-alpn-01,dns-01"]);
    assert_eq!(allowed(&records, &issuing(false)), [Challenge::TlsAlpn]);
}

#[test]
fn records_are_looked_for_at_the_name_and_above() {
    let names: Vec<&str> = climb("a.b.example.com").collect();
    assert_eq!(
        names,
        ["a.b.example.com", "b.example.com", "example.com", "com"]
    );
}

#[test]
fn a_record_reads_as_in_a_zone_file() {
    let record = &records(&["128 issue ca.example; validationmethods=dns-01"])[0];
    let text = "128 issue \"ca.example; validationmethods=dns-01\"";
    assert_eq!(record.to_string(), text);
}

#[test]
fn a_record_moves_no_cursor() {
    let record = Caa {
        is_critical: true,
        tag: "is\u{7}sue".to_owned(),
        value: "\u{1b}[2Jca.example\r\n\u{202e}é".to_owned(),
    };
    assert_eq!(
        record.to_string(),
        r#"128 is\007sue "\027[2Jca.example\013\010\226\128\174\195\169""#
    );
}
