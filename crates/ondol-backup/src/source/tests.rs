//! What a source gives, and what it tells of what it lacks.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::tasks;
use rusqlite::Connection;
use rustic_core::LocalSource;
use rustic_core::LocalSourceFilterOptions;
use rustic_core::LocalSourceSaveOptions;
use rustic_core::ReadSource;
use rustic_core::ReadSourceOpen;
use rustic_core::repofile::Node;
use rustix::thread::CapabilitySet;

use super::Gaps;
use super::Other;
use super::Source;
use super::Wanted;
use super::gaps::Found;
use crate::reporter::Reporter;

/// All that a source gave.
struct Given {
    nodes: Vec<(PathBuf, Node)>,
    contents: BTreeMap<PathBuf, Vec<u8>>,
    found: Found,
    seen: u64,
}

fn read(wanted: Wanted) -> Given {
    let gaps = Arc::new(Gaps::new(Reporter::silent()));
    let source = Source::new(wanted, Arc::clone(&gaps));
    let mut nodes = Vec::new();
    let mut contents = BTreeMap::new();
    for entry in source.entries() {
        let entry = entry.unwrap();
        if entry.node.is_file()
            && let Ok(mut reader) = entry.open.unwrap().open()
        {
            let mut bytes = Vec::new();
            if reader.read_to_end(&mut bytes).is_ok() {
                contents.insert(entry.path.clone(), bytes);
            }
        }
        nodes.push((entry.path, entry.node));
    }
    Given {
        nodes,
        contents,
        found: gaps.found(),
        seen: gaps.seen(),
    }
}

fn wanted(roots: &[&Path]) -> Wanted {
    Wanted {
        roots: roots.iter().map(|root| root.to_path_buf()).collect(),
        scratch: std::env::temp_dir(),
        ..Wanted::default()
    }
}

/// The paths at and below a folder, without the folder's own.
fn below(read: &Given, folder: &Path) -> Vec<String> {
    let paths = read.nodes.iter().filter_map(|(path, _)| {
        let path = path.strip_prefix(folder).ok()?;
        Some(path.to_str().unwrap().to_owned())
    });
    paths.filter(|path| !path.is_empty()).collect()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn entries_are_those_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    write(&root.join("a/b/c.txt"), "text");
    write(&root.join("a-b/x"), "");
    write(&root.join("a.txt"), "sorted between");
    write(&root.join("ä\"\\\n.txt"), "a name");
    write(&root.join(OsStr::from_bytes(b"no\xfftext")), "a name");
    fs::create_dir(root.join("empty")).unwrap();
    symlink("../nowhere", root.join("link")).unwrap();
    symlink(OsStr::from_bytes(b"no\xfftext"), root.join("link2")).unwrap();
    fs::hard_link(root.join("a.txt"), root.join("hard")).unwrap();
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o3751)).unwrap();
    fs::set_permissions(root.join("a.txt"), fs::Permissions::from_mode(0o4755)).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    let long = vec![7; 1000];
    let _ = rustix::fs::setxattr(root.join("a.txt"), "user.one", b"value", flags);
    let _ = rustix::fs::setxattr(root.join("a"), "user.long", &long, flags);
    let _ = rustix::fs::setxattr(root.join("a"), "user.none", b"", flags);
    let theirs = LocalSource::new(
        LocalSourceSaveOptions::default(),
        &Default::default(),
        &LocalSourceFilterOptions::default(),
        &[&root],
    );
    let theirs: Vec<_> = theirs
        .unwrap()
        .entries()
        .map(|entry| entry.unwrap().as_tree_entry())
        .collect();
    let ours = read(wanted(&[&root]));
    // The library leaves out the root itself.
    let nodes = ours
        .nodes
        .iter()
        .filter(|(path, _)| *path != root && path.starts_with(&root));
    assert_eq!(nodes.cloned().collect::<Vec<_>>(), theirs);
    assert_eq!(ours.contents[&root.join("a/b/c.txt")], b"text");
    assert_eq!(ours.found.unreadable, 0);
    assert_eq!(ours.seen, 6);
    // The folders above are there with their owners and rights.
    let above = ours.nodes.iter().take_while(|(path, _)| *path != root);
    let above: Vec<_> = above.map(|(path, _)| path.as_path()).collect();
    let mut expected: Vec<_> = root.ancestors().skip(1).collect();
    expected.pop();
    expected.reverse();
    assert_eq!(above, expected);
}

