//! PHP applications, by the real binary with a real php-fpm: a pool that Ondol runs, and releases of it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::Running;
use crate::harness::eventually;
use crate::harness::get;
use crate::peers::Answer;
use crate::peers::ask;
use crate::peers::is_there;
use crate::peers::skipped;

/// Says its version, its process, and what of its environment it sees.
const INDEX: &str = "<?php
    session_start();
    $_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;
    if (isset($_GET['log'])) { error_log('it is ' . $_GET['log']); }
    printf(\"version=%s pid=%d parent=%d uri=%s color=%s secret=%s limit=%s user=%d count=%d path=%s\",
        trim(file_get_contents(__DIR__ . '/VERSION')), getmypid(), posix_getppid(), $_SERVER['REQUEST_URI'],
        getenv('COLOR'), getenv('BOX_SECRET') ?: 'none', ini_get('memory_limit'), posix_geteuid(),
        $_SESSION['count'], getenv('PATH') ? 'yes' : 'no');
";

/// A box with a PHP site `a.test`. It is asked to stop when dropped, so that no app outlives its test.
struct Host(Option<Running>);

impl Host {
    /// Its folder is the app's own, or that of its newest release.
    fn with(root: impl FnOnce(&Folders) -> String, more: &str) -> Option<Self> {
        if !has_fpm() {
            skipped("php-fpm", "it is not installed (tests/run installs it)");
            return None;
        }
        let folders = Folders::with("");
        let site = folders.path("wiki");
        write(&site, "1");
        let user = match rustix::process::geteuid().is_root() {
            true => "user = \"nobody\"\n",
            false => "",
        };
        let root = root(&folders);
        folders.configure(&format!(
            "[listen]\nhttp = ['127.0.0.1:0']\nhttps = []\n\
             [sites.'a.test']\nhttps = false\nphp = {{ root = '{root}', pool = 'wiki' }}\n\
             [apps.wiki]\ndir = '{}'\n{user}env = {{ COLOR = 'green' }}\nwatch = '0s'\n\
             php = {{ children = 4, ini = {{ memory_limit = '77M' }} }}\n{more}\n",
            site.display()
        ));
        let running = folders.start_with(&[("BOX_SECRET", "leaked")]);
        let host = Self(Some(running));
        eventually("the site answers", || {
            let answer = get(host.http(), "a.test").ok()?;
            answer.starts_with("version=").then_some(())
        });
        Some(host)
    }

    fn running(&self) -> &Running {
        self.0.as_ref().unwrap()
    }

    fn http(&self) -> SocketAddr {
        self.running().http()
    }

    fn field(&self, key: &str) -> String {
        field(&self.running().get("a.test"), key)
    }

    fn asked(&self, path: &str, more: &[&str]) -> Answer {
        let url = format!("http://a.test{path}");
        ask(self.http(), &[more, &[&url]].concat()).unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.running().folders.ondol(arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{said}\n{}", self.running().log());
        said
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut running) = self.0.take() {
            running.signal(Signal::TERM);
            running.ended();
        }
    }
}

pub(crate) fn has_fpm() -> bool {
    let programs = fs::read_dir("/usr/sbin").into_iter().flatten().flatten();
    let mut names = programs.map(|entry| entry.file_name());
    names.any(|name| name.to_str().is_some_and(|it| it.starts_with("php-fpm")))
}

fn write(folder: &Path, version: &str) {
    fs::create_dir_all(folder.join("assets")).unwrap();
    fs::write(folder.join("index.php"), INDEX).unwrap();
    fs::write(folder.join("VERSION"), version).unwrap();
    fs::write(folder.join("assets/style.css"), "a{}").unwrap();
    fs::write(folder.join("config.php"), "<?php $password = 'hidden';").unwrap();
}

fn field(answer: &str, key: &str) -> String {
    let mut fields = answer
        .split_whitespace()
        .filter_map(|it| it.split_once('='));
    let found = fields.find(|(name, _)| *name == key);
    found.map_or_else(
        || format!("no {key} in {answer:?}"),
        |(_, value)| value.to_owned(),
    )
}

