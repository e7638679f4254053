//! The whole desk, at a store that hangs.

use std::sync::mpsc as threads;

use ondol_base::tasks::Group;
use ondol_base::tasks::Stopper;
use ondol_model::watch::State;
use tokio::sync::watch;

use super::*;
use crate::delivery::Outbox;
use crate::desk::Desk;
use crate::lent::Lent;
use crate::status::WatchStatus;

/// In stopped time every wait is over as soon as nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_does_not_hold_up_the_desk() {
    let store = ondol_store::open_in_memory().unwrap();
    let (seen, seen_receiver) = mpsc::channel(8);
    let (requests, request_receiver) = mpsc::channel(8);
    let (reports, _reports) = mpsc::channel(8);
    let (news, _news) = mpsc::channel(64);
    let (status, mut shown) = watch::channel(Arc::<WatchStatus>::default());
    let (_plan, plan_receiver) = watch::channel(Arc::new(plan()));
    let (_facts, facts) = watch::channel(Arc::default());
    let mut desk = Desk {
        seen: seen_receiver,
        requests: Lent::new(request_receiver),
        reports,
        news,
        status,
        power: watch::Sender::default(),
        known: watch::Sender::default(),
        plan: plan_receiver,
        facts,
        store: store.handle(),
        outbox: Outbox::open(store.handle()),
    };
    let (stopper, stop) = Stopper::new();
    let mut group = Group::default();
    group.spawn("desk", async move { desk.run(stop).await });
    shown.changed().await.unwrap(); // It has read what was known.

    let (hanging, until) = threads::channel();
    store.handle().answer_nothing(until).await.unwrap();
    for number in 1..=20 {
        let (reply, answer) = oneshot::channel();
        let silence = Request::Silence {
            subject: None,
            seconds: number,
            reply,
        };
        requests.send(silence).await.unwrap();
        answer.await.unwrap().unwrap();
    }
    seen.send(Seen::Observations(vec![failed()])).await.unwrap();
    let is_seen = |status: &Arc<WatchStatus>| {
        let mut subjects = status.subjects.iter();
        subjects.any(|one| one.subject == app() && one.state == State::Fail)
    };
    shown.wait_for(is_seen).await.unwrap();

    tokio::time::resume(); // The store has its time now.
    drop(hanging);
    drop(stopper);
    group
        .close_and_wait(tokio::time::Instant::now() + Duration::from_secs(60))
        .await;
    let facts = store.handle().watch_facts("silences").await.unwrap();
    assert!(!facts.is_empty(), "it is written when it can be");
}
