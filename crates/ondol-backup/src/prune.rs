//! Removing what is not to be kept: first the snapshots of the runs, then, in two steps a day apart, what only they
//! had. So what somebody else wrote at the same moment is still there when it is found to be needed.

mod choose;

#[cfg(test)]
mod tests;

use jiff::Span;
use rustic_core::NoProgressBars;
use rustic_core::PruneOptions;
use rustic_core::repofile::SnapshotId;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::repository::Snapshot;
use crate::repository::of_target;
use crate::target::Folder;
use crate::target::Object;
use crate::work::PruneWork;

/// How many hours things are left alone.
#[derive(Debug, Clone, Copy)]
struct Waits {
    /// Packs that were marked for removal.
    marked: i64,
    /// Packs that are new: an upload that was cut off goes on with them.
    new: i64,
}

/// Does it.
pub(crate) fn prune(
    repository: &Repository,
    work: &PruneWork,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    let waits = Waits {
        marked: 23,
        new: 24,
    };
    prune_after(repository, work, waits, reporter)
}

fn prune_after(
    repository: &Repository,
    work: &PruneWork,
    waits: Waits,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    reporter.step("looking whether all is there");
    let removed = choose::removed(repository, work)?;
    let before = stored(repository)?;
    reporter.step("looking for what nobody needs any more");
    let mut options = PruneOptions::default();
    options.keep_delete = Span::new().hours(waits.marked);
    options.keep_pack = Span::new().hours(waits.new);
    options.ignore_snaps = ids(&removed);
    let library = repository.library(NoProgressBars {})?;
    let plan = library
        .prune_plan(&options)
        .map_err(|error| nothing(repository.failure(&error)))?;
    reporter.step("removing old backups");
    for snapshot in &removed {
        let object = Object::In(Folder::Snapshots, snapshot.id.clone());
        let gone = repository.target().remove(&object);
        gone.map_err(|error| of_target(&repository.place(), &error))?;
    }
    reporter.step("removing what only they had");
    library
        .prune(&options, plan)
        .map_err(|error| repository.failure(&error))?;
    repository.forget_index();
    let mut runs: Vec<_> = removed
        .into_iter()
        .filter_map(|snapshot| snapshot.run)
        .collect();
    runs.retain(|run| work.runs.contains(run));
    runs.sort_unstable();
    runs.dedup();
    Ok(Found::Pruned {
        runs,
        freed: before.saturating_sub(stored(repository)?),
    })
}

/// The bytes of all packs.
fn stored(repository: &Repository) -> Result<u64, Failure> {
    let listed = repository.target().list(Folder::Data);
    let listed = listed.map_err(|error| of_target(&repository.place(), &error))?;
    Ok(listed.into_iter().map(|(_, bytes)| bytes).sum())
}

fn ids(snapshots: &[Snapshot]) -> Vec<SnapshotId> {
    snapshots.iter().map(|snapshot| snapshot.file.id).collect()
}

/// The same failure, saying that nothing was removed.
fn nothing(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::Internal | FailureKind::Damaged => Failure::new(
            failure.kind,
            format!("Nothing was removed. {}", failure.sentence),
        ),
        _ => failure,
    }
}
