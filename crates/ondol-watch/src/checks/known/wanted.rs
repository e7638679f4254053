//! Since when backups are wanted at each target: remembered, so that a box that is often started anew still notices
//! that none was ever taken.

use std::collections::BTreeMap;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_store::Handle;

use crate::facts::BackupFact;

/// How long the store may take; it is asked again with the next look.
const LIMIT: Duration = Duration::from_secs(5);

/// What was read or written down of each target.
#[derive(Debug, Default)]
pub(super) struct Wanted(BTreeMap<String, i64>);

impl Wanted {
    /// Puts what is remembered in the place of what this process knows.
    pub(super) async fn recall(&mut self, backups: &mut [BackupFact], store: &Handle) {
        for backup in backups {
            if !self.0.contains_key(&backup.target) {
                let reading = tokio::time::timeout(LIMIT, first(backup, store)).await;
                let Some(since) = reading.ok().flatten() else {
                    continue;
                };
                self.0.insert(backup.target.clone(), since);
            }
            if let Some(since) = self.0.get(&backup.target) {
                backup.wanted_since = *since;
            }
        }
    }
}

/// When backups were first wanted there; now is written down where that is not known. `None` when nobody can say.
async fn first(backup: &BackupFact, store: &Handle) -> Option<i64> {
    let fact = format!("backup-wanted/{}", backup.target);
    let known = store.watch_fact(&fact).await.ok()?;
    if let Some(since) = known.and_then(|text| text.parse().ok()) {
        return Some(since);
    }
    let since = backup.wanted_since;
    if let Err(error) = store.set_watch_fact(&fact, &since.to_string()).await {
        let error = Chain(&error);
        tracing::warn!("since when backups are wanted is not remembered: {error}");
    }
    Some(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_box_that_was_started_anew_knows_since_when_backups_are_wanted() {
        let store = ondol_store::open_in_memory().unwrap();
        let wanted_since = |since| BackupFact {
            target: "disk".to_owned(),
            last_good_at: None,
            proven_as_of: None,
            failed_proof: None,
            wanted_since: since,
        };
        for (told, known) in [(1_000, 1_000), (9_000, 1_000)] {
            let mut backups = [wanted_since(told)];
            let mut wanted = Wanted::default();
            wanted.recall(&mut backups, &store.handle()).await;
            assert_eq!(backups[0].wanted_since, known);
        }
    }
}
