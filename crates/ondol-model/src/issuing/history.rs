//! What the tries of a certificate say about the next one.

use super::Environment;
use super::FailureKind;
use super::Outcome;
use super::Try;
use super::backoff;
use super::fault::Fault;
use super::fault::Told;
use super::fault::failure;
use super::fault::is_by_fault;
use super::fault::told;
use super::guard::has_names;
use super::next::Question;
use super::staging;
use crate::host::HostPattern;
use crate::plan::AcmeIssuer;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// However short its certificates last, an issuer is asked for no more than one in this time. Those of a
/// minute are renewed after half of it all the same.
const SETTLED_MIN: i64 = 20;
/// The longest that an issuer makes one wait is a week; what is longer is a mistake, and has an end too.
const RETRY_AFTER_MAX: i64 = 30 * DAY;

/// The tries that count for a certificate, oldest first.
#[derive(Debug)]
pub(super) struct History<'q> {
    name: &'q HostPattern,
    /// Certificates that were issued for exactly the names that are wanted.
    issued: Vec<&'q Try>,
    /// The tries since the last of these.
    streak: Vec<&'q Try>,
    /// Those of them since the owner asked or changed the plan: what was wrong may be right, so the waits
    /// begin anew.
    counted: Vec<&'q Try>,
    /// Since when a certificate is asked for that has not come yet.
    asked_at: Option<i64>,
    /// While the certificate in use ends, waits are shorter.
    ending: Option<Ending>,
}

/// The time around the end of a certificate in use.
#[derive(Debug, Clone, Copy)]
struct Ending {
    from: i64,
    until: i64,
}

impl<'q> History<'q> {
    pub(super) fn of(question: &Question<'q>) -> Self {
        let names = &question.wanted.names;
        let known = question.tries.iter();
        let known: Vec<&Try> = known
            .filter(|one| is_credible(one, question.now) && has_names(one, names))
            .collect();
        let is_in_plan = |one: &Try| {
            let mut issuers = question.wanted.issuers();
            issuers.any(|issuer| issuer.name == one.issuer)
        };
        let is_issued = |one: &Try| {
            one.outcome == Some(Outcome::Issued) && one.environment == Environment::Production
        };
        let begin = known.iter().rposition(|one| is_issued(one));
        let streak = known[begin.map_or(0, |last| last + 1)..].to_vec();
        let issued = known.iter().copied();
        let issued: Vec<_> = issued
            .filter(|one| is_issued(one) && is_in_plan(one))
            .collect();
        let asked_at = question
            .asked_at
            .filter(|asked| issued.iter().all(|one| one.at < *asked));
        let anew_at = asked_at.max(question.changed_at);
        let counted = streak.iter().copied();
        let counted = counted.filter(|one| anew_at.is_none_or(|anew| one.at >= anew));
        Self {
            name: question.wanted.name(),
            issued,
            counted: counted.collect(),
            streak,
            asked_at,
            ending: ending(question),
        }
    }

    /// When the owner asked for a certificate that has not come yet.
    pub(super) fn asked_at(&self) -> Option<i64> {
        self.asked_at
    }

    /// Whether there was a failure that counts.
    pub(super) fn has_failed(&self) -> bool {
        !self.counted.is_empty()
    }

    /// The directory for the next try.
    pub(super) fn environment(&self, issuer: &AcmeIssuer) -> Environment {
        let tries = self.streak.iter().copied();
        match issuer.staging {
            Some(_) => staging::environment(tries.filter(|one| is_by(one, issuer))),
            None => Environment::Production,
        }
    }

    /// Until when an issuer is to be left alone after what has failed.
    pub(super) fn patience(&self, issuer: &AcmeIssuer) -> Option<i64> {
        let last = |fault, of: &dyn Fn(&Try) -> bool| {
            let mut tries = self.counted.iter().rev();
            let last = tries.find(|one| is_by_fault(one, fault) && of(one))?;
            Some(self.wait(last, of))
        };
        let ours = last(Fault::Ours, &|_| true);
        let theirs = last(Fault::Theirs, &|one| is_by(one, issuer));
        ours.max(theirs)
    }

