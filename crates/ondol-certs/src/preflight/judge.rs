//! What follows from what was seen of a name, in a sentence for its owner. Pure.

use std::net::IpAddr;

use ondol_base::chain::Chain;
use ondol_model::HostPattern;
use ondol_model::caa;
use ondol_model::caa::Caa as Record;
use ondol_model::caa::Issuing;
use ondol_model::caa::Objection;
use ondol_model::plan::Challenge;

use super::Verdict;
use super::surroundings::Surroundings;
use super::surroundings::View;
use super::surroundings::is_unreached;
use crate::lookup::LookupError;

mod addresses;

/// How many sentences are said at once; the owner corrects one after the other anyway.
const SENTENCES_MAX: usize = 3;
/// How much of a CAA record is shown.
const RECORD_BYTES_MAX: usize = 200;

/// What was seen of a name.
#[derive(Debug)]
pub(super) struct Seen<'s> {
    pub(super) name: &'s HostPattern,
    /// The issuer's name, as people know it.
    pub(super) issuer: &'s str,
    /// How the name will be shown to be the owner's; `None` when no way is known.
    pub(super) way: Option<Challenge>,
    pub(super) addresses: Addresses,
    pub(super) caa: Caa,
    pub(super) issuing: Issuing<'s>,
}

/// The addresses of a name.
#[derive(Debug)]
pub(super) enum Addresses {
    /// The issuer won't go there.
    NotNeeded,
    Unknown(LookupError),
    /// Never none.
    Probed(Vec<Probed>),
}

/// What is known of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probed {
    pub(super) address: IpAddr,
    /// Whether an interface of this box has it.
    pub(super) is_own: bool,
    pub(super) http: Http,
    pub(super) https: Port,
}

/// What came from port 80 of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Http {
    NotAsked,
    /// This box.
    Ours,
    /// An answer that is not this box's.
    Other {
        status: u16,
        /// How it calls itself.
        server: Option<String>,
        /// Whether it may be the router before this box.
        is_near: bool,
    },
    /// An answer that may be another soon.
    Busy {
        status: u16,
    },
    Redirects {
        to: Option<String>,
    },
    /// No HTTP.
    Unreadable,
    Refused,
    /// Nothing within 5 s.
    Silent,
    /// This box has no way there (no IPv6, say).
    NoWay,
}

/// Whether something listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Unknown,
    Open,
    Closed,
}

impl From<bool> for Port {
    fn from(is_open: bool) -> Self {
        if is_open { Self::Open } else { Self::Closed }
    }
}

/// The CAA records that count for a name.
#[derive(Debug)]
pub(super) enum Caa {
    None,
    At { name: String, records: Vec<Record> },
    Unknown(LookupError),
}

impl Seen<'_> {
    /// Whether name servers said what they know, if only that there is nothing.
    pub(super) fn is_answered(&self) -> bool {
        let are_addresses = match &self.addresses {
            Addresses::NotNeeded | Addresses::Probed(_) => true,
            Addresses::Unknown(error) => error.is_absent(),
        };
        are_addresses && !matches!(self.caa, Caa::Unknown(_))
    }
}

/// The judgement on one name.
pub(super) fn judge(seen: &Seen<'_>, surroundings: &Surroundings) -> Verdict {
    all(&[judge_caa(seen), addresses::judge(seen, surroundings)])
}

/// The judgement on all: what stops one, stops the order.
pub(super) fn all(verdicts: &[Verdict]) -> Verdict {
    let stops = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Stop(sentence) => Some(sentence.as_str()),
        Verdict::Go | Verdict::Doubt(_) => None,
    });
    let doubts = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Doubt(sentence) => Some(sentence.as_str()),
        Verdict::Go | Verdict::Stop(_) => None,
    });
    if let Some(sentence) = joined(stops) {
        return Verdict::Stop(sentence);
    }
    joined(doubts).map_or(Verdict::Go, Verdict::Doubt)
}

