//! A box and its issuers in simulated time: the clock goes from one moment that [`next`] names to the next.

use super::super::chance;
use super::*;

/// Issuers begin a certificate's time a little before it is made, for clocks that are slow.
const BACKDATED: i64 = HOUR;
/// How long a try takes.
const TRY: i64 = 20;

/// How a try ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Certificate,
    Failure(FailureKind),
    /// The agent is killed: nothing more is noted of it.
    Killed,
}

/// Whether issuers suggest when to renew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suggests {
    Yes,
    No,
}

#[derive(Debug)]
pub(super) struct Managed {
    pub(super) wanted: Wanted,
    pub(super) held: Option<Held>,
    pub(super) tries: Vec<Try>,
    /// Seconds without a valid certificate, after the first.
    pub(super) uncovered: i64,
    next_at: Option<i64>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: i64,
    pub(super) lifetime: i64,
    pub(super) suggests: Suggests,
    pub(super) managed: Vec<Managed>,
    /// Every try, oldest first.
    pub(super) tries: Vec<Try>,
}

impl World {
    pub(super) fn new(
        all: impl IntoIterator<Item = Wanted>,
        lifetime: i64,
        suggests: Suggests,
    ) -> Self {
        let managed = all.into_iter().map(|wanted| Managed {
            wanted,
            held: None,
            tries: Vec::new(),
            uncovered: 0,
            next_at: Some(START),
        });
        Self {
            now: START,
            lifetime,
            suggests,
            managed: managed.collect(),
            tries: Vec::new(),
        }
    }

    /// Goes on until a moment; `end` says how each try ends, by its number, when it is made and what it is.
    pub(super) fn run(&mut self, until: i64, mut end: impl FnMut(usize, i64, &Try) -> End) {
        loop {
            let soonest = self.managed.iter().enumerate();
            let soonest = soonest
                .filter_map(|(index, one)| Some((one.next_at?, index)))
                .min();
            let Some((at, index)) = soonest else { return };
            if at > until {
                break;
            }
            self.now = self.now.max(at);
            let asked = self.ask(index);
            if let Next::Order { at, .. } = asked
                && at <= self.now
            {
                self.attempt(index, &asked, &mut end);
            }
            // Asked again, since this try counts for all; the others are when their moment comes.
            self.managed[index].next_at = match self.ask(index) {
                Next::Order { at, .. } => Some(at),
                Next::Nobody | Next::NoWay => None,
            };
        }
        self.now = until;
        for one in &mut self.managed {
            one.count_uncovered(until);
        }
    }

    pub(super) fn ask(&self, index: usize) -> Next {
        let one = &self.managed[index];
        let listed = self
            .tries
            .partition_point(|tried| tried.at <= self.now - 7 * DAY);
        next(&Question {
            wanted: &one.wanted,
            held: one.held.as_ref(),
            tries: &one.tries,
            asked_at: None,
            changed_at: None,
            now: self.now,
            listed: &self.tries[listed..],
        })
    }

    fn attempt(
        &mut self,
        index: usize,
        asked: &Next,
        end: &mut impl FnMut(usize, i64, &Try) -> End,
    ) {
        let &Next::Order {
            issuer,
            environment,
            replaces,
            ..
        } = asked
        else {
            return;
        };
        let one = &mut self.managed[index];
        let issuer = one
            .wanted
            .issuers()
            .nth(issuer)
            .expect("an issuer of the plan");
        let mut tried = Try {
            issuer: issuer.name.clone(),
            environment,
            names: one.wanted.names.clone(),
            at: self.now,
            ordered: true,
            replaces,
            outcome: None,
        };
        let end = end(self.tries.len(), self.now, &tried);
        tried.outcome = match end {
            End::Certificate => Some(Outcome::Issued),
            End::Failure(kind) => Some(failed(kind)),
            End::Killed => None,
        };
        if let End::Failure(FailureKind::NotReady) = end {
            tried.ordered = false;
        }
        self.now += TRY;
        if tried.outcome == Some(Outcome::Issued) && environment == Environment::Production {
            one.count_uncovered(self.now);
            let issuer = tried.issuer.clone();
            let certificate = certificate(
                one.wanted.name(),
                issuer,
                self.now,
                self.lifetime,
                self.suggests,
            );
            one.held = Some(certificate);
        }
        one.tries.push(tried.clone());
        self.tries.push(tried);
    }
}

impl Managed {
    fn count_uncovered(&mut self, now: i64) {
        if let Some(held) = &self.held {
            self.uncovered += (now - held.validity.not_after).max(0);
        }
    }
}

fn certificate(
    name: &HostPattern,
    issuer: Box<str>,
    now: i64,
    lifetime: i64,
    suggests: Suggests,
) -> Held {
    let made = Held {
        issuer,
        ..held(now - BACKDATED, lifetime)
    };
    let renew_at = made.validity.renew_at();
    let chosen = choose_in_window(
        renew_at - lifetime / 50,
        renew_at,
        chance::number(name, now),
    );
    Held {
        renewal: (suggests == Suggests::Yes).then_some(chosen),
        ..made
    }
}

/// The most that fall into one window of this length.
pub(super) fn most_within(times: &[i64], window: i64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while times[first] <= at - window {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

/// Fails when tries go beyond what Let's Encrypt allows.
#[track_caller]
pub(super) fn check_limits(tries: &[Try]) {
    let production = tries
        .iter()
        .filter(|one| &*one.issuer == "letsencrypt" && one.environment == Environment::Production);
    let counted: Vec<&Try> = production.collect();
    let times = |counts: &dyn Fn(&Try) -> bool| -> Vec<i64> {
        let counted = counted.iter().filter(|one| counts(one));
        counted.map(|one| one.at).collect()
    };
    assert!(
        most_within(&times(&|one| one.ordered), 3 * HOUR) <= 300,
        "orders"
    );
    assert!(most_within(&times(&|one| one.ordered), 10) <= 10, "a flood");
    let mut sets: Vec<&Vec<HostPattern>> = tries.iter().map(|one| &one.names).collect();
    sets.sort();
    sets.dedup();
    for set in sets {
        let issued =
            |one: &Try| one.names == *set && one.outcome == Some(Outcome::Issued) && !one.replaces;
        assert!(
            most_within(&times(&issued), 7 * DAY) <= 5,
            "certificates of {set:?}"
        );
        let refused =
            |one: &Try| one.names == *set && one.outcome == Some(failed(FailureKind::Unverified));
        assert!(most_within(&times(&refused), HOUR) <= 5, "{set:?} refused");
    }
}
