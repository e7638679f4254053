//! From the outbox to people: every channel of every person has a queue and a task of its own.
//!
//! A message is written down before it is sent, and again when its channel took it; one that can't be written is sent
//! all the same. It is marked before it goes, so that after a power cut it goes again under its own number and its
//! receiver can tell. What waited is folded.

mod carrier;
mod condition;
mod kept;
mod lane;
mod ledger;
mod name;
mod parts;
mod pulse;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_base::tasks::Stopper;
use ondol_model::Plan;
use ondol_store::MessageOutcome;
use ondol_store::WatchChange;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::delivery::carrier::Carrier;
use crate::delivery::condition::Condition;
use crate::delivery::lane::Lane;
use crate::delivery::ledger::Ledger;
use crate::delivery::name::LaneName;
use crate::ground::Ground;
use crate::ground::Seen;

/// The desk hears of the channels so often, though nothing changed.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// And no more often than this, however many messages go.
const TELL_PAUSE: Duration = Duration::from_secs(1);
/// What could not be written down is tried again so often.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// The store and the desk may be busy; what the desk was not told now, it is told a minute later.
const TELL_WAIT: Duration = Duration::from_secs(15);
/// A channel that ended badly is left alone for so long.
const AFTER_PANIC: Duration = Duration::from_secs(60);
/// What is being sent at the end gets its grace, and a little more.
const CLOSE: Duration = Duration::from_secs(8);

/// Where messages are put; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    shared: Arc<Shared>,
}

/// What the outbox and all lanes have together.
#[derive(Debug)]
struct Shared {
    ledger: Ledger,
    carrier: Carrier,
    /// How many messages were queued in all.
    queued: watch::Sender<u64>,
    conditions: watch::Sender<BTreeMap<LaneName, Condition>>,
}

impl Outbox {
    /// An outbox that writes to a store.
    pub(crate) fn open(store: ondol_store::Handle) -> Self {
        Self::by(store, Carrier::Channels)
    }