/// Whether port 80 is open at the name's addresses; closed only where 443 is open.
pub(super) fn port_80(addresses: &Addresses) -> Port {
    let Addresses::Probed(probed) = addresses else {
        return Port::Unknown;
    };
    let mut port = Port::Unknown;
    for one in probed {
        match one.http {
            Http::Ours | Http::Other { .. } | Http::Busy { .. } | Http::Redirects { .. } => {
                return Port::Open;
            }
            Http::Refused | Http::Silent if one.https == Port::Open => port = Port::Closed,
            Http::Refused | Http::Silent => {}
            Http::NotAsked | Http::Unreadable | Http::NoWay => {}
        }
    }
    port
}

/// The ways that CAA records forbid, when they allow others.
pub(super) fn forbidden(seen: &Caa, issuing: &Issuing<'_>) -> Vec<Challenge> {
    let Caa::At { records, .. } = seen else {
        return Vec::new();
    };
    let allowed = caa::allowed(records, issuing);
    if issuing.identities.is_empty() || allowed.is_empty() {
        return Vec::new();
    }
    let ways = issuing.ways.iter().copied();
    ways.filter(|way| !allowed.contains(way)).collect()
}

fn judge_caa(seen: &Seen<'_>) -> Verdict {
    let Some(identity) = seen.issuing.identities.first() else {
        return Verdict::Go;
    };
    let name = seen.name;
    let (at, records) = match &seen.caa {
        Caa::None => return Verdict::Go,
        Caa::At { name, records } => (name, records),
        Caa::Unknown(error) => {
            return Verdict::Doubt(format!(
                "the CAA records that count for {name} could not be read, and issuers refuse when they can't either: {}",
                Chain(error)
            ));
        }
    };
    let issuer = seen.issuer;
    let add = |tag: &str| format!("add `{at}. CAA 0 {tag} \"{identity}\"`");
    let sentence = match caa::objection(records, &seen.issuing) {
        None => return Verdict::Go,
        Some(Objection::Others(record)) => format!(
            "the CAA record of {at} (`{}`) does not allow {issuer} to issue for {name}: {}",
            shown(record),
            add(&record.tag)
        ),
        Some(Objection::Account(record)) => format!(
            "the CAA record of {at} (`{}`) allows another account at {issuer} alone: {}",
            shown(record),
            match seen.issuing.account {
                Some(account) => format!("set its accounturi to {account}"),
                None => "remove its accounturi".to_owned(),
            }
        ),
        Some(Objection::Ways(record)) => format!(
            "the CAA record of {at} (`{}`) does not allow {issuer} to check {name} by {}: add it to validationmethods, or choose another `challenge`",
            shown(record),
            words(seen.issuing.ways)
        ),
        Some(Objection::Unknown(record)) => format!(
            "the CAA record of {at} (`{}`) is marked as critical, and no issuer knows `{}`, so none issues for {name}: remove it",
            shown(record),
            record.tag
        ),
    };
    Verdict::Stop(sentence)
}

/// As much of a record as fits into a sentence: anybody's may have 64 KiB.
fn shown(record: &Record) -> String {
    let text = record.to_string();
    match text.get(..RECORD_BYTES_MAX) {
        Some(start) => format!("{start}…"),
        None => text,
    }
}

fn words(ways: &[Challenge]) -> String {
    let words: Vec<&str> = ways.iter().map(|way| way.acme_type()).collect();
    words.join(" or ")
}

fn joined<'s>(sentences: impl Iterator<Item = &'s str>) -> Option<String> {
    let mut different: Vec<&str> = Vec::new();
    for sentence in sentences {
        if !different.contains(&sentence) {
            different.push(sentence);
        }
    }
    let more = different.len().saturating_sub(SENTENCES_MAX);
    different.truncate(SENTENCES_MAX);
    let text = different.join("; ");
    match (text.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(text),
        (false, more) => Some(format!("{text}; and {more} more like that")),
    }
}

#[cfg(test)]
mod tests;
