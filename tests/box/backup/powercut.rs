//! Power cuts at random moments, on real file systems. What was acknowledged is there afterwards, restic finds nothing
//! wrong, and what was cut off goes on. `POWER_CUTS=50` for more of each kind.

use std::fs;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use ondol_backup::Found;
use ondol_backup::Manifest;

use super::disk::Disk;
use super::disk::with_own_mounts;
use super::field::Field;
use super::job::Job;

const CUTS: u32 = 2;
const MEGABYTES: u64 = 600;
/// Backups that are taken until the power goes.
const BACKUPS_MAX: u32 = 40;

fn cuts() -> u32 {
    let asked = std::env::var("POWER_CUTS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(CUTS)
}

#[test]
fn backups_outlive_power_cuts_on_ext4() {
    let name = "backup::powercut::backups_outlive_power_cuts_on_ext4";
    with_own_mounts(name, &["mkfs.ext4", "xfs_io"], || all_kinds("ext4"));
}

#[test]
fn backups_outlive_power_cuts_on_xfs() {
    let name = "backup::powercut::backups_outlive_power_cuts_on_xfs";
    with_own_mounts(name, &["mkfs.xfs", "xfs_io"], || all_kinds("xfs"));
}

fn all_kinds(file_system: &str) {
    let cuts = cuts();
    let disk = Disk::new(file_system, MEGABYTES);
    let mut field = Field::new(Some(&disk.path().join("ondol")));
    let began = Instant::now();
    field.taken();
    let whole = began.elapsed();
    let acknowledged: usize = (0..cuts)
        .map(|_| cut_backups(&disk, &mut field, whole))
        .sum();
    println!("{file_system}: {cuts} cuts of backups, {acknowledged} acknowledged, none lost");
    let mut ended = 0;
    for round in 0..cuts {
        ended += usize::from(cut_prune(&disk, &mut field, whole, round));
    }
    println!("{file_system}: {cuts} cuts of removals, {ended} after their end, none lost");
    let work = field.prune(1);
    match field.run(work) {
        Some(Ok(Found::Pruned { .. })) => field.assert_whole(),
        other => panic!("{other:?}"),
    }
    field.assert_checked_by_restic(&["--read-data"]);
    match field.run(Field::check()) {
        Some(Ok(Found::Checked { faults, .. })) => assert_eq!(faults, Vec::<String>::new()),
        other => panic!("{other:?}"),
    }
    drop(disk);

    let disk = Disk::new(file_system, MEGABYTES);
    let mut field = Field::new(None);
    field.taken();
    let mut ended = 0;
    for _ in 0..cuts {
        ended += usize::from(cut_restore(&disk, &mut field, whole));
    }
    field.assert_whole();
    println!("{file_system}: {cuts} cuts of restores, {ended} after their end, all whole");
}

/// Takes the power away in a moment.
fn cut_later(disk: &Disk, field: &mut Field, within: Duration) -> JoinHandle<()> {
    let millis = u64::try_from(within.as_millis()).unwrap();
    let moment = Duration::from_millis(field.random.below(millis));
    let path = disk.path();
    std::thread::spawn(move || {
        std::thread::sleep(moment);
        Disk::cut(&path);
    })
}

/// Takes backups until the power is gone; how many were acknowledged.
fn cut_backups(disk: &Disk, field: &mut Field, whole: Duration) -> usize {
    let mut acknowledged: Vec<Manifest> = Vec::new();
    let cut = cut_later(disk, field, whole * 2);
    for _ in 0..BACKUPS_MAX {
        field.change();
        let work = field.take();
        match field.run(work) {
            Some(Ok(Found::Taken(manifest))) => acknowledged.push(manifest),
            Some(Err(failure)) => {
                println!("cut: {failure}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    cut.join().unwrap();
    disk.start_again();
    let count = acknowledged.len();
    field.kept.extend(acknowledged);
    field.assert_whole();
    field.taken();
    count
}

/// Removes old backups, some of which were marked for it a day ago, until the power is gone; whether it was done before.
fn cut_prune(disk: &Disk, field: &mut Field, whole: Duration, round: u32) -> bool {
    while field.kept.len() < 3 {
        field.change();
        field.taken();
    }
    // What was marked is removed a day later.
    let hours = format!("+{}h", 25 * (round + 1));
    let is_faked = PathBuf::from("/usr/bin/faketime").exists();
    let before: &[&str] = match is_faked {
        true => &["faketime", "-f", &hours],
        false => &[],
    };
    let count = field.kept.len().saturating_sub(2);
    let work = field.prune(count);
    let cut = cut_later(disk, field, whole);
    let ended = Job::begin_behind(before, &field.spec(work)).ended();
    cut.join().unwrap();
    disk.start_again();
    field.assert_whole();
    field.change();
    field.taken();
    match ended {
        Some(Ok(Found::Pruned { .. })) => true,
        Some(Err(failure)) => {
            println!("cut: {failure}");
            false
        }
        other => panic!("{other:?}"),
    }
}

/// Restores to a disk whose power goes, and goes on; whether it was done before.
fn cut_restore(disk: &Disk, field: &mut Field, whole: Duration) -> bool {
    let to = disk.path().join("restored");
    let cut = cut_later(disk, field, whole);
    let ended = field.run(field.restore(&to));
    cut.join().unwrap();
    disk.start_again();
    let is_done = match ended {
        Some(Ok(Found::Restored { faults, .. })) => faults.is_empty(),
        Some(Err(failure)) => {
            println!("cut: {failure}");
            false
        }
        other => panic!("{other:?}"),
    };
    if is_done {
        field.assert_restored(&to);
    }
    match field.run(field.restore(&to)) {
        Some(Ok(Found::Restored { faults, .. })) => assert_eq!(faults, Vec::<String>::new()),
        other => panic!("{other:?}"),
    }
    field.assert_restored(&to);
    fs::remove_dir_all(&to).unwrap();
    is_done
}
