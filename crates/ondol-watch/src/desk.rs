//! The desk: what was seen, what is asked and what time brings come in one after another; what follows is decided by the
//! model, written down, and shown.

use std::sync::Arc;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::watch::PowerState;
use ondol_store::WatchChange;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::delivery::Outbox;
use crate::facts::Facts;
use crate::ground::Known;
use crate::ground::Seen;
use crate::lent::Lent;
use crate::news::News;
use crate::request::Ping;
use crate::request::Request;
use crate::status::WatchStatus;

mod back;
mod book;
mod drill;
mod history;
mod incidents;
mod memory;
mod records;
mod requests;
mod seen;
mod shown;
mod silences;
mod telling;
pub(crate) mod timeline;

use book::Book;
use records::Records;
use timeline::Timeline;

/// How often time brings something: what waits for half a minute is not late by more than this.
const TICK: Duration = Duration::from_secs(5);
/// What is taken up at once, before it is written down.
const BATCH_MAX: usize = 64;
/// How long a boot waits for the store, before it watches without what was known.
const MEMORY_WAIT: Duration = Duration::from_secs(30);

/// The desk, with all that leads to it and from it.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) seen: mpsc::Receiver<Seen>,
    pub(crate) requests: Lent<Request>,
    pub(crate) reports: mpsc::Sender<Ping>,
    pub(crate) news: mpsc::Sender<News>,
    pub(crate) status: watch::Sender<Arc<WatchStatus>>,
    pub(crate) power: watch::Sender<PowerState>,
    pub(crate) known: watch::Sender<Arc<Known>>,
    pub(crate) plan: watch::Receiver<Arc<Plan>>,
    pub(crate) facts: watch::Receiver<Arc<Facts>>,
    pub(crate) store: ondol_store::Handle,
    pub(crate) outbox: Outbox,
}

enum Happened {
    Stop,
    Seen(Seen),
    Request(Request),
    Plan,
    Facts,
    Uptimes(Vec<(String, f64)>),
    Time,
}

impl Desk {
    /// Works until told to stop.
    pub(crate) async fn run(&mut self, stop: Stop) {
        let plan = Arc::clone(&self.plan.borrow_and_update());
        let mut timeline = Timeline::begin();
        let now = timeline.now();
        let mut book = self.open(plan, now).await;
        book.take_facts(&self.facts.borrow_and_update().clone(), now);
        let mut records = Records::of(self.store.clone());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let happened = tokio::select! {
                () = stop.requested() => Happened::Stop,
                Some(seen) = self.seen.recv() => Happened::Seen(seen),
                Some(request) = self.requests.recv() => Happened::Request(request),
                Ok(()) = self.plan.changed() => Happened::Plan,
                Ok(()) = self.facts.changed() => Happened::Facts,
                uptimes = records.work() => Happened::Uptimes(uptimes),
                _ = tick.tick() => Happened::Time,
            };
            let now = timeline.now();
            let is_shown = !matches!(happened, Happened::Seen(_));
            match happened {
                Happened::Stop => break,
                Happened::Seen(seen) => self.take(&mut book, seen, now),
                Happened::Request(request) => book.answer(request, now, &self.reports),
                Happened::Plan => {
                    let plan = Arc::clone(&self.plan.borrow_and_update());
                    book.take_plan(plan, now);
                }
                Happened::Facts => {
                    let facts = Arc::clone(&self.facts.borrow_and_update());
                    book.take_facts(&facts, now);
                }
                Happened::Uptimes(uptimes) => book.take_uptimes(uptimes),
                Happened::Time => {
                    if let Some(jump) = timeline.jump() {
                        self.follow_clock(&mut book, jump).await;
                    }
                    book.tick(timeline.now());
                }
            }
            self.write_down(&mut book, &mut records, is_shown, timeline.now())
                .await;
        }
        book.flush_history(timeline.now());
        self.write_down(&mut book, &mut records, true, timeline.now())
            .await;
        records.close().await;
    }

    /// What was seen, and what came in just after it.
    fn take(&mut self, book: &mut Book, seen: Seen, now: i64) {
        book.see(seen, now);
        for _ in 1..BATCH_MAX {
            match self.seen.try_recv() {
                Ok(seen) => book.see(seen, now),
                Err(_) => break,
            }
        }
    }

    async fn open(&self, plan: Arc<Plan>, now: i64) -> Book {
        let midnight = now - book::seconds_of_day(&plan, now);
        let memory = tokio::time::timeout(MEMORY_WAIT, self.store.watch_memory(midnight)).await;
        let memory = match memory {
            Ok(Ok(memory)) => memory,
            Ok(Err(error)) => {
                let error = Chain(&error);
                tracing::error!("what was wrong before can't be read, and is found anew: {error}");
                ondol_store::WatchMemory::default()
            }
            Err(_) => {
                tracing::error!("the store does not answer: what was wrong before is found anew");
                ondol_store::WatchMemory::default()
            }
        };
        let latest = book::latest(&memory);
        let mut book = Book::restored(plan, memory, now);
        if let Some(seconds) = book.come_down(latest, now) {
            tracing::warn!(
                seconds,
                "the clock is behind what was written down before; that moves with it, until the clock is set"
            );
            self.outbox.shift(seconds).await;
        }
        book
    }

    /// Moves all remembered times with the clock, so that nothing seems to have lasted longer than it did.
    async fn follow_clock(&self, book: &mut Book, seconds: i64) {
        book.shift(seconds);
        self.outbox.shift(seconds).await;
    }

    /// Writes down what changed, then tells and shows it. What was only looked at is shown with the next tick.
    async fn write_down(&self, book: &mut Book, records: &mut Records, is_shown: bool, now: i64) {
        let written = book.take_written();
        let is_changed = written.change != WatchChange::default();
        records.forget(written.forgotten);
        for state in &written.change.states {
            records.keep(&state.subject);
        }
        if is_changed {
            let ids = self.outbox.commit(written.change).await;
            for (reply, range) in written.tests {
                let _ = reply.send(Ok(ids.get(range).unwrap_or_default().to_vec())); // Who asked may have gone.
            }
        }
        for (name, value) in written.facts {
            records.fact(name, value);
        }
        records.history(written.history);
        if written.wants_uptimes {
            records.ask_uptimes(book.day(now) - book::UPTIME_DAYS, now);
        }
        for news in written.news {
            // Those who record have a queue; what finds no room in it is in the log and the incidents.
            if self.news.try_send(news).is_err() {
                tracing::warn!("an event was not recorded");
            }
        }
        let known = book.known();
        self.known.send_if_modified(|before| {
            let is_new = **before != known;
            if is_new {
                *before = Arc::new(known);
            }
            is_new
        });
        let power = book.power_state();
        self.power.send_if_modified(|before| {
            let is_new = *before != power;
            *before = power;
            is_new
        });
        if is_shown || is_changed {
            self.status.send_replace(Arc::new(book.shown(now)));
        }
    }
}

#[cfg(test)]
mod tests;
