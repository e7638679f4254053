//! Replacing and locking on a real file system.

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_replaced_file_has_the_new_bytes_and_mode_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    for (bytes, mode) in [(b"one".as_slice(), 0o600), (b"two", 0o666), (b"", 0o640)] {
        replace(&path, bytes, mode).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, mode);
    }
    assert_eq!(names(folder.path()), ["key.pem"]);
}

#[test]
fn a_reader_of_the_old_file_keeps_the_old_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    replace(&path, b"old", 0o600).unwrap();
    let mut old = File::open(&path).unwrap();
    replace(&path, b"new and longer", 0o600).unwrap();
    assert_eq!(io::read_to_string(&mut old).unwrap(), "old");
}

#[test]
fn a_replacement_that_fails_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    std::fs::create_dir(&path).unwrap();
    assert!(replace(&path, b"a folder is in the way", 0o600).is_err());
    assert_eq!(names(folder.path()), ["state"]);
    assert!(replace(&folder.path().join("missing/state"), b"", 0o600).is_err());
    assert!(replace(Path::new("/"), b"", 0o600).is_err());
}

#[test]
fn writers_at_the_same_time_never_mix_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    std::thread::scope(|scope| {
        for letter in *b"abcd" {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..10 {
                    replace(path, &[letter; 5000], 0o600).unwrap();
                }
            });
        }
    });
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 5000);
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
}

#[test]
fn a_private_folder_is_closed_to_others_and_an_existing_one_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("state/certificates");
    create_dir_private(&deep).unwrap();
    for made in [&deep, &folder.path().join("state")] {
        assert_eq!(std::fs::metadata(made).unwrap().mode() & 0o777, 0o700);
    }
    std::fs::set_permissions(&deep, Permissions::from_mode(0o755)).unwrap();
    create_dir_private(&deep).unwrap();
    assert_eq!(std::fs::metadata(&deep).unwrap().mode() & 0o777, 0o755);
}

#[test]
fn a_second_lock_is_refused_and_says_which_process_has_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.lock");
    // A longer number of an earlier process must leave no digits behind.
    replace(&path, b"99999999999\n", 0o600).unwrap();
    let lock = lock_exclusive(&path).unwrap();
    let refused = lock_exclusive(&path).unwrap_err();
    let own = std::process::id();
    assert_eq!(refused.to_string(), format!("it is held by process {own}"));

    let handed_over = Lock::from(OwnedFd::from(lock));
    assert!(matches!(
        lock_exclusive(&path),
        Err(LockError::Held { pid: Some(pid) }) if pid == own
    ));
    drop(handed_over);
    lock_exclusive(&path).unwrap();
}

#[test]
fn a_lock_in_a_missing_folder_is_an_error_and_not_held() {
    let folder = tempfile::tempdir().unwrap();
    let error = lock_exclusive(&folder.path().join("missing/lock")).unwrap_err();
    assert!(matches!(error, LockError::Io(_)));
}

#[test]
fn looking_whether_a_file_is_locked_leaves_it_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.lock");
    assert!(!is_locked(&path).unwrap());
    assert!(names(folder.path()).is_empty());
    replace(&path, b"77\n", 0o600).unwrap();
    assert!(!is_locked(&path).unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), b"77\n");
    let lock = lock_exclusive(&path).unwrap();
    assert!(is_locked(&path).unwrap());
    drop(lock);
    assert!(!is_locked(&path).unwrap());
}

#[test]
fn who_looks_at_a_lock_keeps_nobody_from_taking_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.lock");
    drop(lock_exclusive(&path).unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                is_locked(&path).unwrap();
            }
        });
        let taken = (0..50).map(|_| lock_exclusive(&path).map(drop));
        let failed: Vec<_> = taken.filter_map(Result::err).collect();
        done.store(true, Ordering::Relaxed);
        assert!(failed.is_empty(), "{failed:?}");
    });
}
