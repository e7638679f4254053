//! Secrets as owners leave them: with a line end, readable by all, gone.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::file;

const SECRET: &str = "kuromoji-7";

/// A file with these bytes and this mode in a folder of its own.
fn read(bytes: &[u8], mode: u32) -> Result<SecretText, SecretError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    file::replace(&path, bytes, mode).unwrap();
    from_file(&path)
}

fn text(bytes: &[u8]) -> String {
    read(bytes, 0o600).unwrap().as_str().to_owned()
}

#[test]
fn one_line_end_is_not_part_of_the_secret() {
    assert_eq!(text(b"kuromoji-7"), SECRET);
    assert_eq!(text(b"kuromoji-7\n"), SECRET);
    assert_eq!(text(b"kuromoji-7\r\n"), SECRET);
    assert_eq!(text(b"kuromoji-7\n\n"), "kuromoji-7\n");
    assert_eq!(text(b" kuromoji-7 "), " kuromoji-7 ");
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_way_out() {
    for mode in [0o600, 0o400] {
        assert!(read(SECRET.as_bytes(), mode).is_ok(), "{mode:o}");
    }
    for mode in [0o604, 0o644, 0o666, 0o602, 0o601] {
        let error = read(SECRET.as_bytes(), mode).unwrap_err().to_string();
        assert!(error.contains("can be read by other users"), "{error}");
        assert!(error.contains("`chmod go= /"), "{error}");
        assert!(!error.contains(SECRET), "{error}");
    }
}

#[test]
fn the_group_may_read_when_it_is_roots_or_this_processes_own() {
    for (mode, group, exposed) in [
        (0o640, ROOT, false),
        (0o660, ROOT, false),
        (0o640, 33, false),
        (0o640, 1000, true),
        (0o620, 1000, true),
        (0o600, 1000, false),
        (0o644, ROOT, true),
    ] {
        assert_eq!(is_exposed(mode, group, 33), exposed, "{mode:o} {group}");
    }
}

#[test]
fn what_is_no_secret_is_an_error_that_says_so() {
    let said = |bytes: &[u8]| read(bytes, 0o600).unwrap_err().to_string();
    assert!(said(b"").contains("is empty"));
    assert!(said(b"\n").contains("is empty"));
    assert!(said(b"\xff\xfe").contains("is not text"));
    let most = usize::try_from(SECRET_BYTES_MAX).unwrap();
    assert_eq!(text(&vec![b'a'; most]).len(), most);
    assert!(said(&vec![b'a'; most + 1]).contains("larger than 65536 bytes"));
}

#[test]
fn what_is_no_file_is_an_error_and_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).unwrap();
    let missing = folder.path().join("missing");
    for path in [fifo.as_path(), folder.path(), &missing] {
        let error = from_file(path).unwrap_err();
        assert!(matches!(error, SecretError::Read { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}

#[test]
fn a_new_mode_counts_at_the_next_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    file::replace(&path, b"one", 0o644).unwrap();
    assert!(from_file(&path).is_err());
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(from_file(&path).unwrap().as_str(), "one");
}

#[test]
fn a_variable_is_read_and_one_that_is_not_there_is_named() {
    let path = from_environment("PATH").unwrap();
    assert!(path.as_str().contains('/'));
    for name in ["ONDOL_TEST_NOT_SET", "", "A=B"] {
        let error = from_environment(name).unwrap_err().to_string();
        let expected = format!("the environment variable {name} is not set, or empty");
        assert_eq!(error, expected);
    }
}

#[test]
fn neither_debug_nor_an_error_shows_a_secret() {
    let secret = SecretText::new(SECRET);
    assert_eq!(format!("{secret:?}"), "SecretText(…)");
    let exposed = read(SECRET.as_bytes(), 0o644).unwrap_err();
    assert!(!format!("{exposed:?}").contains(SECRET));
}
