//! What a store knows of launches, also after it was closed.

use ondol_model::app::AppName;
use ondol_model::app::LaunchKind;
use ondol_model::app::LaunchOutcome;
use ondol_model::limits;

use super::LaunchEnd;
use super::NewLaunch;
use super::RecordedLaunch;
use crate::store::Handle;
use crate::store::open;
use crate::store::open_in_memory;

fn app(name: &str) -> AppName {
    AppName::parse(name).unwrap()
}

fn new(name: &str, kind: LaunchKind, release: Option<u64>) -> NewLaunch {
    NewLaunch {
        app: app(name),
        kind,
        release,
        source: String::new(),
        at: 100,
    }
}

fn ended(outcome: LaunchOutcome) -> LaunchEnd {
    LaunchEnd {
        outcome,
        reason: "so".to_owned(),
        at: 300,
    }
}

/// A launch that went live and ended so.
async fn lived(store: &Handle, name: &str, release: u64, outcome: LaunchOutcome) -> u64 {
    let new = new(name, LaunchKind::Deploy, Some(release));
    let launch = store.begin_launch(new).await.unwrap();
    store.live_launch(launch, 200).await.unwrap();
    store.end_launch(launch, ended(outcome)).await.unwrap();
    launch
}

async fn live(store: &Handle) -> Vec<(String, u64)> {
    let live = store.live_launches().await.unwrap();
    live.into_iter()
        .map(|live| (live.app.to_string(), live.launch))
        .collect()
}

#[tokio::test]
async fn a_launch_is_known_with_all_that_was_noted_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let handle = store.handle();
    let deploy = NewLaunch {
        source: "/srv/coffee".to_owned(),
        ..new("coffee", LaunchKind::Deploy, None)
    };
    let launch = handle.begin_launch(deploy).await.unwrap();
    handle
        .note_launch(launch, "building", Some(3))
        .await
        .unwrap();
    handle.note_launch(launch, "starting", None).await.unwrap();
    let other = new("tea", LaunchKind::Start, None);
    let other = handle.begin_launch(other).await.unwrap();
    handle.live_launch(launch, 200).await.unwrap();
    store.close().await;

    let store = open(&path).unwrap().store;
    let handle = store.handle();
    let unended: Vec<_> = handle.unended_launches().await.unwrap();
    let numbers: Vec<_> = unended.iter().map(|unended| unended.launch).collect();
    assert_eq!(numbers, [launch, other]);
    let end = ended(LaunchOutcome::RolledBack);
    handle.end_launch(launch, end.clone()).await.unwrap();
    let all = handle.launches(Some(app("coffee")), 10).await.unwrap();
    let expected = RecordedLaunch {
        launch,
        app: app("coffee"),
        kind: LaunchKind::Deploy,
        release: Some(3),
        source: "/srv/coffee".to_owned(),
        step: "starting".to_owned(),
        began_at: 100,
        live_at: Some(200),
        ended: Some(end),
    };
    assert_eq!(all, [expected]);
    assert_eq!(handle.launches(None, 1).await.unwrap()[0].launch, other);
    assert_eq!(handle.unended_launches().await.unwrap().len(), 1);
}

#[tokio::test]
async fn visitors_get_the_last_that_went_live_and_was_not_taken_back() {
    use LaunchOutcome::Done;
    use LaunchOutcome::Interrupted;
    use LaunchOutcome::RolledBack;
    let table = [
        (vec![Done], Some(0)),
        (vec![Done, Done], Some(1)),
        (vec![Done, RolledBack], Some(0)),
        (vec![Done, RolledBack, Interrupted], Some(0)),
        (vec![Done, Done, RolledBack], Some(1)),
        (vec![RolledBack], None),
    ];
    for (outcomes, expected) in table {
        let store = open_in_memory().unwrap();
        let handle = store.handle();
        let mut launches = Vec::new();
        for outcome in &outcomes {
            launches.push(lived(&handle, "coffee", 1, *outcome).await);
        }
        let other = lived(&handle, "tea", 1, Done).await;
        let mut wanted = Vec::new();
        if let Some(index) = expected {
            wanted.push(("coffee".to_owned(), launches[index]));
        }
        wanted.push(("tea".to_owned(), other));
        assert_eq!(live(&handle).await, wanted, "{outcomes:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn one_that_never_went_live_is_nothing_for_visitors() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let good = lived(&handle, "coffee", 1, LaunchOutcome::Done).await;
    let failed = new("coffee", LaunchKind::Deploy, Some(2));
    let failed = handle.begin_launch(failed).await.unwrap();
    assert_eq!(live(&handle).await, [("coffee".to_owned(), good)]);
    handle.live_launch(failed, 210).await.unwrap();
    assert_eq!(live(&handle).await, [("coffee".to_owned(), failed)]);
    store.close().await;
}

#[tokio::test]
async fn old_launches_are_forgotten_by_kind_but_never_the_live_one() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let live_one = lived(&handle, "coffee", 1, LaunchOutcome::Done).await;
    let restart = new("coffee", LaunchKind::Restart, Some(1));
    let restart = handle.begin_launch(restart).await.unwrap();
    let other = lived(&handle, "tea", 1, LaunchOutcome::Done).await;
    let mut newest = 0;
    for _ in 0..limits::LAUNCHES_PER_KIND_MAX + 5 {
        let failed = new("coffee", LaunchKind::Deploy, None);
        newest = handle.begin_launch(failed).await.unwrap();
    }
    let all = handle.launches(None, u32::MAX).await.unwrap();
    let kept: Vec<_> = all.iter().map(|kept| kept.launch).collect();
    assert_eq!(all.len(), limits::LAUNCHES_PER_KIND_MAX as usize + 3);
    for launch in [live_one, restart, other, newest] {
        assert!(kept.contains(&launch), "{launch} of {kept:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_stopped_app_stays_stopped_and_no_number_is_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let handle = store.handle();
    handle.set_stopped(app("coffee"), true).await.unwrap();
    handle.set_stopped(app("tea"), true).await.unwrap();
    handle.set_stopped(app("tea"), false).await.unwrap();
    assert_eq!(handle.next_release(app("coffee"), 0).await.unwrap(), 1);
    assert_eq!(handle.next_release(app("coffee"), 0).await.unwrap(), 2);
    store.close().await;
    let store = open(&path).unwrap().store;
    let handle = store.handle();
    assert_eq!(handle.stopped_apps().await.unwrap(), [app("coffee")]);
    assert_eq!(handle.next_release(app("coffee"), 0).await.unwrap(), 3);
    assert_eq!(handle.next_release(app("wine"), 0).await.unwrap(), 1);
    // The disk has more than a database that was lost.
    assert_eq!(handle.next_release(app("coffee"), 7).await.unwrap(), 8);
    assert_eq!(handle.next_release(app("coffee"), 7).await.unwrap(), 9);
    assert_eq!(handle.next_release(app("water"), 4).await.unwrap(), 5);
    assert_eq!(handle.stopped_apps().await.unwrap(), [app("coffee")]);
    store.close().await;
}
