//! Folders of another machine: of a real `sshd`, of OpenSSH's SFTP server alone, and of rclone's as another opinion.

use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use super::super::conformance;
use super::super::time::Time;
use super::super::time::played::Played;
use super::*;
use crate::access::BandwidthLimit;

const SERVER: &str = "/usr/lib/openssh/sftp-server";
const SSHD: &str = "/usr/sbin/sshd";

/// A folder with what a test needs, and one for the repository in it.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn repository(&self) -> String {
        self.path("nas/ondol").display().to_string()
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> String {
        let path = self.path(name);
        ondol_base::file::replace(&path, text.as_bytes(), mode).unwrap();
        path.display().to_string()
    }

    /// A target whose `ssh` is this script, with the repository at this path.
    fn target(&self, script: &str, path: &str) -> Sftp {
        let program = self.file("ssh", &format!("#!/bin/sh\n{script}\n"), 0o700);
        let access = StorageAccess::Sftp {
            user: None,
            host: "nas".to_owned(),
            port: None,
            path: path.to_owned(),
            identity: None,
        };
        sftp(&program, &access).unwrap()
    }
}

fn pack() -> Object {
    Object::In(Folder::Data, "ab".repeat(32))
}

fn one() -> [Bytes; 1] {
    [Bytes::from_static(b"pack")]
}

fn has(program: &str) -> bool {
    let is_there = Command::new(program).arg("--help").output().is_ok();
    if !is_there {
        println!("skipped: there is no {program} here");
    }
    is_there
}

/// A real `sshd` for the one who runs this test, started by ssh for each connection, without a port.
pub(crate) struct Sshd {
    pub(crate) scratch: Scratch,
    script: String,
}

impl Sshd {
    pub(crate) fn new() -> Option<Self> {
        if !has(SSHD) || !has("ssh") {
            return None;
        }
        let scratch = Scratch::new();
        for key in ["host", "user"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(scratch.path(key));
            assert!(keygen.status().unwrap().success());
        }
        let public = |key: &str| std::fs::read_to_string(scratch.path(key)).unwrap();
        let allowed = scratch.file("allowed", &public("user.pub"), 0o600);
        let known = scratch.file("known", &format!("nas {}", public("host.pub")), 0o600);
        let config = scratch.file(
            "sshd_config",
            &format!(
                "HostKey {}\nAuthorizedKeysFile {allowed}\nStrictModes no\nUsePAM no\nPidFile none\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n",
                scratch.path("host").display()
            ),
            0o600,
        );
        // Its child without rights lives here; Debian makes it when the service starts.
        let _ = std::fs::create_dir("/run/sshd");
        let client = scratch.file(
            "ssh_config",
            &format!(
                "IdentityFile {}\nUserKnownHostsFile {known}\nGlobalKnownHostsFile none\n\
                 ProxyCommand {SSHD} -i -f {config}\n",
                scratch.path("user").display()
            ),
            0o600,
        );
        let pids = scratch.path("pids");
        let script = format!("echo $$ >> {}\nexec ssh -F {client} \"$@\"", pids.display());
        Some(Self { scratch, script })
    }

    fn target(&self) -> Sftp {
        self.scratch
            .target(&self.script, &self.scratch.repository())
    }

    /// The same, for others.
    pub(crate) fn folder(&self) -> Arc<dyn Target> {
        Arc::new(self.target())
    }

    /// Ends all connections, as a line that is cut does.
    fn cut(&self) -> usize {
        let pids = self.scratch.path("pids");
        let read = std::fs::read_to_string(&pids).unwrap();
        for pid in read.lines() {
            // Those of before are gone.
            let _ = Command::new("kill").args(["-9", pid]).output();
        }
        read.lines().count()
    }
}

#[test]
fn a_folder_of_a_real_server_does_what_every_target_does() {
    let Some(sshd) = Sshd::new() else { return };
    let target = sshd.target();
    conformance::check(&target, conformance::Unable::default());
    // As many connections as are allowed, and not one for each call.
    let pids = std::fs::read_to_string(sshd.scratch.path("pids")).unwrap();
    assert_eq!(pids.lines().count(), 4);
}

#[test]
fn a_connection_that_ended_meanwhile_is_made_again() {
    let Some(sshd) = Sshd::new() else { return };
    let target = sshd.target();
    target.create().unwrap();
    for connection in 1..4 {
        target.write(&pack(), &one()).unwrap();
        assert_eq!(sshd.cut(), connection);
        assert_eq!(target.read(&pack()).unwrap(), "pack");
    }
}

#[test]
fn who_is_not_let_in_or_not_known_is_told_what_to_do() {
    let Some(sshd) = Sshd::new() else { return };
    sshd.scratch.file("allowed", "", 0o600);
    let refused = sshd.target().create().unwrap_err();
    assert_eq!(refused.trouble, Trouble::Refused);
    assert!(refused.what.contains("authorized_keys"), "{refused}");

    sshd.scratch.file("known", "", 0o600);
    let refused = sshd.target().create().unwrap_err();
    assert_eq!(refused.trouble, Trouble::Refused);
    assert!(refused.what.contains("run `ssh nas` once"), "{refused}");

    let user = std::fs::read_to_string(sshd.scratch.path("user.pub")).unwrap();
    sshd.scratch.file("known", &format!("nas {user}"), 0o600);
    let refused = sshd.target().create().unwrap_err();
    assert_eq!(refused.trouble, Trouble::Refused);
    assert!(refused.what.contains("`ssh-keygen -R nas`"), "{refused}");
}

