//! Channels, disks and configurations that fail.

use super::*;

#[tokio::test]
async fn a_channel_that_never_answers_holds_up_nobody_else() {
    let stage = Stage::new(World::new(Mood::Well));
    stage.world.is("me", Mood::Silent);
    stage
        .queue(vec![problem("me", 1), problem("spouse", 1)])
        .await;
    stage.world.tried("me", 1).await;
    for id in 2..=9 {
        stage
            .queue(vec![problem("me", id), problem("spouse", id)])
            .await;
    }
    stage.world.tried("spouse", 9).await;
    assert_eq!(stage.world.titles("spouse").len(), 9);
    assert_eq!(stage.world.titles("me").len(), 1);
}

#[tokio::test]
async fn what_was_refused_is_tried_again_at_once_after_a_reload() {
    let stage = Stage::new(World::new(Mood::Refuses));
    let ids = stage.queue(vec![problem("me", 1)]).await;
    for tries in 1..=5 {
        stage.world.tried("me", tries).await;
        stage.reload();
    }
    stage.world.is_for_all(Mood::Well);
    stage.reload();
    stage.emptied().await;
    assert_eq!(stage.world.ids(), ids);
}

#[tokio::test]
async fn what_was_wrong_with_an_address_is_nothing_against_another() {
    let mut stage = Stage::new(World::new(Mood::Refuses));
    stage.is_online(true);
    stage.queue(vec![problem("me", 1)]).await;
    stage.world.tried("me", 1).await;
    let mut trouble = stage.trouble_of_me().await;
    while trouble.is_none() {
        trouble = stage.trouble_of_me().await;
    }
    assert_eq!(trouble.as_deref(), Some("wrong token"));
    stage.world.is("me", Mood::Silent);
    stage.planted.plan.send_modify(|plan| {
        let person = &mut Arc::make_mut(plan).care.people[0];
        person.channels = vec![Channel::Email("me@example.org".to_owned())];
    });
    while trouble.is_some() {
        trouble = stage.trouble_of_me().await;
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_sent_a_few_times_under_one_number_and_given_up() {
    let stage = Stage::new(World::new(Mood::Mumbles));
    let ids = stage.queue(vec![problem("me", 1)]).await;
    for tries in 1..=5 {
        stage.world.tried("me", tries).await;
        stage.reload();
    }
    stage.emptied().await;
    assert_eq!(stage.world.ids(), [ids[0]; 5]);
    let ended = stage.planted.store.handle().messages(1).await.unwrap();
    assert_eq!(ended[0].outcome, Some(MessageOutcome::GivenUp));
    assert_eq!(ended[0].error.as_deref(), Some("<html>"));
}

#[tokio::test]
async fn what_nobody_has_any_more_is_dropped_and_what_is_worth_nothing_given_up() {
    let stage = Stage::new(World::new(Mood::Away));
    let expired = NewMessage {
        expires_at: clock::unix_seconds() - 1,
        ..problem("me", 1)
    };
    let old = message("me", 2, NoticeKind::Problem, 8 * 24 * 60 * 60);
    stage.queue(vec![expired, old, problem("spouse", 3)]).await;
    stage.world.tried("spouse", 1).await;
    stage.planted.plan.send_modify(|plan| {
        Arc::make_mut(plan).care.people.pop();
    });
    stage.emptied().await;
    let ended = stage.planted.store.handle().messages(9).await.unwrap();
    let outcomes: Vec<_> = ended
        .iter()
        .rev()
        .filter_map(|message| message.outcome)
        .collect();
    assert_eq!(
        outcomes,
        [
            MessageOutcome::GivenUp,
            MessageOutcome::GivenUp,
            MessageOutcome::Dropped
        ]
    );
    assert_eq!(
        ended[0].error.as_deref(),
        Some("spouse/email is not in the configuration any more")
    );
}

#[tokio::test]
async fn what_is_held_back_waits_until_it_is_over() {
    let stage = Stage::new(World::new(Mood::Well));
    let later = clock::unix_seconds() + 3_600;
    let held = |id| NewMessage {
        not_before: later,
        ..problem("me", id)
    };
    stage.queue(vec![held(1), held(2), problem("me", 3)]).await;
    stage.world.tried("me", 1).await;
    stage
        .queue(vec![message("me", 1, NoticeKind::Recovery, 0)])
        .await;
    stage.world.tried("me", 2).await;
    assert_eq!(stage.world.titles("me"), ["problem 3", "recovery 1"]);
    let waiting = stage
        .planted
        .store
        .handle()
        .waiting_messages()
        .await
        .unwrap();
    let titles: Vec<_> = waiting.iter().map(|message| &*message.new.title).collect();
    assert_eq!(titles, ["problem 2"], "{waiting:#?}");
}

#[tokio::test]
async fn what_a_storm_held_back_is_told_in_one_message() {
    let stage = Stage::new(World::new(Mood::Well));
    let held = |id| NewMessage {
        not_before: clock::unix_seconds() - 1,
        ..message("me", id, NoticeKind::Problem, 5 * 60)
    };
    stage.queue((1..=50).map(held).collect()).await;
    stage.emptied().await;
    let mine = stage.world.parcels("me");
    assert_eq!(mine.len(), 1, "{mine:?}");
    assert_eq!(mine[0].kind, NoticeKind::Summary);
}

#[tokio::test]
async fn a_full_disk_loses_no_message_and_sends_none_twice() {
    let stage = Stage::new(World::new(Mood::Away));
    let handle = stage.planted.store.handle();
    let before = stage.queue(vec![problem("me", 1), problem("me", 2)]).await;
    stage.world.tried("me", 1).await;
    handle.take_nothing(true).await.unwrap();
    let during = stage
        .queue(
            (3..=6)
                .map(|id| problem("me", id))
                .chain([problem("spouse", 3)])
                .collect(),
        )
        .await;
    assert!(before.iter().all(|id| *id > 0) && during.iter().all(|id| *id < 0));
    stage.world.is_for_all(Mood::Well);
    stage.is_online(true);
    stage.emptied_of_what_waits(&["me", "spouse"]).await;
    let mine = stage.world.parcels("me");
    assert_eq!(mine.len(), 1, "{mine:?}");
    assert_eq!(mine[0].kind, NoticeKind::Summary);
    assert!(!stage.outbox.shared.ledger.is_written());

    handle.take_nothing(false).await.unwrap();
    stage.outbox.shared.ledger.write_kept().await;
    assert!(stage.outbox.shared.ledger.is_written());
    stage.queue(vec![problem("me", 7)]).await;
    stage.emptied().await;
    assert_eq!(stage.world.titles("me").len(), 2);
    assert_eq!(stage.world.titles("spouse").len(), 1);
    for id in 1..=7 {
        assert!(
            handle.told(id).await.unwrap().contains(&"me".to_owned()),
            "{id}"
        );
    }
    assert_eq!(handle.waiting_messages().await.unwrap(), []);
}

#[tokio::test]
async fn a_store_that_is_gone_stops_no_alarm() {
    let stage = Stage::new(World::new(Mood::Well));
    let gone = ondol_store::open_in_memory().unwrap();
    let handle = gone.handle();
    gone.close().await;
    let outbox = Outbox::by(handle, Carrier::World(stage.world.clone()));
    let mut group = Group::default();
    let (_stopper, stop) = Stopper::new();
    let running = run(stage.planted.ground.clone(), outbox.clone(), stop);
    group.spawn("delivery", async { running.await.unwrap_or_default() });
    let change = WatchChange {
        messages: vec![problem("me", 1)],
        ..WatchChange::default()
    };
    let ids = outbox.commit(change).await;
    stage.world.tried("me", 1).await;
    assert_eq!(stage.world.ids(), ids);
}

/// In stopped time every wait is over as soon as nobody has anything to do: the store is always too late.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_slow_loses_no_message_and_none_comes_twice() {
    let stage = Stage::new(World::new(Mood::Well));
    let mut ids = Vec::new();
    for id in 1..=5 {
        ids.extend(
            stage
                .queue(vec![problem("me", id), problem("spouse", id)])
                .await,
        );
    }
    stage.world.tried("me", 5).await;
    stage.world.tried("spouse", 5).await;
    while !stage.outbox.shared.ledger.is_written() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut taken = stage.world.ids();
    taken.sort_unstable();
    ids.sort_unstable();
    assert_eq!(taken, ids);
    let handle = stage.planted.store.handle();
    let messages = handle.messages(99).await.unwrap();
    assert_eq!(messages.len(), 10);
    for message in messages {
        assert_eq!(message.outcome, Some(MessageOutcome::Delivered));
    }
}
