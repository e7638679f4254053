//! What is around a box and not its own: the file that others lock, the socket of another service.

use std::fs;
use std::process::Child;
use std::process::Stdio;

use crate::harness::Folders;
use crate::harness::answering;
use crate::harness::eventually;

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
