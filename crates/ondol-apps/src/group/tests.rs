//! Real processes in real groups of this machine: what it can't have is skipped by name.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;

use crate::sample;
use crate::spec::Limits;

use super::*;

const LITTLE: Limits = Limits {
    memory: Some(64 << 20),
    cpu_thousandths: Some(500),
    tasks: Some(20),
    descriptors: None,
};

/// Limits of groups, where they are enforced.
async fn enforced() -> bool {
    let left = Groups::find().await.left_to_process(&LITTLE);
    let is_enforced = left == Limits::default();
    if !is_enforced {
        println!("skipped: groups have no limits here");
    }
    is_enforced
}

#[tokio::test]
async fn limits_are_those_of_the_group() {
    if !enforced().await {
        return;
    }
    let mut spec = sample::spec("exec sleep 1000");
    spec.limits = LITTLE;
    let (spawned, _) = sample::start(spec, Vec::new()).await.unwrap();
    let pid = spawned.child.pid();
    let folder = Cgroup::of(pid).unwrap().folder().to_owned();
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with(&format!("ondol-sample-1-web.1-{pid}")),
        "{name}"
    );
    assert_eq!(read("memory.max"), format!("{}\n", 64 << 20));
    assert_eq!(read("pids.max"), "20\n");
    assert_eq!(read("cpu.max"), "50000 100000\n");
    let usage = spawned.group.usage().unwrap();
    assert!(usage.memory > 0 && usage.tasks == 1, "{usage:?}");
    spawned.group.kill().await;
    spawned.child.ended().await.unwrap();
    spawned.group.remove();
    while folder.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_that_eats_all_memory_is_killed_alone_and_that_is_known() {
    if !enforced().await {
        return;
    }
    // The whole group ends with it, so nothing but the count is left.
    let mut spec = sample::spec("exec tail /dev/zero");
    spec.limits = LITTLE;
    let (spawned, _) = sample::start(spec, Vec::new()).await.unwrap();
    assert_eq!(spawned.group.oom_kills(), 0);
    let status = spawned.child.ended().await.unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9)
    );
    assert_eq!(spawned.group.oom_kills(), 1);
    assert!(spawned.group.is_empty());
    spawned.group.remove();
}

#[tokio::test]
async fn one_that_forks_without_end_is_stopped_at_its_limit() {
    if !enforced().await {
        return;
    }
    let mut spec = sample::spec("for i in $(seq 100); do sleep 1000 & done; wait");
    spec.limits = LITTLE;
    let (spawned, output) = sample::start(spec, Vec::new()).await.unwrap();
    let said = tasks::spawn_blocking(move || {
        let mut lines = BufReader::new(fs::File::from(output)).lines();
        let refused = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("fork")));
        refused.unwrap().unwrap().to_lowercase()
    });
    assert!(said.await.unwrap().contains("cannot fork"));
    assert!(spawned.group.usage().is_none_or(|usage| usage.tasks <= 20));
    spawned.group.kill().await;
    assert!(spawned.group.is_empty());
    spawned.child.ended().await.unwrap();
    spawned.group.remove();
}

#[tokio::test]
async fn looking_changes_nothing() {
    let before = cgroup::path_of(std::process::id());
    let looked = Groups::look().await;
    assert_eq!(cgroup::path_of(std::process::id()), before);
    let found = Groups::find().await;
    assert_eq!(looked.holds_together(), found.holds_together());
}

#[test]
fn names_are_taken_by_systemd() {
    let name = Name {
        app: "my-app".to_owned(),
        what: "12-web.1".to_owned(),
        pid: 47,
    };
    assert_eq!(name.scope(), "ondol-my-app-12-web.1-47.scope");
    // A `-` in it would be a folder of another one.
    assert_eq!(name.slice(), "ondol-my\\x2dapp.slice");
}

#[test]
fn controllers_are_handed_on_by_name() {
    let all = Controllers::read("cpuset cpu io memory pids\n");
    assert_eq!(all.to_hand_on(), "+memory +cpu +pids");
    assert!(!Controllers::read("hugetlb memory_numa\n").any());
}
