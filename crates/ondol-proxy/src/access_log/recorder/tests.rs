//! What a worker's recorder does when nobody takes its lines.

use std::collections::HashSet;

use crate::access_log::tests::Running;
use crate::access_log::tests::record;
use crate::access_log::tests::wait_until;

#[test]
fn buffers_are_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&folder.path().join("access.log"));
    let mut recorder = running.log.recorder();
    let mut places = HashSet::new();
    for round in 0..200 {
        record(&mut recorder, round..round + 1);
        places.insert(recorder.own.text.as_ptr());
        recorder.flush();
        wait_until("it is written", || running.log.counts().lines == round + 1);
    }
    assert!(places.len() <= 4, "{} buffers were allocated", places.len());
}
