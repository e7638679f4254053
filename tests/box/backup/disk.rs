//! A disk of its own that can lose its power: an image, mounted in a mount namespace that nobody shares, so that
//! nothing of it is left whatever happens to the test.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::eventually;

/// Set for the process that is in a mount namespace of its own.
const INSIDE: &str = "ONDOL_TEST_MOUNTS";

/// An image with a file system.
pub(crate) struct Disk {
    folder: TempDir,
}

/// Runs the body of a test, `name` with its path, in a mount namespace of its own; skipped by name where there can be
/// none.
pub(crate) fn with_own_mounts(name: &str, programs: &[&str], body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    if let Some(missing) = missing(programs) {
        println!("skipped: {missing}");
        return;
    }
    let status = Command::new("unshare")
        .args(["-m", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "it failed with mounts of its own");
}

fn missing(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can mount".to_owned());
    }
    let runs = |command: &mut Command| command.output().is_ok_and(|it| it.status.success());
    if !runs(Command::new("losetup").arg("-f")) {
        return Some("there are no loop devices".to_owned());
    }
    if !runs(Command::new("unshare").args(["-m", "--propagation", "private", "true"])) {
        return Some("there are no mount namespaces".to_owned());
    }
    let is_there = |name: &&&str| {
        let places = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
        places
            .iter()
            .any(|place| Path::new(place).join(name).exists())
    };
    let missing = programs.iter().find(|name| !is_there(name))?;
    Some(format!("{missing} is not on this machine"))
}

impl Disk {
    /// A new one, mounted.
    pub(crate) fn new(kind: &str, megabytes: u64) -> Self {
        let disk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::File::create(disk.image())
            .and_then(|file| file.set_len(megabytes << 20))
            .unwrap();
        fs::create_dir(disk.path()).unwrap();
        let mut make = Command::new(format!("mkfs.{kind}"));
        succeed(make.arg("-q").arg(disk.image()));
        disk.mount();
        disk
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self) {
        let mut mount = Command::new("mount");
        mount
            .args(["-o", "loop"])
            .arg(self.image())
            .arg(self.path());
        succeed(&mut mount);
    }

    /// Takes the power away: what was not yet on the disk is lost, its log included.
    pub(crate) fn cut(folder: &Path) {
        let mut cut = Command::new("xfs_io");
        cut.args(["-x", "-c", "shutdown"]).arg(folder);
        succeed(&mut cut);
    }

    /// The power comes back. Nobody may use the disk now.
    pub(crate) fn start_again(&self) {
        eventually("nobody uses the disk", || {
            let unmounted = Command::new("umount").arg(self.path()).output().unwrap();
            unmounted.status.success().then_some(())
        });
        self.mount();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The loop device goes with the mount.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
