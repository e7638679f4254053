//! What is removed, what is not, and what restic says afterwards.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::backup::Part;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::Manifest;
use crate::manifest::ManifestPart;
use crate::prune::Waits;
use crate::prune::prune_after;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::target::Folder;
use crate::target::Target;
use crate::target::Trouble;
use crate::testing::Call;
use crate::testing::PASSWORD;
use crate::testing::PlainFolder;
use crate::testing::archive_files;
use crate::testing::new_repository;
use crate::testing::restic;
use crate::testing::this_box;
use crate::work::ClaimWork;
use crate::work::PruneWork;

const AT_ONCE: Waits = Waits { marked: 0, new: 0 };

fn reopened(place: &Path) -> Repository {
    Repository::open(PlainFolder::at(place), PASSWORD, None).unwrap()
}

fn pruned(place: &Path, runs: &[&str], known: &[String]) -> Result<(Vec<String>, u64), Failure> {
    let work = PruneWork {
        runs: runs.iter().map(|run| (*run).to_owned()).collect(),
        known: known.to_vec(),
    };
    match prune_after(&reopened(place), &work, AT_ONCE, &Reporter::silent())? {
        Found::Pruned { runs, freed } => Ok((runs, freed)),
        other => panic!("{other:?}"),
    }
}

fn manifest(run: &str, snapshot: &str, at: i64) -> Manifest {
    Manifest {
        version: 1,
        ondol: "0".to_owned(),
        of: this_box(),
        run: run.to_owned(),
        kind: "full".to_owned(),
        began_at: at,
        ended_at: at,
        parts: vec![ManifestPart {
            part: "files".to_owned(),
            snapshot: snapshot.to_owned(),
            files: 1,
            bytes: 1,
            added: 1,
            unreadable: 0,
            unreadable_first: Vec::new(),
            canary: None,
        }],
        databases: Vec::new(),
        failed_databases: BTreeMap::new(),
        configuration: PathBuf::new(),
        state: PathBuf::new(),
        sites: Vec::new(),
        apps: Vec::new(),
    }
}

/// Backups run-1, run-2 and run-3, each of another photo; between the last two one that was cut off.
fn backups() -> (TempDir, TempDir) {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, repository) = new_repository(place.path());
    let claim = ClaimWork {
        take_over: false,
        recovered_from: None,
    };
    repository.claim(&claim, &this_box()).unwrap();
    for (number, run) in [(1, "run-1"), (2, "run-2"), (3, "run-2-cut"), (4, "run-3")] {
        let photo: Vec<u8> = (0..500_000u32)
            .flat_map(|n| n.wrapping_mul(n ^ number).to_le_bytes())
            .collect();
        fs::write(files.path().join("photo"), photo).unwrap();
        let at = 1_700_000_000 + i64::from(number);
        let archived = archive_files(&repository, run, Part::Files, at, files.path());
        if run != "run-2-cut" {
            repository
                .write_manifest(&manifest(run, &archived.snapshot, at))
                .unwrap();
        }
    }
    (place, files)
}

fn known(place: &Path) -> Vec<String> {
    let snapshots = reopened(place).snapshots().unwrap().good;
    snapshots.into_iter().map(|snapshot| snapshot.id).collect()
}

fn runs(place: &Path) -> Vec<String> {
    let manifests = reopened(place).manifests().unwrap();
    assert_eq!(manifests.damaged, Vec::<String>::new());
    manifests
        .good
        .into_iter()
        .map(|manifest| manifest.run)
        .collect()
}

fn assert_restic_is_content(place: &Path) {
    if let Some((is_well, told)) = restic(place, &["check", "--read-data"]) {
        assert!(is_well && told.contains("no errors were found"), "{told}");
    }
}

#[test]
fn what_only_old_backups_had_is_marked_and_later_removed() {
    let (place, _files) = backups();
    let place = place.path();
    let (removed, freed) = pruned(place, &["run-1"], &known(place)).unwrap();
    assert_eq!(
        (removed, freed),
        (vec!["run-1".to_owned()], 0),
        "it is only marked"
    );
    assert_eq!(runs(place), ["run-3", "run-2"]);
    assert_eq!(
        known(place).len(),
        5,
        "two parts, two manifests, the claim; the cut one is gone"
    );
    assert_restic_is_content(place);

    let (removed, freed) = pruned(place, &[], &known(place)).unwrap();
    assert!(
        removed.is_empty() && freed > 1_000_000,
        "two photos: {freed}"
    );
    assert_eq!(runs(place), ["run-3", "run-2"]);
    assert_restic_is_content(place);
    reopened(place).check_claim(&this_box()).unwrap();
}

#[test]
fn nothing_is_removed_when_something_is_not_as_it_should_be() {
    let (place, _files) = backups();
    let place = place.path();
    let before = known(place);
    let is_whole = || assert_eq!(known(place), before);

    let with_another = [before.clone(), vec!["0".repeat(64)]].concat();
    let vanished = pruned(place, &["run-1"], &with_another).unwrap_err();
    assert!(
        vanished.sentence.contains("1 of the snapshots"),
        "{vanished}"
    );
    is_whole();

    let all = pruned(place, &["run-1", "run-2", "run-3"], &before).unwrap_err();
    assert!(
        all.sentence.contains("no backup would have been left"),
        "{all}"
    );
    is_whole();

    for folder in [Folder::Snapshots, Folder::Index] {
        let (id, _) = PlainFolder::at(place).list(folder).unwrap().remove(0);
        let path = place.join(folder.word()).join(id);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let damaged = pruned(place, &["run-1"], &[]).unwrap_err();
        assert_eq!(damaged.kind, FailureKind::Damaged, "{damaged}");
        assert!(
            damaged.sentence.starts_with("Nothing was removed"),
            "{damaged}"
        );
        fs::write(&path, whole).unwrap();
        is_whole();
    }
}

#[test]
fn a_target_that_lets_nothing_be_removed_is_told_and_stays_whole() {
    let (place, _files) = backups();
    let target = PlainFolder::at(place.path());
    let repository = Repository::open(std::sync::Arc::clone(&target) as _, PASSWORD, None).unwrap();
    target.refuse(Call::Remove(Folder::Snapshots), Trouble::Refused);
    let work = PruneWork {
        runs: vec!["run-1".to_owned()],
        known: Vec::new(),
    };
    let refused = prune_after(&repository, &work, AT_ONCE, &Reporter::silent()).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused);
    assert_eq!(runs(place.path()), ["run-3", "run-2", "run-1"]);
    assert_restic_is_content(place.path());
}
