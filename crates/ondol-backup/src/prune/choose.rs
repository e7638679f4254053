//! Which snapshots are removed, and whether any may be.

use std::collections::HashSet;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::Manifest;
use crate::repository::Kind;
use crate::repository::Repository;
use crate::repository::Snapshot;
use crate::work::PruneWork;

/// The snapshots to remove, those with manifests first: with them the backups are gone. Nothing may be removed as long
/// as anything is not as it should be, for what can't be seen could need what seems to be needed by nobody.
pub(super) fn removed(repository: &Repository, work: &PruneWork) -> Result<Vec<Snapshot>, Failure> {
    let place = repository.place();
    let snapshots = repository.snapshots()?;
    if let Some((_, why)) = snapshots.damaged.first() {
        return Err(damaged(&place, why));
    }
    if let Some(index) = repository.index()?.damaged.first() {
        return Err(damaged(&place, &format!("`{index}` is damaged")));
    }
    let there: HashSet<_> = snapshots
        .good
        .iter()
        .map(|snapshot| &*snapshot.id)
        .collect();
    let missing: Vec<_> = work
        .known
        .iter()
        .filter(|id| !there.contains(&***id))
        .collect();
    if let Some(first) = missing.first() {
        return Err(vanished(&place, first, missing.len()));
    }
    let manifests = repository.manifests()?.good;
    let runs: HashSet<_> = work.runs.iter().map(String::as_str).collect();
    let kept: Vec<_> = manifests
        .iter()
        .filter(|manifest| !runs.contains(&*manifest.run))
        .collect();
    if kept.is_empty() && !manifests.is_empty() && !runs.is_empty() {
        return Err(all(&place));
    }
    let needed: HashSet<_> = kept
        .iter()
        .flat_map(|manifest| &manifest.parts)
        .map(|part| &*part.snapshot)
        .collect();
    let is_removed = |snapshot: &Snapshot| {
        let Some(run) = snapshot.run.as_deref() else {
            return false;
        };
        let is_named = runs.contains(run);
        !needed.contains(&*snapshot.id) && (is_named || is_left_over(snapshot, run, &manifests))
    };
    let mut removed: Vec<_> = snapshots
        .good
        .iter()
        .filter(|snapshot| is_removed(snapshot))
        .cloned()
        .collect();
    removed.sort_by_key(|snapshot| snapshot.kind != Some(Kind::Manifest));
    Ok(removed)
}

/// Whether it was left by a run that was cut off, and a later one has the same part whole. Until there is one, the next
/// upload goes on with what it has.
fn is_left_over(snapshot: &Snapshot, run: &str, manifests: &[Manifest]) -> bool {
    let Some(Kind::Part(part)) = snapshot.kind else {
        return false;
    };
    let has_happened = manifests.iter().any(|manifest| manifest.run == run);
    let is_later =
        |manifest: &&Manifest| &*manifest.run > run && manifest.of.name == snapshot.host();
    let later = manifests.iter().filter(is_later);
    let mut parts = later.flat_map(|manifest| &manifest.parts);
    !has_happened && parts.any(|later| later.part == part.word())
}

fn damaged(place: &str, what: &str) -> Failure {
    Failure::new(
        FailureKind::Damaged,
        format!(
            "Nothing was removed at {place}, for not all that is there can be read: {what}. `ondol backup verify` says \
             which backups that concerns."
        ),
    )
}

fn vanished(place: &str, first: &str, count: usize) -> Failure {
    let short = first.get(..8).unwrap_or(first);
    Failure::new(
        FailureKind::Damaged,
        format!(
            "Nothing was removed at {place}, for {count} of the snapshots that Ondol knows are not there ({short} is \
             one). Either somebody else removed them, or the target did not tell all that it has. \
             `ondol backup list` shows what is there."
        ),
    )
}

fn all(place: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!("Nothing was removed at {place}: no backup would have been left."),
    )
}
