//! Damages of each kind, and what is said of them.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::fs;
use std::path::Path;

use ondol_model::backup::Part;
use tempfile::TempDir;

use crate::check::check;
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
use crate::work::CheckWork;

fn all() -> CheckWork {
    CheckWork { share: 1, of: 1 }
}

fn found(place: &Path, work: &CheckWork) -> (u64, Vec<String>) {
    let repository = Repository::open(PlainFolder::at(place), PASSWORD, None).unwrap();
    match check(&repository, work, &Reporter::silent()).unwrap() {
        Found::Checked { packs, faults, .. } => (packs, faults),
        other => panic!("{other:?}"),
    }
}

/// A repository with two backups of a photo and a text, and the folder that they are of.
fn two_backups() -> (TempDir, TempDir) {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(files.path().join("album")).unwrap();
    let photo: Vec<u8> = (0..2_000_000u32)
        .flat_map(|n| n.wrapping_mul(n ^ 77).to_le_bytes())
        .collect();
    fs::write(files.path().join("album/photo"), photo).unwrap();
    fs::write(files.path().join("note"), "one").unwrap();
    let (_, repository) = new_repository(place.path());
    archive_files(
        &repository,
        "run-1",
        Part::Files,
        1_700_000_000,
        files.path(),
    );
    fs::write(files.path().join("note"), "another").unwrap();
    archive_files(
        &repository,
        "run-2",
        Part::Files,
        1_700_000_100,
        files.path(),
    );
    (place, files)
}

#[test]
fn what_is_whole_has_no_faults_and_each_pack_is_read_at_one_turn() {
    let (place, _files) = two_backups();
    let (packs, faults) = found(place.path(), &all());
    assert_eq!(faults, Vec::<String>::new());
    assert!(packs >= 4, "{packs}");
    let folders = found(
        place.path(),
        &CheckWork {
            share: 1,
            of: 60_000,
        },
    )
    .0;
    let turns = (1..=3).map(|share| found(place.path(), &CheckWork { share, of: 3 }).0);
    assert_eq!(turns.sum::<u64>() - 3 * folders, packs - folders);
}

#[test]
fn a_flipped_byte_in_a_pack_is_found_and_its_file_named() {
    let (place, _files) = two_backups();
    let pack = largest(place.path(), Folder::Data);
    flip(&pack, 1000);
    let (_, faults) = found(place.path(), &all());
    let [fault] = &faults[..] else {
        panic!("{faults:?}")
    };
    let id = pack.file_name().unwrap().to_str().unwrap();
    for part in [id, "2 backups", "the newest run-2", "/album/photo`"] {
        assert!(fault.contains(part), "{part}: {fault}");
    }
    assert!(!fault.contains("note"), "{fault}");
    let (_, later) = found(
        place.path(),
        &CheckWork {
            share: 1,
            of: 60_000,
        },
    );
    assert_eq!(later, Vec::<String>::new(), "its turn is another day");
}

#[test]
fn a_missing_and_a_short_pack_are_found_without_being_read() {
    let (place, _files) = two_backups();
    let pack = largest(place.path(), Folder::Data);
    let whole = fs::read(&pack).unwrap();
    fs::write(&pack, &whole[..whole.len() - 1]).unwrap();
    let (_, short) = found(
        place.path(),
        &CheckWork {
            share: 1,
            of: 60_000,
        },
    );
    assert!(
        short.len() == 1 && short[0].contains("bytes instead of"),
        "{short:?}"
    );
    fs::remove_file(&pack).unwrap();
    let (_, missing) = found(
        place.path(),
        &CheckWork {
            share: 1,
            of: 60_000,
        },
    );
    assert!(
        missing.len() == 1 && missing[0].contains("is missing"),
        "{missing:?}"
    );
    assert!(missing[0].contains("/album/photo`"), "{missing:?}");
}

#[test]
fn a_flipped_byte_in_any_object_is_found() {
    let (place, _files) = two_backups();
    for folder in [Folder::Keys, Folder::Index, Folder::Snapshots, Folder::Data] {
        for (id, bytes) in PlainFolder::at(place.path()).list(folder).unwrap() {
            let path = place.path().join(Object::In(folder, id).path());
            let at = usize::try_from(bytes).unwrap() / 3;
            flip(&path, at);
            let (_, faults) = found(place.path(), &all());
            assert!(!faults.is_empty(), "{}", path.display());
            flip(&path, at);
        }
    }
    assert_eq!(found(place.path(), &all()).1, Vec::<String>::new());
}
