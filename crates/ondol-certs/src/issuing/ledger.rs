//! What was tried, in memory and in the store.

use std::collections::BTreeMap;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::issuing::Environment;
use ondol_model::issuing::FailureKind;
use ondol_model::issuing::Outcome;
use ondol_model::issuing::Try;
use ondol_store::RecordedTry;
use ondol_store::TryEnd;
use ondol_store::TryId;

use crate::failure::Failure;
use crate::managed::LastResult;
use crate::shelf::Kept;

/// So long back issuers count what they were asked for.
const COUNTED: i64 = 7 * 24 * 3600;
/// So long back the tries of a certificate matter for the next one.
const REMEMBERED: i64 = 120 * 24 * 3600;

/// The pause between two events that say the same.
const TOLD_AGAIN: i64 = 24 * 3600;

/// The tries of the box.
#[derive(Debug)]
pub(super) struct Ledger {
    store: ondol_store::Handle,
    /// By what the certificate is called; the oldest first.
    tries: BTreeMap<HostPattern, Vec<RecordedTry>>,
}

impl Ledger {
    /// Reads what was tried before. Tries that were under way when Ondol ended are ended as interrupted, or as
    /// good where their certificate is kept.
    pub(super) async fn open(store: ondol_store::Handle, kept: &[Kept]) -> Self {
        let tries = match store.tries().await {
            Ok(tries) => tries,
            Err(error) => {
                let error = Chain(&error).to_string();
                tracing::error!(error, "what was tried for certificates before is not known");
                Vec::new()
            }
        };
        let open = tries.iter().filter(|it| it.ended.is_none());
        let open: Vec<_> = open
            .map(|it| (it.name.clone(), it.id, ended_with_ondol(it, kept)))
            .collect();
        let mut ledger = Self {
            store,
            tries: BTreeMap::new(),
        };
        for tried in tries {
            ledger.put(tried);
        }
        for (name, id, end) in open {
            ledger.end(&name, id, end).await;
        }
        ledger
    }

    /// Writes down that a try begins. Without that nothing is tried: a box that forgets its tries would
    /// use up what its issuers allow.
    pub(super) async fn begin(&mut self, name: &HostPattern, tried: Try) -> Result<TryId, Failure> {
        let id = self
            .store
            .begin_try(name.clone(), tried.clone())
            .await
            .map_err(|error| {
                let error = Chain(&error);
                let sentence = format!(
                    "it cannot be written down that a certificate is tried for ({error}), so none is: look at the disk"
                );
                Failure::new(FailureKind::Machine, sentence)
            })?;
        self.put(RecordedTry {
            id,
            name: name.clone(),
            tried,
            ended: None,
        });
        Ok(id)
    }

    /// Notes that an issuer took an order.
    pub(super) fn ordered(&mut self, name: &HostPattern, id: TryId, replaces: bool) {
        if let Some(it) = self.find(name, id) {
            it.tried.ordered = true;
            it.tried.replaces = replaces;
        }
    }

    /// Writes down how a try ended.
    pub(super) async fn end(&mut self, name: &HostPattern, id: TryId, end: TryEnd) {
        if let Some(it) = self.find(name, id) {
            it.tried.outcome = Some(end.outcome);
            it.ended = Some((end.at, end.message.clone()));
        }
        // Its beginning is written; at worst it counts as interrupted after a restart.
        if let Err(error) = self.store.end_try(id, end).await {
            let error = Chain(&error).to_string();
            tracing::error!(
                error,
                "how a try for a certificate ended was not written down"
            );
        }
        let oldest = clock::unix_seconds() - REMEMBERED;
        if let Some(own) = self.tries.get_mut(name) {
            own.retain(|it| it.tried.at >= oldest);
        }
    }

    fn put(&mut self, tried: RecordedTry) {
        self.tries
            .entry(tried.name.clone())
            .or_default()
            .push(tried);
    }

    fn find(&mut self, name: &HostPattern, id: TryId) -> Option<&mut RecordedTry> {
        self.tries.get_mut(name)?.iter_mut().find(|it| it.id == id)
    }

    /// Whether a failure is worth an event: the same sentence of an issuer is told once a day, also when it is
    /// about a hundred certificates. By what is written down, so that restarts repeat nothing.
    pub(super) fn is_news(&self, issuer: &str, sentence: &str, now: i64) -> bool {
        let alike = self.tries.values().flatten().filter_map(|it| {
            let (at, message) = it.ended.as_ref()?;
            (*it.tried.issuer == *issuer && message == sentence).then_some(*at)
        });
        let mut moments: Vec<i64> = alike.filter(|at| *at <= now).collect();
        moments.sort_unstable();
        let is_told = |told: Option<i64>, at| told.is_none_or(|told| at - told >= TOLD_AGAIN);
        let told = moments
            .into_iter()
            .fold(None, |told, at| match is_told(told, at) {
                true => Some(at),
                false => told,
            });
        is_told(told, now)
    }

    /// The tries for a certificate, the oldest first.
    pub(super) fn of(&self, name: &HostPattern) -> Vec<Try> {
        let own = self.tries.get(name).into_iter().flatten();
        own.map(|it| it.tried.clone()).collect()
    }

    /// What issuers may still count.
    pub(super) fn listed(&self, now: i64) -> Vec<Try> {
        let counted = self.tries.values().flatten();
        let counted = counted.filter(|it| it.tried.at > now - COUNTED);
        counted.map(|it| it.tried.clone()).collect()
    }

    /// How the last try for a certificate ended, and how many in a row have failed.
    pub(super) fn last(&self, name: &HostPattern) -> (Option<LastResult>, u32) {
        let own = || self.tries.get(name).into_iter().flatten().rev();
        let last = own().find_map(|it| {
            let (at, sentence) = it.ended.clone()?;
            let is_good = it.tried.outcome == Some(Outcome::Issued);
            Some(LastResult {
                at,
                is_good,
                sentence,
            })
        });
        let failed = own()
            .filter(|it| it.ended.is_some())
            .take_while(|it| matches!(it.tried.outcome, Some(Outcome::Failed { .. })));
        (last, u32::try_from(failed.count()).unwrap_or(u32::MAX))
    }
}

/// How a try ended that was under way when Ondol ended.
fn ended_with_ondol(recorded: &RecordedTry, kept: &[Kept]) -> TryEnd {
    let Try {
        issuer, names, at, ..
    } = &recorded.tried;
    let is_of_it = |kept: &&Kept| {
        let meta = &kept.meta;
        let is_named = |name: &HostPattern| meta.names.contains(&name.to_string());
        let is_alike = meta.names.len() == names.len() && names.iter().all(is_named);
        kept.issuer == *issuer && is_alike && meta.obtained_at >= *at
    };
    let is_production = recorded.tried.environment == Environment::Production;
    match kept.iter().find(is_of_it).filter(|_| is_production) {
        Some(kept) => TryEnd {
            at: kept.meta.obtained_at,
            outcome: Outcome::Issued,
            message: format!("{issuer} issued one, just before Ondol ended"),
        },
        None => TryEnd {
            at: clock::unix_seconds(),
            outcome: Outcome::Failed {
                kind: FailureKind::Interrupted,
                retry_at: None,
            },
            message: "Ondol ended in the middle of it".to_owned(),
        },
    }
}
