//! What lies beside takes the place of what is there.

use super::*;

const NOW: &str = "20261121T141500Z";

struct Box {
    folder: tempfile::TempDir,
}

impl Box {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        file::replace(&self.at(name), text.as_bytes(), 0o644).unwrap();
        self.at(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }
}

#[test]
fn what_was_there_is_kept() {
    let here = Box::new();
    let beside = here.put(".a.ondol-restore-r", "new");
    let place = here.put("a", "old");
    let kept = exchange(&beside, &place, NOW).unwrap();
    assert_eq!(kept, Some(here.at("a.before-restore-20261121T141500Z")));
    assert_eq!(here.names(), ["a", "a.before-restore-20261121T141500Z"]);
    assert_eq!(here.text("a"), "new");
    assert_eq!(here.text("a.before-restore-20261121T141500Z"), "old");

    let beside = here.put(".a.ondol-restore-r", "newer");
    exchange(&beside, &place, NOW).unwrap();
    assert_eq!(here.text("a.before-restore-20261121T141500Z-2"), "new");
}

#[test]
fn where_nothing_was_it_is_put_all_the_same() {
    let here = Box::new();
    fs::create_dir(here.at(".a.ondol-restore-r")).unwrap();
    let kept = exchange(&here.at(".a.ondol-restore-r"), &here.at("a"), NOW).unwrap();
    assert_eq!((kept, here.names()), (None, vec!["a".to_owned()]));
}

#[test]
fn what_a_database_has_beside_it_goes_with_the_old_one() {
    let here = Box::new();
    let beside = here.put(".db.ondol-restore-r", "SQLite format 3\0new");
    let place = here.put("db", "SQLite format 3\0old");
    here.put("db-wal", "log");
    here.put("db-shm", "shared");
    exchange(&beside, &place, NOW).unwrap();
    let kept = "db.before-restore-20261121T141500Z";
    let expected = [
        "db".to_owned(),
        kept.to_owned(),
        format!("{kept}-shm"),
        format!("{kept}-wal"),
    ];
    assert_eq!(here.names(), expected);
}

#[test]
fn asking_again_goes_on_where_it_was_ended() {
    // Before the exchange.
    let here = Box::new();
    let beside = here.put(".a.ondol-restore-r", "new");
    let place = here.put("a", "old");
    begin(&beside, here.folder.path(), OsStr::new("a")).unwrap();
    assert!(!beside.exists());
    exchange(&beside, &place, NOW).unwrap();
    assert_eq!(here.text("a"), "new");
    assert_eq!(here.text("a.before-restore-20261121T141500Z"), "old");

    // After it.
    let here = Box::new();
    let beside = here.put(".a.ondol-restore-r", "new");
    let place = here.put("a", "old");
    let (next, _) = begin(&beside, here.folder.path(), OsStr::new("a")).unwrap();
    rustix::fs::renameat_with(CWD, &next, CWD, &place, RenameFlags::EXCHANGE).unwrap();
    exchange(&beside, &place, NOW).unwrap();
    assert_eq!(here.text("a"), "new");
    assert_eq!(here.text("a.before-restore-20261121T141500Z"), "old");

    // When all was done.
    let error = exchange(&beside, &place, NOW).unwrap_err();
    assert!(error.to_string().contains("restore it again"), "{error}");
    assert_eq!(here.text("a"), "new");
}