fn in_place(folders: &Folders) -> String {
    folders.path("wiki").display().to_string()
}

#[test]
fn a_pool_runs_the_scripts_of_a_site() {
    let Some(host) = Host::with(in_place, "") else {
        return;
    };
    let pretty = host.asked("/some/page?a=b", &[]);
    for (key, value) in [
        ("version", "1"),
        ("uri", "/some/page?a=b"),
        ("color", "green"),
        ("secret", "none"),
        ("limit", "77M"),
        ("path", "yes"),
    ] {
        assert_eq!(field(&pretty.body, key), value, "{}", pretty.body);
    }
    if rustix::process::geteuid().is_root() {
        assert_ne!(field(&pretty.body, "user"), "0");
    }
    let style = host.asked("/assets/style.css", &[]);
    assert!(
        style
            .header("content-type")
            .unwrap()
            .starts_with("text/css")
    );
    assert_eq!(
        host.asked("/config.php", &[]).body,
        "",
        "it is run, not shown"
    );
    let jar = host.running().folders.path("cookies").display().to_string();
    for count in ["1", "2", "3"] {
        let answer = host.asked("/", &["--cookie", &jar, "--cookie-jar", &jar]);
        assert_eq!(field(&answer.body, "count"), count);
    }
}

#[test]
fn what_scripts_log_is_in_the_log_of_the_app() {
    let Some(host) = Host::with(in_place, "") else {
        return;
    };
    host.asked("/?log=late", &[]);
    eventually("the line of the script", || {
        let lines = host.done(&["logs", "wiki"]);
        lines.contains("it is late").then_some(())
    });
}

#[test]
fn a_pool_that_was_killed_comes_back() {
    let Some(host) = Host::with(in_place, "") else {
        return;
    };
    let before = host.field("parent");
    let pid = Pid::from_raw(before.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    eventually("another pool answers", || {
        let answer = get(host.http(), "a.test").ok()?;
        let parent = field(&answer, "parent");
        (answer.starts_with("version=") && parent != before && parent != "1").then_some(())
    });
}

#[test]
fn a_release_takes_the_place_of_another_and_no_request_fails() {
    let current = |folders: &Folders| {
        let state = folders.path("state/apps/wiki/current");
        state.display().to_string()
    };
    let Some(host) = Host::with(current, "") else {
        return;
    };
    let stop = Arc::new(AtomicBool::new(false));
    let (told, http) = (Arc::clone(&stop), host.http());
    let load = std::thread::spawn(move || {
        let mut failures = Vec::new();
        while !told.load(Ordering::Relaxed) {
            match get(http, "a.test") {
                Ok(answer) if answer.starts_with("version=") => {}
                Ok(answer) => failures.push(answer),
                Err(error) => failures.push(error.to_string()),
            }
        }
        failures
    });
    let jar = host.running().folders.path("cookies").display().to_string();
    host.asked("/", &["--cookie-jar", &jar]);
    for version in ["2", "3"] {
        let folder = host.running().folders.path(&format!("release-{version}"));
        write(&folder, version);
        host.done(&["deploy", "wiki", folder.to_str().unwrap()]);
        eventually("the new release answers", || {
            (host.field("version") == version).then_some(())
        });
    }
    host.done(&["rollback", "wiki"]);
    eventually("the release before answers", || {
        (host.field("version") == "2").then_some(())
    });
    let answer = host.asked("/", &["--cookie", &jar]);
    assert_eq!(
        field(&answer.body, "count"),
        "2",
        "sessions outlive releases"
    );
    stop.store(true, Ordering::Relaxed);
    assert_eq!(load.join().unwrap(), Vec::<String>::new());
}

#[test]
fn a_pool_that_sleeps_is_woken_by_a_visitor() {
    if !is_there("curl") {
        return;
    }
    let Some(host) = Host::with(in_place, "idle_stop = '1s'") else {
        return;
    };
    let before = host.field("parent");
    eventually("it sleeps", || {
        let pid = Pid::from_raw(before.parse().unwrap()).unwrap();
        rustix::process::test_kill_process(pid)
            .is_err()
            .then_some(())
    });
    assert_eq!(host.field("version"), "1");
}