/// rclone's server on a port of its own; ended when this is dropped.
struct Rclone(Child);

impl Drop for Rclone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn another_server_does_what_every_target_does() {
    let Some(sshd) = Sshd::new() else { return };
    if !has("rclone") {
        return;
    }
    let path = |name| sshd.scratch.path(name);
    std::fs::create_dir(path("nas")).unwrap();
    let mut server = Command::new("rclone");
    server.args([
        "--config",
        "/dev/null",
        "serve",
        "sftp",
        "--addr",
        "127.0.0.1:0",
    ]);
    server
        .args([
            "--vfs-cache-mode",
            "writes",
            "--vfs-write-back",
            "0s",
            "--key",
        ])
        .arg(path("host"));
    server
        .arg("--authorized-keys")
        .arg(path("allowed"))
        .arg(path("nas"));
    server
        .env("XDG_CACHE_HOME", path("cache"))
        .stderr(Stdio::piped());
    let mut server = Rclone(server.spawn().unwrap());
    let told = BufReader::new(server.0.stderr.take().unwrap()).lines();
    let port = told.map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("listening on 127.0.0.1:")?;
        Some(
            port.trim_matches(|character: char| !character.is_ascii_digit())
                .to_owned(),
        )
    });
    let script = format!(
        "exec ssh -F {} -o ProxyCommand=none -o HostName=127.0.0.1 -o HostKeyAlias=nas -p {} \"$@\"",
        path("ssh_config").display(),
        port.unwrap()
    );
    let target = sshd.scratch.target(&script, "/backups/ondol");
    conformance::check(&target, conformance::Unable::default());
}

#[test]
fn a_path_is_taken_from_the_users_own_folder() {
    if !has(SERVER) {
        return;
    }
    let scratch = Scratch::new();
    let script = format!("cd {} && exec {SERVER}", scratch.0.path().display());
    for (number, path) in ["one/two/", "~/three", "four"].into_iter().enumerate() {
        let target = scratch.target(&script, path);
        target.create().unwrap();
        target.write(&pack(), &one()).unwrap();
        let folder = scratch.path(["one/two", "three", "four"][number]);
        let written = std::fs::metadata(folder.join(pack().path())).unwrap();
        assert_eq!(written.permissions().mode() & 0o7777, 0o600);
        let folder = std::fs::metadata(folder).unwrap();
        assert_eq!(folder.permissions().mode() & 0o7777, 0o700);
    }
    for (path, folder) in [
        ("", "."),
        ("~", "."),
        ("/", "/"),
        ("/a//", "/a"),
        ("~a", "~a"),
    ] {
        assert_eq!(super::folder(path), folder);
    }
}

#[test]
fn pieces_keep_to_the_pace() {
    if !has(SERVER) {
        return;
    }
    let scratch = Scratch::new();
    let target = scratch.target(&format!("exec {SERVER}"), &scratch.repository());
    let played = Arc::new(Played::at(0));
    let limit = BandwidthLimit {
        from: 0,
        to: 0,
        rate: Some(1_000_000),
    };
    let time: Arc<dyn Time> = Arc::clone(&played) as _;
    let pace = Arc::new(Pace::new(&[limit], None, time));
    assert_eq!(Target::pace(&target, &pace), Pacing::ByPiece);
    target.create().unwrap();
    target.write(&pack(), &[vec![7; 3_000_000].into()]).unwrap();
    let sent = played.elapsed().as_secs_f64();
    assert!((2.9..3.0).contains(&sent), "{sent} s");
    target.read(&pack()).unwrap();
    target.read_range(&pack(), 0, 1_000_000).unwrap();
    // The pause before is worth a quarter of a second.
    let received = played.elapsed().as_secs_f64() - sent;
    assert!((3.6..4.0).contains(&received), "{received} s");
}

#[test]
fn a_disk_that_is_full_or_read_only_there_is_told() {
    if !has(SERVER) {
        return;
    }
    let scratch = Scratch::new();
    let nas = scratch.path("nas");
    std::fs::create_dir(&nas).unwrap();
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
        .arg(&nas);
    if !mount.output().is_ok_and(|mounted| mounted.status.success()) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    let full = {
        let target = scratch.target(&format!("exec {SERVER}"), &scratch.repository());
        target.create().unwrap();
        let full = target
            .write(&pack(), &[vec![7; 8 << 20].into()])
            .unwrap_err();
        // Its connection is as good as before, and what was half written is gone.
        target.write(&pack(), &[vec![7; 3 << 20].into()]).unwrap();
        assert_eq!(target.list(Folder::Data).unwrap().len(), 1);
        full
    };
    let target = scratch.target(&format!("exec {SERVER} -R"), &scratch.repository());
    let refused = target.write(&pack(), &one()).unwrap_err();
    assert_eq!(target.read(&pack()).unwrap().len(), 3 << 20);
    drop(target);
    let _ = Command::new("umount").arg("-l").arg(&nas).output();
    assert_eq!(full.trouble, Trouble::Full, "{full}");
    assert_eq!(refused.trouble, Trouble::Refused, "{refused}");
}

