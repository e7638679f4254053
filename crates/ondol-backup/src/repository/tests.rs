//! Repositories written, read, damaged, refused and claimed.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::fs;
use std::path::Path;

use ondol_model::backup::Part;
use tempfile::TempDir;

use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::repository::Kind;
use crate::repository::Repository;
use crate::target::Folder;
use crate::target::Target;
use crate::target::Trouble;
use crate::testing::Call;
use crate::testing::PASSWORD;
use crate::testing::PlainFolder;
use crate::testing::archive_files;
use crate::testing::files_of;
use crate::testing::new_repository;
use crate::testing::restic;
use crate::testing::this_box;
use crate::work::ClaimWork;

/// Some files, one of them large.
fn files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    fs::write(folder.path().join("a/b/small"), "small").unwrap();
    fs::write(folder.path().join("a/empty"), "").unwrap();
    let large: Vec<u8> = (0..3_000_000u32)
        .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
        .collect();
    fs::write(folder.path().join("large"), large).unwrap();
    folder
}

/// Everything that can be read of the newest snapshot is what is on disk.
fn assert_same(repository: &Repository, root: &Path) {
    let snapshot = repository.snapshots().unwrap().good.pop().unwrap();
    let files = files_of(repository, &snapshot, root);
    for (path, node) in &files {
        let mut content = Vec::new();
        repository.write_file(node, &mut content).unwrap();
        assert!(content == fs::read(path).unwrap(), "{}", path.display());
    }
    assert_eq!(files.len(), 3);
}

#[test]
fn what_was_written_is_read_back_and_restic_agrees() {
    let (place, files) = (tempfile::tempdir().unwrap(), files());
    let (_, repository) = new_repository(place.path());
    let archived = archive_files(
        &repository,
        "run-1",
        Part::Files,
        1_700_000_000,
        files.path(),
    );
    assert_eq!((archived.files, archived.bytes), (3, 12_000_005));
    assert_same(&repository, files.path());

    let again = Repository::open(
        PlainFolder::at(place.path()),
        PASSWORD,
        Some(repository.id()),
    );
    let again = again.unwrap();
    let snapshot = again.snapshots().unwrap().good.pop().unwrap();
    assert_eq!(snapshot.id, archived.snapshot);
    assert_eq!(snapshot.run.as_deref(), Some("run-1"));
    assert_eq!(snapshot.kind, Some(Kind::Part(Part::Files)));
    assert_same(&again, files.path());

    let second = archive_files(&again, "run-2", Part::Files, 1_700_000_100, files.path());
    assert!(
        second.added < 10_000,
        "unchanged files cost nothing: {second:?}"
    );
    let Some((is_well, told)) = restic(place.path(), &["check", "--read-data"]) else {
        return;
    };
    assert!(is_well && told.contains("no errors were found"), "{told}");
    let copy = tempfile::tempdir().unwrap();
    let to = copy.path().to_str().unwrap();
    let (is_well, told) = restic(place.path(), &["restore", "latest", "--target", to]).unwrap();
    assert!(is_well, "{told}");
    let restored = copy.path().join(files.path().strip_prefix("/").unwrap());
    for name in ["a/b/small", "a/empty", "large"] {
        assert!(
            fs::read(restored.join(name)).unwrap() == fs::read(files.path().join(name)).unwrap()
        );
    }
}

#[test]
fn a_wrong_password_and_another_repository_are_told() {
    let place = tempfile::tempdir().unwrap();
    let none = Repository::open(PlainFolder::at(place.path()), PASSWORD, None).unwrap_err();
    assert_eq!(none.kind, FailureKind::NoRepository);
    let (_, _repository) = new_repository(place.path());
    let wrong = Repository::open(PlainFolder::at(place.path()), "wrong", None).unwrap_err();
    assert_eq!(wrong.kind, FailureKind::WrongPassword);
    let other = "0".repeat(64);
    let foreign = Repository::open(PlainFolder::at(place.path()), PASSWORD, Some(&other));
    assert_eq!(foreign.unwrap_err().kind, FailureKind::Foreign);
    let twice = Repository::create(PlainFolder::at(place.path()), PASSWORD);
    assert!(twice.is_err());
    Repository::open(PlainFolder::at(place.path()), PASSWORD, None).unwrap();
}

