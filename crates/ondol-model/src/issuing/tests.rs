//! The decisions as tables, as properties, and over months of simulated time.

mod guard;
mod next;
mod properties;
mod simulation;
mod tables;
mod wanted;
mod world;

use super::*;
use crate::plan::KnownIssuer;
use crate::plan::Reach;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// When tests begin.
const START: i64 = 1_800_000_000;

fn name(text: &str) -> HostPattern {
    HostPattern::parse(text).expect("a test's own name")
}

fn names(texts: &[&str]) -> Vec<HostPattern> {
    texts.iter().map(|text| name(text)).collect()
}

fn lets_encrypt() -> AcmeIssuer {
    KnownIssuer::LetsEncrypt.issuer(None)
}

fn zero_ssl() -> AcmeIssuer {
    KnownIssuer::ZeroSsl.issuer(None)
}

/// A directory of the owner's own.
fn own(name: &str) -> AcmeIssuer {
    AcmeIssuer {
        name: name.into(),
        directory: format!("https://{name}.test/directory").into(),
        staging: None,
        root: None,
        external_account: None,
        reach: Reach::Any,
    }
}

fn issuance(issuers: &[AcmeIssuer]) -> Issuance {
    Issuance {
        issuers: issuers
            .iter()
            .cloned()
            .map(crate::plan::Issuer::Acme)
            .collect(),
        ..Issuance::default()
    }
}

fn of(texts: &[&str], issuers: &[AcmeIssuer]) -> Wanted {
    Wanted {
        names: names(texts),
        issuance: Arc::new(issuance(issuers)),
    }
}

fn failed(kind: FailureKind) -> Outcome {
    Outcome::Failed {
        kind,
        retry_at: None,
    }
}

/// A try at production of Let's Encrypt that came to an order.
fn tried(texts: &[&str], at: i64, outcome: Outcome) -> Try {
    Try {
        issuer: "letsencrypt".into(),
        environment: Environment::Production,
        names: names(texts),
        at,
        ordered: true,
        replaces: false,
        outcome: Some(outcome),
    }
}

fn held(at: i64, lifetime: i64) -> Held {
    Held {
        issuer: "letsencrypt".into(),
        validity: Validity {
            not_before: at,
            not_after: at + lifetime,
        },
        is_fit: true,
        renewal: None,
        is_replaced: false,
    }
}