    fn by(store: ondol_store::Handle, carrier: Carrier) -> Self {
        let shared = Shared {
            ledger: Ledger::open(store),
            carrier,
            queued: watch::Sender::new(0),
            conditions: watch::Sender::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Writes down what changed, and has its messages sent; returns their numbers. Where it can't be written, they are
    /// sent all the same, and their numbers are negative; it is written when it can be. Waits no longer than 10 s.
    pub(crate) async fn commit(&self, change: WatchChange) -> Vec<i64> {
        let ids = self.shared.ledger.commit(change).await;
        let count = ids.len() as u64;
        if count > 0 {
            self.shared.queued.send_modify(|queued| *queued += count);
        }
        ids
    }

    /// Moves the times of all that is open or waits, because the clock was set: by so many seconds into the future.
    pub(crate) async fn shift(&self, seconds: i64) {
        self.shared.ledger.shift(seconds).await;
    }
}

impl Shared {
    /// Notes how a channel is.
    fn tell(&self, name: &LaneName, change: impl FnOnce(&mut Condition)) {
        self.conditions
            .send_modify(|conditions| change(conditions.entry(name.clone()).or_default()));
    }
}

/// Delivers until told to stop. What waits for channels that nobody has any more is dropped.
pub(crate) async fn run(ground: Ground, mail: Outbox, stop: Stop) -> Result<(), Infallible> {
    let mut office = Office::open(ground, mail.shared).await;
    while !stop.is_requested() {
        office.shared.ledger.write_kept().await;
        let wait = office.tell().await;
        tokio::select! {
            () = stop.requested() => {}
            Ok(()) = office.ground.plan.changed() => office.reconcile().await,
            Ok(()) = office.conditions.changed() => office.has_news = true,
            Some(name) = office.lanes.next_end() => office.begin_again(&name),
            () = tokio::time::sleep(wait) => {}
        }
    }
    office.close().await;
    Ok(())
}

/// The owner of the lanes.
struct Office {
    ground: Ground,
    shared: Arc<Shared>,
    lanes: Group,
    /// What the lanes are called among the workers, and how they are stopped.
    stoppers: BTreeMap<LaneName, (String, Stopper)>,
    started: u64,
    conditions: watch::Receiver<BTreeMap<LaneName, Condition>>,
    has_news: bool,
    told_at: Option<Instant>,
}

impl Office {
    async fn open(mut ground: Ground, shared: Arc<Shared>) -> Self {
        for (person, channel, at) in shared.ledger.last_delivered().await {
            let name = LaneName { person, channel };
            shared.tell(&name, |condition| condition.delivered_at = Some(at));
        }
        ground.plan.mark_unchanged();
        let mut office = Self {
            conditions: shared.conditions.subscribe(),
            ground,
            shared,
            lanes: Group::default(),
            stoppers: BTreeMap::new(),
            started: 0,
            has_news: true,
            told_at: None,
        };
        office.reconcile().await;
        office
    }

    /// Brings the lanes to what the configuration has.
    async fn reconcile(&mut self) {
        let plan = self.ground.plan.borrow_and_update().clone();
        let wanted: Vec<_> = plan.care.people.iter().flat_map(LaneName::all_of).collect();
        self.stoppers.retain(|name, _| wanted.contains(name)); // Dropping a stopper asks for the end.
        let conditions = &self.shared.conditions;
        conditions.send_modify(|conditions| conditions.retain(|name, _| wanted.contains(name)));
        for name in &wanted {
            if !self.stoppers.contains_key(name) {
                self.start(name.clone(), Duration::ZERO);
            }
        }
        self.drop_orphans(&wanted).await;
        self.has_news = true;
    }

    fn start(&mut self, name: LaneName, rest: Duration) {
        let (stopper, stop) = Stopper::new();
        let lane = Lane::new(name.clone(), self.ground.clone(), self.shared.clone(), rest);
        // One that is ending may have the same name.
        self.started += 1;
        let worker = format!("{name} ({})", self.started);
        self.lanes.spawn(worker.clone(), lane.run(stop));
        self.stoppers.insert(name, (worker, stopper));
    }

    /// A lane ended: it was told to, or it panicked.
    fn begin_again(&mut self, ended: &str) {
        let mut lanes = self.stoppers.iter();
        let panicked = lanes.find(|(_, (worker, _))| worker == ended);
        if let Some(name) = panicked.map(|(name, _)| name.clone()) {
            self.start(name, AFTER_PANIC);
        }
    }

    /// Ends what waits for channels that are not in the configuration any more.
    async fn drop_orphans(&self, wanted: &[LaneName]) {
        let now = clock::unix_seconds();
        for message in self.shared.ledger.waiting().await {
            let name = LaneName {
                person: message.new.person,
                channel: message.new.channel,
            };
            if !wanted.contains(&name) {
                let why = format!("{name} is not in the configuration any more");
                let ledger = &self.shared.ledger;
                ledger
                    .end(message.id, MessageOutcome::Dropped, now, Some(why))
                    .await;
            }
        }
    }

    /// Tells the desk how the channels are, when there is something to tell; returns when to do so again.
    async fn tell(&mut self) -> Duration {
        let since = self.told_at.map(|told| clock::now() - told);
        let is_due =
            since.is_none_or(|since| since >= TELL_EVERY || (self.has_news && since >= TELL_PAUSE));
        if is_due {
            self.has_news = false;
            self.told_at = Some(clock::now());
            let plan = self.ground.plan.borrow().clone();
            // That the desk is busy, or gone, is no reason to wait for long.
            let _ = tokio::time::timeout(TELL_WAIT, self.tell_desk(&plan)).await;
        }
        if self.has_news {
            TELL_PAUSE
        } else if self.shared.ledger.is_written() {
            TELL_EVERY
        } else {
            WRITE_EVERY
        }
    }

    async fn tell_desk(&self, plan: &Plan) {
        let conditions = self.conditions.borrow().clone();
        let is_online = self.ground.known.borrow().is_online;
        let people = condition::people(plan, &conditions);
        let observations = condition::observations(plan, &conditions, is_online);
        let (waiting, since) = self.shared.ledger.count_waiting().await;
        let seen = &self.ground.seen;
        // An error means that the desk is gone.
        let _ = seen.send(Seen::People(people)).await;
        let _ = seen.send(Seen::Outbox { waiting, since }).await;
        let _ = seen.send(Seen::Observations(observations)).await;
    }

    async fn close(self) {
        drop(self.stoppers);
        let late = self.lanes.close_and_wait(clock::now() + CLOSE).await;
        if !late.is_empty() {
            tracing::warn!(
                lanes = late.join(", "),
                "messages were being sent when the agent ended"
            );
        }
        self.shared.ledger.write_kept().await;
    }
}

#[cfg(test)]
mod tests;
