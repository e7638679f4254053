//! Locks of ours, of others, and of nobody.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use jiff::Timestamp;

use super::Content;
use super::Process;
use crate::failure::FailureKind;
use crate::repository::Repository;
use crate::repository::seal::hash;
use crate::repository::seal::hex;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Target;
use crate::target::Trouble;
use crate::testing::Call;
use crate::testing::PASSWORD;
use crate::testing::PlainFolder;
use crate::testing::new_repository;
use crate::testing::restic;

fn locks(place: &Path) -> usize {
    PlainFolder::at(place).list(Folder::Locks).unwrap().len()
}

/// Writes a lock of somebody else.
fn put(repository: &Repository, change: impl Fn(&mut Content)) {
    let mut content = Content::of_this(false);
    content.hostname = "cellar".to_owned();
    content.pid = 77;
    content.process = None;
    change(&mut content);
    let text = serde_json::to_vec(&content).unwrap();
    let sealed = repository.seal.close(&text).unwrap();
    let object = Object::In(Folder::Locks, hex(&hash(&sealed)));
    repository
        .target()
        .write(&object, &[Bytes::from(sealed)])
        .unwrap();
}

#[test]
fn who_removes_is_alone_and_others_share() {
    let place = tempfile::tempdir().unwrap();
    let (_, repository) = new_repository(place.path());
    let one = repository.lock(false).unwrap();
    let other = repository.lock(false).unwrap();
    assert_eq!(locks(place.path()), 2);
    let refused = repository.lock(true).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Locked);
    assert!(refused.sentence.contains("by ondol on"), "{refused}");
    drop((one, other));
    assert_eq!(
        locks(place.path()),
        0,
        "the refused one leaves nothing either"
    );
    let alone = repository.lock(true).unwrap();
    assert_eq!(
        repository.lock(false).unwrap_err().kind,
        FailureKind::Locked
    );
    drop(alone);
    assert_eq!(locks(place.path()), 0);
}

#[test]
fn the_lock_of_somebody_who_is_gone_is_removed() {
    let place = tempfile::tempdir().unwrap();
    let (_, repository) = new_repository(place.path());
    let ago = |minutes| Timestamp::now() - SignedDuration::from_mins(minutes);
    put(&repository, |lock| lock.time = ago(29));
    let fresh = repository.lock(true).unwrap_err();
    assert!(fresh.sentence.contains("cellar (process 77)"), "{fresh}");
    std::fs::remove_dir_all(place.path().join("locks")).unwrap();
    put(&repository, |lock| lock.time = ago(31));
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let process = Process::of(child.id()).unwrap();
    put(&repository, |lock| {
        lock.pid = child.id();
        lock.process = Some(process.clone());
    });
    assert_eq!(repository.lock(true).unwrap_err().kind, FailureKind::Locked);
    assert_eq!(locks(place.path()), 1, "the old one is gone");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(repository.lock(true).unwrap());
    let cut_off = Object::In(Folder::Locks, "0".repeat(64));
    repository
        .target()
        .write(&cut_off, &[Bytes::from_static(b"half a l")])
        .unwrap();
    drop(repository.lock(true).unwrap());
    assert_eq!(locks(place.path()), 0);
}

#[test]
fn a_lock_is_written_anew_without_a_moment_between() {
    let place = tempfile::tempdir().unwrap();
    let (_, repository) = new_repository(place.path());
    let lock = repository.lock(false).unwrap();
    let before = PlainFolder::at(place.path()).list(Folder::Locks).unwrap();
    lock.held.write_anew();
    let after = PlainFolder::at(place.path()).list(Folder::Locks).unwrap();
    assert!(before.len() == 1 && after.len() == 1 && before != after);
    drop(lock);
    assert_eq!(locks(place.path()), 0);
}

#[test]
fn who_may_only_read_reads_without_a_lock() {
    let place = tempfile::tempdir().unwrap();
    let (target, _) = new_repository(place.path());
    target.refuse(Call::Write(Folder::Locks), Trouble::Refused);
    let repository = Repository::open(Arc::clone(&target) as _, PASSWORD, None).unwrap();
    drop(repository.lock(false).unwrap());
    assert_eq!(
        repository.lock(true).unwrap_err().kind,
        FailureKind::Refused
    );
}

#[test]
fn on_a_full_disk_what_is_there_is_read_without_a_lock() {
    let place = tempfile::tempdir().unwrap();
    let (target, repository) = new_repository(place.path());
    target.refuse(Call::Write(Folder::Locks), Trouble::Full);
    drop(repository.lock(false).unwrap());
    assert_eq!(repository.lock(true).unwrap_err().kind, FailureKind::Full);
}

#[test]
fn restic_and_ondol_respect_each_other() {
    let place = tempfile::tempdir().unwrap();
    let (_, repository) = new_repository(place.path());
    let lock = repository.lock(false).unwrap();
    let Some((is_done, told)) = restic(place.path(), &["prune"]) else {
        return;
    };
    assert!(
        !is_done && told.contains("repository is already locked"),
        "{told}"
    );
    drop(lock);
    let (is_done, told) = restic(place.path(), &["prune"]).unwrap();
    assert!(is_done, "{told}");
}

#[test]
fn a_lock_that_is_held_for_long_is_written_anew_by_itself() {
    let place = tempfile::tempdir().unwrap();
    let (_, repository) = new_repository(place.path());
    let often = Duration::from_millis(1);
    let lock = repository.lock_anew_every(often, false).unwrap();
    let listed = || PlainFolder::at(place.path()).list(Folder::Locks).unwrap();
    let first = lock.held.object.lock().unwrap().clone();
    let Some(Object::In(_, first)) = first else {
        panic!("{first:?}")
    };
    let until = ondol_base::clock::monotonic_us() + 20_000_000;
    while listed().iter().any(|(id, _)| *id == first) {
        let now = ondol_base::clock::monotonic_us();
        assert!(now < until, "it is still the first");
        std::thread::yield_now();
    }
    assert!(!listed().is_empty(), "there is one all the time");
    drop(lock);
    assert_eq!(locks(place.path()), 0);
}
