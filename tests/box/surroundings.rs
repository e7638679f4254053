//! What is around a box and not its own: the file that others lock, the socket of another service.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::process::Stdio;

use crate::harness::Folders;
use crate::harness::answering;
use crate::harness::eventually;
use crate::peers;

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn check(folders: &Folders) -> String {
    let is_root = rustix::process::geteuid().is_root();
    let user: &[&str] = if is_root { &["--user", "nobody"] } else { &[] };
    let output = folders.ondol(&[&["check"], user].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check_leaves_the_lock_of_the_agent_as_it_is() {
    let folders = Folders::with(&answering("one"));
    let lock = folders.path("state/ondol.lock");
    fs::create_dir(folders.path("state")).unwrap();
    fs::write(&lock, "77\n").unwrap();
    check(&folders);
    assert_eq!(fs::read_to_string(&lock).unwrap(), "77\n");
    let running = folders.start();
    let said = check(&running.folders);
    assert!(said.contains("the same as what is served now"), "{said}");
    let own = format!("{}\n", running.pid().as_raw_nonzero());
    assert_eq!(fs::read_to_string(&lock).unwrap(), own);
}

#[test]
fn a_notify_socket_that_is_gone_does_not_stop_the_boot() {
    let folders = Folders::with(&answering("one"));
    let mut command = folders.run_command();
    command.env("NOTIFY_SOCKET", folders.path("gone"));
    let _box = Killed(command.stderr(Stdio::null()).spawn().unwrap());
    eventually("it answers", || {
        let status = folders.ondol(&["status"]);
        status.status.success().then_some(())
    });
}

/// What a process was started with, as `NAME=value`.
fn environment(pid: impl std::fmt::Display) -> String {
    let variables = fs::read(format!("/proc/{pid}/environ")).unwrap();
    String::from_utf8(variables).unwrap().replace('\0', "\n")
}

#[test]
fn the_process_that_talks_to_visitors_is_not_told_the_secrets_of_the_environment() {
    const SECRET: &str = "TOKEN_OF_A_ZONE=kuromoji";
    let folders = Folders::with(&answering("one"));
    let running = folders.start_with(&[("TOKEN_OF_A_ZONE", "kuromoji")]);
    assert!(environment(running.pid().as_raw_nonzero()).contains(SECRET));
    let (_, plane) = running.generation();
    let told = environment(plane.as_raw_nonzero());
    let passed_on = ["JOURNAL_STREAM=", "RUST_BACKTRACE="];
    let is_passed_on = |line: &str| passed_on.iter().any(|name| line.starts_with(name));
    assert!(told.lines().all(is_passed_on), "{told}");
}

/// Owner, group and mode.
fn whose(path: &Path) -> (u32, u32, u32) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
}

#[test]
fn a_shared_folder_for_logs_is_refused_and_stays_as_it_is() {
    if !rustix::process::geteuid().is_root() {
        peers::skipped("logs of another user", "only root can start as one");
        return;
    }
    let folders = Folders::with(&answering("one"));
    let (logs, other) = (folders.path("logs"), folders.path("logs/syslog"));
    fs::create_dir(&logs).unwrap();
    fs::set_permissions(&logs, Permissions::from_mode(0o755)).unwrap();
    fs::write(&other, "another program's").unwrap();
    let before = (whose(&logs), whose(&other));
    let (status, said) = folders.refused();
    assert_eq!(status.code(), Some(1), "{said}");
    let expected = format!("may not write into {}", logs.display());
    assert!(
        said.contains(&expected) && said.contains("--logs"),
        "{said}"
    );
    let said = check(&folders);
    assert!(said.contains(&expected), "{said}");
    assert_eq!((whose(&logs), whose(&other)), before);

    // Who may write there keeps the log there, and has nothing else.
    fs::set_permissions(&logs, Permissions::from_mode(0o1777)).unwrap();
    fs::write(folders.path("logs/access.log"), "").unwrap();
    let before = (whose(&logs), whose(&other));
    let running = folders.start();
    assert_eq!(running.get("a.test"), "one");
    assert_eq!((whose(&logs), whose(&other)), before);
}

#[test]
fn folders_that_are_there_keep_their_modes() {
    let folders = Folders::with(&answering("one"));
    let mine = ["state", "run"].map(|name| folders.path(name));
    for folder in &mine {
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let _running = folders.start();
    for folder in &mine {
        assert_eq!(whose(folder).2, 0o755, "{}", folder.display());
    }
}
