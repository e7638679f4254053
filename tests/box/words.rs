//! What a person reads: of commands, events and warnings.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;

use crate::harness::Folders;
use crate::harness::answering;
use crate::harness::eventually;

/// Runs a command whose reader goes after one line, as `head -1` does; its exit code and last words.
fn read_one_line(arguments: &[&str]) -> (Option<i32>, String) {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ondol"))
        .args(arguments)
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::with_capacity(1, child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    drop(output);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn nobody_who_reads_on_is_no_error() {
    // Longer than what a pipe holds, or printed in parts.
    for arguments in [&["completions", "bash"][..], &["demo", "--once"]] {
        assert_eq!(
            read_one_line(arguments),
            (Some(0), String::new()),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_number_of_events_has_limits() {
    let folders = Folders::with("");
    for number in ["0", "1001"] {
        let output = folders.ondol(&["events", "-n", number]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("1..=1000"), "{said}");
    }
}

#[test]
fn a_refusal_is_told_with_the_first_mistake_and_its_place() {
    let running = Folders::with(&answering("one")).start();
    let file = running.folders.path("ondol.toml");
    let shown = file.display();
    let mistakes = "[box]\nnam = \"x\"\nmail = \"y\"\n";
    running.folders.configure(&(answering("two") + mistakes));
    assert_eq!(running.folders.ondol(&["reload"]).status.code(), Some(1));
    let event = running.event("refused");
    for expected in [
        format!("{shown}:8:1: unknown key `nam`"),
        " in `[box]` (and 1 more: `ondol check` shows all); revision 1 is served on".to_owned(),
    ] {
        assert!(event.contains(&expected), "{event}");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(running.folders.ondol(&["reload"]).status.code(), Some(1));
    eventually("the newest refusal is about the file", || {
        let event = running.event("refused");
        let begin = format!(
            "the configuration was not taken up: the configuration file {shown} cannot be read: "
        );
        event.starts_with(&begin).then_some(())
    });
}

#[test]
fn a_missing_folder_at_boot_is_told_with_all_that_a_person_needs() {
    let site = "[sites.\"b.test\"]\nhttps = false\nfiles = \"/nowhere/b\"\n";
    let folders = Folders::with(&(answering("one") + site));
    let place = format!("{}:9:9: ", folders.path("ondol.toml").display());
    let running = folders.start();
    assert_eq!(running.get("a.test"), "one");
    let warnings = running.status()["warnings"].to_string();
    for expected in [
        &*place,
        "the folder /nowhere/b does not exist (site `b.test`)",
        "what needs this does not",
        "`mkdir -p /nowhere/b`",
        "`ondol reload`",
    ] {
        assert!(warnings.contains(expected), "{expected}: {warnings}");
    }
    let page = running.get("b.test");
    assert!(page.starts_with("500 "), "{page}");
    assert!(running.log().contains(&place));
}

#[test]
fn an_upgrade_says_how_to_go_back() {
    let running = Folders::with(&answering("one")).with_own_program().start();
    let new = running.folders.path("new");
    fs::copy(running.folders.program(), &new).unwrap();
    let previous = format!("{}.previous", running.folders.program().display());
    for file in [new.to_str().unwrap(), &previous] {
        let output = running.folders.ondol(&["upgrade", file]);
        let said = String::from_utf8(output.stdout).unwrap();
        let expected = format!("`ondol upgrade {previous}` goes back to it.");
        assert!(
            output.status.success() && said.contains(&expected),
            "{said}"
        );
    }
}
