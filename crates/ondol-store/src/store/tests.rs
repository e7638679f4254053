//! Real files: closed and opened again, killed in the middle, broken, of another version.

use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use ondol_model::event::EventKind;
use ondol_model::issuing::Environment;
use ondol_model::issuing::FailureKind;
use ondol_model::issuing::Outcome;
use rusqlite::Connection;

use super::*;
use crate::event::EventsQuestion;

fn event(number: i64) -> Event {
    let message = format!("event {number}");
    Event::new(EventKind::Reloaded, "blog.example.com", message)
}

fn sound(path: &Path) -> Store {
    let Opened { store, put_aside } = open(path).unwrap();
    assert_eq!(put_aside, None);
    store
}

async fn messages(store: &Store) -> Vec<String> {
    let events = store.handle().events(100, None).await.unwrap();
    events.into_iter().map(|event| event.message).collect()
}

#[tokio::test]
async fn events_are_found_by_what_they_are_about() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    for (at, kind, subject) in [
        (1, EventKind::BackupTaken, "disk"),
        (2, EventKind::Backup, "bucket"),
        (3, EventKind::IncidentOpened, "site:blog.example.com"),
        (4, EventKind::BackupFailed, "disk"),
        (5, EventKind::CertificateRenewed, "blog.example.com"),
    ] {
        let at_ms = at * 1_000;
        let event = Event {
            at_ms,
            ..Event::new(kind, subject, "")
        };
        handle.record(event).await.unwrap();
    }
    let found = async |question: EventsQuestion| {
        let limit = 10;
        let question = EventsQuestion { limit, ..question };
        let found = handle.find_events(question).await.unwrap();
        let ids: Vec<_> = found.into_iter().map(|event| event.id.0).collect();
        ids
    };
    let text = |text: &str| Some(text.to_owned());
    let all = EventsQuestion::default;
    assert_eq!(found(all()).await, [5, 4, 3, 2, 1]);
    let about = |subject| EventsQuestion {
        subject: text(subject),
        ..all()
    };
    assert_eq!(found(about("blog.example.com")).await, [5, 3]);
    assert_eq!(found(about("%")).await, [0; 0]);
    let of = |kind| EventsQuestion {
        kind: text(kind),
        ..all()
    };
    assert_eq!(found(of("backup")).await, [4, 2, 1]);
    assert_eq!(found(of("backup-taken")).await, [1]);
    assert_eq!(found(of("back")).await, [0; 0]);
    let since = EventsQuestion {
        since_ms: Some(3_000),
        before: Some(EventId(5)),
        ..of("backup")
    };
    assert_eq!(found(since).await, [4]);
}

#[tokio::test]
async fn events_come_back_newest_first_and_survive_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = sound(&path);
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.push(store.handle().record(event(number)).await.unwrap());
    }
    store.close().await;
    assert!(ids.is_sorted());
    assert!(!folder.path().join("ondol.db-wal").exists());
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);

    let store = sound(&path);
    let newest = store.handle().events(2, None).await.unwrap();
    assert_eq!(newest[0].message, "event 3");
    assert_eq!(newest[0].subject, "blog.example.com");
    assert_eq!(newest[0].kind, "reloaded");
    assert!(newest[0].at_ms > 1_700_000_000_000);
    assert_eq!(newest[1].id, ids[1]);
    let older = store.handle().events(2, Some(ids[1])).await.unwrap();
    assert_eq!(older.len(), 1);
    assert_eq!(older[0].id, ids[0]);
    store.close().await;
}

#[tokio::test]
async fn a_store_that_is_dropped_has_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = sound(&path);
    store.handle().record(event(1)).await.unwrap();
    drop(store);
    assert_eq!(messages(&sound(&path)).await, ["event 1"]);
}

#[tokio::test]
async fn a_closed_store_says_so_and_has_answered_what_was_asked_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = sound(&path);
    let handle = store.handle();
    for number in 1..=20 {
        handle.try_record(event(number));
    }
    store.close().await;
    assert!(matches!(
        handle.record(event(21)).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(
        handle.events(1, None).await,
        Err(StoreError::Closed)
    ));
    handle.try_record(event(22));
    assert_eq!(handle.lost(), 1);
    assert_eq!(messages(&sound(&path)).await.len(), 20);
}

#[tokio::test]
async fn who_cannot_wait_loses_events_that_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = sound(&path);
    let handle = store.handle();
    // Another program in the middle of a write keeps the store's thread waiting.
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = limits::STORE_QUEUE + 10;
    for number in 0..asked {
        handle.try_record(event(i64::try_from(number).unwrap()));
    }
    let lost = usize::try_from(handle.lost()).unwrap();
    assert!((9..=10).contains(&lost), "{lost}");
    other.execute_batch("COMMIT").unwrap();
    store.close().await;
    let store = sound(&path);
    let kept = store.handle().events(1_000, None).await.unwrap();
    assert_eq!(kept.len(), asked - lost);
}