#[track_caller]
fn check(root: &Path, roots: &[&str], left_out: &[&str], patterns: &[&str], expected: &[&str]) {
    let path = |name: &&str| match *name {
        "" => root.to_owned(),
        name => root.join(name),
    };
    let roots: Vec<_> = roots.iter().map(path).collect();
    let read = read(Wanted {
        left_out: left_out.iter().map(path).collect(),
        patterns: patterns.iter().map(ToString::to_string).collect(),
        ..wanted(&roots.iter().map(PathBuf::as_path).collect::<Vec<_>>())
    });
    assert_eq!(below(&read, root), expected);
}

#[test]
fn what_is_left_out_is_and_what_is_named_below_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for path in [
        "app/code",
        "app/data/photo",
        "app/data/tmp/x",
        "b/c",
        "b/x.tmp",
        "z",
    ] {
        write(&root.join(path), "x");
    }
    let data = [
        "app/data",
        "app/data/photo",
        "app/data/tmp",
        "app/data/tmp/x",
    ];
    let all = [&["app", "app/code"], &data[..]].concat();
    check(root, &["app"], &[], &[], &all);
    check(root, &["app"], &["app/data"], &[], &["app", "app/code"]);
    // A root below what is left out, where the folder above is a root too.
    let expected = [&["app"], &data[..], &["z"]].concat();
    check(root, &["", "app/data"], &["app", "b"], &[], &expected);
    let expected = [&["app"], &data[..]].concat();
    check(root, &["app/data"], &["app"], &[], &expected);
    check(root, &["b", "z"], &["b/c"], &["*.tmp"], &["b", "z"]);
    let expected = ["app", "app/data", "app/data/photo"];
    check(root, &["app"], &[], &["tmp", "code"], &expected);
    let expected = ["app", "app/data", "app/data/tmp", "app/data/tmp/x"];
    check(root, &["app/data/tmp"], &[], &["tmp"], &expected);
    let excluded = root.join("app/d*").to_str().unwrap().to_owned();
    let roots = ["app", "app/data/tmp"];
    check(root, &roots, &[], &[&excluded], &["app", "app/code"]);
    check(root, &["gone", "z"], &[], &[], &["z"]);
}

#[test]
fn a_root_that_is_a_link_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(&root.join("real/site/index.html"), "x");
    symlink("real/site", root.join("current")).unwrap();
    symlink("real", root.join("way")).unwrap();
    let found = read(wanted(&[&root.join("current")]));
    assert_eq!(
        below(&found, root),
        ["current", "real", "real/site", "real/site/index.html"]
    );
    // A link on the way is a folder in the snapshot: that is how the owner names it.
    let found = read(wanted(&[&root.join("way/site")]));
    assert_eq!(
        below(&found, root),
        ["way", "way/site", "way/site/index.html"]
    );
    assert!(found.nodes.iter().all(|(_, node)| !node.is_symlink()));
}

#[test]
fn what_needs_no_backup_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(
        &root.join("cache/CACHEDIR.TAG"),
        "Signature: 8a477f597d28d172789f06886806bc55\n# x",
    );
    write(&root.join("cache/big"), "x");
    write(&root.join("nocache/CACHEDIR.TAG"), "not it");
    write(&root.join("nocache/kept"), "x");
    for name in ["config", "data/00", "index/x", "keys/x", "snapshots/x"] {
        write(&root.join("repo").join(name), "x");
    }
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    let found = read(wanted(&[root]));
    assert_eq!(
        below(&found, root),
        [
            "cache",
            "cache/CACHEDIR.TAG",
            "nocache",
            "nocache/CACHEDIR.TAG",
            "nocache/kept"
        ]
    );
    let found = read(wanted(&[&root.join("repo"), Path::new("/proc/self")]));
    assert_eq!(below(&found, &root.join("repo")).len(), 9);
    assert!(
        found
            .nodes
            .iter()
            .any(|(path, _)| path == Path::new("/proc"))
    );
    assert!(
        found
            .nodes
            .iter()
            .all(|(path, _)| !path.starts_with("/proc/self"))
    );
}

/// In a thread that may read only what its user may.
pub(crate) fn as_nobody_special<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = tasks::spawn_thread("plain", || {
        let mut held = rustix::thread::capabilities(None).unwrap();
        held.effective &= !(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
        rustix::thread::set_capabilities(None, held).unwrap();
        body()
    });
    thread.unwrap().join().unwrap()
}

