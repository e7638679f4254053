//! What only a folder of this machine does.

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use super::super::conformance;
use super::super::file_system_of;
use super::*;

fn id() -> String {
    "ab".repeat(32)
}

fn pack() -> Object {
    Object::In(Folder::Data, id())
}

/// A target that is made, and its folder.
fn made() -> (tempfile::TempDir, PathBuf, Arc<dyn Target>) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("ondol");
    let target = open(&path, None).unwrap();
    target.create().unwrap();
    target
        .write(&Object::Config, &[Bytes::from_static(b"config")])
        .unwrap();
    (scratch, path, target)
}

#[test]
fn a_folder_does_what_every_target_does() {
    let scratch = tempfile::tempdir().unwrap();
    let target = open(&scratch.path().join("ondol"), None).unwrap();
    conformance::check(&*target, conformance::Unable::default());
}

#[test]
fn files_and_folders_have_restics_modes() {
    let (_scratch, path, target) = made();
    target
        .write(&pack(), &[Bytes::from_static(b"pack")])
        .unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
    for folder in ["", "data", "data/ab", "data/ff", "locks", "snapshots"] {
        assert_eq!(mode(&path.join(folder)), 0o700, "{folder}");
    }
    assert_eq!(mode(&path.join("config")), 0o400);
    assert_eq!(mode(&path.join(pack().path())), 0o400);
}

#[test]
fn what_is_no_object_is_not_listed() {
    let (_scratch, path, target) = made();
    target
        .write(&pack(), &[Bytes::from_static(b"pack")])
        .unwrap();
    let data = path.join("data");
    for name in [
        format!("ab/{}-tmp-77", id()),
        "ab/README".to_owned(),
        // Not where it would be looked for.
        format!("cd/{}", id()),
        format!("lost/{}", id()),
        id(),
    ] {
        let path = data.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        tempfile::NamedTempFile::new_in(&data)
            .unwrap()
            .persist(path)
            .unwrap();
    }
    std::fs::create_dir(data.join("ab").join("ab".repeat(31) + "cd")).unwrap();
    assert_eq!(target.list(Folder::Data).unwrap(), [(id(), 4)]);
}

#[test]
fn a_copy_without_empty_folders_is_a_repository_and_nothing_at_all_is_none() {
    let (_scratch, path, target) = made();
    for folder in ["locks", "snapshots"] {
        std::fs::remove_dir(path.join(folder)).unwrap();
    }
    assert_eq!(target.list(Folder::Snapshots).unwrap(), []);
    std::fs::remove_file(path.join("config")).unwrap();
    let listed = target.list(Folder::Snapshots).unwrap_err();
    assert_eq!(listed.trouble, Trouble::Missing);
    // Folders that are missing are made when they are needed.
    let lock = Object::In(Folder::Locks, id());
    target.write(&lock, &[Bytes::from_static(b"lock")]).unwrap();
    std::fs::remove_dir_all(path.join("data")).unwrap();
    target
        .write(&pack(), &[Bytes::from_static(b"pack")])
        .unwrap();
    assert_eq!(target.read(&pack()).unwrap(), "pack");
}

