//! Who may issue certificates for a name, as its owner says in DNS (CAA: RFC 8659, RFC 8657).

use std::fmt;

use crate::plan::Challenge;

/// What each issuer has to understand or refuse, when it is marked as critical (RFC 8659 §4.1): the
/// properties that are registered.
const KNOWN_TAGS: [&str; 7] = [
    "issue",
    "issuewild",
    "iodef",
    "contactemail",
    "contactphone",
    "issuemail",
    "issuevmc",
];

/// A CAA record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caa {
    /// Whether who does not know its tag may not issue.
    pub is_critical: bool,
    /// The name of the property, in lower case.
    pub tag: String,
    /// Its value.
    pub value: String,
}

impl fmt::Display for Caa {
    /// As in a zone file, with what can't be printed as the numbers of its bytes (RFC 1035 §5.1): anybody can
    /// write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.is_critical { 128 } else { 0 };
        write!(f, "{flags} ")?;
        escaped(f, &self.tag)?;
        f.write_str(" \"")?;
        escaped(f, &self.value)?;
        f.write_str("\"")
    }
}

fn escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' => write!(f, "{}", char::from(byte))?,
            other => write!(f, "\\{other:03}")?,
        }
    }
    Ok(())
}

/// Who wants to issue a certificate, and how.
#[derive(Debug, Clone, Copy)]
pub struct Issuing<'i> {
    /// The names by which CAA records can allow the issuer.
    pub identities: &'i [&'i str],
    /// The URL of the account at the issuer, when it is known.
    pub account: Option<&'i str>,
    /// The ways that can be used to show whose the name is. Empty: they are not judged.
    pub ways: &'i [Challenge],
    /// Whether the name is a wildcard.
    pub is_wildcard: bool,
}

/// Why CAA records forbid a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objection<'r> {
    /// None of the properties of this tag allows the issuer.
    Others(&'r Caa),
    /// The issuer is allowed for another account alone.
    Account(&'r Caa),
    /// The issuer is allowed by other ways alone.
    Ways(&'r Caa),
    /// Nobody knows this property, which is critical.
    Unknown(&'r Caa),
}

/// The names at which records are looked for, one after the other until there are some (RFC 8659 §3).
pub fn climb(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| Some(name.split_once('.')?.1))
}

/// Why the records that were found first forbid a certificate; `None` when they don't.
pub fn objection<'r>(records: &'r [Caa], issuing: &Issuing<'_>) -> Option<Objection<'r>> {
    let is_unknown = |record: &&Caa| record.is_critical && !KNOWN_TAGS.contains(&&*record.tag);
    if let Some(unknown) = records.iter().find(is_unknown) {
        return Some(Objection::Unknown(unknown));
    }
    let of_tag = |tag: &'static str| records.iter().filter(move |record| record.tag == tag);
    let is_for_wildcards = issuing.is_wildcard && of_tag("issuewild").next().is_some();
    let tag = if is_for_wildcards {
        "issuewild"
    } else {
        "issue"
    };
    let mut objection = None;
    for record in of_tag(tag) {
        let found = of_record(record, issuing)?;
        // The nearest to a permission says most.
        match objection {
            None | Some(Objection::Others(_)) => objection = Some(found),
            Some(Objection::Account(_) | Objection::Ways(_) | Objection::Unknown(_)) => {}
        }
    }
    objection
}

/// The ways that the records allow, of those that can be used.
pub fn allowed(records: &[Caa], issuing: &Issuing<'_>) -> Vec<Challenge> {
    let is_allowed = |way: &&Challenge| {
        let ways = std::slice::from_ref(*way);
        objection(records, &Issuing { ways, ..*issuing }).is_none()
    };
    issuing.ways.iter().filter(is_allowed).copied().collect()
}

fn of_record<'r>(record: &'r Caa, issuing: &Issuing<'_>) -> Option<Objection<'r>> {
    let Some((issuer, parameters)) = parse(&record.value) else {
        return Some(Objection::Others(record)); // What can't be read allows nobody (RFC 8659 §4.2).
    };
    let is_issuer = |identity: &&str| identity.eq_ignore_ascii_case(issuer);
    if issuer.is_empty() || !issuing.identities.iter().any(is_issuer) {
        return Some(Objection::Others(record));
    }
    let accounts: Vec<&str> = named(&parameters, "accounturi").collect();
    let is_account = |account: &str| issuing.account.is_none_or(|own| own == account);
    match accounts[..] {
        [] => {}
        [account] if is_account(account) => {}
        _ => return Some(Objection::Account(record)), // Several allow nobody (RFC 8657 §3).
    }
    let allows = |list: &str| {
        let is_listed = |way: &Challenge| list.split(',').any(|name| name == way.acme_type());
        issuing.ways.is_empty() || issuing.ways.iter().any(is_listed)
    };
    let are_ways_allowed = named(&parameters, "validationmethods").all(allows);
    (!are_ways_allowed).then_some(Objection::Ways(record))
}

fn named<'p>(parameters: &'p [(&'p str, &'p str)], tag: &str) -> impl Iterator<Item = &'p str> {
    let is_named = move |(name, _): &&(&str, &str)| name.eq_ignore_ascii_case(tag);
    parameters.iter().filter(is_named).map(|(_, value)| *value)
}

/// The issuer's name, which may be empty, and the parameters (RFC 8659 §4.2).
fn parse(value: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let mut parts = value.split(';').map(|part| part.trim_matches([' ', '\t']));
    let issuer = parts.next()?;
    let pairs = parts.filter(|part| !part.is_empty()).map(|part| {
        let (tag, value) = part.split_once('=')?;
        Some((tag.trim_end(), value.trim_start()))
    });
    Some((issuer, pairs.collect::<Option<Vec<_>>>()?))
}

#[cfg(test)]
mod tests;
