//! What is to be done for a certificate, and when.

use super::Environment;
use super::Held;
use super::Next;
use super::Try;
use super::Wanted;
use super::Why;
use super::due::due;
use super::guard;
use super::guard::Standing;
use super::guard::Thought;
use super::history;
use super::history::History;
use super::ways::has_way;
use crate::plan::AcmeIssuer;
use crate::plan::Challenge;

/// All that decides what is next for a certificate. It is asked when no try of it is under way.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// What is wanted.
    pub wanted: &'q Wanted,
    /// What there is of it.
    pub held: Option<&'q Held>,
    /// The tries of this certificate, oldest first: at least those since the last one that was issued, and
    /// that one. A try that lasts was broken off.
    pub tries: &'q [Try],
    /// When the owner last asked for a new one.
    pub asked_at: Option<i64>,
    /// When the plan last changed how it is got: then the waits begin anew, but what is fine is not ordered
    /// again.
    pub changed_at: Option<i64>,
    /// The time.
    pub now: i64,
    /// All tries of the box within the last seven days, with those that last: they count towards the limits of
    /// issuers. So a try is noted before the same is asked for the next certificate, and once more when its
    /// moment has come.
    pub listed: &'q [Try],
}

/// Since when a certificate is needed.
#[derive(Debug, Clone, Copy)]
struct Need {
    at: i64,
    why: Why,
}

/// What is to be done next. The same question has the same answer, and the moment is never before `now`.
///
/// The first issuer is preferred. Where one fails by its own fault, the next takes its turn at once; where
/// the fault is on this side, all wait. After all have failed the first to be free again is asked. It is
/// never given up: in the end it is tried once a day.
pub fn next(question: &Question<'_>) -> Next {
    let wanted = question.wanted;
    if !wanted
        .names
        .iter()
        .all(|name| has_way(name, &wanted.issuance))
    {
        return Next::NoWay;
    }
    let history = History::of(question);
    let need = need(question, &history);
    let choices = wanted
        .issuers()
        .enumerate()
        .map(|(index, issuer)| (index, choice(question, &history, need, issuer)));
    let first = choices.min_by_key(|(_, choice)| choice.at);
    first.map_or(Next::Nobody, |(issuer, choice)| Next::Order {
        at: choice.at,
        issuer,
        environment: choice.environment,
        replaces: choice.replaces,
        why: choice.why,
    })
}

fn need(question: &Question<'_>, history: &History<'_>) -> Need {
    let now = question.now;
    let fit = question.held.filter(|held| held.is_fit);
    match (fit, history.asked_at()) {
        (_, Some(asked)) => Need {
            at: asked.clamp(now, now + 1),
            why: Why::Asked,
        },
        (None, None) => Need {
            at: now,
            why: Why::Missing,
        },
        (Some(held), None) => Need {
            at: due(question.wanted.name(), held).max(now),
            why: Why::Renewal,
        },
    }
}

/// What would be done with one of the issuers.
#[derive(Debug)]
struct Choice {
    at: i64,
    environment: Environment,
    replaces: bool,
    why: Why,
}

fn choice(
    question: &Question<'_>,
    history: &History<'_>,
    need: Need,
    issuer: &AcmeIssuer,
) -> Choice {
    // The record that stays names the account at the issuer, not the one at its staging.
    let environment = match question.wanted.issuance.challenge {
        Some(Challenge::DnsPersist) => Environment::Production,
        Some(Challenge::Http | Challenge::TlsAlpn | Challenge::Dns) | None => {
            history.environment(issuer)
        }
    };
    let own = question
        .held
        .filter(|held| is_renewal(held, issuer, environment));
    let replaces = own.is_some_and(|held| can_be_replaced(held, question.now))
        && !is_doubtful(history.refused(issuer));
    let patience = history.patience(issuer).max(history.settled_at(question));
    let ready_at = patience.map_or(need.at, |until| until.max(need.at));
    let thought = Thought {
        issuer,
        environment,
        names: &question.wanted.names,
        standing: standing(own, replaces),
    };
    let asked_to_wait = history::retry_at(question, issuer, environment);
    let allowed_at = asked_to_wait.map_or(ready_at, |until| until.max(ready_at));
    let credible = |one: &&Try| history::is_credible(one, question.now);
    let listed = question.listed.iter().filter(credible);
    let at = guard::free_at(thought, listed, allowed_at);
    let why = if at > ready_at {
        Why::Limits
    } else if history.has_failed() {
        Why::Again
    } else {
        need.why
    };
    Choice {
        at,
        environment,
        replaces,
        why,
    }
}

/// Whether an order would renew what is held, in the eyes of this issuer.
fn is_renewal(held: &Held, issuer: &AcmeIssuer, environment: Environment) -> bool {
    held.is_fit && held.issuer == issuer.name && environment == Environment::Production
}

fn can_be_replaced(held: &Held, now: i64) -> bool {
    !held.is_replaced && !held.validity.is_expired(now)
}

/// Whether the word about the replaced certificate may be what breaks the order: it is left out on the
/// second retry, and on each second one after that.
fn is_doubtful(refused: usize) -> bool {
    refused >= 2 && refused.is_multiple_of(2)
}

/// Only who suggests times for renewals knows what a replacement is.
fn standing(own: Option<&Held>, replaces: bool) -> Standing {
    match own {
        Some(held) if replaces && held.renewal.is_some() => Standing::Replacement,
        Some(_) => Standing::Renewal,
        None => Standing::New,
    }
}
