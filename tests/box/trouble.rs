//! Trouble that no reload asked for: data planes that die or stand still, addresses that are missing.

use std::fs;

use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::answering;
use crate::harness::eventually;

/// Waits until a later data plane serves than this one.
fn replaced(running: &Running, number: u64) {
    eventually("another data plane serves", || {
        (running.status()["generation"].as_u64() > Some(number)).then_some(())
    });
}

#[test]
fn a_crash_after_a_refused_upgrade_is_mended_like_any_other() {
    let running = Folders::with(&answering("one")).with_own_program().start();
    let (number, pid) = running.generation();
    fs::remove_file(running.folders.program()).unwrap();
    fs::write(running.folders.program(), "no program").unwrap();
    running.re_execute();
    assert!(running.event("upgrade-refused").contains("goes on"));
    assert_eq!(running.generation(), (number, pid));
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    replaced(&running, number);
    assert_eq!(running.get("a.test"), "one");
}
