//! What is remembered reaches the store sooner or later, and nobody waits for that.

use std::sync::mpsc;

use super::*;

fn slice(subject: &str, pass_s: u32) -> HistorySlice {
    HistorySlice {
        subject: subject.to_owned(),
        day: 20_000,
        pass_s,
        ..HistorySlice::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_gets_everything_later_and_once() {
    let store = ondol_store::open_in_memory().unwrap();
    let handle = store.handle();
    let (hanging, until) = mpsc::channel();
    handle.answer_nothing(until).await.unwrap();
    let mut records = Records::of(handle.clone());
    records.fact("silences".to_owned(), "1".to_owned());
    records.history(vec![slice("site:a.test", 60)]);
    for value in ["2", "3"] {
        let hour = Duration::from_secs(60 * 60);
        assert!(timeout(hour, records.work()).await.is_err(), "it hangs");
        records.fact("silences".to_owned(), value.to_owned());
        records.history(vec![slice("site:a.test", 5)]);
    }
    tokio::time::resume(); // The store has its time now.
    drop(hanging);
    records.close().await;
    let fact = handle.watch_fact("silences").await.unwrap();
    assert_eq!(fact.as_deref(), Some("3"));
    let history = handle.history("site:a.test", 9).await.unwrap();
    assert_eq!(history, [slice("site:a.test", 70)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_full_disk_did_not_take_is_tried_again() {
    let store = ondol_store::open_in_memory().unwrap();
    let handle = store.handle();
    handle.take_nothing(true).await.unwrap();
    let mut records = Records::of(handle.clone());
    records.fact("drill".to_owned(), "old".to_owned());
    records.history(vec![slice("site:a.test", 60)]);
    while !records.is_in_trouble {
        let _ = timeout(Duration::from_millis(1), records.work()).await;
    }
    records.fact("drill".to_owned(), "new".to_owned());
    handle.take_nothing(false).await.unwrap();
    records.ask_uptimes(20_000, 1_728_000_000);
    let uptimes = records.work().await;
    assert_eq!(uptimes, [("site:a.test".to_owned(), 1.0)]);
    let fact = handle.watch_fact("drill").await.unwrap();
    assert_eq!(fact.as_deref(), Some("new"));
    assert!(!records.is_in_trouble && records.left.is_empty());
}

#[test]
fn what_nobody_takes_is_bounded() {
    let mut batch = Batch::default();
    for day in 0..3 {
        for number in 0..HISTORY_MAX {
            let subject = format!("site:{number}.test");
            batch.add(HistorySlice {
                day,
                ..slice(&subject, 1)
            });
        }
    }
    assert_eq!(batch.history.len(), HISTORY_MAX);
    assert!(batch.history.keys().all(|(day, _)| *day == 2));
}
