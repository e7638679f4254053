//! Trouble that no reload asked for: data planes that die or stand still, addresses that are missing.

use std::fs;
use std::net::TcpListener;

use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::answering;
use crate::harness::eventually;
use crate::harness::get;

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

#[test]
fn a_data_plane_that_stands_still_is_replaced_by_itself() {
    let running = Folders::with(&answering("one")).start();
    let (number, pid) = running.generation();
    rustix::process::kill_process(pid, Signal::STOP).unwrap();
    replaced(&running, number);
    assert_eq!(running.get("a.test"), "one");
    assert!(running.event("generation-lost").contains("stood still"));
}

#[test]
fn an_address_that_is_taken_when_the_box_comes_up_is_served_as_soon_as_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let late = taken.local_addr().unwrap();
    let both = format!("\"127.0.0.1:0\", \"{late}\"");
    let configuration = answering("one").replace("\"127.0.0.1:0\"", &both);
    let running = Folders::with(&configuration).with_own_program().start();
    assert_eq!(running.get("a.test"), "one");
    let of_late = format!("could not listen on {late}");
    assert!(running.event("listener").contains(&of_late));
    let warnings = || running.status()["warnings"].to_string();
    assert_eq!(warnings().matches(&of_late).count(), 1, "{}", warnings());
    running.re_execute();
    assert!(
        warnings().contains(&of_late),
        "it keeps nobody from an upgrade"
    );

    drop(taken);
    eventually("it is served", || get(late, "a.test").ok());
    eventually("it is no trouble any more", || {
        (!warnings().contains(&of_late)).then_some(())
    });
    assert!(running.event("listener").contains("now"));
}