#[test]
fn what_is_no_repository_and_no_server_is_told() {
    let scratch = Scratch::new();
    if has(SERVER) {
        let target = scratch.target(&format!("exec {SERVER}"), &scratch.repository());
        for folder in Folder::ALL {
            assert_eq!(target.list(folder).unwrap_err().trouble, Trouble::Missing);
        }
    }
    let babble = scratch.target("echo Welcome to nas!; cat", "x").create();
    let babble = babble.unwrap_err();
    assert_eq!(babble.trouble, Trouble::Wrong);
    assert!(babble.what.contains(".bashrc"), "{babble}");

    let unknown = "echo 'ssh: Could not resolve hostname nas: Name or service not known' >&2";
    let unknown = scratch.target(unknown, "x").create().unwrap_err();
    assert_eq!(unknown.trouble, Trouble::Unreachable, "{unknown}");

    std::fs::remove_file(scratch.path("ssh")).unwrap();
    let none = StorageAccess::Sftp {
        user: None,
        host: "nas".to_owned(),
        port: None,
        path: "x".to_owned(),
        identity: None,
    };
    let program = scratch.path("ssh").display().to_string();
    let none = sftp(&program, &none).unwrap().create().unwrap_err();
    assert!(none.what.contains("openssh-client"), "{none}");
}

#[test]
fn ssh_is_told_who_where_and_with_which_key() {
    let scratch = Scratch::new();
    let seen = scratch.path("seen");
    let script = format!("printf '%s\\n' \"$@\" > {}; env >> {0}", seen.display());
    let program = scratch.file("ssh", &format!("#!/bin/sh\n{script}\n"), 0o700);
    let access = StorageAccess::Sftp {
        user: Some("me".to_owned()),
        host: "[::1]".to_owned(),
        port: Some(2222),
        path: "x".to_owned(),
        identity: Some("/etc/ondol/key".into()),
    };
    let target = sftp(&program, &access).unwrap();
    assert_eq!(target.place(), "me@[::1]:2222 in x");
    target.create().unwrap_err();
    let seen = std::fs::read_to_string(seen).unwrap();
    let told = "-o\nIdentitiesOnly=yes\n-i\n/etc/ondol/key\n-l\nme\n-p\n2222\n-s\n--\n::1\nsftp\n";
    assert!(seen.contains(told), "{seen}");
    assert!(seen.contains("BatchMode=yes\n"), "{seen}");
    assert!(!seen.contains("CARGO"), "{seen}");
}

#[test]
fn what_jobs_left_half_written_is_removed_after_a_day() {
    if !has(SERVER) {
        return;
    }
    let scratch = Scratch::new();
    let target = scratch.target(&format!("exec {SERVER}"), &scratch.repository());
    target.create().unwrap();
    let folder = scratch.path("nas/ondol/data/ab");
    let (old, new) = (folder.join("old-tmp-1"), folder.join("new-tmp-1"));
    for (file, hours) in [(&old, 25), (&new, 23)] {
        let options = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(file);
        let age = Duration::from_secs(hours * 60 * 60);
        let at = clock::wall() - age;
        options.unwrap().set_modified(at).unwrap();
    }
    assert_eq!(target.list(Folder::Data).unwrap(), []);
    assert!(old.exists());
    target.write(&pack(), &one()).unwrap();
    // The answer to this comes after the removal.
    target.read(&pack()).unwrap();
    assert!(!old.exists() && new.exists());
}

#[test]
fn what_is_written_is_on_disk_with_its_name_when_the_write_returns() {
    if !has(SERVER) || !has("strace") {
        return;
    }
    let scratch = Scratch::new();
    let seen = scratch.path("seen");
    let trace = "strace -y -e trace=fsync,rename,renameat,renameat2,mkdir";
    let script = format!("exec {trace} -o {} {SERVER}", seen.display());
    let target = scratch.target(&script, &scratch.repository());
    target.create().unwrap();
    target.write(&pack(), &one()).unwrap();
    let seen = std::fs::read_to_string(&seen).unwrap();
    if seen.is_empty() {
        println!("skipped: nothing can be traced here");
        return;
    }
    let folder = scratch.path("nas/ondol/data");
    let at = |text: &str| {
        seen.rfind(text)
            .unwrap_or_else(|| panic!("no {text} in {seen}"))
    };
    let file = at("-tmp-");
    let synced = seen.find("fsync(").unwrap();
    let renamed = at("rename");
    let folder_synced = at(&format!("{}/ab>", folder.display()));
    assert!(
        synced < renamed && file < folder_synced && renamed < folder_synced,
        "{seen}"
    );
    // The folders of the packs last too.
    at(&format!("{}>", folder.display()));
    at(&format!("{}>", scratch.path("nas").display()));
}
