//! Damages, cured: what still is on this machine is saved anew, and with it older backups are whole again.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::backup::Part;
use tempfile::TempDir;

use crate::check::check;
use crate::failure::FailureKind;
use crate::repair::repair;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Target;
use crate::testing::PASSWORD;
use crate::testing::PlainFolder;
use crate::testing::archive_files;
use crate::testing::flip;
use crate::testing::largest;
use crate::testing::new_repository;
use crate::testing::restic;
use crate::testing::this_box;
use crate::work::CheckWork;
use crate::work::ClaimWork;
use crate::work::RepairWork;

fn open(place: &Path) -> Repository {
    Repository::open(PlainFolder::at(place), PASSWORD, None).unwrap()
}

/// What is not right, and which packs are damaged.
fn faults(place: &Path) -> (Vec<String>, Vec<String>) {
    let all = CheckWork { share: 1, of: 1 };
    match check(&open(place), &all, &Reporter::silent()).unwrap() {
        Found::Checked {
            faults, damaged, ..
        } => (faults, damaged),
        other => panic!("{other:?}"),
    }
}

fn repaired(place: &Path, packs: Vec<String>) -> Vec<String> {
    let work = RepairWork {
        packs,
        everything: false,
    };
    match repair(&open(place), &work, PASSWORD, &Reporter::silent()).unwrap() {
        Found::Repaired { done, .. } => done,
        other => panic!("{other:?}"),
    }
}

fn archive(place: &Path, run: &str, at: i64, files: &Path, anew: bool) {
    let repository = open(place);
    if anew {
        repository.read_anew();
    }
    archive_files(&repository, run, Part::Files, at, files);
}

/// Two backups of folders with a photo and texts; the text `gone` is in the first alone, and in no folder now.
fn two_backups() -> (TempDir, TempDir) {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(files.path().join("album/old")).unwrap();
    let photo: Vec<u8> = (0..1_500_000u32)
        .flat_map(|n| n.wrapping_mul(n ^ 77).to_le_bytes())
        .collect();
    fs::write(files.path().join("album/photo"), photo).unwrap();
    fs::write(files.path().join("album/old/note"), "a note").unwrap();
    fs::write(files.path().join("gone"), "what nobody has any more").unwrap();
    let (_, repository) = new_repository(place.path());
    let claim = ClaimWork {
        take_over: false,
        recovered_from: None,
    };
    repository.claim(&claim, &this_box()).unwrap();
    archive_files(
        &repository,
        "run-1",
        Part::Files,
        1_700_000_000,
        files.path(),
    );
    fs::remove_file(files.path().join("gone")).unwrap();
    archive(place.path(), "run-2", 1_700_000_100, files.path(), false);
    (place, files)
}

