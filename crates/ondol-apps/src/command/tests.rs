//! Commands that are run to their end, through the shim.

use std::sync::Arc;

use ondol_base::process;
use ondol_model::app::AppName;
use tempfile::TempDir;

use super::*;
use crate::group::Groups;
use crate::log::AppLog;
use crate::sample;

const LONG: Duration = Duration::from_secs(60);

async fn surroundings() -> (TempDir, Surroundings) {
    let folder = sample::folder();
    let places = Arc::new(sample::places(folder.path()));
    let surroundings = Surroundings {
        log: AppLog::open(&places, &AppName::parse("coffee").unwrap()),
        groups: Arc::new(Groups::find().await),
        hidden: Arc::new([]),
        places,
    };
    (folder, surroundings)
}

#[tokio::test]
async fn what_it_says_is_told_in_order_and_its_end_is_known() {
    let (_folder, surroundings) = surroundings().await;
    let mut lines = Vec::new();
    let spec = sample::spec("echo one; echo two >&2; printf three; exit 7");
    let ended = run(&surroundings, spec, LONG, |line| {
        lines.push(line.to_owned())
    });
    let ended = ended.await.unwrap();
    assert_eq!(ended.status.code(), Some(7));
    assert_eq!(lines, ["one", "two", "three"]);
    assert_eq!(ended.last, lines);
}

#[tokio::test]
async fn a_great_deal_is_told_whole() {
    let (_folder, surroundings) = surroundings().await;
    let mut count = 0;
    let spec = sample::spec("seq 200000");
    let ended = run(&surroundings, spec, LONG, |_| count += 1)
        .await
        .unwrap();
    assert_eq!(count, 200_000);
    assert_eq!((ended.last.len(), &*ended.last[49]), (50, "200000"));
}

#[tokio::test]
async fn what_it_leaves_running_is_killed() {
    let (_folder, surroundings) = surroundings().await;
    let mut pid = String::new();
    let spec = sample::spec("sleep 1000 & echo $!");
    let ended = run(&surroundings, spec, LONG, |line| line.clone_into(&mut pid)).await;
    assert!(ended.unwrap().status.success());
    let pid = pid.parse().unwrap();
    while process::alive(pid) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_that_takes_too_long_is_killed_and_its_words_are_told() {
    let (_folder, surroundings) = surroundings().await;
    let spec = sample::spec("echo begun; sleep 1000 & wait");
    let ended = run(&surroundings, spec, Duration::from_secs(2), |_| {}).await;
    let error = ended.unwrap_err();
    assert_eq!(
        error.to_string(),
        "it did not end within 2 s and was killed"
    );
    assert!(
        matches!(&error, CommandError::Slow { last, .. } if last == &["begun"]),
        "{error:?}"
    );
}

#[tokio::test]
async fn one_that_can_t_be_started_is_an_error() {
    let (_folder, surroundings) = surroundings().await;
    let mut spec = sample::spec("");
    spec.run = crate::spec::Run::Program(vec!["/nowhere/at-all".to_owned()]);
    let error = run(&surroundings, spec, LONG, |_| {}).await.unwrap_err();
    let chain = ondol_base::chain::Chain(&error).to_string();
    assert!(chain.contains("/nowhere/at-all"), "{chain}");
}

#[test]
fn times_are_told_in_the_owners_units() {
    for (seconds, text) in [(2, "2 s"), (60, "1 min"), (90, "90 s"), (1800, "30 min")] {
        assert_eq!(Span(Duration::from_secs(seconds)).to_string(), text);
    }
}