    /// What a certificate that has just come is given before the next is ordered, whatever is said of the
    /// first: a clock that is wrong by a year makes every new one look old, and a folder that is emptied
    /// makes every one look lost.
    pub(super) fn settled_at(&self, question: &Question<'_>) -> Option<i64> {
        let last = *self.issued.last()?;
        if self.asked_at.is_some() {
            return None;
        }
        let pause = match question.held.filter(|held| held.is_fit) {
            Some(held) => (held.validity.lifetime() / 4).clamp(SETTLED_MIN, DAY),
            None => {
                let lately = |one: &&&Try| one.at > last.at - 7 * DAY;
                backoff::wait_after_loss(self.issued.iter().filter(lately).count(), self.name, last)
            }
        };
        Some(last.at + pause)
    }

    /// How many production orders of this issuer have failed in a way that a word in the order can cause.
    pub(super) fn refused(&self, issuer: &AcmeIssuer) -> usize {
        let is_refused = |one: &&&Try| {
            let at_production = is_by(one, issuer) && one.environment == Environment::Production;
            at_production && failure(one).is_some_and(|kind| told(kind) == Told::Alike)
        };
        self.streak.iter().filter(is_refused).count()
    }

    fn wait(&self, last: &Try, of: impl Fn(&Try) -> bool) -> i64 {
        let Some(kind) = failure(last) else {
            return last.at;
        };
        let alike = |one: &&&Try| failure(one) == Some(kind) && of(one) && one.at <= last.at;
        let number = self.counted.iter().filter(alike).count();
        let usual = last.at + backoff::wait(kind, number, self.name, last);
        let Some(Ending { from, until }) = self.ending else {
            return usual;
        };
        let sooner = from.max(last.at + backoff::jittered(HOUR, self.name, last.at));
        if sooner <= until {
            usual.min(sooner)
        } else {
            usual
        }
    }
}

/// Until when an issuer has said that it does not want to be asked.
pub(super) fn retry_at(
    question: &Question<'_>,
    issuer: &AcmeIssuer,
    environment: Environment,
) -> Option<i64> {
    let own = question.tries.iter();
    let own = own.filter(|one| has_names(one, &question.wanted.names));
    let others = question.listed.iter().filter(|one| is_for_everyone(one));
    own.chain(others)
        .filter(|one| is_by(one, issuer) && one.environment == environment)
        .filter(|one| is_credible(one, question.now))
        .filter_map(|one| match one.outcome {
            Some(Outcome::Failed { retry_at, .. }) => {
                retry_at.map(|at| at.min(one.at + RETRY_AFTER_MAX))
            }
            Some(Outcome::Issued) | None => None,
        })
        .max()
}

/// A try that seems to be of a time to come was noted by a clock that was wrong. A little of that is taken
/// as it is: boxes without a clock of their own start in the past.
pub(super) fn is_credible(tried: &Try, now: i64) -> bool {
    tried.at <= now + DAY
}

/// Whether what the issuer said to one try holds for those of other names as well: that it is not well does.
/// A limit may be one of these names alone.
fn is_for_everyone(tried: &Try) -> bool {
    failure(tried) == Some(FailureKind::Unreachable)
}

fn ending(question: &Question<'_>) -> Option<Ending> {
    let validity = question.held.filter(|held| held.is_fit)?.validity;
    let lifetime = validity.lifetime();
    let before = (lifetime / 20).max(DAY.min(lifetime / 4));
    Some(Ending {
        from: validity.not_after - before,
        until: validity.not_after + before,
    })
}

fn is_by(tried: &Try, issuer: &AcmeIssuer) -> bool {
    tried.issuer == issuer.name
}
