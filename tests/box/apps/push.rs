//! Releases that arrive by `git push`, and what stays of those before.

use std::path::Path;
use std::process::Command;

use super::Host;
use super::configuration;
use super::said;
use super::write_app;
use crate::harness::Folders;
use crate::peers::skipped;

const QUICK: &str = "watch = \"0s\"\nhealth = { path = \"/up\" }";

/// Runs git in a folder; what it said.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(folder).args(arguments);
    for (name, value) in [("NAME", "me"), ("EMAIL", "me@example.com")] {
        git.env(format!("GIT_AUTHOR_{name}"), value);
        git.env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = git.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

fn is_here(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Commits a version and pushes it to the branch main; what was seen of that.
fn push(work: &Path, repository: &str, version: &str) -> String {
    write_app(work, version);
    git(work, &["add", "."]);
    git(work, &["commit", "-qm", version]);
    git(work, &["push", repository, "HEAD:main"])
}

#[test]
fn what_is_pushed_is_deployed_and_the_push_shows_it() {
    if !is_here("git") {
        skipped("git", "it is not installed");
        return;
    }
    let build = "build = \"echo building $(cat VERSION); test ! -e broken\"";
    let host = Host::with(&format!("{QUICK}\n{build}"));
    host.answers("1");
    let advice = host.done(&["apps", "git", "coffee"]);
    let repository = host.path("state/apps/coffee/repository.git");
    let repository = repository.to_str().unwrap();
    assert!(advice.contains(&format!("{repository}\n")), "{advice}");
    let work = host.path("work");
    std::fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q"]);
    let load = host.load();
    let shown = push(&work, repository, "2");
    assert!(
        shown.contains("remote: ") && shown.contains("building 2"),
        "{shown}"
    );
    assert_eq!(host.version(), "2");
    std::fs::write(work.join("broken"), "").unwrap();
    let shown = push(&work, repository, "3");
    assert!(
        shown.contains("the build command") && shown.contains("building 3"),
        "{shown}"
    );
    assert_eq!(host.version(), "2");
    std::fs::remove_file(work.join("broken")).unwrap();
    push(&work, repository, "4");
    assert_eq!(host.version(), "4");
    host.done(&["deploy", "coffee", "main~2"]);
    assert_eq!(host.version(), "2");
    load.none_failed();
    let unknown = host.fails(&["apps", "git", "tea"]);
    assert!(unknown.contains("tea"), "{unknown}");
}

#[test]
fn scripts_of_the_release_before_are_there_for_pages_that_ask_for_them() {
    let folders = Folders::with("");
    write_app(&folders.path("coffee"), "1");
    let assets = folders.path("state/apps/coffee/current/public/assets");
    let route = format!(
        "[[sites.\"a.test\".routes]]\npath = \"/assets/\"\nfiles = \"{}\"",
        assets.display()
    );
    let configuration = configuration(&folders, &format!("{QUICK}\n{route}"));
    folders.configure(&configuration);
    let host = Host {
        running: Some(folders.start()),
    };
    host.answers("1");
    for version in ["2", "3"] {
        let release = host.release(version);
        let assets = Path::new(&release).join("public/assets");
        std::fs::create_dir_all(&assets).unwrap();
        std::fs::write(assets.join(format!("app-{version}.js")), version).unwrap();
        host.done(&["deploy", "coffee", &release]);
    }
    for version in ["2", "3"] {
        let address = host.http();
        crate::harness::eventually("the script is there", || {
            let url = format!("http://a.test:{}/assets/app-{version}.js", address.port());
            let resolve = format!("a.test:{}:127.0.0.1", address.port());
            let curl = Command::new("curl")
                .args(["-sS", "--resolve", &resolve, &url])
                .output();
            (curl.ok()?.stdout == version.as_bytes()).then_some(())
        });
    }
}
