//! One channel of one person: what waits for it goes, in its order, folded when it waited; whatever happens to others.

mod folding;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks::Stop;
use ondol_model::plan::Alarms;
use ondol_model::plan::Channel;
use ondol_model::watch::retry;
use ondol_model::watch::retry::Reach;
use ondol_model::watch::retry::SendTrouble;
use ondol_store::Message;
use ondol_store::MessageOutcome;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::Shared;
use super::ledger::Arrival;
use super::name::LaneName;
use super::parts;
use super::pulse::Pulse;
use crate::answers;
use crate::channel::Receipt;
use crate::channel::SendFailure;
use crate::channel::SendFailureKind;
use crate::ground::Ground;

/// More that wait are folded though nothing is in their way; and so many new ones are looked at though the channel is
/// left alone. A tenth of what may wait.
const CROWD: usize = 1_000;
/// After so many messages it is looked again what waits.
const BATCH_MAX: usize = 20;
/// Channels take no longer than 30 s; this is for one that does.
const SEND_MAX: Duration = Duration::from_secs(45);
/// What is being sent when the agent stops gets so long.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// What is held back is looked at so often, because the clock may be set.
const HELD_LOOK: Duration = Duration::from_secs(60);

/// One channel of one person.
#[derive(Debug)]
pub(super) struct Lane {
    name: LaneName,
    ground: Ground,
    shared: Arc<Shared>,
    reach: Reach,
    /// The channel is left alone until then.
    rests_until: Option<Instant>,
    /// Messages that failed, by their numbers.
    attempts: BTreeMap<i64, Attempt>,
    /// How many messages had been queued when it was last looked what waits.
    looked_at: u64,
    pulse: Pulse,
}

/// What is known of a message that failed, whether that could be written down or not.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    tries: u32,
    next: Instant,
    may_have_arrived: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Yes,
    No,
}

impl Lane {
    /// A lane that leaves its channel alone for a while.
    pub(super) fn new(name: LaneName, ground: Ground, shared: Arc<Shared>, rest: Duration) -> Self {
        Self {
            name,
            ground,
            shared,
            reach: Reach::default(),
            rests_until: (!rest.is_zero()).then(|| clock::now() + rest),
            attempts: BTreeMap::new(),
            looked_at: 0,
            pulse: Pulse::new(),
        }
    }

