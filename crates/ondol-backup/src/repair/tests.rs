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
use crate::repository::hex;
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

/// A repository with two backups, and what they are of.
struct Backed {
    place: TempDir,
    files: TempDir,
    repository: Repository,
}

/// Two backups of folders with a photo and texts; the text `gone` is in the first alone, and on no disk now.
fn two_backups() -> Backed {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(files.path().join("album/old")).unwrap();
    let photo: Vec<u8> = (0..1_500_000u32)
        .flat_map(|n| n.wrapping_mul(n ^ 77).to_le_bytes())
        .collect();
    fs::write(files.path().join("album/photo"), photo).unwrap();
    fs::write(files.path().join("album/old/note"), "a note").unwrap();
    fs::write(files.path().join("gone"), GONE).unwrap();
    let (_, repository) = new_repository(place.path());
    let claim = ClaimWork {
        take_over: false,
        recovered_from: None,
    };
    repository.claim(&claim, &this_box()).unwrap();
    let backed = Backed {
        place,
        files,
        repository,
    };
    backed.take("run-1", 1_700_000_000, false);
    fs::remove_file(backed.files.path().join("gone")).unwrap();
    backed.take("run-2", 1_700_000_100, false);
    backed
}

impl Backed {
    fn place(&self) -> &Path {
        self.place.path()
    }

    fn take(&self, run: &str, at: i64, anew: bool) {
        let repository = self.repository.afresh();
        if anew {
            repository.read_anew();
        }
        archive_files(&repository, run, Part::Files, at, self.files.path());
    }

    /// What is not right, and which packs are damaged.
    fn faults(&self) -> (Vec<String>, Vec<String>) {
        faults(&self.repository.afresh())
    }

    fn repair(&self, packs: Vec<String>) -> Vec<String> {
        repaired(&self.repository.afresh(), packs)
    }

    /// Damages, looks, repairs, saves anew; what the look said.
    fn cure(&self, damage: impl Fn(&Self)) -> Vec<String> {
        damage(self);
        let (told, damaged) = self.faults();
        assert!(!told.is_empty());
        self.repair(damaged);
        self.take("run-3", 1_700_000_200, true);
        told
    }

    /// The largest pack.
    fn pack(&self, has_folders: bool) -> PathBuf {
        let index = self.repository.afresh().index().unwrap();
        let packs = index.packs().iter();
        let wanted = packs.filter(|pack| pack.has_folders == has_folders);
        let largest = wanted.max_by_key(|pack| pack.bytes).unwrap();
        let object = Object::In(Folder::Data, hex(&largest.id));
        self.place().join(object.path())
    }

    /// Nothing is wrong, to stock restic neither, and every file of the oldest backup is as it was.
    fn assert_whole(&self, repository: &Repository) {
        assert_eq!(faults(repository).0, Vec::<String>::new());
        let snapshots = repository.snapshots().unwrap().good;
        let mut snapshots = snapshots.iter();
        let oldest = snapshots.find(|snapshot| snapshot.run.as_deref() == Some("run-1"));
        let oldest = oldest.unwrap();
        for name in ["album/photo", "album/old/note", "gone"] {
            let path = self.files.path().join(name);
            let node = repository.node(oldest, &path).unwrap().unwrap();
            let mut content = Vec::new();
            repository.write_file(&node, &mut content).unwrap();
            match name {
                "gone" => assert_eq!(content, GONE.as_bytes()),
                _ => assert!(content == fs::read(&path).unwrap(), "{name}"),
            }
        }
        let Some((is_well, told)) = restic(self.place(), &["check", "--read-data"]) else {
            return;
        };
        assert!(is_well && told.contains("no errors were found"), "{told}");
        let copy = tempfile::tempdir().unwrap();
        let to = copy.path().to_str().unwrap();
        let (is_well, told) =
            restic(self.place(), &["restore", &oldest.id, "--target", to]).unwrap();
        assert!(is_well, "{told}");
        let gone = self.files.path().join("gone");
        let restored = copy.path().join(gone.strip_prefix("/").unwrap());
        assert_eq!(fs::read_to_string(restored).unwrap(), GONE);
    }
}

const GONE: &str = "what nobody has any more";

fn faults(repository: &Repository) -> (Vec<String>, Vec<String>) {
    let all = CheckWork { share: 1, of: 1 };
    match check(repository, &all, &Reporter::silent()).unwrap() {
        Found::Checked {
            faults, damaged, ..
        } => (faults, damaged),
        other => panic!("{other:?}"),
    }
}

fn repaired(repository: &Repository, packs: Vec<String>) -> Vec<String> {
    let work = RepairWork {
        packs,
        everything: false,
    };
    match repair(repository, &work, PASSWORD, &Reporter::silent()).unwrap() {
        Found::Repaired { done, .. } => done,
        other => panic!("{other:?}"),
    }
}

fn open(place: &Path) -> Repository {
    Repository::open(PlainFolder::at(place), PASSWORD, None).unwrap()
}

