//! The agent that is killed during a job, whose clock jumps, or which is asked things while it proves a backup.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;

/// So much that a job takes a while.
const MUCH: usize = 24 << 20;
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// A box that backs up a folder.
fn folders(much: usize) -> Folders {
    let folders = Folders::with("");
    fs::create_dir(folders.path("photos")).unwrap();
    let noise = (0..u32::try_from(much / 4).unwrap()).flat_map(|number| {
        let mixed = number.wrapping_mul(2_654_435_761);
        (mixed ^ (mixed >> 15))
            .wrapping_mul(2_246_822_519)
            .to_le_bytes()
    });
    fs::write(folders.path("photos/one"), noise.collect::<Vec<_>>()).unwrap();
    folders.configure(&configuration(&folders, ""));
    folders
}

/// `more` is added to `[backup]`.
fn configuration(folders: &Folders, more: &str) -> String {
    let path = |name: &str| folders.path(name).display().to_string();
    format!(
        "[box]\ntimezone = \"UTC\"\n{}[backup]\nto = \"{}\"\ninclude = [\"{}\"]\nat = \"03:30\"\n{more}",
        crate::harness::answering("one"),
        path("target"),
        path("photos")
    )
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[track_caller]
fn done(running: &Running, arguments: &[&str]) -> String {
    let output = running.folders.ondol(arguments);
    let said = said(&output);
    assert!(
        output.status.success(),
        "{arguments:?}: {said}\n{}",
        running.log()
    );
    said
}

/// The jobs of a kind, the newest first.
fn jobs(running: &Running, kind: &str) -> Vec<Value> {
    let answer = running.ask(&format!("/backups/jobs?kind={kind}"));
    answer["jobs"].as_array().unwrap().clone()
}

/// Processes that are jobs of this program.
fn processes(program: &Path) -> usize {
    let own = format!("{}\0job\0", program.display());
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| *line == own.as_bytes()).count()
}

#[test]
fn a_killed_agent_takes_its_job_along_and_the_next_one_has_nothing_in_its_way() {
    let running = folders(MUCH).with_own_program().start();
    let program = running.folders.program().to_owned();
    let mut asked = running.folders.begin(&["backup", "now"]);
    eventually("a job works", || {
        let status = running.ask("/backups");
        let step = status["running"]["step"].as_str()?.to_owned();
        step.starts_with("saving").then_some(())
    });
    let locks = running.folders.path("target/locks");
    let running = running.start_after(|folders| {
        eventually("the job is gone, too", || {
            (processes(&program) == 0).then_some(())
        });
        assert_eq!(fs::read_dir(&locks).unwrap().count(), 1, "it left its lock");
        let scratch = folders.path("state/backup/scratch/7");
        fs::create_dir_all(&scratch).unwrap();
        fs::write(scratch.join("copy"), "of a secret").unwrap();
    });
    assert!(!asked.wait().unwrap().success());
    let cut = eventually("the record of the job", || jobs(&running, "full").pop());
    assert_eq!(cut["outcome"], "interrupted", "{cut}");
    eventually("the scratch folder is cleared", || {
        (!running.folders.path("state/backup/scratch").exists()).then_some(())
    });
    assert_eq!(processes(&program), 0, "no second job");
    done(&running, &["backup", "now"]);
    assert_eq!(jobs(&running, "full")[0]["outcome"], "good");
    assert_eq!(fs::read_dir(locks).unwrap().count(), 0);
}

#[test]
fn what_an_owner_asks_meanwhile_does_not_disturb_a_proof() {
    let running = folders(MUCH).start();
    done(&running, &["backup", "now"]);
    let mut verify = running.folders.begin(&["backup", "verify"]);
    let mut asked = 0;
    while verify.try_wait().unwrap().is_none() {
        done(&running, &["backup", "list"]);
        asked += 1;
    }
    assert!(asked > 0);
    let proofs = jobs(&running, "prove");
    assert_eq!(proofs[0]["outcome"], "good", "{proofs:?}");
}

#[test]
fn nights_that_a_clock_jumps_over_are_made_up_for_once_and_none_is_done_twice() {
    if !Path::new(FAKETIME).exists() {
        println!("skipped: faketime is not on this machine");
        return;
    }
    let folders = folders(1 << 10);
    let offset = folders.path("offset");
    fs::write(&offset, "+0").unwrap();
    let running = folders.start_with(&[
        ("LD_PRELOAD", FAKETIME),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]);
    let began = |running: &Running| -> Vec<String> {
        let jobs = jobs(running, "full");
        let ended = jobs.iter().filter(|job| job["outcome"] == "good");
        ended
            .map(|job| job["began_at"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut keep = 3;
    // Another plan has the agent look at its clock at once.
    let mut jump = |running: &Running, to: &str| {
        fs::write(&offset, to).unwrap();
        keep += 1;
        let more = format!("keep = {{ daily = {keep} }}\n");
        running
            .folders
            .configure(&configuration(&running.folders, &more));
        done(running, &["reload"]);
    };
    done(&running, &["backup", "now"]);
    assert_eq!(began(&running).len(), 1);
    // The night that a clock comes back to was not done by it.
    for (to, count) in [("+10d", 2), ("+0", 2), ("+2d", 3), ("+1d", 4), ("+3d", 5)] {
        jump(&running, to);
        eventually(&format!("{count} backups after {to}"), || {
            let is_idle = running.ask("/backups")["running"].is_null();
            (is_idle && began(&running).len() == count).then_some(())
        });
        jump(&running, to);
        eventually("nothing is under way", || {
            running.ask("/backups")["running"].is_null().then_some(())
        });
        assert_eq!(
            began(&running).len(),
            count,
            "after {to}: {:?}",
            began(&running)
        );
    }
}
