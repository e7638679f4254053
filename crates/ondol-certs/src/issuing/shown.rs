//! How the certificates are, for the owner.

use ondol_base::clock;
use ondol_model::issuing;
use ondol_model::issuing::Next;

use super::desk;
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
            let is_held = desk::kept(&self.set, &entry.wanted).is_some();
            let state = match (&entry.under_way, &entry.next) {
                (Some(under_way), _) => State::Ordering {
                    issuer: under_way.issuer.to_string(),
                    step: under_way.step,
                },
                (None, Next::Nobody) => State::Nobody,
                (None, Next::NoWay) => State::NoWay,
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
        let held = desk::held(&self.set, &entry.wanted);
        let is_fit =
            held.is_some_and(|held| held.is_fit && issuing::due(entry.wanted.name(), &held) > now);
        is_fit && entry.asked_at.is_none() && entry.trouble.is_none()
    }
}
