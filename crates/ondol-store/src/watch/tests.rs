//! What a store knows of how things are, also after it was closed.

use ondol_model::limits;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use ondol_model::watch::State;
use rusqlite::Connection;

use super::*;
use crate::store::open;
use crate::store::open_in_memory;

fn incident(id: i64) -> RecordedIncident {
    RecordedIncident {
        id,
        subject: "app:coffee".to_owned(),
        members: vec![
            "app:coffee".to_owned(),
            "site:coffee.example.com".to_owned(),
        ],
        severity: Severity::Critical,
        sentence: "coffee ended again and again".to_owned(),
        began_at: 1_000,
        ended_at: None,
        acknowledged_by: None,
        acknowledged_at: None,
        memory: "{}".to_owned(),
    }
}

fn message(incident: Option<i64>, person: &str, channel: &str) -> NewMessage {
    NewMessage {
        incident,
        person: person.to_owned(),
        channel: channel.to_owned(),
        kind: NoticeKind::Problem,
        severity: Severity::Warning,
        subject: "app:coffee".to_owned(),
        title: "coffee is down".to_owned(),
        text: "coffee ended again and again.".to_owned(),
        queued_at: 1_000,
        not_before: 1_030,
        expires_at: 9_000,
        wants_answer: true,
    }
}

fn change(messages: Vec<NewMessage>) -> WatchChange {
    WatchChange {
        messages,
        ..WatchChange::default()
    }
}

async fn queued(store: &Handle, messages: Vec<NewMessage>) -> Vec<i64> {
    store.commit_watch(change(messages)).await.unwrap()
}

fn ids(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.id).collect()
}

#[tokio::test]
async fn what_changed_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let state = RecordedState {
        subject: "app:coffee".to_owned(),
        state: State::Fail,
        since: 990,
        memory: "[3]".to_owned(),
    };
    let change = WatchChange {
        incidents: vec![incident(7)],
        messages: vec![
            message(Some(7), "me", "email"),
            message(Some(7), "me", "ntfy"),
        ],
        states: vec![state.clone()],
    };
    let numbers = store.handle().commit_watch(change).await.unwrap();
    store.handle().set_watch_fact("offset", "12").await.unwrap();
    store.handle().set_watch_fact("gone", "1").await.unwrap();
    store.handle().set_watch_fact("gone", "").await.unwrap();
    store.close().await;

    let store = open(&path).unwrap().store;
    let handle = store.handle();
    let memory = handle.watch_memory(0).await.unwrap();
    assert_eq!(memory.incidents, [incident(7)]);
    assert_eq!(memory.states, [state]);
    assert_eq!(memory.next_incident, 8);
    assert_eq!(
        memory.facts.into_iter().collect::<Vec<_>>(),
        [("offset".to_owned(), "12".to_owned())]
    );
    assert_eq!(memory.spent, [("me".to_owned(), 1)]);
    assert_eq!(
        handle.watch_fact("offset").await.unwrap().as_deref(),
        Some("12")
    );
    let waiting = handle.waiting_messages().await.unwrap();
    assert_eq!(ids(&waiting), numbers);
    assert_eq!(waiting[0].new, message(Some(7), "me", "email"));
    assert_eq!((waiting[0].tries, waiting[0].next_at), (0, 1_030));
    assert_eq!(handle.count_waiting().await.unwrap(), (2, Some(1_000)));
    let of_one = handle.waiting_messages_for("me", "ntfy").await.unwrap();
    assert_eq!(ids(&of_one), [numbers[1]]);

    let over = RecordedIncident {
        ended_at: Some(2_000),
        acknowledged_by: Some("me".to_owned()),
        acknowledged_at: Some(1_500),
        ..incident(7)
    };
    let change = WatchChange {
        incidents: vec![over.clone()],
        ..WatchChange::default()
    };
    handle.commit_watch(change).await.unwrap();
    handle
        .forget_states(vec!["app:coffee".to_owned()])
        .await
        .unwrap();
    let memory = handle.watch_memory(0).await.unwrap();
    assert_eq!((memory.incidents, memory.states), (vec![], vec![]));
    assert_eq!(memory.next_incident, 8);
    assert_eq!(handle.incidents(10).await.unwrap(), [over]);
}

#[tokio::test]
async fn a_change_is_written_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT raise(ABORT, 'full'); END",
        )
        .unwrap();
    let change = WatchChange {
        incidents: vec![incident(1)],
        messages: vec![message(Some(1), "me", "email")],
        states: vec![],
    };
    let error = store.handle().commit_watch(change).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the store could not write down how things are"
    );
    assert_eq!(store.handle().incidents(10).await.unwrap(), []);
}

