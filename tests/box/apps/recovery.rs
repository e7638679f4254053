//! The agent is killed, or the power is cut, at each step of a deploy: what was there before goes on, or what visitors
//! had already; never both, and nothing of what was under way is left.

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::eventually;

use super::Host;
use super::field;

/// How the agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Accident {
    /// It alone.
    Kill,
    /// All processes, and what the runtime folder says.
    PowerCut,
}

const BOTH: [Accident; 2] = [Accident::Kill, Accident::PowerCut];

/// The processes that run in a folder of the box: those of apps, and of builds.
pub(super) fn processes_in(folder: &Path) -> BTreeSet<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let runs_there = |pid: &i32| {
        let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
        cwd.is_ok_and(|cwd| cwd.starts_with(folder))
    };
    pids.filter(runs_there).collect()
}

fn children_of(pid: Pid) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).unwrap();
    let lists = tasks.flatten().map(|task| task.path().join("children"));
    let lists: String = lists
        .filter_map(|list| fs::read_to_string(list).ok())
        .collect();
    let numbers = lists.split_whitespace().filter_map(|pid| pid.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}

/// Releases on disk that count, and those that do not.
fn releases(folders: &Folders) -> (Vec<String>, Vec<String>) {
    let all = fs::read_dir(folders.path("state/apps/coffee/releases"));
    let all = all.into_iter().flatten().flatten();
    let names: BTreeSet<String> = all
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let numbers = names.iter().filter(|name| name.parse::<u64>().is_ok());
    let counts = |name: &String| names.contains(&format!("{name}.json"));
    numbers.cloned().partition(counts)
}

impl Host {
    /// Starts a deploy, and returns when it is at a step.
    pub(super) fn deploy_until(&self, source: &str, step: &str) -> Child {
        let arguments = ["deploy", "coffee", source];
        let mut deploy = self.running().folders.begin(&arguments);
        let mut lines = BufReader::new(deploy.stdout.take().unwrap()).lines();
        let mut seen = String::new();
        let is_there = lines.by_ref().map_while(Result::ok).any(|line| {
            seen = format!("{seen}{line}\n");
            line.contains(step)
        });
        assert!(is_there, "no {step} in:\n{seen}");
        // It goes on reading, or the verb would end by what it can't write.
        std::thread::spawn(move || lines.for_each(drop));
        deploy
    }

    /// The state of the app, as `ondol apps` names it.
    pub(super) fn is(&self, state: &str) {
        eventually(&format!("it is {state}"), || {
            let json: serde_json::Value =
                serde_json::from_str(&self.done(&["apps", "--json"])).ok()?;
            (json["apps"][0]["state"] == state).then_some(())
        });
    }

    fn meets(&mut self, accident: Accident) {
        let running = self.running.take().unwrap();
        let mut children = Vec::new();
        if accident == Accident::PowerCut {
            // What it starts at this moment is in no folder yet, and would come after the cut.
            running.signal(Signal::STOP);
            children = children_of(running.pid());
        }
        let running = running.start_after(|folders| {
            if accident == Accident::PowerCut {
                for pid in &children {
                    let _ = rustix::process::kill_process(*pid, Signal::KILL);
                }
                for pid in processes_in(&folders.path("")) {
                    let _ =
                        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
                }
                eventually("nothing runs any more", || {
                    processes_in(&folders.path("")).is_empty().then_some(())
                });
                fs::remove_dir_all(folders.path("run")).unwrap();
            }
        });
        self.running = Some(running);
    }

    /// One version answers, by one process, and nothing else is there.
    pub(super) fn has_only(&self, version: &str, what: &str) {
        let answered = |host: &Self| {
            let answer = crate::harness::get(host.http(), "a.test").ok()?;
            (field(&answer, "version") == version).then(|| field(&answer, "pid"))
        };
        let top = self.path("");
        eventually(&format!("{what}: version {version} alone"), || {
            let pid: i32 = answered(self)?.parse().ok()?;
            (processes_in(&top) == BTreeSet::from([pid])).then_some(())
        });
        let (_, halves) = releases(&self.running().folders);
        assert_eq!(halves, Vec::<String>::new(), "{what}: half a release");
    }
}

/// A deploy meets each accident at a step; then this version runs, and the next deploy works.
fn meets_both(more: &str, before: &str, new: &str, step: &str, after: [&str; 2]) {
    for (accident, after) in BOTH.into_iter().zip(after) {
        let mut host = Host::with_version(before, more);
        host.answers(before);
        let mut deploy = host.deploy_until(&host.release(new), step);
        let what = format!("{accident:?} at {step}");
        host.meets(accident);
        host.has_only(after, &what);
        if after == before {
            let event = host.running().event("app-deploy-failed");
            assert!(event.contains("was interrupted"), "{what}: {event}");
        }
        let _ = deploy.kill(); // It may have ended with the agent.
        deploy.wait().unwrap();
    }
}

