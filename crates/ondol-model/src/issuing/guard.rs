//! The limits of issuers, kept on this side: who runs into them is shut out for days, by a mistake as well
//! as by a crash in a loop.
//!
//! Let's Encrypt's limits, and for others that vouch for public names the same, which are strict. A
//! directory of the owner's own is only kept from a flood.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Environment;
use super::FailureKind;
use super::Outcome;
use super::Try;
use super::domain::registered_domain;
use super::fault::failure;
use crate::host::HostPattern;
use crate::plan::AcmeIssuer;
use crate::plan::KnownIssuer;
use crate::plan::Reach;

const HOUR: i64 = 3600;
/// The longest that a limit looks back.
const WEEK: i64 = 7 * 24 * HOUR;

/// At most so many in any window of so many seconds.
#[derive(Debug, Clone, Copy)]
struct Limit {
    most: usize,
    window: i64,
}

/// What an account may do at an issuer.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Orders, whatever comes of them.
    orders: Limit,
    /// Certificates of one registered domain.
    domain: Limit,
    /// Certificates of exactly the same names.
    same_names: Limit,
    /// Names that the issuer could not see to be the owner's, each.
    unverified: Limit,
}

/// Let's Encrypt's.
const PRODUCTION: Limits = Limits {
    orders: most_of(300, 3 * HOUR),
    domain: most_of(50, WEEK),
    same_names: most_of(5, WEEK),
    unverified: most_of(5, HOUR),
};
/// Those of its staging.
const STAGING: Limits = Limits {
    orders: most_of(1_500, 3 * HOUR),
    domain: most_of(30_000, WEEK),
    same_names: most_of(30_000, WEEK),
    unverified: most_of(200, HOUR),
};
/// A flood of orders is a mistake on this side. So many are begun at once, then one in a second.
const FLOOD: Limit = Limit {
    most: 10,
    window: 10,
};
/// The same for a directory of the owner's own: a hundred sites have their certificates within a minute.
const FLOOD_OF_OWN: Limit = Limit {
    most: 40,
    window: 10,
};

/// Four fifths of what an issuer allows, so that there is room for what a person tries by hand.
const fn most_of(allowed: usize, window: i64) -> Limit {
    Limit {
        most: allowed * 4 / 5,
        window,
    }
}

/// What an order is to its issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// One like any other.
    New,
    /// The same names as in a certificate that it has issued: not counted as new.
    Renewal,
    /// It names the certificate that it replaces: exempt from all limits (RFC 9773 §5).
    Replacement,
}

/// An order that is thought of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thought<'q> {
    pub(super) issuer: &'q AcmeIssuer,
    pub(super) environment: Environment,
    pub(super) names: &'q [HostPattern],
    pub(super) standing: Standing,
}

/// The first moment from `from` on at which the order keeps all limits, by the tries before it.
pub(super) fn free_at<'t>(
    thought: Thought<'_>,
    listed: impl Iterator<Item = &'t Try>,
    from: i64,
) -> i64 {
    // The first condition spares the others of those that are weeks away.
    let own: Vec<&Try> = listed
        .filter(|one| one.at > from - WEEK)
        .filter(|one| one.environment == thought.environment && one.issuer == thought.issuer.name)
        .collect();
    let orders = times(&own, may_be_ordered);
    let mut moments = vec![flood(thought.issuer).room_at(orders.clone())];
    if let Some(limits) = limits(thought.issuer, thought.environment) {
        let refused = unverified(&own, thought.names).into_iter();
        moments.extend(refused.map(|times| limits.unverified.room_at(times)));
        if thought.standing == Standing::New {
            moments.push(limits.orders.room_at(orders));
            let domains = domains(&own, thought.names).into_iter();
            moments.extend(domains.map(|times| limits.domain.room_at(times)));
        }
        if thought.standing != Standing::Replacement {
            let same = times(&own, |one| is_spent(one) && has_names(one, thought.names));
            moments.push(limits.same_names.room_at(same));
        }
    }
    moments.into_iter().flatten().fold(from, i64::max)
}

impl Limit {
    /// When there is room for one more; `None` when there is now.
    fn room_at(self, mut times: Vec<i64>) -> Option<i64> {
        times.sort_unstable();
        let oldest_in_the_way = times.len().checked_sub(self.most)?;
        times.get(oldest_in_the_way).map(|at| at + self.window)
    }
}

fn flood(issuer: &AcmeIssuer) -> Limit {
    match issuer.reach {
        Reach::Public => FLOOD,
        Reach::Any => FLOOD_OF_OWN,
    }
}

fn limits(issuer: &AcmeIssuer, environment: Environment) -> Option<Limits> {
    let is_staging = environment == Environment::Staging
        || &*issuer.directory == KnownIssuer::LetsEncryptStaging.directory();
    match issuer.reach {
        Reach::Any => None,
        Reach::Public if is_staging => Some(STAGING),
        Reach::Public => Some(PRODUCTION),
    }
}

fn times(tries: &[&Try], counts: impl Fn(&Try) -> bool) -> Vec<i64> {
    let counted = tries.iter().filter(|one| counts(one));
    counted.map(|one| one.at).collect()
}

/// Whether an order may have come of it: who was killed could not say.
fn may_be_ordered(tried: &Try) -> bool {
    tried.ordered || failure(tried) == Some(FailureKind::Interrupted)
}

/// Whether the issuer has surely made a certificate of it that counts. An order that was broken off may have
/// come to one too; but who counts too little is told to wait by the issuer itself, and who counts too much
/// keeps a site without a certificate for days.
fn is_spent(tried: &Try) -> bool {
    const WRONG: FailureKind = FailureKind::WrongCertificate;
    let is_made = match tried.outcome {
        Some(Outcome::Issued | Outcome::Failed { kind: WRONG, .. }) => true,
        Some(Outcome::Failed { .. }) | None => false,
    };
    is_made && !tried.replaces
}

/// Whether a try was for these names exactly, in whatever order.
pub(super) fn has_names(tried: &Try, names: &[HostPattern]) -> bool {
    tried.names.len() == names.len() && names.iter().all(|name| tried.names.contains(name))
}

/// For each registered domain of the names, when certificates of it were made or begun.
fn domains(tries: &[&Try], names: &[HostPattern]) -> Vec<Vec<i64>> {
    let mut times: HashMap<Cow<'_, str>, Vec<i64>> = names
        .iter()
        .map(|name| (registered_domain(name), Vec::new()))
        .collect();
    let spent = tries
        .iter()
        .filter(|one| is_spent(one) || one.outcome.is_none());
    for one in spent {
        for name in &one.names {
            if let Some(times) = times.get_mut(&registered_domain(name))
                && times.last() != Some(&one.at)
            {
                times.push(one.at);
            }
        }
    }
    times.into_values().collect()
}

/// For each name, when the issuer could not see that it is the owner's.
fn unverified(tries: &[&Try], names: &[HostPattern]) -> Vec<Vec<i64>> {
    let is_refused = |one: &Try| match one.outcome {
        Some(Outcome::Failed { kind, .. }) => {
            matches!(kind, FailureKind::Unverified | FailureKind::Rejected)
        }
        Some(Outcome::Issued) | None => false,
    };
    names
        .iter()
        .map(|name| times(tries, |one| is_refused(one) && one.names.contains(name)))
        .collect()
}