/// Every file of the oldest backup is whole, and `gone` is there.
fn assert_oldest_is_whole(place: &Path, files: &Path) {
    let repository = open(place);
    let snapshots = repository.snapshots().unwrap().good;
    let oldest = snapshots
        .iter()
        .find(|snapshot| snapshot.run.as_deref() == Some("run-1"));
    let mut seen = Vec::new();
    let visit = &mut |path: &Path, node: &rustic_core::repofile::Node| {
        if node.is_file() {
            let mut content = Vec::new();
            repository.write_file(node, &mut content)?;
            match path.ends_with("gone") {
                true => assert_eq!(content, b"what nobody has any more"),
                false => assert!(content == fs::read(path).unwrap(), "{}", path.display()),
            }
            seen.push(path.to_owned());
        }
        Ok(())
    };
    repository.walk(oldest.unwrap(), files, visit).unwrap();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

fn assert_restic_agrees(place: &Path) {
    let Some((is_well, told)) = restic(place, &["check", "--read-data"]) else {
        return;
    };
    assert!(is_well && told.contains("no errors were found"), "{told}");
    let copy = tempfile::tempdir().unwrap();
    let to = copy.path().to_str().unwrap();
    for snapshot in open(place).snapshots().unwrap().good {
        let (is_well, told) = restic(place, &["restore", &snapshot.id, "--target", to]).unwrap();
        assert!(is_well, "{told}");
    }
}

/// A pack of the first backup.
fn pack(place: &Path, has_folders: bool) -> PathBuf {
    let repository = open(place);
    let index = repository.index().unwrap();
    let packs = index.packs().iter();
    let wanted = packs.filter(|pack| pack.has_folders == has_folders);
    let largest = wanted.max_by_key(|pack| pack.bytes).unwrap();
    place.join(Object::In(Folder::Data, crate::repository::hex(&largest.id)).path())
}

/// Damages, looks, repairs, saves anew, and looks again; what the first look said.
fn cured(damage: impl Fn(&Path)) -> (Vec<String>, TempDir, TempDir) {
    let (place, files) = two_backups();
    damage(place.path());
    let (told, damaged) = faults(place.path());
    assert!(!told.is_empty());
    repaired(place.path(), damaged);
    archive(place.path(), "run-3", 1_700_000_200, files.path(), true);
    (told, place, files)
}

#[test]
fn a_flipped_byte_of_a_photo_costs_nothing_after_the_next_backup() {
    let (told, place, files) = cured(|place| flip(&pack(place, false), 1000));
    assert!(told[0].contains("/album/photo`"), "{told:?}");
    assert_eq!(faults(place.path()).0, Vec::<String>::new());
    assert_oldest_is_whole(place.path(), files.path());
    assert_restic_agrees(place.path());
}

#[test]
fn a_flipped_byte_of_a_folder_costs_nothing_after_the_next_backup() {
    // The first folder that was written is the deepest; nothing in it has changed since.
    let (told, place, files) = cured(|place| flip(&pack(place, true), 20));
    assert!(told[0].contains("is not what was stored"), "{told:?}");
    assert_eq!(faults(place.path()).0, Vec::<String>::new());
    assert_oldest_is_whole(place.path(), files.path());
    assert_restic_agrees(place.path());
}

#[test]
fn a_flipped_byte_at_the_end_of_a_pack_costs_nothing_at_all() {
    let (_, place, files) = cured(|place| {
        let pack = pack(place, false);
        let bytes = fs::metadata(&pack).unwrap().len();
        flip(&pack, usize::try_from(bytes).unwrap() - 20);
    });
    assert_eq!(faults(place.path()).0, Vec::<String>::new());
    assert_oldest_is_whole(place.path(), files.path());
    assert_restic_agrees(place.path());
}

#[test]
fn of_a_missing_pack_comes_back_what_still_is_on_this_machine() {
    let (told, place, files) = cured(|place| fs::remove_file(pack(place, false)).unwrap());
    assert!(told[0].contains("is missing"), "{told:?}");
    let (left, damaged) = faults(place.path());
    assert_eq!(damaged, Vec::<String>::new(), "no pack is missing any more");
    let [left] = &left[..] else {
        panic!("{left:?}")
    };
    for part in ["in no index", "1 backup", "run-1", "/gone`"] {
        assert!(left.contains(part), "{part}: {left}");
    }
    assert!(!left.contains("photo"), "{left}");
    let text = repaired(place.path(), damaged);
    assert_eq!(text, Vec::<String>::new(), "nothing is left to repair");
    drop(files);
}

#[test]
fn all_folders_that_are_as_they_were_come_back() {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(files.path().join("a/b/c")).unwrap();
    fs::write(files.path().join("a/b/c/note"), "a note").unwrap();
    let (_, repository) = new_repository(place.path());
    archive_files(
        &repository,
        "run-1",
        Part::Files,
        1_700_000_000,
        files.path(),
    );
    fs::remove_file(pack(place.path(), true)).unwrap();
    let (told, damaged) = faults(place.path());
    assert!(told[0].contains("is missing"), "{told:?}");
    repaired(place.path(), damaged);
    archive(place.path(), "run-2", 1_700_000_100, files.path(), true);
    assert_eq!(faults(place.path()).0, Vec::<String>::new());
    assert_restic_agrees(place.path());
}

#[test]
fn a_damaged_index_is_written_anew() {
    let (place, files) = two_backups();
    flip(&largest(place.path(), Folder::Index), 100);
    let (told, damaged) = faults(place.path());
    assert!(told[0].contains("The index"), "{told:?}");
    let done = repaired(place.path(), damaged);
    assert!(done[0].contains("written anew"), "{done:?}");
    assert_eq!(faults(place.path()).0, Vec::<String>::new());
    assert_oldest_is_whole(place.path(), files.path());
    assert_restic_agrees(place.path());
}

#[test]
fn a_damaged_or_missing_configuration_comes_from_the_claim() {
    for is_missing in [false, true] {
        let (place, files) = two_backups();
        let path = place.path().join("config");
        match is_missing {
            true => fs::remove_file(&path).unwrap(),
            false => flip(&path, 40),
        }
        assert_oldest_is_whole(place.path(), files.path());
        let (told, _) = faults(place.path());
        assert!(told[0].contains("`config`"), "{told:?}");
        let done = repaired(place.path(), Vec::new());
        assert!(done[0].contains("configuration"), "{done:?}");
        assert_eq!(faults(place.path()).0, Vec::<String>::new());
        archive(place.path(), "run-3", 1_700_000_200, files.path(), false);
        assert_restic_agrees(place.path());
    }
}

#[test]
fn a_damaged_key_is_replaced_and_without_any_it_is_said_what_to_put_back() {
    let (place, _files) = two_backups();
    let keys = |place: &Path| -> Vec<PathBuf> {
        let listed = PlainFolder::at(place).list(Folder::Keys).unwrap();
        let paths = listed.into_iter();
        paths
            .map(|(id, _)| place.join(Object::In(Folder::Keys, id).path()))
            .collect()
    };
    let before = keys(place.path());
    flip(&before[0], 50);
    let (told, _) = faults(place.path());
    assert!(told[0].contains("The key"), "{told:?}");
    repaired(place.path(), Vec::new());
    assert_eq!(faults(place.path()).0, Vec::<String>::new());
    assert_eq!(keys(place.path()).len(), 2);
    assert!(!before[0].exists());
    assert_restic_agrees(place.path());

    for key in keys(place.path()) {
        flip(&key, 50);
    }
    let failure = Repository::open(PlainFolder::at(place.path()), PASSWORD, None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Damaged);
    for part in ["`keys/", "Put that one file back", "Nothing"] {
        assert!(failure.sentence.contains(part), "{part}: {failure}");
    }
}

#[test]
fn nothing_is_done_where_nothing_is_damaged() {
    let (place, _files) = two_backups();
    let listed = |place: &Path| {
        let mut listed = PlainFolder::at(place).list(Folder::Index).unwrap();
        listed.sort_unstable();
        listed
    };
    let before = listed(place.path());
    assert_eq!(repaired(place.path(), Vec::new()), Vec::<String>::new());
    assert_eq!(listed(place.path()), before);
}
