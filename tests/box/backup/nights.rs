//! Backups are taken and proven, and shown so.

use super::Kept;
use super::restic;
use super::said;

#[test]
fn what_was_saved_is_proven_with_its_apps_and_restic_reads_it() {
    let kept = Kept::new();
    assert_eq!(kept.notes("/add"), "1 notes");
    let before = kept.done(&["backups"]);
    assert!(before.starts_with("Not proven restorable yet"), "{before}");
    let taken = kept.done(&["backup", "now"]);
    assert!(taken.contains(" files and 1 database are saved"), "{taken}");
    assert!(!taken.contains("is not there"), "{taken}");
    let drill = kept.done(&["backup", "drill"]);
    for part in [
        "all is as it was saved",
        "all 2 files of the part files came back as they were",
        "the database notes of ",
        "was started on what was restored, and said at / that it is well",
    ] {
        assert!(drill.contains(part), "no {part:?} in: {drill}");
    }
    let after = kept.done(&["backups"]);
    assert!(after.starts_with("Proven restorable as of "), "{after}");
    let status = kept.done(&["status"]);
    assert!(status.contains("proven restorable as of "), "{status}");
    let backups = kept.backups();
    let database = &backups["databases"][0];
    assert_eq!(database["name"], "notes");
    assert!(database["proven_as_of"].is_string(), "{backups}");
    let event = kept.running.event("backup-proven");
    assert!(event.contains("nothing wrong; notes"), "{event}");
    let (disk, words) = (kept.path("usb/disk"), kept.words());
    if let Some(check) = restic(&disk, &words, &["check", "--read-data"]) {
        let said = said(&check);
        assert!(
            check.status.success() && said.contains("no errors"),
            "{said}"
        );
    }
}

#[test]
fn a_byte_that_flipped_is_found_and_outranks_the_good_backup() {
    let kept = Kept::new();
    kept.done(&["backup", "now"]);
    kept.done(&["backup", "verify"]);
    let packs = walkdir(&kept.path("usb/disk/data"));
    for pack in packs {
        let mut content = std::fs::read(&pack).unwrap();
        content[20] ^= 1;
        std::fs::remove_file(&pack).unwrap();
        std::fs::write(&pack, content).unwrap();
    }
    let found = kept.refused(&["backup", "verify", "--full"]);
    assert!(found.contains("can't be relied on"), "{found}");
    let shown = kept.done(&["backups"]);
    assert!(
        shown.starts_with("Not proven restorable: the last proof failed"),
        "{shown}"
    );
    assert!(shown.contains("did not prove restorable: "), "{shown}");
}

fn walkdir(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walkdir(&path));
        } else {
            files.push(path);
        }
    }
    files
}
