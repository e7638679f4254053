//! How the certificates are, for the owner.

use ondol_base::clock;
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
    pub(super) fn managed(&self) -> Vec<Managed> {
        let now = clock::unix_seconds();
        let entries = self.entries.iter().map(|(name, entry)| {
            let (ended, failures) = self.ledger.last(name);
            let last = entry.trouble.clone().or(ended);
            let next_at = match entry.next {
                Next::Order { at, .. } if entry.under_way.is_none() => Some(at),
                Next::Order { .. } | Next::Nobody | Next::NoWay => None,
            };
            let is_held = self.known.kept(name).is_some();
            let state = match (&entry.under_way, &entry.next) {
                (Some(under_way), _) => State::Ordering {
                    issuer: under_way.issuer.to_string(),
                    step: under_way.step,
                },
                (None, Next::Nobody | Next::NoWay) => State::Nobody {
                    why: entry.why_nobody(),
                },
                (None, Next::Order { .. })
                    if is_held && last.as_ref().is_none_or(|last| last.is_good) =>
                {
                    State::Held
                }
                (None, Next::Order { .. }) if self.is_settled(entry, now) => State::Held,
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

    /// Whether what is held is fit for a while yet and nobody waits for another: then a try that was in vain
    /// is over. Such are those that the owner asked for before the last start.
    fn is_settled(&self, entry: &Entry, now: i64) -> bool {
        let held = self.known.held(&entry.wanted);
        let is_fit =
            held.is_some_and(|held| held.is_fit && issuing::due(entry.wanted.name(), &held) > now);
        is_fit && entry.asked_at.is_none() && entry.trouble.is_none()
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