#[test]
fn links_and_pipes_and_empty_files_are_no_objects() {
    let (scratch, path, target) = made();
    let place = path.join(pack().path());
    let elsewhere = scratch.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();

    symlink("/etc/passwd", &place).unwrap();
    let read = target.read(&pack()).unwrap_err();
    assert_eq!(read.trouble, Trouble::Wrong, "{read}");
    std::fs::remove_file(&place).unwrap();

    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &place, mode).unwrap();
    let read = target.read(&pack()).unwrap_err();
    assert_eq!(read.trouble, Trouble::Wrong, "{read}");
    std::fs::remove_file(&place).unwrap();

    drop(
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&place),
    );
    let read = target.read(&pack()).unwrap_err();
    assert!(read.what.ends_with("it is empty"), "{read}");

    std::fs::remove_dir_all(path.join("data/ab")).unwrap();
    symlink(&elsewhere, path.join("data/ab")).unwrap();
    let written = target.write(&pack(), &[Bytes::from_static(b"pack")]);
    assert_eq!(written.unwrap_err().trouble, Trouble::Wrong);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn a_folder_on_another_file_system_than_before_is_not_touched() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("ondol");
    let elsewhere = file_system_of(Path::new("/proc")).unwrap();
    let opened = open(&path, Some(&elsewhere)).unwrap_err();
    assert_eq!(opened.trouble, Trouble::NotThere, "{opened}");
    assert!(!path.exists());
    std::fs::create_dir(&path).unwrap();
    let opened = open(&path, Some(&elsewhere)).unwrap_err();
    assert_eq!(opened.trouble, Trouble::NotThere, "{opened}");

    let here = file_system_of(&path).unwrap();
    open(&path, Some(&here)).unwrap().create().unwrap();
}

#[test]
fn a_folder_whose_folder_is_missing_is_not_there() {
    let scratch = tempfile::tempdir().unwrap();
    let opened = open(&scratch.path().join("usb/ondol"), None).unwrap_err();
    assert_eq!(opened.trouble, Trouble::NotThere, "{opened}");
}

#[test]
fn what_jobs_left_half_written_is_removed_after_a_day() {
    let (_scratch, path, target) = made();
    let folder = path.join("data/ab");
    let (old, new) = (folder.join("old-tmp-1"), folder.join("new-tmp-1"));
    for (file, age) in [(&old, 25), (&new, 23)] {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(file)
            .unwrap();
        let hours = Duration::from_secs(age * 60 * 60);
        file.set_modified(ondol_base::clock::wall() - hours)
            .unwrap();
    }
    // Reading changes nothing.
    target.list(Folder::Data).unwrap();
    assert!(old.exists());
    target
        .write(&pack(), &[Bytes::from_static(b"pack")])
        .unwrap();
    assert!(!old.exists() && new.exists());
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let (_scratch, path, target) = made();
    // A folder by that name can't be replaced.
    std::fs::create_dir(path.join(pack().path())).unwrap();
    target
        .write(&pack(), &[Bytes::from_static(b"pack")])
        .unwrap_err();
    let left: Vec<_> = std::fs::read_dir(path.join("data/ab")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_disk_without_room_is_told_and_left_as_it_was() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(_mount) = Mounted::small(scratch.path()) else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let target = open(&scratch.path().join("ondol"), None).unwrap();
    target.create().unwrap();
    let written = target
        .write(&pack(), &[vec![7; 8 << 20].into()])
        .unwrap_err();
    assert_eq!(written.trouble, Trouble::Full, "{written}");
    assert_eq!(written.what.lines().count(), 1);
    target.write(&pack(), &[vec![7; 1 << 20].into()]).unwrap();
    assert_eq!(target.list(Folder::Data).unwrap(), [(id(), 1 << 20)]);
    let files = std::fs::read_dir(scratch.path().join("ondol/data/ab")).unwrap();
    assert_eq!(files.count(), 1);
}

#[test]
fn a_disk_that_is_unplugged_meanwhile_is_no_reason_to_write_elsewhere() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(mount) = Mounted::small(scratch.path()) else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let path = scratch.path().join("ondol");
    let target = open(&path, None).unwrap();
    target.create().unwrap();
    let file_system = file_system_of(&path).unwrap();
    drop(mount);
    // Where the disk was is an empty folder now; the job still has the disk.
    target
        .write(&pack(), &[Bytes::from_static(b"pack")])
        .unwrap();
    assert!(!path.exists());
    let opened = open(&path, Some(&file_system)).unwrap_err();
    assert_eq!(opened.trouble, Trouble::NotThere, "{opened}");
}

/// A file system of 4 MiB at a folder, for as long as this lives; taken away as a disk that is pulled out.
struct Mounted(PathBuf);

impl Mounted {
    fn small(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(at);
        let mounted = mount.output().ok()?.status.success();
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
