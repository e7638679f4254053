//! What certificates are to be ordered, from whom, and when. Pure: it is given the time and what is known.
//!
//! Times are seconds since the Unix epoch.

mod backoff;
mod chance;
mod domain;
mod due;
mod fault;
mod guard;
mod history;
mod next;
mod staging;
mod wanted;
mod warning;
mod ways;

use std::fmt;
use std::sync::Arc;

use crate::certificate::Validity;
use crate::host::HostPattern;
use crate::plan::AcmeIssuer;
use crate::plan::Issuance;

pub use due::choose_in_window;
pub use due::due;
pub use next::Question;
pub use next::next;
pub use wanted::wanted;
pub use warning::next_warning;
pub use ways::Reachable;
pub use ways::ways;

/// A certificate that the plan wants from an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The names it is to cover; never empty, and the first is what it is called.
    pub names: Vec<HostPattern>,
    /// How it is got.
    pub issuance: Arc<Issuance>,
}

impl Wanted {
    /// What the certificate is called.
    pub fn name(&self) -> &HostPattern {
        &self.names[0]
    }

    /// The issuers that can vouch for all its names, in order.
    pub fn issuers(&self) -> impl Iterator<Item = &AcmeIssuer> {
        let profile = self.issuance.profile.as_deref();
        let can = move |issuer: &AcmeIssuer, name| issuer.can_vouch_for(name, profile);
        let all = self.issuance.acme_issuers();
        all.filter(move |issuer| self.names.iter().all(|name| can(issuer, name)))
    }
}

/// Which of an issuer's directories an order goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// The one whose certificates are believed.
    Production,
    /// The one for trying out.
    Staging,
}

impl Environment {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
        }
    }

    /// The environment of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Production, Self::Staging]
            .into_iter()
            .find(|environment| environment.word() == word)
    }
}

/// Why an order failed, as far as it decides what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The issuer could not be reached, did not answer in time, or answered what can't be understood.
    Unreachable,
    /// The issuer takes no more orders for now.
    RateLimited,
    /// The issuer could not see that the names are the owner's.
    Unverified,
    /// The issuer does not issue for such names or in such a way.
    Rejected,
    /// The issuer does not accept the account (an external account that is wrong, say).
    Account,
    /// The record could not be written into the zone.
    Dns,
    /// The names do not lead to this box, so the issuer was not asked.
    NotReady,
    /// What the issuer sent is not what was ordered.
    WrongCertificate,
    /// This machine could not do its part (a full disk, say).
    Machine,
    /// Ondol ended in the middle, and the order could not be taken up again.
    Interrupted,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Unreachable,
        Self::RateLimited,
        Self::Unverified,
        Self::Rejected,
        Self::Account,
        Self::Dns,
        Self::NotReady,
        Self::WrongCertificate,
        Self::Machine,
        Self::Interrupted,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::RateLimited => "rate-limited",
            Self::Unverified => "unverified",
            Self::Rejected => "rejected",
            Self::Account => "account",
            Self::Dns => "dns",
            Self::NotReady => "not-ready",
            Self::WrongCertificate => "wrong-certificate",
            Self::Machine => "machine",
            Self::Interrupted => "interrupted",
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A try to get a certificate, whether it came to an order or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// The name of the issuer.
    pub issuer: Box<str>,
    /// Which of its directories.
    pub environment: Environment,
    /// All names, in order of their text.
    pub names: Vec<HostPattern>,
    /// When it began.
    pub at: i64,
    /// Whether the issuer was asked for an order.
    pub ordered: bool,
    /// Whether the order said which certificate it replaces; such are exempt from limits.
    pub replaces: bool,
    /// How it ended; `None` while it lasts.
    pub outcome: Option<Outcome>,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a certificate (of staging: with one that was thrown away).
    Issued,
    /// Without.
    Failed {
        /// Why.
        kind: FailureKind,
        /// Before this moment the issuer does not want to be asked again.
        retry_at: Option<i64>,
    },
}

/// A certificate that is kept: of several that are fit the one that came last, whoever issued it. An older one
/// of an issuer that is preferred would be renewed again and again while that issuer fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The name of its issuer.
    pub issuer: Box<str>,
    /// How long it is good.
    pub validity: Validity,
    /// Whether it covers all names that are wanted, and its issuer is still in the plan.
    pub is_fit: bool,
    /// The moment in the window that its issuer suggests for the renewal (RFC 9773), chosen once.
    pub renewal: Option<i64>,
    /// Whether its issuer has a new one ordered in its place (RFC 9773 §5).
    pub is_replaced: bool,
}

/// What is to be done for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A try at this moment or later: now, if it has passed.
    Order {
        /// When.
        at: i64,
        /// Which of the issuers of [`Wanted::issuers`].
        issuer: usize,
        /// Which of its directories.
        environment: Environment,
        /// Whether the order names the certificate that it replaces.
        replaces: bool,
        /// Why.
        why: Why,
    },
    /// Nothing: no issuer can vouch for all its names.
    Nobody,
    /// Nothing: a name of it can't be shown to be the owner's. A wildcard needs a record in its zone, and
    /// neither a DNS provider is named nor `dns-persist` chosen.
    NoWay,
}

/// Why a certificate is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is none yet, or none that fits.
    Missing,
    /// The one there is comes to its end, or its issuer suggests to renew it.
    Renewal,
    /// The try before failed.
    Again,
    /// The owner asked for it.
    Asked,
    /// Limits of the issuer are waited for.
    Limits,
}

#[cfg(test)]
mod tests;