#[test]
fn one_damaged_object_of_each_kind_costs_what_is_in_it() {
    let (place, files) = (tempfile::tempdir().unwrap(), files());
    let (target, repository) = new_repository(place.path());
    archive_files(
        &repository,
        "run-1",
        Part::Files,
        1_700_000_000,
        files.path(),
    );
    let small = tempfile::tempdir().unwrap();
    fs::write(small.path().join("other"), "other").unwrap();
    archive_files(&repository, "run-2", Part::Box, 1_700_000_001, small.path());
    for folder in [Folder::Keys, Folder::Index, Folder::Snapshots] {
        let (id, _) = target.list(folder).unwrap().into_iter().min().unwrap();
        let path = place.path().join(folder.word()).join(id);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        fs::write(&path, flipped).unwrap();
        let opened = Repository::open(PlainFolder::at(place.path()), PASSWORD, None).unwrap();
        let snapshots = opened.snapshots().unwrap();
        assert_eq!(
            snapshots.damaged.len(),
            usize::from(folder == Folder::Snapshots)
        );
        for snapshot in &snapshots.good {
            let files = files_of(&opened, snapshot, Path::new("/"));
            for (_, node) in &files {
                opened.write_file(node, &mut Vec::new()).unwrap();
            }
            assert!(!files.is_empty(), "{folder:?}");
        }
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn what_can_not_be_written_is_no_snapshot_and_says_why() {
    let (place, files) = (tempfile::tempdir().unwrap(), files());
    for (folder, trouble, kind) in [
        (Folder::Data, Trouble::Full, FailureKind::Full),
        (
            Folder::Index,
            Trouble::Unreachable,
            FailureKind::Unreachable,
        ),
        (Folder::Snapshots, Trouble::Refused, FailureKind::Refused),
    ] {
        let place = place.path().join(folder.word());
        let (target, repository) = new_repository(&place);
        target.refuse(Call::Write(folder), trouble);
        let of = this_box();
        let source = rustic_core::LocalSource::new(
            rustic_core::LocalSourceSaveOptions::default(),
            &rustic_core::Excludes::default(),
            &rustic_core::LocalSourceFilterOptions::default(),
            &[files.path().to_owned()],
        );
        let what = crate::repository::ToArchive {
            of: &of,
            run: "run-1",
            kind: Kind::Part(Part::Files),
            at: 0,
            roots: &[],
            on_bytes: std::sync::Arc::new(|_| ()),
        };
        let failure = repository.archive(&what, source.unwrap()).unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.sentence.contains("the test says so"), "{failure}");
    }
}

#[test]
fn the_newest_claim_counts() {
    let place = tempfile::tempdir().unwrap();
    let (_, repository) = new_repository(place.path());
    let other = BoxIdentity {
        id: "box-2".to_owned(),
        name: "cellar".to_owned(),
    };
    let claim = |take_over| ClaimWork {
        take_over,
        recovered_from: None,
    };
    repository.check_claim(&other).unwrap();
    repository.claim(&claim(false), &this_box()).unwrap();
    repository.claim(&claim(false), &this_box()).unwrap();
    repository.check_claim(&this_box()).unwrap();
    for refused in [
        repository.check_claim(&other),
        repository.claim(&claim(false), &other),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Foreign);
        assert!(refused.sentence.contains("attic"), "{refused}");
    }
    repository.claim(&claim(true), &other).unwrap();
    repository.check_claim(&other).unwrap();
    assert_eq!(
        repository.check_claim(&this_box()).unwrap_err().kind,
        FailureKind::Foreign
    );
    let claims = repository.snapshots().unwrap().good;
    assert_eq!(
        claims.len(),
        2,
        "a claim that is there already is not made again"
    );
}
