//! Jobs, without the child process around them.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

mod places;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::without_panic;
use super::work;
use super::work_at;
use crate::access::Hidden;
use crate::access::StorageAccess;
use crate::access::TargetAccess;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::job::JobSpec;
use crate::job::Leash;
use crate::job::Placement;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::testing::PASSWORD;
use crate::testing::restic;
use crate::testing::this_box;
use crate::work::CheckWork;
use crate::work::ListWork;
use crate::work::PartWork;
use crate::work::PruneWork;
use crate::work::TakeWork;
use crate::work::Work;

fn spec(place: &Path, work: Work) -> JobSpec {
    JobSpec {
        target: TargetAccess {
            name: "disk".to_owned(),
            storage: StorageAccess::Local {
                path: place.to_owned(),
                file_system: None,
            },
            append_only: false,
        },
        password: Hidden(PASSWORD.to_owned()),
        repository: None,
        of: this_box(),
        bandwidth: Vec::new(),
        timezone: None,
        patience: 1,
        places: Placement {
            cache: PathBuf::from("/nonexistent"),
        },
        work,
    }
}

fn take(run: &str, root: &Path, is_known: bool) -> Work {
    Work::Take(TakeWork {
        run: run.to_owned(),
        kind: "full".to_owned(),
        parts: vec![PartWork {
            part: "files".to_owned(),
            roots: vec![root.to_owned()],
            left_out: Vec::new(),
            patterns: Vec::new(),
            texts: Vec::new(),
        }],
        databases: Vec::new(),
        is_known,
        anew: false,
        configuration: PathBuf::from("/etc/ondol/ondol.toml"),
        state: PathBuf::from("/var/lib/ondol"),
        sites: Vec::new(),
        apps: Vec::new(),
    })
}

fn done(spec: &JobSpec) -> Result<Found, Failure> {
    work(spec, &Leash::loose(), &Reporter::silent())
}

#[test]
fn jobs_take_prune_and_check_one_after_another() {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = place.path().join("backups");
    fs::write(files.path().join("note"), "one").unwrap();
    for run in ["20261121T033000Z-aaaaaa", "20261122T033000Z-bbbbbb"] {
        fs::write(files.path().join("note"), run).unwrap();
        let taken = done(&spec(&place, take(run, files.path(), false))).unwrap();
        let Found::Taken(manifest) = taken else {
            panic!("{taken:?}");
        };
        assert_eq!((&*manifest.run, manifest.parts[0].unreadable), (run, 0));
    }
    let prune = Work::Prune(PruneWork {
        runs: vec!["20261121T033000Z-aaaaaa".to_owned()],
        known: Vec::new(),
    });
    let pruned = done(&spec(&place, prune)).unwrap();
    assert!(
        matches!(&pruned, Found::Pruned { runs, .. } if runs.len() == 1),
        "{pruned:?}"
    );
    let checked = done(&spec(&place, Work::Check(CheckWork { share: 1, of: 1 }))).unwrap();
    assert!(
        matches!(&checked, Found::Checked { faults, .. } if faults.is_empty()),
        "{checked:?}"
    );
    if let Some((is_well, told)) = restic(&place, &["check", "--read-data"]) {
        assert!(is_well, "{told}");
    }
    let mut other = spec(&place, take("20261123T033000Z-cccccc", files.path(), false));
    other.of = BoxIdentity {
        id: "box-2".to_owned(),
        name: "cellar".to_owned(),
    };
    assert_eq!(done(&other).unwrap_err().kind, FailureKind::Foreign);
}

#[test]
fn what_is_gone_is_not_begun_anew_and_append_only_is_not_pruned() {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let gone = done(&spec(place.path(), take("run-1", files.path(), true))).unwrap_err();
    assert_eq!(gone.kind, FailureKind::NoRepository, "{gone}");
    assert!(gone.sentence.contains("are gone"), "{gone}");
    let none = done(&spec(place.path(), Work::List(ListWork { browse: None }))).unwrap_err();
    assert_eq!(none.kind, FailureKind::NoRepository);
    let mut append_only = spec(
        place.path(),
        Work::Prune(PruneWork {
            runs: Vec::new(),
            known: Vec::new(),
        }),
    );
    append_only.target.append_only = true;
    assert_eq!(done(&append_only).unwrap_err().kind, FailureKind::Refused);
    assert_eq!(
        fs::read_dir(place.path()).unwrap().count(),
        0,
        "nothing was written"
    );
}

#[test]
fn a_panic_is_a_failure_with_its_first_cause() {
    let panicked: Result<(), _> = without_panic(|| panic!("a pack of {} bytes", 7));
    let failure = panicked.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Internal);
    assert!(failure.sentence.contains("a pack of 7 bytes"), "{failure}");
}
