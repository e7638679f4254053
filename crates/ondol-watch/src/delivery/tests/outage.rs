//! The internet is away for an hour, or the box loses its power: nothing is lost, and little is said.

use ondol_store::RecordedIncident;

use super::*;

const HOUR: i64 = 60 * 60;

#[tokio::test]
async fn what_could_not_be_told_for_an_hour_is_told_in_one_message_with_its_times() {
    let stage = Stage::new(World::new(Mood::Away));
    let incident = |id: i64| RecordedIncident {
        id,
        subject: format!("site:{id}.example.com"),
        members: Vec::new(),
        severity: Severity::Critical,
        sentence: String::new(),
        began_at: clock::unix_seconds() - HOUR,
        ended_at: None,
        acknowledged_by: None,
        acknowledged_at: None,
        memory: "{}".to_owned(),
    };
    let mut messages: Vec<_> = (1..=4).map(|id| problem("me", id)).collect();
    messages.push(message("me", 2, NoticeKind::Recovery, 0));
    messages.push(problem("spouse", 1));
    let change = WatchChange {
        incidents: (1..=4).map(incident).collect(),
        messages,
        states: Vec::new(),
    };
    stage.outbox.commit(change).await;
    stage.world.tried("me", 1).await;
    stage.world.tried("spouse", 1).await;
    // What comes while the channels are left alone.
    stage.queue(vec![problem("me", 5)]).await;
    stage.world.is_for_all(Mood::Well);
    stage.is_online(true);
    stage.emptied().await;

    let mine = stage.world.parcels("me");
    assert_eq!(mine.len(), 1, "{mine:?}");
    assert_eq!(mine[0].kind, NoticeKind::Summary);
    for id in 1..=5 {
        let title = format!("problem {id}");
        assert!(mine[0].text.contains(&title), "{}", mine[0].text);
        let told = stage.planted.store.handle().told(id).await.unwrap();
        assert!(told.contains(&"me".to_owned()), "{id}");
    }
    assert_eq!(stage.world.titles("spouse"), ["problem 1"], "it was alone");
}

#[tokio::test]
async fn a_problem_that_is_over_when_it_can_be_told_is_one_message() {
    let stage = Stage::new(World::new(Mood::Well));
    let old = |kind| message("me", 1, kind, HOUR);
    stage
        .queue(vec![old(NoticeKind::Problem), old(NoticeKind::Recovery)])
        .await;
    stage.emptied().await;
    let told = stage.world.parcels("me");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, NoticeKind::Recovery);
    assert!(told[0].text.starts_with("About 1."), "{}", told[0].text);
    assert_ne!(told[0].text, "About 1.", "it says that it is late");
}

#[tokio::test]
async fn ten_thousand_alarms_in_a_minute_are_one_message_each_for_two_people() {
    let stage = Stage::new(World::new(Mood::Away));
    for first in (1..=10_000).step_by(100) {
        let incidents = first..first + 100;
        let messages = incidents.flat_map(|id| [problem("me", id), problem("spouse", id)]);
        assert_eq!(stage.queue(messages.collect()).await.len(), 200);
    }
    stage.world.tried("me", 1).await;
    stage.world.tried("spouse", 1).await;
    stage.world.is_for_all(Mood::Well);
    stage.is_online(true);
    for person in ["me", "spouse"] {
        stage.world.tried(person, 2).await;
    }
    stage.emptied().await;
    for person in ["me", "spouse"] {
        let told = stage.world.parcels(person);
        assert_eq!(told.len(), 1);
        assert!(
            told[0].title.contains("10,000") || told[0].title.contains("10000"),
            "{}",
            told[0].title
        );
        assert!(told[0].text.len() < 64 * 1024);
    }
    assert_eq!(
        stage.planted.store.handle().told(7_777).await.unwrap(),
        ["me", "spouse"]
    );
}

#[tokio::test]
async fn the_outbox_stays_small_while_nobody_can_be_told() {
    let stage = Stage::new(World::new(Mood::Away));
    for first in (1..=5_000).step_by(500) {
        stage
            .queue((first..first + 500).map(|id| problem("me", id)).collect())
            .await;
    }
    while stage.outbox.shared.ledger.count_waiting().await.0 > 1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.world.ids(), [0_i64; 0]);
}

#[tokio::test]
async fn what_was_being_sent_when_the_power_went_goes_again_under_its_own_number() {
    let world = World::new(Mood::Silent);
    let stage = Stage::new(world.clone());
    let ids = stage
        .queue(vec![message("me", 1, NoticeKind::Problem, HOUR)])
        .await;
    stage.world.tried("me", 1).await;
    let store = stage.killed();

    world.is_for_all(Mood::Well);
    let stage = Stage::on(store, world);
    // It would be folded, if it had not been begun.
    let more: Vec<_> = (1..=5)
        .map(|id| message("me", id, NoticeKind::Recovery, HOUR))
        .collect();
    stage.queue(more).await;
    stage.emptied().await;
    let taken = stage.world.ids();
    assert_eq!(taken[..2], [ids[0], ids[0]]);
    assert!(taken.len() <= 4, "{taken:?}");
}