#[tokio::test]
async fn the_oldest_events_are_forgotten_and_long_texts_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    sound(&path).close().await;
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10005)
             INSERT INTO events SELECT i, i, 'of-a-later-version', '', 'old ' || i FROM n",
        )
        .unwrap();
    let store = sound(&path);
    let long = "온".repeat(limits::EVENT_TEXT_BYTES_MAX);
    let id = store
        .handle()
        .record(Event::new(EventKind::Refused, "", long))
        .await
        .unwrap();
    assert_eq!(id, EventId(10_006));
    let newest = store.handle().events(u32::MAX, None).await.unwrap();
    assert_eq!(newest.len(), 1_000);
    assert_eq!(newest[0].message.len(), limits::EVENT_TEXT_BYTES_MAX - 1);
    assert_eq!(newest[1].kind, "of-a-later-version");
    let oldest = store.handle().events(10, Some(EventId(9))).await.unwrap();
    let ids: Vec<_> = oldest.iter().map(|event| event.id.0).collect();
    assert_eq!(ids, [8, 7]);
    store.close().await;
}

#[test]
fn a_database_of_a_later_version_is_refused_by_the_version_it_needs_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    drop(open(&path).unwrap());
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("INSERT INTO migrations VALUES (7, '9.4.0', 0); PRAGMA user_version = 7")
        .unwrap();
    drop(other);
    let text = open(&path).unwrap_err().to_string();
    assert!(
        text.contains("was written by Ondol 9.4.0 and this is"),
        "{text}"
    );
    let version: u32 = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 7);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE photos (id INTEGER)")
        .unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

/// Writes rubbish over a part of the file.
fn scribble(path: &Path, from: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[from..].fill(0xa5);
    ondol_base::file::replace(path, &bytes, 0o600).unwrap();
}

#[tokio::test]
async fn a_broken_file_is_kept_aside_and_a_new_one_begun() {
    for from in [0, 16, 4096] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ondol.db");
        let store = sound(&path);
        store.handle().record(event(1)).await.unwrap();
        store.close().await;
        scribble(&path, from);
        let broken = std::fs::read(&path).unwrap();

        let Opened { store, put_aside } = open(&path).unwrap();
        let aside = put_aside.unwrap();
        assert_eq!(std::fs::read(&aside).unwrap(), broken, "from byte {from}");
        let name = aside.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("ondol.db.broken-20"), "{name}");
        assert!(messages(&store).await.is_empty());
        store.handle().record(event(2)).await.unwrap();
        store.close().await;
        assert_eq!(messages(&sound(&path)).await, ["event 2"]);
    }
}

#[test]
fn a_path_where_nothing_can_be_made_is_an_error_that_names_it() {
    let error = open(Path::new("/proc/ondol.db")).unwrap_err();
    assert_eq!(error.to_string(), "cannot make the database /proc/ondol.db");
}

#[tokio::test]
async fn a_store_without_a_file_remembers_until_it_is_closed() {
    let store = open_in_memory().unwrap();
    store.handle().record(event(1)).await.unwrap();
    assert_eq!(messages(&store).await, ["event 1"]);
    store.close().await;
    assert!(messages(&open_in_memory().unwrap()).await.is_empty());
}

/// Runs this test again as a child that records until it is killed, and compares what it was told
/// with what the file has.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    const CHILD: &str = "ONDOL_STORE_KILLED";
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    if let Some(path) = std::env::var_os(CHILD) {
        runtime.block_on(record_until_killed(Path::new(&path)));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::tests::what_was_acknowledged_survives_a_kill",
            "--nocapture",
        ])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged = lines.map_while(Result::ok).filter_map(|line| {
        let number = line.strip_prefix("acknowledged ")?;
        number.parse::<i64>().ok()
    });
    let mut last = 0;
    for number in acknowledged {
        last = number;
        if last == 50 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(last >= 50, "{last}");
    let newest = runtime.block_on(async {
        let events = sound(&path).handle().events(1, None).await.unwrap();
        events[0].id.0
    });
    assert!(newest >= last, "{newest} of {last} are left");
}

async fn record_until_killed(path: &Path) {
    let store = sound(path);
    loop {
        let EventId(number) = store.handle().record(event(0)).await.unwrap();
        println!("acknowledged {number}");
    }
}

#[tokio::test]
async fn tries_for_certificates_are_remembered_with_how_they_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let name = HostPattern::parse("example.org").unwrap();
    let tried = Try {
        issuer: "letsencrypt".into(),
        environment: Environment::Production,
        names: vec![name.clone(), HostPattern::parse("*.example.org").unwrap()],
        at: 1_000,
        ordered: false,
        replaces: false,
        outcome: None,
    };
    let handle = store.handle();
    let first = handle.begin_try(name.clone(), tried.clone()).await.unwrap();
    handle.order_try(first, true).await.unwrap();
    let second = handle.begin_try(name.clone(), tried.clone()).await.unwrap();
    let end = TryEnd {
        at: 1_010,
        outcome: Outcome::Failed {
            kind: FailureKind::RateLimited,
            retry_at: Some(5_000),
        },
        message: "not now".to_owned(),
    };
    handle.end_try(second, end.clone()).await.unwrap();
    store.close().await;
    let store = open(&path).unwrap().store;
    let all = store.handle().tries().await.unwrap();
    let expected = [
        RecordedTry {
            id: first,
            name: name.clone(),
            tried: Try {
                ordered: true,
                replaces: true,
                ..tried.clone()
            },
            ended: None,
        },
        RecordedTry {
            id: second,
            name,
            tried: Try {
                outcome: Some(end.outcome),
                ..tried
            },
            ended: Some((1_010, "not now".to_owned())),
        },
    ];
    assert_eq!(all, expected);
    store.close().await;
}