    /// Sends until told to stop.
    pub(super) async fn run(mut self, stop: Stop) {
        let mut queued = self.shared.queued.subscribe();
        let mut plan = self.ground.plan.clone();
        let mut known = self.ground.known.clone();
        let mut was_online = known.borrow_and_update().is_online;
        plan.mark_unchanged();
        while !stop.is_requested() {
            queued.mark_unchanged();
            let way = self.way();
            let wait = self.turn(&stop).await;
            tokio::select! {
                () = stop.requested() => {}
                Ok(()) = queued.changed() => {}
                Ok(()) = plan.changed() => self.begin_anew(&way),
                Ok(()) = known.changed() => {
                    let is_online = known.borrow_and_update().is_online;
                    if is_online && !was_online {
                        self.try_at_once();
                    }
                    was_online = is_online;
                }
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// How the channel is reached, by the configuration.
    fn way(&self) -> Option<(Channel, Alarms)> {
        let plan = self.ground.plan.borrow();
        let (_, channel) = self.name.find(&plan)?;
        Some((channel.clone(), plan.care.alarms.clone()))
    }

    /// The configuration is another; what was wrong with another way is nothing against this one.
    fn begin_anew(&mut self, before: &Option<(Channel, Alarms)>) {
        self.try_at_once();
        if self.way() != *before {
            self.reach = Reach::default();
            self.shared.tell(&self.name, |condition| {
                condition.trouble = None;
                condition.is_in_trouble = false;
            });
        }
    }

    /// What was in the way may be gone.
    fn try_at_once(&mut self) {
        self.rests_until = None;
        for attempt in self.attempts.values_mut() {
            attempt.next = clock::now();
        }
    }

    /// Sends what can be sent; returns how long until there may be more.
    async fn turn(&mut self, stop: &Stop) -> Duration {
        let queued = *self.shared.queued.borrow();
        let is_crowd = queued.saturating_sub(self.looked_at) >= CROWD as u64;
        if let Some(rest) = self.rest()
            && !is_crowd
        {
            return rest;
        }
        self.looked_at = queued;
        if self.name.find(&self.ground.plan.borrow()).is_none() {
            return HELD_LOOK; // It will be told to stop.
        }
        let now = clock::unix_seconds();
        let waiting = self.waiting().await;
        let waiting = self.give_up_expired(waiting, now).await;
        let waiting = self.fold(waiting, now).await;
        let ids: BTreeSet<_> = waiting.iter().map(|message| message.id).collect();
        self.attempts.retain(|id, _| ids.contains(id));
        if let Some(rest) = self.rest() {
            return rest;
        }
        let due = self.due(&waiting, now);
        for message in due.iter().take(BATCH_MAX) {
            if stop.is_requested() || self.send(message, stop).await == Sent::No {
                break;
            }
        }
        if due.is_empty() {
            return self.next(&waiting, now);
        }
        self.rest().unwrap_or_default()
    }

    async fn waiting(&self) -> Vec<Message> {
        let LaneName { person, channel } = &self.name;
        self.shared.ledger.waiting_for(person, channel).await
    }

    /// For how long the channel is left alone.
    fn rest(&self) -> Option<Duration> {
        let rest = self.rests_until?.saturating_duration_since(clock::now());
        (!rest.is_zero()).then_some(rest)
    }

    /// Ends what is worth nothing any more. A clock that was just set is no reason: the desk will move all times.
    async fn give_up_expired(&mut self, waiting: Vec<Message>, now: i64) -> Vec<Message> {
        if !self.pulse.is_steady(clock::now(), now) {
            return waiting;
        }
        let tried_for = i64::try_from(retry::TRIED_FOR.as_secs()).unwrap_or(i64::MAX);
        let (expired, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|message| {
            let new = &message.new;
            now >= new.expires_at || now.saturating_sub(new.queued_at) >= tried_for
        });
        for message in expired {
            let error = message.error.unwrap_or_else(|| NOT_IN_TIME.to_owned());
            tracing::warn!(to = %self.name, title = message.new.title, error, "a message was given up");
            let ledger = &self.shared.ledger;
            ledger
                .end(message.id, MessageOutcome::GivenUp, now, Some(error))
                .await;
        }
        waiting
    }

    /// What may be sent now: first what may have arrived, then what was tried least.
    fn due(&self, waiting: &[Message], now: i64) -> Vec<Message> {
        let instant = clock::now();
        let mut due: Vec<_> = waiting
            .iter()
            .filter(|message| message.new.not_before <= now)
            .map(|message| (self.attempts.get(&message.id), message))
            .filter(|(attempt, _)| attempt.is_none_or(|attempt| attempt.next <= instant))
            .collect();
        due.sort_by_key(|(attempt, message)| {
            let tries = attempt.map_or(message.tries, |attempt| attempt.tries);
            (!message.is_begun, tries)
        });
        due.into_iter()
            .map(|(_, message)| message.clone())
            .collect()
    }

    /// How long until something of what waits may be sent.
    fn next(&self, waiting: &[Message], now: i64) -> Duration {
        let instant = clock::now();
        let waits = waiting.iter().map(|message| {
            let held = u64::try_from(message.new.not_before.saturating_sub(now)).unwrap_or(0);
            let attempt = self.attempts.get(&message.id);
            let rest = attempt.map(|attempt| attempt.next.saturating_duration_since(instant));
            let held = Duration::from_secs(held).min(HELD_LOOK);
            held.max(rest.unwrap_or_default())
        });
        waits.min().unwrap_or(HELD_LOOK)
    }

    async fn send(&mut self, message: &Message, stop: &Stop) -> Sent {
        let plan = self.ground.plan.borrow().clone();
        let Some((person, channel)) = self.name.find(&plan) else {
            return Sent::No;
        };
        self.shared.ledger.begin(message.id).await;
        let parcel = parts::parcel(&plan, person, message, clock::unix_seconds());
        let carrier = &self.shared.carrier;
        let carried = tokio::select! {
            carried = timeout(SEND_MAX, carrier.carry(channel, &plan.care.alarms, &parcel)) => carried,
            () = stopped(stop) => return Sent::No,
        };
        match carried {
            Ok(Ok(receipt)) => self.delivered(message, receipt).await,
            Ok(Err(failure)) => self.failed(message, failure, Arrival::Impossible).await,
            Err(Elapsed { .. }) => {
                let failure = SendFailure {
                    kind: SendFailureKind::Unreachable,
                    message: format!("{} did not answer in time", self.name.channel),
                };
                self.failed(message, failure, Arrival::Possible).await
            }
        }
    }

    async fn delivered(&mut self, message: &Message, receipt: Option<Receipt>) -> Sent {
        let now = clock::unix_seconds();
        let ledger = &self.shared.ledger;
        ledger
            .end(message.id, MessageOutcome::Delivered, now, None)
            .await;
        self.reach.delivered();
        self.attempts.remove(&message.id);
        self.shared.tell(&self.name, |condition| {
            condition.delivered_at = Some(now);
            condition.trouble = None;
            condition.is_in_trouble = false;
        });
        if let Some(receipt) = receipt {
            answers::expect(&self.ground, &self.name.person, receipt).await;
        }
        Sent::Yes
    }

    async fn failed(&mut self, message: &Message, failure: SendFailure, arrival: Arrival) -> Sent {
        let SendFailure {
            kind,
            message: error,
        } = failure;
        let (trouble, arrival) = match kind {
            SendFailureKind::Unreachable => (SendTrouble::Unreachable, arrival),
            SendFailureKind::Busy(told) => (SendTrouble::Busy(told), arrival),
            SendFailureKind::Refused => (SendTrouble::Refused, arrival),
            SendFailureKind::Strange => (SendTrouble::Strange, Arrival::Possible),
        };
        let before = self.attempts.get(&message.id);
        let tries = 1 + before.map_or(message.tries, |attempt| attempt.tries);
        let (instant, now) = (clock::now(), clock::unix_seconds());
        self.rests_until = Some(instant + self.reach.failed(trouble, message.id));
        let is_in_trouble = self.reach.is_in_trouble() || tries >= retry::TROUBLE_AFTER;
        tracing::warn!(to = %self.name, tries, error, "a message did not arrive; it waits in the outbox");
        self.shared.tell(&self.name, |condition| {
            condition.trouble = Some(error.clone());
            condition.is_in_trouble = is_in_trouble;
        });
        let ledger = &self.shared.ledger;
        if retry::is_given_up(trouble, tries) {
            let title = &message.new.title;
            tracing::warn!(to = %self.name, title, error, "a message was given up; it may have arrived");
            let outcome = MessageOutcome::GivenUp;
            ledger.end(message.id, outcome, now, Some(error)).await;
            return Sent::No;
        }
        let wait = retry::wait(trouble, tries);
        let attempt = Attempt {
            tries,
            next: instant + wait,
            may_have_arrived: arrival == Arrival::Possible,
        };
        self.attempts.insert(message.id, attempt);
        let next_at = now.saturating_add(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
        ledger.failed(message.id, next_at, &error, arrival).await;
        Sent::No
    }
}

/// Why a message was given up that was never tried.
const NOT_IN_TIME: &str = "it could not be sent in time";

/// Waits until what is being sent has had its time after the order to stop.
async fn stopped(stop: &Stop) {
    stop.requested().await;
    tokio::time::sleep(STOP_GRACE).await;
}