#[test]
fn at_fetching_the_release_before_goes_on() {
    // Accepts, by its backlog, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let git = format!("git = \"http://{}/a.git\"", silent.local_addr().unwrap());
    for accident in BOTH {
        let folders = Folders::with("");
        let text = super::configuration(&folders, "watch = \"0s\"");
        let dir = format!("dir = \"{}\"", folders.path("coffee").display());
        folders.configure(&text.replace(&dir, &git));
        let mut host = Host {
            running: Some(folders.start()),
        };
        host.done(&["deploy", "coffee", &host.release("1")]);
        host.answers("1");
        let mut deploy = host.deploy_until("main", "fetching");
        host.meets(accident);
        host.has_only("1", &format!("{accident:?} at fetching"));
        let _ = deploy.kill();
        deploy.wait().unwrap();
    }
}

#[test]
fn releases_that_a_lost_database_has_forgotten_are_neither_lost_nor_made_twice() {
    let mut host = Host::with("watch = \"0s\"");
    host.answers("1");
    host.done(&["deploy", "coffee", &host.release("2")]);
    host.done(&["deploy", "coffee", &host.release("3")]);
    let running = host.running.take().unwrap();
    host.running = Some(running.start_after(|folders| {
        for file in ["ondol.db", "ondol.db-wal", "ondol.db-shm"] {
            fs::remove_file(folders.path("state").join(file)).unwrap();
        }
    }));
    host.has_only("3", "with another database");
    let said = host.done(&["deploy", "coffee", &host.release("4")]);
    assert!(said.contains("release 3"), "{said}");
    host.has_only("4", "after a deploy");
    let (all, _) = releases(&host.running().folders);
    assert_eq!(all, ["1", "2", "3"]);
}

#[test]
fn at_building_the_release_before_goes_on() {
    let build = "build = \"echo at work; sleep 1000 & sleep 1000\"";
    // The first build is that of its folder, so this one has none until it is configured.
    for accident in BOTH {
        let mut host = Host::with("watch = \"0s\"");
        host.answers("1");
        let text = fs::read_to_string(host.path("ondol.toml")).unwrap();
        host.running()
            .folders
            .configure(&format!("{text}{build}\n"));
        host.done(&["reload"]);
        let mut deploy = host.deploy_until(&host.release("2"), "at work");
        let what = format!("{accident:?} at building");
        host.meets(accident);
        host.has_only("1", &what);
        let _ = deploy.kill();
        deploy.wait().unwrap();
        host.running().folders.configure(&text);
        host.done(&["reload"]);
        host.done(&["deploy", "coffee", &host.release("3")]);
        host.has_only("3", &what);
    }
}

#[test]
fn at_the_release_command_the_release_before_goes_on() {
    for accident in BOTH {
        let mut host = Host::with("watch = \"0s\"");
        host.answers("1");
        let text = fs::read_to_string(host.path("ondol.toml")).unwrap();
        let release = "release = \"echo at work; sleep 1000\"";
        let configuration = format!("{text}{release}\n");
        host.running().folders.configure(&configuration);
        host.done(&["reload"]);
        let mut deploy = host.deploy_until(&host.release("2"), "at work");
        host.meets(accident);
        host.has_only("1", &format!("{accident:?} at releasing"));
        let _ = deploy.kill();
        deploy.wait().unwrap();
    }
}

#[test]
fn at_probing_the_release_before_goes_on() {
    meets_both(
        "start_timeout = \"1h\"",
        "1",
        "never-listens",
        "probing",
        ["1", "1"],
    );
}

#[test]
fn at_holding_the_release_before_goes_on() {
    let version = "1-ignores-sigterm";
    meets_both(
        "swap = \"hold\"\nstop_timeout = \"5s\"",
        version,
        "2",
        "holding",
        [version, version],
    );
}

#[test]
fn at_watching_the_new_release_stays_while_its_processes_live() {
    for (accident, after) in BOTH.into_iter().zip(["2", "1"]) {
        let mut host = Host::with("watch = \"1h\"");
        host.answers("1");
        host.done(&["deploy", "coffee", &host.release("2")]);
        host.is("watching");
        let pid = host.app_pid();
        host.meets(accident);
        host.has_only(after, &format!("{accident:?} at watching"));
        assert_eq!(host.app_pid() == pid, accident == Accident::Kill);
        let current = fs::read_link(host.path("state/apps/coffee/current")).unwrap();
        let is_new = current == Path::new("releases/1");
        assert_eq!(is_new, accident == Accident::Kill, "{current:?}");
    }
}

#[test]
fn at_draining_the_new_release_stays_while_its_processes_live() {
    for (accident, after) in BOTH.into_iter().zip(["2", "1"]) {
        let mut host = Host::with("watch = \"0s\"\ndrain_timeout = \"1h\"");
        host.answers("1");
        let mut slow = TcpStream::connect(host.http()).unwrap();
        write!(slow, "GET /slow/1000 HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
        let before = host.app_pid();
        let mut deploy = host.deploy_until(&host.release("2"), "answers visitors");
        host.is("watching");
        rustix::process::test_kill_process(before).expect("the old one still has a request");
        host.meets(accident);
        host.has_only(after, &format!("{accident:?} at draining"));
        let _ = deploy.kill();
        deploy.wait().unwrap();
    }
}
