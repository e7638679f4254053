//! Processes of apps: started, killed, adopted, stopped, put to sleep.

use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::eventually;
use crate::harness::get;

use super::Host;

#[test]
fn an_app_in_its_own_folder_answers_with_nothing_of_the_agents_environment() {
    let host = Host::with("env = { GREETING = \"hello\" }");
    host.answers("1");
    let answer = host.running().get("b.test");
    assert_eq!(answer, "neighbour");
    let env = host.env();
    assert!(
        env.contains("GREETING=hello") && env.contains("ONDOL_APP=coffee"),
        "{env}"
    );
    assert!(
        !env.contains("ONDOL_STATE=") && !env.contains("CARGO"),
        "{env}"
    );
}

#[test]
fn settings_that_change_while_an_app_waits_for_another_are_not_lost() {
    let more = |greeting: &str, dir: &str| {
        format!(
            "after = [\"slow\"]\nenv = {{ GREETING = \"{greeting}\" }}\n[apps.slow]\ndir = \"{dir}\"\n\
             run = \"sleep 2; exec python3 -u server.py\"\n{}",
            super::user()
        )
    };
    let folders = Folders::with("");
    let dir = folders.path("coffee");
    let dir = dir.to_str().unwrap();
    super::write_app(&folders.path("coffee"), "1");
    folders.configure(&super::configuration(&folders, &more("before", dir)));
    let host = Host {
        running: Some(folders.start()),
    };
    let folders = &host.running().folders;
    folders.configure(&super::configuration(folders, &more("after", dir)));
    host.done(&["reload"]);
    eventually("the new settings", || {
        host.env().contains("GREETING=after").then_some(())
    });
}

#[test]
fn one_that_is_killed_comes_back_and_connections_wait_for_it() {
    let host = Host::with("listen = \"fd\"\nhealth = { path = \"/up\" }");
    host.answers("1");
    let before = host.app_pid();
    rustix::process::kill_process(before, Signal::KILL).unwrap();
    host.answers("1");
    assert_ne!(host.app_pid(), before);
    let event = host.running().event("app-restarted");
    assert!(
        event.contains("web.1 of coffee was killed by signal 9"),
        "{event}"
    );
    let event = host.running().event("app-recovered");
    assert!(event.contains("web.1 of coffee is well again"), "{event}");
}

#[test]
fn apps_outlive_the_agent_and_are_found_again() {
    let mut host = Host::with("health = { path = \"/up\" }");
    host.answers("1");
    let before = host.app_pid();
    host.running().re_execute();
    assert_eq!(host.app_pid(), before, "after a start in place");
    let running = host.running.take().unwrap().start_after_kill();
    host.running = Some(running);
    host.answers("1");
    assert_eq!(host.app_pid(), before, "after a SIGKILL of the agent");
    host.done(&["restart", "coffee"]);
    host.answers("1");
    assert_ne!(host.app_pid(), before);
}

#[test]
fn a_box_that_stops_ends_its_apps() {
    let mut host = Host::with_version("1-ignores-sigterm", "stop_timeout = \"1s\"");
    host.answers("1-ignores-sigterm");
    let pid = host.app_pid();
    host.stop();
    assert!(
        rustix::process::test_kill_process(pid).is_err(),
        "it is gone"
    );
}

#[test]
fn one_that_was_stopped_stays_so_over_a_restart() {
    let mut host = Host::with("health = { path = \"/up\" }");
    host.answers("1");
    let pid = host.app_pid();
    host.done(&["stop", "coffee"]);
    assert!(rustix::process::test_kill_process(pid).is_err());
    let page = host.running().get("a.test");
    assert!(page.contains("switched it off"), "{page}");
    assert_eq!(host.running().get("b.test"), "neighbour");
    let configuration = std::fs::read_to_string(host.path("ondol.toml")).unwrap();
    host.running = host
        .running
        .take()
        .map(|running| running.start_again(&configuration));
    let page = host.running().get("a.test");
    assert!(page.contains("switched it off"), "{page}");
    host.done(&["start", "coffee"]);
    host.answers("1");
}

#[test]
fn one_that_can_not_be_started_says_why_and_not_what_was_before() {
    let host = Host::with("health = { path = \"/up\" }");
    host.answers("1");
    let file = host.path("coffee.env");
    std::fs::write(&file, "VARIABLE=1\n").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, private).unwrap();
    let configuration = std::fs::read_to_string(host.path("ondol.toml")).unwrap();
    let with_file = format!("{configuration}env_files = [\"coffee.env\"]\n");
    host.running().folders.configure(&with_file);
    host.done(&["reload"]);
    host.done(&["deploy", "--wait", "coffee", &host.release("2")]);
    host.fails(&["deploy", "coffee", &host.release("exits-at-once")]);
    host.done(&["stop", "coffee"]);
    std::fs::write(&file, "no variable\n").unwrap();
    let said = host.fails(&["start", "coffee"]);
    assert!(
        said.contains("coffee.env, line 1") && !said.contains("the deploy of"),
        "{said}"
    );
    let apps = host.done(&["apps"]);
    assert!(
        apps.contains("coffee can't be started") && !apps.contains("the deploy of"),
        "{apps}"
    );
    std::fs::write(&file, "VARIABLE=1\n").unwrap();
    host.done(&["start", "coffee"]);
    host.answers("2");
    let apps = host.done(&["apps"]);
    assert!(!apps.contains('!'), "{apps}");
}

#[test]
fn one_that_nobody_asks_for_sleeps_and_the_next_visitor_wakes_it() {
    let host = Host::with("idle_stop = \"2s\"\nhealth = { path = \"/up\", interval = \"1h\" }");
    host.answers("1");
    let before = host.app_pid();
    eventually("it sleeps", || {
        rustix::process::test_kill_process(before).err()
    });
    let http = host.http();
    let visitors: Vec<_> = (0..20)
        .map(|_| std::thread::spawn(move || get(http, "a.test").unwrap()))
        .collect();
    for visitor in visitors {
        let answer = visitor.join().unwrap();
        assert!(answer.starts_with("version=1"), "{answer}");
    }
    assert_ne!(host.app_pid(), before);
}

#[test]
fn other_settings_are_taken_up_by_a_reload_without_a_failed_request() {
    let host = Host::with("env = { GREETING = \"one\" }\nhealth = { path = \"/up\" }");
    host.answers("1");
    let before = host.app_pid();
    let load = host.load();
    load.goes_on(10);
    let configuration = std::fs::read_to_string(host.path("ondol.toml")).unwrap();
    host.running()
        .folders
        .configure(&configuration.replace("one", "two"));
    host.done(&["reload"]);
    eventually("another process answers", || {
        (host.app_pid() != before).then_some(())
    });
    load.goes_on(10);
    load.none_failed();
}

#[test]
fn an_app_that_is_taken_out_of_the_configuration_ends() {
    let host = Host::with("");
    host.answers("1");
    let pid = host.app_pid();
    host.running().folders.configure(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n[sites.\"a.test\"]\nhttps = false\nrespond = \"gone\"\n",
    );
    host.done(&["reload"]);
    eventually("its process ends", || {
        rustix::process::test_kill_process(pid).err()
    });
    assert_eq!(host.running().get("a.test"), "gone");
}

#[test]
fn one_that_fails_again_and_again_does_not_touch_its_neighbours() {
    let host = Host::with_version("exits-at-once", "");
    assert_eq!(host.running().get("b.test"), "neighbour");
    let event = host.running().event("app-restarted");
    assert!(event.contains("status 7"), "{event}");
    let apps = host.done(&["apps"]);
    assert!(apps.contains("coffee"), "{apps}");
}
