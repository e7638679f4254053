//! Disks that are full, or fail in the middle of a job, and two boxes at one repository.

use std::fs;
use std::io::Write;
use std::path::Path;

use ondol_backup::BoxIdentity;
use ondol_backup::ClaimWork;
use ondol_backup::FailureKind;
use ondol_backup::Found;
use ondol_backup::Work;

use super::disk::Disk;
use super::disk::with_own_mounts;
use super::field::Field;
use super::job::Ended;
use super::job::Job;

fn failed(ended: Ended) -> (FailureKind, String) {
    match ended {
        Some(Err(failure)) => (failure.kind, failure.sentence),
        other => panic!("{other:?}"),
    }
}

/// Writes until not one byte more fits.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for length in [64 << 10, 1 << 10, 1] {
        let bytes = vec![1; length];
        while file.write_all(&bytes).is_ok() {}
    }
}

#[test]
fn on_a_full_disk_backups_can_be_read_and_proven_and_the_next_one_is_taken_when_there_is_room() {
    let name = "backup::troubles::on_a_full_disk_backups_can_be_read_and_proven_and_the_next_one_is_taken_when_there_is_room";
    with_own_mounts(name, &["mkfs.ext4"], || {
        let disk = Disk::new("ext4", 24);
        let mut field = Field::new(Some(&disk.path().join("ondol")));
        field.taken();
        field.change();
        let filler = disk.path().join("filler");
        fill(&filler);
        let work = field.take();
        let (kind, said) = failed(field.run(work));
        assert_eq!(kind, FailureKind::Full, "{said}");
        println!("{said}");
        fill(&filler);
        field.listed();
        assert!(matches!(
            field.run(Field::check()),
            Some(Ok(Found::Checked { faults, .. })) if faults.is_empty()
        ));
        assert!(matches!(
            field.run(field.prove()),
            Some(Ok(Found::Proven { faults, .. })) if faults.is_empty()
        ));
        let to = tempfile::tempdir().unwrap();
        assert!(matches!(
            field.run(field.restore(to.path())),
            Some(Ok(Found::Restored { faults, .. })) if faults.is_empty()
        ));
        fs::remove_file(&filler).unwrap();
        field.assert_whole();
        field.taken();
        field.assert_checked_by_restic(&["--read-data"]);
    });
}

#[test]
fn a_disk_that_fails_once_costs_one_backup_and_nothing_that_is_there() {
    if std::process::Command::new("strace")
        .arg("-V")
        .output()
        .is_err()
    {
        println!("skipped: strace is not on this machine");
        return;
    }
    let mut field = Field::new(None);
    field.taken();
    for (call, error, when) in [
        ("fsync", "EIO", 2),
        ("fsync", "EIO", 5),
        ("write", "ENOSPC", 2),
        ("renameat", "EIO", 2),
    ] {
        let (trace, inject) = (
            format!("trace={call}"),
            format!("inject={call}:error={error}:when={when}"),
        );
        let before = [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        field.change();
        let work = field.take();
        match Job::begin_behind(&before, &field.spec(work)).ended() {
            Some(Ok(Found::Taken(manifest))) => field.kept.push(manifest),
            other => println!("{call} {error}: {other:?}"),
        }
        field.assert_whole();
    }
    field.taken();
    field.assert_checked_by_restic(&["--read-data"]);
}

#[test]
fn of_two_boxes_the_one_that_claimed_last_writes_and_the_other_only_reads() {
    let mut field = Field::new(None);
    field.taken();
    let by_other = |field: &Field, work: Work| {
        let mut spec = field.spec(work);
        spec.of = BoxIdentity {
            id: "box-2".to_owned(),
            name: "cellar".to_owned(),
        };
        Job::begin(&spec).ended()
    };
    let snapshots = |field: &Field| {
        fs::read_dir(field.target.join("snapshots"))
            .unwrap()
            .count()
    };
    let before = snapshots(&field);
    let claim = |take_over| {
        Work::Claim(ClaimWork {
            take_over,
            recovered_from: None,
        })
    };
    let work = field.take();
    let taken = by_other(&field, work);
    for ended in [taken, by_other(&field, claim(false))] {
        let (kind, said) = failed(ended);
        assert_eq!(kind, FailureKind::Foreign, "{said}");
        assert!(said.contains("attic"), "{said}");
    }
    assert_eq!(snapshots(&field), before, "nothing was written");
    let to = field.path("restored");
    let restored = by_other(&field, field.restore(&to));
    assert!(matches!(restored, Some(Ok(Found::Restored { .. }))));
    field.assert_restored(&to);

    assert_eq!(by_other(&field, claim(true)), Some(Ok(Found::Claimed)));
    let work = field.take();
    let (kind, said) = failed(field.run(work));
    assert!(
        kind == FailureKind::Foreign && said.contains("cellar"),
        "{said}"
    );
    let kept = field.kept.clone();
    let work = field.prune(1);
    let (kind, said) = failed(field.run(work));
    assert!(
        kind == FailureKind::Foreign && said.contains("cellar"),
        "{said}"
    );
    field.kept = kept;
    let work = field.take();
    match by_other(&field, work) {
        Some(Ok(Found::Taken(manifest))) => field.kept.push(manifest),
        other => panic!("{other:?}"),
    }
    field.assert_whole();
}
