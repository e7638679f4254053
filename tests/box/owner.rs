//! What the owner asks of a box that watches itself: whether all is well, whether people are reached, what to do.

use std::fs;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::harness::Folders;
use crate::harness::answering;
use crate::harness::eventually;

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr];
    String::from_utf8(both.concat()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(output)))
}

/// A program that puts what it reads into a file, or fails.
fn program(folders: &Folders, name: &str, script: &str) -> String {
    let path = folders.path(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// A box whose person `me` is reached by a program, and `spouse` by one that fails.
fn with_people() -> Folders {
    let folders = Folders::with("");
    let arrived = folders.path("arrived").display().to_string();
    let good = program(&folders, "good", &format!("cat >> {arrived}"));
    let bad = program(&folders, "bad", "echo 'no such number' >&2; exit 1");
    folders.configure(&format!(
        "{}[people.me]\nexec = [\"{good}\"]\n[people.spouse]\nexec = [\"{bad}\"]\n\
         [watch]\ninternet = []\ndomains = false\n",
        answering("one")
    ));
    folders
}

#[test]
fn a_test_message_is_followed_until_it_has_arrived_or_failed() {
    let running = with_people().start();
    let folders = &running.folders;
    let tested = folders.ondol(&["alarm", "test", "me"]);
    assert_eq!(tested.status.code(), Some(0), "{}", text(&tested));
    assert!(text(&tested).contains("after "), "{}", text(&tested));
    assert!(
        fs::read_to_string(folders.path("arrived"))
            .unwrap()
            .contains("test")
    );

    let tested = folders.ondol(&["alarm", "test", "--json"]);
    assert_eq!(tested.status.code(), Some(1), "{}", text(&tested));
    let messages = &json(&tested)["messages"];
    assert_eq!(
        (&messages[0]["person"], &messages[1]["person"]),
        (&"me".into(), &"spouse".into())
    );
    assert!(messages[0]["took_ms"].is_u64(), "{messages}");
    let why = messages[1]["why_not"].as_str().unwrap();
    assert!(why.contains("no such number"), "{why}");

    let listed = text(&folders.ondol(&["alarm", "list", "--all"]));
    for part in ["arrived", "spouse is not reached by exec", "again in"] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    let unknown = folders.ondol(&["alarm", "test", "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown).contains("nobody"), "{}", text(&unknown));
}

#[test]
fn the_first_line_of_the_status_says_whether_all_is_well() {
    let running = with_people().start();
    let folders = &running.folders;
    let status = eventually("those who watch have begun", || {
        let status = text(&folders.ondol(&["status"]));
        status.contains("me, spouse are told").then_some(status)
    });
    let first = status.lines().next().unwrap();
    assert!(
        first.contains("all is well") || first.contains("nothing is known to be wrong"),
        "{status}"
    );
    assert!(status.lines().count() <= 24, "{status}");
    let verbose = text(&folders.ondol(&["status", "--verbose"]));
    assert!(verbose.contains("DATA PLANE"), "{verbose}");

    let silenced = text(&folders.ondol(&["alarm", "silence", "--for", "2h"]));
    assert!(
        silenced.contains("silence") || silenced.contains("told"),
        "{silenced}"
    );
    eventually("the silence is shown", || {
        let status = text(&folders.ondol(&["status"]));
        let is_shown = status.contains("Nobody is told of anything until");
        is_shown.then_some(())
    });
    assert!(
        folders
            .ondol(&["alarm", "silence", "--off"])
            .status
            .success()
    );
    let wrong = folders.ondol(&["alarm", "silence", "moon", "--for", "2h"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(folders.ondol(&["alarm", "silence"]).status.code(), Some(2));
    let nothing = text(&folders.ondol(&["events", "--subject", "moon"]));
    assert_eq!(nothing, "Nothing like that has happened.\n");
    let kinds = text(&folders.ondol(&["events", "--kind", "generation", "--since", "1h"]));
    assert!(
        kinds.contains("generation-ready") && !kinds.contains("started "),
        "{kinds}"
    );
}

/// What a doctor found to be wrong, with the areas.
fn found(folders: &Folders) -> (Option<i32>, Vec<(String, String)>) {
    let examined = folders.ondol(&["doctor", "--no-mail", "--json"]);
    let report = json(&examined);
    let findings = report["findings"].as_array().unwrap().iter();
    let wrong = findings.filter(|finding| finding["weight"] != "advice");
    let wrong = wrong.map(|finding| {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        (text("area"), text("problem"))
    });
    (examined.status.code(), wrong.collect())
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_doctor_names_the_faults_that_were_planted() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let folders = Folders::with("");
    folders.configure(&format!(
        "{}[watch]\ninternet = []\ndomains = false\n\
         [sites.\"b.test\"]\nhttps = false\nproxy = \"http://127.0.0.1:{port}\"\n",
        answering("one")
    ));
    let running = folders.start();
    let folders = &running.folders;
    chmod(&folders.path("ondol.toml"), 0o666);
    chmod(&folders.path("state"), 0o777);
    let (code, wrong) = found(folders);
    assert_eq!(code, Some(1));
    for (area, part) in [
        ("folders", "Others can change"),
        ("folders", "can put keys, certificates"),
        (
            "upstream",
            &format!("Nothing answers at 127.0.0.1:{port}, to which b.test"),
        ),
    ] {
        let is_named = wrong
            .iter()
            .any(|(at, problem)| at == area && problem.contains(part));
        assert!(is_named, "{part}: {wrong:?}");
    }
    // The box of a test has nobody who is told, and no backup.
    for area in ["alarms", "backup"] {
        assert!(wrong.iter().any(|(at, _)| at == area), "{area}: {wrong:?}");
    }
    chmod(&folders.path("ondol.toml"), 0o600);
    chmod(&folders.path("state"), 0o700);
    let (_, wrong) = found(folders);
    assert!(wrong.iter().all(|(area, _)| area != "folders"), "{wrong:?}");
}

#[test]
fn a_doctor_comes_also_when_no_agent_runs() {
    let folders = Folders::with(&answering("one"));
    let (code, wrong) = found(&folders);
    assert_eq!(code, Some(1));
    assert_eq!(wrong[0].0, "agent");
    let shown = text(&folders.ondol(&["doctor", "--no-mail"]));
    assert!(shown.contains("systemctl start ondol"), "{shown}");
    folders.configure("flies = 1\n");
    let (_, wrong) = found(&folders);
    let mistake = wrong.iter().find(|(area, _)| area == "configuration");
    assert!(mistake.is_some_and(|(_, problem)| problem.contains("ondol.toml:1")));
}

#[test]
fn a_site_that_is_down_stands_in_the_status_until_somebody_answers() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let folders = with_people();
    let people = fs::read_to_string(folders.path("ondol.toml")).unwrap();
    folders.configure(&format!(
        "{people}interval = \"10s\"\n[sites.\"b.test\"]\nhttps = false\nproxy = \"http://127.0.0.1:{port}\"\n"
    ));
    let running = folders.start();
    let folders = &running.folders;
    // What else is not well is the machine's: a disk that is nearly full.
    eventually("the site is known to be down", || {
        let status = text(&folders.ondol(&["status"]));
        let mut lines = status.lines();
        lines.find(|line| line.starts_with("✗ ") && line.contains("b.test"))?;
        status.contains("not well").then_some(())
    });
    let sites = json(&folders.ondol(&["sites", "--json"]));
    let sites = sites["sites"].as_array().unwrap();
    let down = sites.iter().find(|site| site["name"] == "b.test").unwrap();
    assert_eq!(down["health"]["state"], "fail");
    let answered = text(&folders.ondol(&["alarm", "ack", "--by", "me"]));
    assert!(answered.contains("me"), "{answered}");
    eventually("the answer is shown", || {
        let status = text(&folders.ondol(&["status"]));
        status.contains("me looks after it.").then_some(())
    });
    let events = text(&folders.ondol(&["events", "--kind", "incident"]));
    assert!(events.contains("incident-opened"), "{events}");
}
