//! A process that has no file descriptors left.

use std::process::Command;

use ondol_model::event::EventKind;
use rustix::process::Resource;

use crate::harness::Plane;
use crate::harness::plan;
use crate::harness::respond;
use crate::harness::site;

/// Visitors that there is room for; each has two ends here.
const ROOM_FOR: u64 = 10;

#[test]
fn who_has_rested_longest_makes_room_when_descriptors_run_out() {
    let tests = std::env::current_exe().unwrap();
    let alone = Command::new(tests)
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("descriptors::in_a_process_of_its_own")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(
        alone.status.success() && said.contains("1 passed"),
        "{alone:?}"
    );
}

#[test]
#[ignore = "the limit holds for a whole process; the test above starts one"]
fn in_a_process_of_its_own() {
    let plane = Plane::start_one(plan([site("a.test", respond("a"))]));
    let mut first = plane.visit();
    assert_eq!(first.get("a.test", "/").text(), "a");
    let mut descriptors = rustix::process::getrlimit(Resource::Nofile);
    descriptors.current = Some(limit_that_leaves(2 * ROOM_FOR + 1));
    rustix::process::setrlimit(Resource::Nofile, descriptors).unwrap();

    let mut visitors: Vec<_> = (0..ROOM_FOR).map(|_| plane.visit()).collect();
    for visitor in &mut visitors {
        assert_eq!(visitor.get("a.test", "/").text(), "a");
    }
    let mut last = plane.visit();
    assert_eq!(last.get("a.test", "/").text(), "a");
    assert_eq!(first.rest(), b"", "the first one rests on");
    assert_eq!(plane.counters().shed, 1);
    let failures = plane.failures();
    assert!((1..10).contains(&failures.len()), "{failures:?}");
    assert_eq!(failures[0].kind, EventKind::Descriptors);
}

/// The limit bounds the numbers of descriptors, not how many there are: one of a high number, inherited
/// from whoever runs the tests, takes no room below it.
fn limit_that_leaves(free: u64) -> u64 {
    let is_open =
        |number: &u64| std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok();
    let last = (0..)
        .filter(|number| !is_open(number))
        .nth(free as usize - 1);
    last.unwrap() + 1
}