#[test]
fn what_cant_be_read_is_counted_and_what_vanished_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    write(&root.join("a"), "fine");
    write(&root.join("secret"), "x");
    write(&root.join("closed/x"), "x");
    for name in ["secret", "closed"] {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let found = as_nobody_special({
        let root = root.clone();
        move || read(wanted(&[&root]))
    });
    assert_eq!(below(&found, &root), ["a", "closed", "secret"]);
    assert_eq!(found.found.unreadable, 2);
    assert_eq!(
        found.found.first,
        [
            (root.join("closed"), "Permission denied".to_owned()),
            (root.join("secret"), "Permission denied".to_owned()),
        ]
    );
    assert_eq!(found.contents.len(), 1);
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();

    let gaps = Arc::new(Gaps::new(Reporter::silent()));
    let source = Source::new(wanted(&[&root]), Arc::clone(&gaps));
    let mut entries = source.entries();
    let first = entries
        .find(|it| it.as_ref().unwrap().path.ends_with("a"))
        .unwrap()
        .unwrap();
    fs::remove_file(root.join("a")).unwrap();
    fs::remove_file(root.join("secret")).unwrap();
    assert!(first.open.unwrap().open().is_err());
    assert_eq!(entries.count(), 2);
    assert_eq!((gaps.found().unreadable, gaps.found().vanished), (0, 2));
}

#[test]
fn a_file_that_grows_has_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    write(&path, "one\n");
    let source = Source::new(wanted(&[&path]), Arc::new(Gaps::new(Reporter::silent())));
    let entry = source.entries().last().unwrap().unwrap();
    let mut reader = entry.open.unwrap().open().unwrap();
    write(&path, "one\ntwo\n");
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "one\n");
}

#[test]
fn databases_on_the_way_are_read_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let open = |name: &str, mode: &str| {
        let connection = Connection::open(root.join(name)).unwrap();
        let set = format!(
            "PRAGMA journal_mode = {mode}; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)"
        );
        connection.execute_batch(&set).unwrap();
        connection
            .execute("INSERT INTO t VALUES ('in use')", ())
            .unwrap();
        connection
    };
    let used = open("used.db", "wal");
    drop(open("idle.db", "delete"));
    write(&root.join("used.db-wale"), "somebody else's");
    write(&root.join("text-wal"), "no database");
    write(&root.join("text"), "no database");
    let found = read(wanted(&[root]));
    assert_eq!(
        below(&found, root),
        ["idle.db", "text", "text-wal", "used.db", "used.db-wale"]
    );
    assert_eq!(
        found.contents[&root.join("idle.db")],
        fs::read(root.join("idle.db")).unwrap()
    );
    let bytes = &found.contents[&root.join("used.db")];
    let node = |name: &str, found: &Given| {
        let path = root.join(name);
        let mut nodes = found.nodes.iter();
        nodes.find(|(it, _)| *it == path).unwrap().1.clone()
    };
    let before = node("used.db", &found);
    assert_eq!(before.meta.size, bytes.len() as u64);
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join("x.db"), bytes).unwrap();
    let rows = crate::databases::sqlite_rows(&copy.path().join("x.db")).unwrap();
    assert_eq!(rows["t"], 1);
    // Nothing of the file itself changes by this, but it is not taken for unchanged.
    used.execute("INSERT INTO t VALUES ('only in the log')", ())
        .unwrap();
    let after = node("used.db", &read(wanted(&[root])));
    assert_ne!(before.meta.mtime, after.meta.mtime);
    assert_eq!(
        node("idle.db", &found),
        node("idle.db", &read(wanted(&[root])))
    );
}

#[test]
fn a_locked_database_on_the_way_is_a_gap_and_a_damaged_one_is_saved_as_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let locked = Connection::open(root.join("locked.db")).unwrap();
    locked
        .execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE")
        .unwrap();
    fs::write(
        root.join("damaged.db"),
        [&b"SQLite format 3\0"[..], &[0xaa; 5000]].concat(),
    )
    .unwrap();
    let found = read(wanted(&[root]));
    assert_eq!(found.contents.len(), 1);
    assert_eq!(found.contents[&root.join("damaged.db")].len(), 5016);
    assert_eq!(found.found.unreadable, 1);
    assert!(
        found.found.first[0].1.contains("locked"),
        "{:?}",
        found.found
    );
}

#[test]
fn what_is_no_file_stands_where_it_belongs() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(&root.join("a"), "x");
    write(&root.join("c"), "x");
    let bytes = |text: &str| Other::Bytes(text.as_bytes().to_vec());
    let found = read(Wanted {
        others: [
            (root.join("b"), bytes("between")),
            (root.join("no/such/folder/x"), bytes("deep")),
            (PathBuf::from("/ondol/canary"), bytes("canary")),
        ]
        .into(),
        ..wanted(&[root])
    });
    assert_eq!(below(&found, root), ["a", "b", "c", "no/such/folder/x"]);
    assert_eq!(found.contents[Path::new("/ondol/canary")], b"canary");
    let paths: Vec<_> = found.nodes.iter().map(|(path, _)| path.clone()).collect();
    assert!(paths.is_sorted(), "{paths:?}");
}