#[test]
fn a_flipped_byte_of_a_photo_costs_nothing_after_the_next_backup() {
    let backed = two_backups();
    let told = backed.cure(|backed| flip(&backed.pack(false), 1000));
    assert!(told[0].contains("/album/photo`"), "{told:?}");
    backed.assert_whole(&backed.repository.afresh());
}

#[test]
fn a_flipped_byte_of_a_folder_costs_nothing_after_the_next_backup() {
    let backed = two_backups();
    // The first folder that is written is the deepest; nothing in it has changed since.
    let told = backed.cure(|backed| flip(&backed.pack(true), 20));
    assert!(told[0].contains("is not what was stored"), "{told:?}");
    backed.assert_whole(&backed.repository.afresh());
}

#[test]
fn a_flipped_byte_at_the_end_of_a_pack_costs_nothing_at_all() {
    let backed = two_backups();
    backed.cure(|backed| {
        let pack = backed.pack(false);
        let bytes = fs::metadata(&pack).unwrap().len();
        flip(&pack, usize::try_from(bytes).unwrap() - 20);
    });
    backed.assert_whole(&backed.repository.afresh());
}

#[test]
fn of_a_missing_pack_comes_back_what_still_is_on_this_machine() {
    let backed = two_backups();
    let told = backed.cure(|backed| fs::remove_file(backed.pack(false)).unwrap());
    assert!(told[0].contains("is missing"), "{told:?}");
    let (left, damaged) = backed.faults();
    assert_eq!(damaged, Vec::<String>::new(), "no pack is missing any more");
    let [left] = &left[..] else {
        panic!("{left:?}")
    };
    for part in ["in no index", "1 backup", "run-1", "/gone`"] {
        assert!(left.contains(part), "{part}: {left}");
    }
    assert!(!left.contains("photo"), "{left}");
    let done = backed.repair(damaged);
    assert_eq!(done, Vec::<String>::new(), "nothing is left to repair");
}

#[test]
fn all_folders_that_are_as_they_were_come_back() {
    let (place, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(files.path().join("a/b/c")).unwrap();
    fs::write(files.path().join("a/b/c/note"), "a note").unwrap();
    let (_, repository) = new_repository(place.path());
    let backed = Backed {
        place,
        files,
        repository,
    };
    backed.take("run-1", 1_700_000_000, false);
    let told = backed.cure(|backed| fs::remove_file(backed.pack(true)).unwrap());
    assert!(told[0].contains("is missing"), "{told:?}");
    assert_eq!(backed.faults().0, Vec::<String>::new());
    if let Some((is_well, told)) = restic(backed.place(), &["check", "--read-data"]) {
        assert!(is_well, "{told}");
    }
}

#[test]
fn a_damaged_index_is_written_anew() {
    let backed = two_backups();
    flip(&largest(backed.place(), Folder::Index), 100);
    let (told, damaged) = backed.faults();
    assert!(told[0].contains("The index"), "{told:?}");
    let done = backed.repair(damaged);
    assert!(done[0].contains("written anew"), "{done:?}");
    backed.assert_whole(&backed.repository.afresh());
}

#[test]
fn a_damaged_or_missing_configuration_comes_from_the_claim() {
    let backed = two_backups();
    let path = backed.place().join("config");
    for is_missing in [false, true] {
        match is_missing {
            true => fs::remove_file(&path).unwrap(),
            false => flip(&path, 40),
        }
        let repository = open(backed.place());
        assert_eq!(repository.id(), backed.repository.id());
        let (told, _) = faults(&repository);
        assert!(told[0].contains("`config`"), "{told:?}");
        let done = repaired(&repository, Vec::new());
        assert!(done[0].contains("configuration"), "{done:?}");
    }
    backed.take("run-3", 1_700_000_200, false);
    backed.assert_whole(&open(backed.place()));
}

#[test]
fn a_damaged_key_is_replaced_and_without_any_it_is_said_what_to_put_back() {
    let backed = two_backups();
    let keys = || -> Vec<PathBuf> {
        let listed = PlainFolder::at(backed.place()).list(Folder::Keys).unwrap();
        let paths = listed.into_iter();
        paths
            .map(|(id, _)| backed.place().join(Object::In(Folder::Keys, id).path()))
            .collect()
    };
    let before = keys();
    flip(&before[0], 50);
    let (told, _) = backed.faults();
    assert!(told[0].contains("The key"), "{told:?}");
    backed.repair(Vec::new());
    assert_eq!(keys().len(), 2);
    assert!(!before[0].exists());
    backed.assert_whole(&open(backed.place()));

    for key in keys() {
        flip(&key, 50);
    }
    let failure = Repository::open(PlainFolder::at(backed.place()), PASSWORD, None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Damaged);
    for part in ["`keys/", "Put that one file back", "Nothing"] {
        assert!(failure.sentence.contains(part), "{part}: {failure}");
    }
}

#[test]
fn nothing_is_done_where_nothing_is_damaged() {
    let backed = two_backups();
    let listed = || {
        let listed = PlainFolder::at(backed.place()).list(Folder::Index);
        let mut listed = listed.unwrap();
        listed.sort_unstable();
        listed
    };
    let before = listed();
    assert_eq!(backed.repair(Vec::new()), Vec::<String>::new());
    assert_eq!(listed(), before);
}