#[tokio::test]
async fn a_message_waits_until_it_ended_and_ends_once() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let one = queued(&handle, vec![message(None, "me", "email")]).await[0];
    let waiting = || async { handle.waiting_messages().await.unwrap().remove(0) };

    handle.begin_message(one).await.unwrap();
    assert!(waiting().await.is_begun);
    handle
        .doubt_message(one, 1_100, "no answer".to_owned())
        .await
        .unwrap();
    let doubted = waiting().await;
    assert_eq!(
        (doubted.is_begun, doubted.tries, doubted.next_at),
        (true, 1, 1_100)
    );
    handle
        .retry_message(one, 1_200, "refused".to_owned())
        .await
        .unwrap();
    let retried = waiting().await;
    assert_eq!((retried.is_begun, retried.tries), (false, 2));
    assert_eq!(retried.error.as_deref(), Some("refused"));

    let end = |outcome, at| handle.end_message(one, outcome, at, None);
    end(MessageOutcome::Delivered, 1_201).await.unwrap();
    end(MessageOutcome::GivenUp, 9_999).await.unwrap();
    handle
        .retry_message(one, 5, "late".to_owned())
        .await
        .unwrap();
    assert_eq!(handle.waiting_messages().await.unwrap(), []);
    let delivered = handle.last_delivered().await.unwrap();
    assert_eq!(delivered, [("me".to_owned(), "email".to_owned(), 1_201)]);
    let ended = handle.messages(10).await.unwrap().remove(0);
    assert_eq!(
        (ended.outcome, ended.ended_at, ended.tries, ended.error),
        (Some(MessageOutcome::Delivered), Some(1_201), 2, None)
    );
}

#[tokio::test]
async fn who_was_told_by_a_message_that_took_the_place_of_several_was_told() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let first = queued(
        &handle,
        vec![
            message(Some(1), "me", "email"),
            message(Some(2), "me", "email"),
            message(Some(1), "spouse", "email"),
        ],
    )
    .await;
    let summary = NewMessage {
        kind: NoticeKind::Summary,
        ..message(None, "me", "email")
    };
    let fold = |ids: Vec<i64>| handle.fold_messages(ids, summary.clone(), Some("[]".to_owned()));
    let once = fold(first[..2].to_vec()).await.unwrap();
    let more = queued(&handle, vec![message(Some(3), "me", "email")]).await[0];
    assert_eq!(
        fold(first[..2].to_vec()).await.unwrap(),
        once,
        "asked again"
    );
    let twice = fold(vec![once, more]).await.unwrap();
    let end = |id, outcome| handle.end_message(id, outcome, 2_000, None);
    end(first[2], MessageOutcome::GivenUp).await.unwrap();

    let waiting = handle.waiting_messages().await.unwrap();
    assert_eq!(ids(&waiting), [twice]);
    assert_eq!(waiting[0].parts.as_deref(), Some("[]"));
    for incident in 1..=3 {
        assert_eq!(handle.told(incident).await.unwrap(), ["me"]);
    }
    end(twice, MessageOutcome::GivenUp).await.unwrap();
    assert_eq!(handle.told(1).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn more_messages_than_there_is_room_for_give_way_to_the_newest_of_their_incident() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let critical = NewMessage {
        severity: Severity::Critical,
        ..message(Some(1), "me", "email")
    };
    let max = usize::try_from(limits::MESSAGES_WAITING_MAX).unwrap();
    let mut many = vec![critical, message(Some(2), "me", "email")];
    many.extend(
        (3..)
            .map(|id| message(Some(id), "me", "email"))
            .take(max - 3),
    );
    many.push(message(Some(2), "me", "email"));
    let full = queued(&handle, many).await;
    assert_eq!(full.len(), max);
    assert_eq!(handle.waiting_messages().await.unwrap().len(), max);

    queued(
        &handle,
        vec![
            message(Some(-1), "me", "email"),
            message(Some(-2), "me", "email"),
            message(Some(-1), "me", "ntfy"),
        ],
    )
    .await;
    let waiting = handle.waiting_messages_for("me", "email").await.unwrap();
    assert_eq!(waiting.len(), max);
    assert_eq!(waiting[0].id, full[0], "what is critical stays");
    assert_eq!(waiting[1].id, full[3], "the oldest two gave way");
    assert_eq!(handle.told(2).await.unwrap(), ["me"]);
    let nobody = Vec::<String>::new();
    assert_eq!(handle.told(3).await.unwrap(), nobody, "it was alone");
}

