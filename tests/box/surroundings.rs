//! What is around a box and not its own: the file that others lock, the socket of another service.

use std::fs;

use crate::harness::Folders;
use crate::harness::answering;

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
