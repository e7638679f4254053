//! Releases: deployed without a failed request, refused, taken back.

use super::Host;

const QUICK: &str = "watch = \"0s\"\nhealth = { path = \"/up\" }";

#[test]
fn a_deploy_changes_the_release_and_loses_no_request() {
    let host = Host::with(QUICK);
    host.answers("1");
    let load = host.load();
    load.goes_on(20);
    for version in ["2", "3", "4"] {
        host.done(&["deploy", "coffee", &host.release(version)]);
        assert_eq!(host.version(), version);
    }
    load.goes_on(20);
    load.none_failed();
}

#[test]
fn the_other_ways_of_handing_sockets_over_lose_no_request_either() {
    for listen in ["fd", "unix"] {
        let host = Host::with(&format!("{QUICK}\nlisten = \"{listen}\""));
        host.answers("1");
        let load = host.load();
        load.goes_on(20);
        host.done(&["deploy", "coffee", &host.release("2")]);
        host.done(&["restart", "coffee"]);
        assert_eq!(host.version(), "2", "{listen}");
        load.none_failed();
    }
}

#[test]
fn hold_lets_requests_wait_while_one_runs_at_a_time() {
    let host = Host::with(&format!("{QUICK}\nswap = \"hold\""));
    host.answers("1");
    let load = host.load();
    load.goes_on(20);
    host.done(&["deploy", "coffee", &host.release("2")]);
    assert_eq!(host.version(), "2");
    load.goes_on(20);
    load.none_failed();
}

#[test]
fn what_never_gets_ready_changes_nothing_and_says_why() {
    let host = Host::with(&format!("{QUICK}\nstart_timeout = \"2s\""));
    host.answers("1");
    for (version, words) in [
        ("exits-at-once", vec!["status 7", "no such gem: coffee"]),
        ("never-listens", vec!["2 s", "never-listens starts"]),
        ("fails-its-probe", vec!["/up", "500"]),
        ("listens-elsewhere", vec!["listens-elsewhere listens"]),
    ] {
        let said = host.fails(&["deploy", "coffee", &host.release(version)]);
        for word in words {
            assert!(
                said.contains(word),
                "{version}: {word:?} is not in:\n{said}"
            );
        }
        assert!(
            said.contains("and what ran before goes on: web.1 "),
            "{said}"
        );
        assert!(
            !said.contains("web.1 it ") && !said.contains("again in"),
            "{said}"
        );
        for words in ["After a repair, deploy it again.", "It was run as `"] {
            assert!(said.contains(words), "{version}: {words}: {said}");
        }
        assert_eq!(host.version(), "1");
    }
    let event = host.running().event("app-deploy-failed");
    assert!(event.contains("coffee"), "{event}");
}

#[test]
fn a_build_that_fails_changes_nothing_and_shows_what_it_said() {
    let host = Host::with(&format!(
        "{QUICK}\nbuild = \"cat VERSION; test ! -e broken || {{ echo no compiler >&2; exit 4; }}\""
    ));
    host.answers("1");
    let folder = host.release("2");
    std::fs::write(format!("{folder}/broken"), "").unwrap();
    let said = host.fails(&["deploy", "coffee", &folder]);
    assert!(said.contains("no compiler") && said.contains('4'), "{said}");
    assert_eq!(host.version(), "1");
    std::fs::remove_file(format!("{folder}/broken")).unwrap();
    host.done(&["deploy", "coffee", &folder]);
    assert_eq!(host.version(), "2");
}

#[test]
fn a_release_that_does_worse_is_taken_back_by_itself() {
    let host = Host::with("watch = \"1h\"\nhealth = { path = \"/up\" }");
    host.answers("1");
    let before = host.app_pid();
    for version in ["answers-500", "breaks-later"] {
        host.done(&["deploy", "coffee", &host.release(version)]);
        let http = host.http();
        for _ in 0..30 {
            let _ = crate::harness::get(http, "a.test"); // Some fail: that is the point.
        }
        host.answers("1");
        let event = host.running().event("app-rolled-back");
        assert!(event.contains("switched back"), "{event}");
    }
    assert_eq!(
        host.app_pid(),
        before,
        "what was there before never stopped"
    );
}

#[test]
fn rollback_goes_to_the_last_good_release() {
    let host = Host::with(QUICK);
    host.answers("1");
    for version in ["2", "3"] {
        host.done(&["deploy", "coffee", &host.release(version)]);
    }
    host.fails(&["deploy", "coffee", &host.release("exits-at-once")]);
    host.done(&["rollback", "coffee"]);
    assert_eq!(host.version(), "2");
    host.done(&["rollback", "coffee", "--to", "2"]);
    assert_eq!(host.version(), "3");
    let said = host.fails(&["rollback", "coffee", "--to", "99"]);
    assert!(said.contains("no release 99"), "{said}");
}

#[test]
fn the_owner_takes_back_what_is_watched() {
    let host = Host::with("watch = \"1h\"\nhealth = { path = \"/up\" }");
    host.answers("1");
    host.done(&["deploy", "coffee", &host.release("2")]);
    assert_eq!(host.version(), "2");
    host.ondol(&["rollback", "coffee"]);
    host.answers("1");
}