#[tokio::test]
async fn history_adds_up_and_old_history_is_forgotten() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let slice = |day, pass_s, fail_s| HistorySlice {
        subject: "site:a".to_owned(),
        day,
        pass_s,
        fail_s,
        answers: 2,
        sum_ms: 30,
        max_ms: 20,
        ..HistorySlice::default()
    };
    let unknown = HistorySlice {
        subject: "internet".to_owned(),
        day: 200,
        unknown_s: 300,
        ..HistorySlice::default()
    };
    let slices = vec![slice(200, 200, 100), slice(199, 300, 0), unknown];
    handle.add_history(slices).await.unwrap();
    handle.add_history(vec![slice(200, 100, 0)]).await.unwrap();

    let days = handle.history("site:a", 90).await.unwrap();
    assert_eq!((days[0].day, days[1].day), (199, 200));
    assert_eq!((days[1].pass_s, days[1].fail_s), (300, 100));
    assert_eq!(
        (days[1].answers, days[1].sum_ms, days[1].max_ms),
        (4, 60, 20)
    );
    assert_eq!(handle.history("site:a", 1).await.unwrap()[0].day, 200);
    let uptimes = handle.uptimes(200).await.unwrap();
    assert_eq!(uptimes, [("site:a".to_owned(), 0.75)]);
    let hours = handle.hours("site:a").await.unwrap();
    let answers: u32 = hours.iter().map(|hour| hour.answers).sum();
    assert_eq!(answers, 6);

    let day = 24 * 60 * 60;
    handle.forget_old(289 * day).await.unwrap();
    assert_eq!(handle.history("site:a", 90).await.unwrap().len(), 1);
    let now = ondol_base::clock::unix_seconds();
    handle.forget_old(now + 8 * day).await.unwrap();
    assert_eq!(handle.history("site:a", 90).await.unwrap(), []);
    assert_eq!(handle.hours("site:a").await.unwrap(), []);
}

#[tokio::test]
async fn what_ended_is_remembered_up_to_a_number_and_what_is_open_always() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let handle = store.handle();
    let change = WatchChange {
        incidents: vec![incident(1)],
        messages: vec![message(Some(1), "me", "email")],
        states: vec![],
    };
    handle.commit_watch(change).await.unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 12001)
             INSERT INTO messages (incident, person, channel, kind, severity, subject, title, text, queued_at,
                not_before, expires_at, wants_answer, next_at, outcome)
             SELECT i, 'me', 'email', 'problem', 'warning', '', '', '', 0, 0, 0, 0, 0, 'delivered' FROM n;
             WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 3001)
             INSERT INTO incidents SELECT i, '', '', 'info', '', 0, 5, NULL, NULL, '' FROM n;",
        )
        .unwrap();
    handle.forget_old(0).await.unwrap();
    let count = |table: &str| -> u32 {
        let question = format!("SELECT count(*) FROM {table}");
        let other = Connection::open(&path).unwrap();
        other.query_row(&question, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count("messages"), limits::MESSAGES_ENDED_MAX + 1);
    assert_eq!(count("incidents"), limits::INCIDENTS_ENDED_MAX + 1);
    assert_eq!(handle.waiting_messages().await.unwrap()[0].id, 1);
    let memory = handle.watch_memory(0).await.unwrap();
    assert_eq!(memory.incidents, [incident(1)]);
    assert_eq!(memory.next_incident, 3_002);
}

#[tokio::test]
async fn when_the_clock_is_set_what_is_open_moves_with_it() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let over = RecordedIncident {
        ended_at: Some(1_200),
        ..incident(1)
    };
    let change = WatchChange {
        incidents: vec![over.clone(), incident(2)],
        messages: vec![message(Some(1), "me", "email"), message(None, "me", "ntfy")],
        states: vec![],
    };
    let numbers = handle.commit_watch(change).await.unwrap();
    let end = handle.end_message(numbers[0], MessageOutcome::Delivered, 1_100, None);
    end.await.unwrap();
    handle.shift_watch_times(-600).await.unwrap();

    let times = handle.incident_times().await.unwrap();
    assert_eq!(times[&1], (1_000, Some(1_200)));
    let incidents = handle.incidents(10).await.unwrap();
    assert_eq!(incidents[1], over);
    assert_eq!(incidents[0].began_at, 400);
    let messages = handle.messages(10).await.unwrap();
    let times = |message: &Message| {
        let NewMessage {
            queued_at,
            not_before,
            expires_at,
            ..
        } = message.new;
        (queued_at, not_before, expires_at, message.next_at)
    };
    assert_eq!(times(&messages[0]), (400, 430, 8_400, 430));
    assert_eq!(times(&messages[1]), (1_000, 1_030, 9_000, 1_030));
}

#[tokio::test]
async fn the_last_sign_of_life_is_kept() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    assert_eq!(handle.last_beat().await.unwrap(), None);
    let beat = |wall, is_clean| Beat {
        boot_id: "b".to_owned(),
        wall,
        boottime: 40,
        is_clean,
        reason: "stop".to_owned(),
    };
    handle.beat(beat(1, false)).await.unwrap();
    handle.beat(beat(2, true)).await.unwrap();
    assert_eq!(handle.last_beat().await.unwrap(), Some(beat(2, true)));
}
