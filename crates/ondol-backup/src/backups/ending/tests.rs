//! What is good, what is not, and what the owner is told.

use std::collections::BTreeMap;

use super::*;
use crate::identity::BoxIdentity;
use crate::manifest::ManifestPart;

fn taken(files: u64, unreadable: u64) -> Manifest {
    Manifest {
        version: 1,
        ondol: "0.1.0".to_owned(),
        of: BoxIdentity {
            id: "1".to_owned(),
            name: "box".to_owned(),
        },
        run: "20261121T033000Z-000001".to_owned(),
        kind: "full".to_owned(),
        began_at: 1_000,
        ended_at: 1_042,
        parts: vec![ManifestPart {
            part: "files".to_owned(),
            snapshot: "00".repeat(32),
            files,
            bytes: files * 1_000,
            added: 10,
            unreadable,
            unreadable_first: vec![("/srv/x".into(), "permission denied".to_owned())],
            canary: None,
        }],
        databases: Vec::new(),
        failed_databases: BTreeMap::new(),
        configuration: "/etc/ondol/ondol.toml".into(),
        state: "/var/lib/ondol".into(),
        sites: Vec::new(),
        apps: Vec::new(),
    }
}

fn of_manifest(manifest: Manifest, memory: &Memory) -> Ending {
    of_found(&Found::Taken(manifest), 1_000, memory)
}

#[test]
fn a_backup_that_lacks_anything_is_never_good() {
    let memory = Memory::default();
    let good = of_manifest(taken(10, 0), &memory);
    assert_eq!(good.outcome, JobOutcome::Good);
    assert_eq!(
        good.message,
        "10 files, 10 kB (10 B new), 0 databases in 42 s"
    );
    assert!(good.added[0].is_good);
    let partial = of_manifest(taken(10, 2), &memory);
    assert_eq!(partial.outcome, JobOutcome::Partial);
    assert!(
        partial
            .message
            .starts_with("2 files of the part files could not be read")
    );
    assert!(partial.message.contains("/srv/x: permission denied"));
    assert!(!partial.added[0].is_good);
    let mut without = taken(10, 0);
    without
        .failed_databases
        .insert("orders".to_owned(), "it is corrupt".to_owned());
    let without = of_manifest(without, &memory);
    assert_eq!(without.outcome, JobOutcome::Partial);
    assert!(
        without
            .message
            .contains("orders is not in it: it is corrupt")
    );
}

#[test]
fn one_that_holds_less_than_half_says_so() {
    let memory = Memory {
        catalogue: vec![entry_of(&taken(1_000, 0))],
        ..Memory::default()
    };
    let half = of_manifest(taken(500, 0), &memory);
    assert!(!half.message.contains("less than half"), "{}", half.message);
    let less = of_manifest(taken(499, 0), &memory);
    assert!(less.message.contains("less than half"), "{}", less.message);
}

#[test]
fn a_proof_that_could_not_be_done_is_no_good_news() {
    let unreachable = Failure::new(FailureKind::Unreachable, "So.");
    let ending = of_failure(&unreachable, Some(JobKind::Prove), &Memory::default());
    let event = |kind| ending.event(kind, &Memory::default());
    assert_eq!(event(JobKind::Prove), Some(EventKind::Backup));
    assert_eq!(event(JobKind::Prune), None);
    let damaged = Failure::new(FailureKind::Damaged, "So.");
    let ending = of_failure(&damaged, Some(JobKind::Drill), &Memory::default());
    let event = ending.event(JobKind::Drill, &Memory::default());
    assert_eq!(event, Some(EventKind::BackupProofFailed));
}

#[test]
fn only_what_can_not_be_restored_is_a_failed_proof() {
    let failure = |kind| Failure::new(kind, "So.");
    let memory = Memory {
        repository: Some("r".to_owned()),
        ..Memory::default()
    };
    let outcome = |failure, kind| of_failure(&failure, Some(kind), &memory).outcome;
    let locked_out = outcome(failure(FailureKind::WrongPassword), JobKind::Prove);
    assert_eq!(locked_out, JobOutcome::Failed);
    let gone = failure(FailureKind::NoRepository);
    assert_eq!(outcome(gone.clone(), JobKind::Prove), JobOutcome::Failed);
    let never_there = of_failure(&gone, Some(JobKind::Prove), &Memory::default());
    assert_eq!(never_there.outcome, JobOutcome::Skipped);
    let unreachable = outcome(failure(FailureKind::Unreachable), JobKind::Check);
    assert_eq!(unreachable, JobOutcome::Skipped);
    let damaged = outcome(failure(FailureKind::Damaged), JobKind::Check);
    assert_eq!(damaged, JobOutcome::Failed);
    let unreachable = outcome(failure(FailureKind::Unreachable), JobKind::Full);
    assert_eq!(unreachable, JobOutcome::Failed);
}
