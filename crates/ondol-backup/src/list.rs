//! Saying what there is: which backups, and what is in a folder of one.

use std::collections::BTreeSet;
use std::path::Path;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::CANARY_PATH;
use crate::manifest::Manifest;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::restore::layout;
use crate::work::ListWork;

/// So many names of a folder are told.
const NAMES_MAX: usize = 10_000;

/// Does it.
pub(crate) fn list(
    repository: &Repository,
    work: &ListWork,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    reporter.step("reading what there is");
    let manifests = repository.manifests()?;
    let names = match &work.browse {
        Some((run, path)) => browse(repository, &manifests.good, run, path)?,
        None => Vec::new(),
    };
    Ok(Found::Listed {
        backups: manifests.good,
        damaged: manifests.damaged,
        names,
    })
}

/// The names in a folder of a backup, in whichever of its parts they are; those of folders end with a slash.
fn browse(
    repository: &Repository,
    manifests: &[Manifest],
    run: &str,
    path: &Path,
) -> Result<Vec<String>, Failure> {
    let not_found = |sentence: String| Failure::new(FailureKind::NotFound, sentence);
    let Some(manifest) = manifests.iter().find(|manifest| manifest.run == run) else {
        let sentence =
            format!("There is no backup {run}: `ondol backup list` shows those that are there.");
        return Err(not_found(sentence));
    };
    if !layout::is_plain(path) {
        return Err(not_found(format!(
            "`{}` is no absolute path.",
            path.display()
        )));
    }
    let snapshots = repository.snapshots()?.good;
    let mut names = BTreeSet::new();
    let mut is_there = false;
    for part in &manifest.parts {
        let Some(snapshot) = snapshots
            .iter()
            .find(|snapshot| snapshot.id == part.snapshot)
        else {
            continue;
        };
        let Some(node) = repository.node(snapshot, path)? else {
            continue;
        };
        is_there = true;
        let Some(tree) = node.subtree else {
            names.insert(node.name().to_string_lossy().into_owned());
            continue;
        };
        for node in repository.folder(tree)? {
            let name = node.name();
            if path.join(&name) == Path::new(CANARY_PATH) {
                continue;
            }
            let end = if node.is_dir() { "/" } else { "" };
            names.insert(format!("{}{end}", name.to_string_lossy()));
        }
    }
    if !is_there {
        return Err(not_found(format!(
            "{} is not in the backup {run}.",
            path.display()
        )));
    }
    Ok(names.into_iter().take(NAMES_MAX).collect())
}

#[cfg(test)]
mod tests;
