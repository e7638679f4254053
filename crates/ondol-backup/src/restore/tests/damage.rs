//! What is damaged costs what is in it, is named, and the rest comes back.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustic_core::BlobId;
use rustic_core::DataId;

use super::harness::Bench;
use super::harness::below;
use super::harness::differences;
use super::harness::noise;
use crate::failure::FailureKind;
use crate::repository::Snapshot;
use crate::repository::hex;
use crate::work::Destination;
use crate::work::What;

/// A bench with files of which each pack of the repository has a few.
fn filled() -> Bench {
    let bench = Bench::new();
    for number in 0..12_u64 {
        bench.put(&format!("data/{number}.bin"), noise(number, 4_000_000));
    }
    bench.take(1_000, &[&bench.at("data")], &[]);
    bench
}

fn largest(bench: &Bench) -> std::path::PathBuf {
    let packs = bench.packs();
    packs
        .into_iter()
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap()
}

fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path);
    let file = file.or_else(|error| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|_| -> io::Error { error })
    });
    let file = file.unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn a_flipped_bit_costs_one_file() {
    let bench = filled();
    flip(&largest(&bench), 1_000_000);
    let to = bench.at("out");
    let back = bench
        .restore(
            What::Paths(vec![bench.at("data")]),
            Destination::Into(to.clone()),
        )
        .unwrap();
    assert_eq!(back.faults.len(), 1, "{:?}", back.faults);
    assert_eq!(back.files, 11);
    let out = differences(&bench.at("data"), &below(&to, &bench.at("data")));
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.contains("Only in") && out.contains(".bin"), "{out}");
    // Nothing half of it is left.
    let left = fs::read_dir(below(&to, &bench.at("data"))).unwrap().count();
    assert_eq!(left, 11);
}

#[test]
fn a_missing_pack_costs_what_was_in_it() {
    let bench = filled();
    fs::remove_file(largest(&bench)).unwrap();
    let to = bench.at("out");
    let back = bench
        .restore(
            What::Paths(vec![bench.at("data")]),
            Destination::Into(to.clone()),
        )
        .unwrap();
    let lost = back.faults.len();
    assert!((1..12).contains(&lost), "{:?}", back.faults);
    assert_eq!(back.files, 12 - lost as u64);
    for fault in &back.faults {
        assert!(fault.contains(".bin: "), "{fault}");
    }
}

#[test]
fn a_pack_that_was_cut_costs_its_end() {
    let bench = filled();
    let pack = largest(&bench);
    let length = pack.metadata().unwrap().len();
    flip(&pack, 0);
    flip(&pack, 0);
    fs::OpenOptions::new()
        .write(true)
        .open(&pack)
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    let to = bench.at("out");
    let back = bench
        .restore(What::Paths(vec![bench.at("data")]), Destination::Into(to))
        .unwrap();
    let lost = back.faults.len();
    assert!((1..9).contains(&lost), "{:?}", back.faults);
    assert_eq!(back.files, 12 - lost as u64);
}

#[test]
fn a_folder_that_cant_be_read_costs_what_is_in_it() {
    let bench = Bench::new();
    bench.put("data/bad/file", noise(1, 5000));
    bench.take(1_000, &[&bench.at("data")], &[]);
    bench.put("data/good/file", noise(2, 5000));
    let manifest = bench.take(2_000, &[&bench.at("data")], &[]);
    // The folder `bad` is stored with the first backup alone.
    let repository = bench.reopened();
    let snapshots = repository.snapshots().unwrap().good;
    let is_its = |snapshot: &&Snapshot| snapshot.id == manifest.parts[0].snapshot;
    let snapshot = snapshots.iter().find(is_its).unwrap();
    let folder = repository
        .node(snapshot, &bench.at("data/bad"))
        .unwrap()
        .unwrap();
    let tree = DataId::from(BlobId::from(folder.subtree.unwrap()));
    let pack = hex(&repository.piece(&tree).unwrap().pack);
    fs::remove_file(bench.at("repository/data").join(&pack[..2]).join(&pack)).unwrap();
    let to = bench.at("out");
    let back = bench
        .restore(
            What::Paths(vec![bench.at("data")]),
            Destination::Into(to.clone()),
        )
        .unwrap();
    assert_eq!(back.faults.len(), 1, "{:?}", back.faults);
    assert!(
        back.faults[0].contains("data/bad: what is in this folder can't be read"),
        "{:?}",
        back.faults
    );
    assert!(below(&to, &bench.at("data/good/file")).exists());
}

#[test]
fn a_full_disk_is_told_and_what_is_there_is_used_again() {
    let bench = filled();
    let Some(disk) = Disk::mounted(&bench, 40) else {
        return eprintln!("skipped: no small disk can be mounted here");
    };
    let what = || What::Paths(vec![bench.at("data")]);
    let failure = bench
        .restore(what(), Destination::Into(disk.path.join("out")))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Here);
    assert!(
        failure.sentence.contains("has room for"),
        "{}",
        failure.sentence
    );

    // It fills up while it goes on.
    let there = disk.path.join("out");
    fs::create_dir_all(below(&there, &bench.at("data"))).unwrap();
    let failure = bench
        .restore(what(), Destination::Into(there.clone()))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Here);
    assert!(
        failure.sentence.contains("no room left"),
        "{}",
        failure.sentence
    );
}

/// A small disk, until it is dropped.
struct Disk {
    path: std::path::PathBuf,
}

impl Disk {
    fn mounted(bench: &Bench, megabytes: u64) -> Option<Self> {
        let image = bench.put("image", "");
        fs::OpenOptions::new()
            .write(true)
            .open(&image)
            .ok()?
            .set_len(megabytes << 20)
            .ok()?;
        let path = bench.at("disk");
        fs::create_dir(&path).ok()?;
        let run = |program: &str, arguments: &[&Path]| {
            let done = std::process::Command::new(program).args(arguments).output();
            done.is_ok_and(|done| done.status.success()).then_some(())
        };
        run("mkfs.ext4", &["-q".as_ref(), &image])?;
        run("mount", &["-o".as_ref(), "loop".as_ref(), &image, &path])?;
        Some(Self { path })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(&self.path)
            .output();
    }
}
