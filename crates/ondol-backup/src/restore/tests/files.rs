//! Files come back as they were.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use super::harness::Bench;
use super::harness::below;
use super::harness::differences;
use super::harness::noise;
use crate::restore::file;
use crate::work::Destination;
use crate::work::What;

/// A folder with a bit of everything.
fn variety(bench: &Bench) -> PathBuf {
    let root = bench.at("data");
    for number in 0..300_u64 {
        bench.put(
            &format!("data/many/{}/{number}.txt", number % 7),
            noise(number, 900),
        );
    }
    bench.put("data/large.bin", noise(1000, 9_000_000));
    // The same once more, and a part of it.
    bench.put("data/copy.bin", noise(1000, 9_000_000));
    bench.put("data/empty", "");
    bench.put("data/with space\nand line/ä", "ok");
    fs::create_dir(bench.at("data/empty folder")).unwrap();
    symlink("large.bin", bench.at("data/link")).unwrap();
    symlink("/nowhere/\u{fffd}", bench.at("data/broken link")).unwrap();
    fs::hard_link(bench.at("data/large.bin"), bench.at("data/zz second name")).unwrap();
    root
}

#[test]
fn everything_comes_back_as_it_was() {
    let bench = Bench::new();
    let root = variety(&bench);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    fs::set_permissions(bench.at("data/empty"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(
        bench.at("data/empty folder"),
        fs::Permissions::from_mode(0o1700),
    )
    .unwrap();
    for name in ["data/copy.bin", "data/empty folder", "data/many", "data"] {
        let file = fs::File::open(bench.at(name)).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    bench.take(1_000, &[&root], &[]);
    bench.check_with_restic();

    let to = bench.at("out");
    let back = bench
        .restore(
            What::Paths(vec![root.clone()]),
            Destination::Into(to.clone()),
        )
        .unwrap();
    assert_eq!(back.faults, [""; 0]);
    assert_eq!(differences(&root, &below(&to, &root)), "");
    assert_eq!(back.files, 300 + 4);
    for name in [
        "data/empty",
        "data/empty folder",
        "data/copy.bin",
        "data/many",
    ] {
        let (was, is) = (
            bench.at(name).metadata().unwrap(),
            below(&to, &bench.at(name)).metadata().unwrap(),
        );
        assert_eq!(
            (was.mode(), was.mtime(), was.mtime_nsec()),
            (is.mode(), is.mtime(), is.mtime_nsec()),
            "{name}"
        );
        assert_eq!((was.uid(), was.gid()), (is.uid(), is.gid()), "{name}");
    }
    let number = |name: &str| below(&to, &bench.at(name)).metadata().unwrap().ino();
    assert_eq!(number("data/large.bin"), number("data/zz second name"));
    assert_ne!(number("data/large.bin"), number("data/copy.bin"));
}

#[test]
fn another_owner_and_attributes_come_back_where_root_restores() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root may give files away");
    }
    let bench = Bench::new();
    let path = bench.put("data/a", "text");
    std::os::unix::fs::chown(&path, Some(54_321), Some(12_345)).unwrap();
    let set = rustix::fs::setxattr(&path, "user.note", b"kept", rustix::fs::XattrFlags::empty());
    bench.take(1_000, &[&bench.at("data")], &[]);
    let to = bench.at("out");
    bench
        .restore(
            What::Parts(vec!["files".to_owned()]),
            Destination::Into(to.clone()),
        )
        .unwrap();
    let back = below(&to, &path);
    let meta = back.metadata().unwrap();
    assert_eq!((meta.uid(), meta.gid()), (54_321, 12_345));
    if set.is_ok() {
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(&back, "user.note", &mut value).unwrap();
        assert_eq!(&value[..length], b"kept");
    }
}

#[test]
fn holes_take_no_room() {
    let bench = Bench::new();
    let path = bench.put("data/hole", noise(1, 100_000));
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(64 << 20).unwrap();
    bench.take(1_000, &[&bench.at("data")], &[]);
    let to = bench.at("out");
    bench
        .restore(
            What::Paths(vec![bench.at("data")]),
            Destination::Into(to.clone()),
        )
        .unwrap();
    let back = below(&to, &path);
    assert_eq!(differences(&path, &back), "");
    assert!(back.metadata().unwrap().blocks() * 512 < 20 << 20);
}

#[test]
fn what_is_there_already_is_used_again() {
    let bench = Bench::new();
    let root = variety(&bench);
    bench.take(1_000, &[&root], &[]);
    let to = bench.at("out");
    let what = || What::Paths(vec![root.clone()]);
    bench
        .restore(what(), Destination::Into(to.clone()))
        .unwrap();
    let at = |name: &str| below(&to, &bench.at(name));
    let untouched = at("data/copy.bin").metadata().unwrap().ino();

    // One is gone, one has another content of the same length, one is half written, one became a folder's link.
    fs::remove_file(at("data/many/1/1.txt")).unwrap();
    bench.put("x", noise(7, 900));
    fs::rename(bench.at("x"), at("data/many/2/2.txt")).unwrap();
    fs::rename(
        at("data/large.bin"),
        at("data").join(file::unfinished("large.bin".as_ref())),
    )
    .unwrap();
    let half = fs::OpenOptions::new()
        .write(true)
        .open(at("data").join(file::unfinished("large.bin".as_ref())))
        .unwrap();
    half.set_len(5_000_000).unwrap();
    fs::remove_file(at("data/link")).unwrap();

    let back = bench
        .restore(what(), Destination::Into(to.clone()))
        .unwrap();
    assert_eq!(back.faults, [""; 0]);
    assert_eq!(differences(&root, &at("data")), "");
    assert_eq!(at("data/copy.bin").metadata().unwrap().ino(), untouched);
}

#[test]
fn a_link_in_the_way_leads_nothing_out_of_its_place() {
    let bench = Bench::new();
    bench.put("data/sub/file", "from the backup");
    bench.take(1_000, &[&bench.at("data")], &[]);
    let to = bench.at("out");
    let outside = bench.at("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir_all(below(&to, &bench.at("data"))).unwrap();
    symlink(&outside, below(&to, &bench.at("data/sub"))).unwrap();
    let back = bench
        .restore(What::Paths(vec![bench.at("data")]), Destination::Into(to))
        .unwrap();
    assert_eq!(back.faults.len(), 1, "{:?}", back.faults);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn one_file_alone() {
    let bench = Bench::new();
    let path = bench.put("data/sub/file", "text");
    bench.put("data/sub/other", "text");
    fs::set_permissions(bench.at("data/sub"), fs::Permissions::from_mode(0o750)).unwrap();
    let manifest = bench.take(1_000, &[&bench.at("data")], &[]);
    let to = bench.at("out");
    let back = bench
        .restore(
            What::Paths(vec![path.clone()]),
            Destination::Into(to.clone()),
        )
        .unwrap();
    assert_eq!((back.files, back.bytes), (1, 4));
    assert_eq!(back.run, manifest.run);
    assert_eq!(fs::read_to_string(below(&to, &path)).unwrap(), "text");
    assert!(!below(&to, &bench.at("data/sub/other")).exists());
    // The folders above it are as they were, too.
    assert_eq!(
        below(&to, &bench.at("data/sub")).metadata().unwrap().mode() & 0o777,
        0o750
    );
}
