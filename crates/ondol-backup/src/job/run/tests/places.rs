//! Whole jobs at each kind of place, one after another, and what stock restic says of it afterwards.

use std::path::Path;

use super::*;
use crate::target::rest;
use crate::target::s3;
use crate::target::sftp::tests::Sshd;
use crate::work::Destination;
use crate::work::RepairWork;
use crate::work::RestoreWork;
use crate::work::What;

const FIRST: &str = "20261121T033000Z-aaaaaa";
const SECOND: &str = "20261122T033000Z-bbbbbb";

/// Takes two backups, reads them back, puts one back, repairs what is whole, and removes the older.
fn all_jobs(
    folder: &Path,
    spec: impl Fn(Work) -> JobSpec,
    work: impl Fn(&JobSpec) -> Result<Found, Failure>,
) {
    let (files, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let large: Vec<u8> = (0..800_000u32)
        .flat_map(|n| n.wrapping_mul(n ^ 5).to_le_bytes())
        .collect();
    fs::write(files.path().join("photo"), large).unwrap();
    for run in [FIRST, SECOND] {
        fs::write(files.path().join("note"), run).unwrap();
        let taken = work(&spec(take(run, files.path(), false))).unwrap();
        assert!(matches!(taken, Found::Taken(_)), "{taken:?}");
    }
    let all = Work::Check(CheckWork { share: 1, of: 1 });
    let checked = work(&spec(all)).unwrap();
    assert!(
        matches!(&checked, Found::Checked { faults, .. } if faults.is_empty()),
        "{checked:?}"
    );
    let restored = work(&spec(Work::Restore(RestoreWork {
        at: None,
        what: What::Paths(vec![files.path().to_owned()]),
        to: Destination::Into(to.path().to_owned()),
        moved: Vec::new(),
        databases: Vec::new(),
    })));
    let restored = restored.unwrap();
    assert!(
        matches!(&restored, Found::Restored { files: 2, faults, .. } if faults.is_empty()),
        "{restored:?}"
    );
    for name in ["photo", "note"] {
        let back = to.path().join(files.path().strip_prefix("/").unwrap());
        let content = fs::read(back.join(name)).unwrap();
        assert!(content == fs::read(files.path().join(name)).unwrap());
    }
    let prune = spec(Work::Prune(PruneWork {
        runs: vec![FIRST.to_owned()],
        known: Vec::new(),
    }));
    let repair = spec(Work::Repair(RepairWork {
        packs: Vec::new(),
        everything: true,
    }));
    if prune.target.append_only {
        for job in [&prune, &repair] {
            let refused = work(job).unwrap_err();
            assert_eq!(refused.kind, FailureKind::Refused, "{refused}");
        }
        // The place refuses too, when Ondol was not told.
        let mut untold = prune;
        untold.target.append_only = false;
        let refused = work(&untold).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Refused, "{refused}");
    } else {
        let repaired = work(&repair).unwrap();
        assert!(
            matches!(&repaired, Found::Repaired { done, .. } if done.is_empty()),
            "{repaired:?}"
        );
        let pruned = work(&prune).unwrap();
        assert!(
            matches!(&pruned, Found::Pruned { runs, .. } if *runs == [FIRST]),
            "{pruned:?}"
        );
    }
    let locks = fs::read_dir(folder.join("locks")).map_or(0, Iterator::count);
    assert_eq!(locks, 0);
    if let Some((is_well, told)) = restic(folder, &["check", "--read-data"]) {
        assert!(is_well && told.contains("no errors were found"), "{told}");
    }
}

fn spec_at(storage: StorageAccess, append_only: bool) -> impl Fn(Work) -> JobSpec {
    move |work| {
        let mut spec = spec(Path::new("/nonexistent"), work);
        spec.target.storage = storage.clone();
        spec.target.append_only = append_only;
        spec
    }
}

#[test]
fn all_jobs_can_be_done_at_a_bucket() {
    let root = tempfile::tempdir().unwrap();
    let Some(service) = s3::tests::service(root.path()) else {
        return;
    };
    let access = s3::tests::access(service.port, "box");
    all_jobs(
        &root.path().join("backups/box"),
        spec_at(access, false),
        done,
    );
}

#[test]
fn all_jobs_can_be_done_at_a_rest_server() {
    for (more, append_only) in [(&[][..], false), (&["--append-only"][..], true)] {
        let root = tempfile::tempdir().unwrap();
        let Some(service) = rest::tests::service(root.path(), more) else {
            return;
        };
        let access = rest::tests::access(format!("http://127.0.0.1:{}/box", service.port));
        all_jobs(&root.path().join("box"), spec_at(access, append_only), done);
    }
}

#[test]
fn all_jobs_can_be_done_at_another_machine() {
    let Some(sshd) = Sshd::new() else { return };
    let folder = sshd.scratch.repository();
    let at_nas = |work| spec(Path::new("/nonexistent"), work);
    all_jobs(Path::new(&folder), at_nas, |spec| {
        work_at(sshd.folder(), spec, &Leash::loose(), &Reporter::silent())
    });
}
