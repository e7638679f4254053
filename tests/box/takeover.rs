//! What comes while one image of the agent gives way to another: signals, programs that are not what they
//! seem, and boxes that keep little.

use std::fs;
use std::fs::Permissions;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::answering;
use crate::harness::eventually;

/// Passes the first trial as any Ondol does.
const VERSION: &str = r#"[ "$1" = version ] && echo '{"version":"9.9.9"}' && exit 0"#;

fn text(output: &Output) -> String {
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    text += &String::from_utf8(output.stderr.clone()).unwrap();
    text
}

fn script(running: &Running, lines: &str) -> PathBuf {
    let path = running.folders.path("script");
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path
}

fn upgrade_to(running: &Running, program: &Path) -> Output {
    let program = program.to_str().unwrap();
    running.folders.ondol(&["upgrade", program])
}

#[test]
fn signals_right_after_a_re_execution_do_not_end_the_box() {
    let mut running = Folders::with(&answering("one")).start();
    for (round, signal) in [Signal::HUP, Signal::USR1, Signal::HUP, Signal::USR1]
        .into_iter()
        .enumerate()
    {
        running.signal(Signal::USR2);
        while running.log().matches("started itself anew").count() <= round {
            running.signal(signal);
            let ended = running.has_ended();
            assert!(
                ended.is_none(),
                "{ended:?} of {signal:?}: {}",
                running.log()
            );
        }
    }
    assert_eq!(running.get("a.test"), "one");
}

#[test]
fn a_stop_that_comes_during_a_re_execution_is_obeyed() {
    for _ in 0..3 {
        let mut running = Folders::with(&answering("one")).start();
        let mut client = UnixStream::connect(running.folders.path("run/admin.sock")).unwrap();
        client
            .write_all(b"GET /status HTTP/1.1\r\nHost: box\r\n\r\n")
            .unwrap();
        assert!(client.read(&mut [0; 1024]).unwrap() > 0);
        running.signal(Signal::USR2);
        // The agent lets its clients go when it begins to leave.
        client.read_to_end(&mut Vec::new()).unwrap();
        running.signal(Signal::TERM);
        assert!(running.ended().success(), "{}", running.log());
        assert!(running.log().contains("Ondol stopped"), "{}", running.log());
    }
}

#[test]
fn signals_for_the_agent_do_not_end_the_data_plane() {
    let running = Folders::with(&answering("one")).start();
    let before = running.generation();
    for signal in [Signal::HUP, Signal::INT, Signal::USR1, Signal::USR2] {
        rustix::process::kill_process(before.1, signal).unwrap();
    }
    running.folders.configure(&answering("two"));
    let reload = running.folders.ondol(&["reload"]);
    assert!(reload.status.success(), "{}", text(&reload));
    assert_eq!(
        (running.get("a.test"), running.generation()),
        ("two".to_owned(), before)
    );
}

#[test]
fn a_program_whose_run_ends_with_a_usage_error_is_refused() {
    let running = Folders::with(&answering("one")).with_own_program().start();
    let before = running.generation();
    let lines = "[ \"$1\" = run ] && echo 'unexpected argument' >&2 && exit 2";
    let program = script(&running, &format!("{VERSION}\n{lines}\nexit 0"));
    let upgrade = upgrade_to(&running, &program);
    let said = text(&upgrade);
    assert_eq!(upgrade.status.code(), Some(1), "{said}");
    assert!(
        said.contains("unexpected argument") && said.contains("Nothing changed"),
        "{said}"
    );
    assert_eq!(running.generation(), before);
    running.re_execute();
    assert_eq!(running.get("a.test"), "one");
}

#[test]
fn a_program_that_leaves_a_child_with_its_output_does_not_hang_the_box() {
    let mut running = Folders::with(&answering("one")).with_own_program().start();
    let number = running.folders.path("child");
    let lines = format!("sleep 1000 &\necho $! > {}\necho none", number.display());
    let upgrade = upgrade_to(&running, &script(&running, &lines));
    running.signal(Signal::TERM);
    let ended = eventually("it ends", || running.has_ended());
    let child = fs::read_to_string(&number).unwrap();
    let child = Pid::from_raw(child.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(child, Signal::KILL).unwrap();
    assert!(text(&upgrade).contains("is no Ondol"), "{}", text(&upgrade));
    assert!(ended.success(), "{}", running.log());
}

#[test]
fn a_file_that_is_broken_meanwhile_is_no_reason_to_refuse_a_program() {
    let running = Folders::with(&answering("one")).with_own_program().start();
    let new = running.folders.path("new");
    fs::copy(running.folders.program(), &new).unwrap();
    running.folders.configure("[box]\nnam = \"x\"\n");
    let upgrade = upgrade_to(&running, &new);
    assert!(upgrade.status.success(), "{}", text(&upgrade));
    assert_eq!(running.get("a.test"), "one");
}

#[test]
fn a_folder_that_is_gone_is_no_reason_to_refuse_a_program() {
    let folders = Folders::with("").with_own_program();
    let site = folders.path("site");
    fs::create_dir(&site).unwrap();
    let target = format!("files = \"{}\"", site.display());
    folders.configure(&answering("x").replace("respond = \"x\"", &target));
    let running = folders.start();
    let new = running.folders.path("new");
    fs::copy(running.folders.program(), &new).unwrap();
    fs::remove_dir(&site).unwrap();
    let upgrade = upgrade_to(&running, &new);
    assert!(upgrade.status.success(), "{}", text(&upgrade));
}

#[test]
fn an_upgrade_of_a_box_that_keeps_no_events_is_told_as_done() {
    let folders = Folders::with(&answering("one")).with_own_program();
    fs::create_dir_all(folders.path("state/ondol.db")).unwrap();
    let running = folders.start();
    // Its numbers are ahead of those that the next image begins with.
    for text in ["two", "three", "four"] {
        running.folders.configure(&answering(text));
        assert!(running.folders.ondol(&["reload"]).status.success());
    }
    let new = running.folders.path("new");
    fs::copy(running.folders.program(), &new).unwrap();
    let upgrade = upgrade_to(&running, &new);
    assert!(
        upgrade.status.success() && text(&upgrade).contains('→'),
        "{}",
        text(&upgrade)
    );
}
