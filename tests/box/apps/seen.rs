//! What the owner sees of apps, and commands that are run as they run.

use std::io::BufRead;
use std::io::BufReader;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::harness::eventually;

use super::Host;

#[test]
fn apps_are_listed_shown_and_part_of_the_status() {
    let host = Host::with("watch = \"0s\"");
    host.answers("1");
    let apps = host.done(&["apps"]);
    let row: Vec<_> = apps.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(&row[..2], ["coffee", "running"], "{apps}");
    let detail = host.done(&["apps", "coffee"]);
    for part in ["a.test", "web: python3 -u server.py", "web.1", "ready"] {
        assert!(detail.contains(part), "{part} is missing in {detail}");
    }
    let pid = host.app_pid().as_raw_nonzero().to_string();
    assert!(detail.contains(&pid), "{pid} is missing in {detail}");
    // Data planes tell of requests each second.
    let app = eventually("the request is counted", || {
        let json: serde_json::Value = serde_json::from_str(&host.done(&["apps", "--json"])).ok()?;
        let app = &json["apps"][0];
        (app["requests"].as_u64() >= Some(1)).then(|| app.clone())
    });
    assert_eq!(
        (&app["name"], &app["state"]),
        (&"coffee".into(), &"running".into())
    );
    let status = host.done(&["status"]);
    assert!(
        status.contains("coffee") && status.contains("a.test"),
        "{status}"
    );
    let said = host.fails(&["apps", "cofee"]);
    assert!(said.contains("did you mean `coffee`?"), "{said}");
}

#[test]
fn a_deploy_tells_each_step_and_what_the_build_writes() {
    let host = Host::with("watch = \"1h\"\nbuild = \"echo brewing; printf '\\\\033[31mred'\"");
    host.answers("1");
    let said = host.done(&["deploy", "coffee", &host.release("2")]);
    let at = |part: &str| {
        let found = said.find(part);
        found.unwrap_or_else(|| panic!("{part} is missing in {said}"))
    };
    let order = ["fetching", "building", "brewing", "answers visitors"].map(at);
    assert!(order.is_sorted(), "{said}");
    assert!(said.contains("comes back by itself"), "{said}");
    assert!(said.contains("red") && !said.contains('\x1b'), "{said}");
    let json = host.done(&["rollback", "coffee", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["done"], true, "{json}");
    assert_eq!(host.version(), "1");
}

#[test]
fn who_leaves_a_deploy_does_not_end_it() {
    let host = Host::with(
        "watch = \"0s\"\nbuild = \"echo brewing; until test -e ready; do sleep 0.1; done\"",
    );
    std::fs::write(host.path("coffee").join("ready"), "").unwrap();
    host.answers("1");
    let folder = host.release("2");
    let mut deploy = host.running().folders.begin(&["deploy", "coffee", &folder]);
    let mut lines = BufReader::new(deploy.stdout.take().unwrap()).lines();
    lines
        .find(|line| line.as_ref().unwrap().contains("brewing"))
        .unwrap()
        .unwrap();
    let pid = Pid::from_child(&deploy);
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    let left = deploy.wait_with_output().unwrap();
    assert_eq!(left.status.code(), Some(130));
    let said = String::from_utf8(left.stderr).unwrap();
    assert!(said.contains("goes on"), "{said}");
    let busy = host.fails(&["deploy", "coffee", &folder]);
    assert!(busy.contains("--wait"), "{busy}");
    let release = std::fs::read_dir(host.path("state").join("apps/coffee/releases")).unwrap();
    // The build is in a folder of which the name is the releases' own business.
    for entry in release {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::write(path.join("ready"), "").unwrap();
        }
    }
    host.answers("2");
}

#[test]
fn a_command_runs_as_the_app_does() {
    let host = Host::with("env = { GREETING = \"hello\" }");
    host.answers("1");
    let exec = |line: &str| host.ondol(&["exec", "coffee", "--", "sh", "-c", line]);
    let env = host.done(&["exec", "coffee", "--", "env"]);
    assert!(env.contains("GREETING=hello"), "{env}");
    assert!(!env.contains("ONDOL_STATE="), "{env}");
    assert_eq!(exec("exit 7").status.code(), Some(7));
    let wrote = exec("echo kept > \"$ONDOL_DATA/file\" && cat \"$ONDOL_DATA/file\"");
    assert_eq!(wrote.stdout, b"kept\n");
    if rustix::process::geteuid().is_root() {
        let id = host.done(&["exec", "coffee", "--", "id", "-un"]);
        assert_eq!(id.trim(), "nobody");
    }
    let state = host.path("state").join("ondol.db");
    let spied = exec(&format!("cat {}", state.display()));
    assert_ne!(spied.status.code(), Some(0));
    let missing = host.fails(&["exec", "coffee", "--", "no-such-program"]);
    assert!(missing.contains("no-such-program"), "{missing}");
}
