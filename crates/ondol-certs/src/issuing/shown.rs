//! How the certificates are, for the owner.

use ondol_model::HostPattern;
use ondol_model::issuing;
use ondol_model::issuing::Next;
use ondol_model::issuing::Reachable;

use super::desk::Desk;
use super::desk::Entry;
use crate::managed::Managed;
use crate::managed::State;

impl Desk {
    /// One for each certificate that is wanted, in order of name.
    pub(super) fn managed(&self, now: i64) -> Vec<Managed> {
        let entries = self.entries.iter().map(|(name, entry)| {
            let (ended, failures) = self.ledger.last(name);
            let last = entry.trouble.clone().or(ended);
            let next_at = match entry.next {
                Next::Order { at, .. } if entry.under_way.is_none() => Some(at),
                Next::Order { .. } | Next::Nobody | Next::NoWay => None,
            };
            let is_held = self.known.kept(name).is_some();
            let is_at_ease = self.is_at_ease(entry, now);
            let last = last.filter(|last| last.is_good || !is_at_ease);
            let failures = if is_at_ease { 0 } else { failures };
            let state = match (&entry.under_way, &entry.next) {
                (Some(under_way), _) => State::Ordering {
                    issuer: under_way.issuer.to_string(),
                    step: under_way.step,
                },
                (None, Next::Nobody | Next::NoWay) => State::Nobody {
                    why: entry.why_nobody(),
                },
                (None, Next::Order { .. })
                    if is_at_ease || is_held && last.as_ref().is_none_or(|last| last.is_good) =>
                {
                    State::Held
                }
                (None, Next::Order { .. }) => State::Waiting,
            };
            Managed {
                names: entry.wanted.names.clone(),
                state,
                next_at,
                last,
                failures,
            }
        });
        entries.collect()
    }

    /// Whether its certificate is fine and nothing is to be done for long: a try that a restart has broken off
    /// is no trouble then.
    fn is_at_ease(&self, entry: &Entry, now: i64) -> bool {
        let held = self.known.held(&entry.wanted).filter(|held| held.is_fit);
        let due = held.map(|held| issuing::due(entry.wanted.name(), &held));
        match entry.next {
            Next::Order { at, .. } => due.is_some_and(|due| due > now && at >= due),
            Next::Nobody | Next::NoWay => false,
        }
    }
}

impl Entry {
    /// Why nothing is to be done for it.
    pub(super) fn why_nobody(&self) -> String {
        let has_no_way = |name: &&HostPattern| {
            issuing::ways(name, &self.wanted.issuance, Reachable::EVERYWHERE).is_empty()
        };
        let names = self.wanted.names.iter().filter(has_no_way);
        let names: Vec<_> = names.map(ToString::to_string).collect();
        if names.is_empty() {
            return "no issuer of the configuration can vouch for all its names".to_owned();
        }
        format!(
            "{} needs a record in its zone, and nobody can write there: say in `[tls]`, or in `tls` of the site, who keeps the zone, as in dns = {{ provider = \"cloudflare\", token = {{ file = \"cloudflare.token\" }} }}",
            names.join(", ")
        )
    }
}
