//! What is asked of an app while something else is under way: one thing after another, and never two copies of it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Child;

use crate::harness::eventually;

use super::Host;
use super::field;
use super::recovery::processes_in;

const QUICK: &str = "watch = \"0s\"\nhealth = { path = \"/up\" }";
const OUT: &str = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n[sites.\"b.test\"]\nhttps = false\nrespond = \"neighbour\"\n";

impl Host {
    fn text(&self) -> String {
        fs::read_to_string(self.path("ondol.toml")).unwrap()
    }

    fn reload(&self, text: &str) {
        self.running().folders.configure(text);
        self.done(&["reload"]);
    }

    /// Starts a verb that takes a while.
    fn begin(&self, arguments: &[&str]) -> Child {
        self.running().folders.begin(arguments)
    }
}

#[test]
fn a_deploy_of_an_app_that_was_stopped_starts_it_for_good() {
    let mut host = Host::with(QUICK);
    host.answers("1");
    host.done(&["stop", "coffee"]);
    host.fails(&["deploy", "coffee", &host.release("exits-at-once")]);
    assert!(host.running().get("a.test").contains("switched it off"));
    host.done(&["deploy", "coffee", &host.release("2")]);
    host.has_only("2", "after a deploy");
    let text = host.text();
    let running = host.running.take().unwrap();
    host.running = Some(running.start_again(&text));
    host.has_only("2", "after a restart of the box");
}

#[test]
fn a_start_while_it_stops_is_done_when_it_has_stopped() {
    let version = "1-ignores-sigterm";
    let mut host = Host::with_version(version, "stop_timeout = \"2s\"");
    host.answers(version);
    let mut stop = host.begin(&["stop", "coffee"]);
    host.is("stopped");
    host.done(&["start", "coffee"]);
    assert!(stop.wait().unwrap().success());
    host.has_only(version, "after stop and start");
    let text = host.text();
    let running = host.running.take().unwrap();
    host.running = Some(running.start_again(&text));
    host.has_only(version, "after a restart of the box");
}

#[test]
fn an_app_that_comes_back_while_it_ends_begins_when_it_has_ended() {
    let version = "1-ignores-sigterm";
    let host = Host::with_version(version, "stop_timeout = \"2s\"");
    host.answers(version);
    let (text, before) = (host.text(), host.app_pid());
    host.reload(OUT);
    host.reload(&text);
    host.has_only(version, "out and in again");
    assert_ne!(host.app_pid(), before);
    let apps = host.done(&["apps", "--json"]);
    let apps: serde_json::Value = serde_json::from_str(&apps).unwrap();
    assert_eq!(apps["apps"][0]["restarts"], 0, "{apps}");
}

#[test]
fn nothing_is_gone_back_to_while_a_deploy_is_made() {
    let host = Host::with(QUICK);
    host.answers("1");
    host.done(&["deploy", "coffee", &host.release("2")]);
    host.done(&["deploy", "coffee", &host.release("3")]);
    let text = host.text();
    let gate = host.path("gate");
    let build = format!(
        "build = \"echo at work; until test -e {}; do sleep 0.1; done\"",
        gate.display()
    );
    host.reload(&format!("{text}{build}\n"));
    let mut deploy = host.deploy_until(&host.release("4"), "at work");
    let said = host.fails(&["rollback", "coffee"]);
    assert!(said.contains("under way"), "{said}");
    fs::write(&gate, "").unwrap();
    assert!(deploy.wait().unwrap().success());
    assert_eq!(host.version(), "4");
    host.done(&["rollback", "coffee"]);
    host.has_only("3", "after it");
}

#[test]
fn settings_that_change_while_a_release_is_watched_do_not_bring_it_back() {
    let watched = "watch = \"1h\"\nenv = { GREETING = \"one\" }";
    let host = Host::with(watched);
    host.answers("1");
    host.done(&["deploy", "coffee", &host.release("2")]);
    host.is("watching");
    host.reload(&host.text().replace("one", "two"));
    host.ondol(&["rollback", "coffee"]);
    host.has_only("1", "after the rollback");
    eventually("its newest settings", || {
        let answer = host.env();
        (answer.contains("GREETING=two") && answer.contains("ONDOL_APP=coffee")).then_some(())
    });
    host.has_only("1", "with its newest settings");
}

#[test]
fn processes_that_are_not_wanted_any_more_end_with_the_agent_that_wanted_them() {
    let worker = "processes = { worker = \"sleep 1000\" }";
    let mut host = Host::with(&format!("{QUICK}\ninstances = 2\n{worker}"));
    host.answers("1");
    let top = host.path("");
    eventually("all three run", || {
        (processes_in(&top).len() == 3).then_some(())
    });
    let text = host.text();
    let fewer = text.replace("instances = 2", "instances = 1");
    let running = host.running.take().unwrap();
    host.running = Some(running.start_after(|folders| {
        folders.configure(&fewer.replace(worker, ""));
    }));
    host.has_only("1", "with fewer processes");
}

#[test]
fn settings_that_change_while_it_starts_are_taken_up() {
    let host = Host::with("env = { GREETING = \"one\" }");
    host.reload(&host.text().replace("one", "two"));
    eventually("its newest settings", || {
        host.env().contains("GREETING=two").then_some(())
    });
    host.has_only("1", "with its newest settings");
}

#[test]
fn hold_does_not_wait_for_one_that_ignores_its_end() {
    let version = "1-ignores-sigterm";
    let host = Host::with_version(
        version,
        "swap = \"hold\"\nstop_timeout = \"15s\"\nwatch = \"0s\"",
    );
    host.answers(version);
    let load = host.load();
    load.goes_on(5);
    host.done(&["deploy", "coffee", &host.release("2")]);
    load.goes_on(5);
    load.none_failed();
    host.has_only("2", "after hold");
}

#[test]
fn many_visitors_wake_one_copy() {
    let host = Host::with("idle_stop = \"1s\"\nhealth = { path = \"/up\", interval = \"1h\" }");
    host.answers("1");
    let top = host.path("");
    for _ in 0..3 {
        eventually("it sleeps", || processes_in(&top).is_empty().then_some(()));
        let http = host.http();
        let visitors: Vec<_> = (0..8)
            .map(|_| std::thread::spawn(move || crate::harness::get(http, "a.test").unwrap()))
            .collect();
        let answers: BTreeSet<String> = visitors
            .into_iter()
            .map(|visitor| field(&visitor.join().unwrap(), "pid"))
            .collect();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(processes_in(&top).len() <= 1);
    }
}
