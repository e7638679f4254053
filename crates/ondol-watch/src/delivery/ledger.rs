//! What is written about messages: by the store, and in memory as long as that can't.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_model::watch::fold::Times;
use ondol_store::Message;
use ondol_store::MessageOutcome;
use ondol_store::NewMessage;
use ondol_store::StoreError;
use ondol_store::WatchChange;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::kept::Ending;
use super::kept::Kept;
use super::kept::ending;

/// Nobody waits longer for the store: twice what it waits itself for another program that has its file locked.
const STORE_WAIT: Duration = Duration::from_secs(10);

/// What is written about messages.
#[derive(Debug)]
pub(super) struct Ledger {
    store: ondol_store::Handle,
    kept: Mutex<Kept>,
    late: Mutex<Option<Late>>,
    /// Whether what was kept is being written.
    is_writing: AtomicBool,
}

/// A change that nobody waited for any longer: it may be written still.
struct Late {
    writing: Writing,
    change: WatchChange,
    numbers: Vec<i64>,
}

type Writing = Pin<Box<dyn Future<Output = Result<Vec<i64>, StoreError>> + Send>>;

impl std::fmt::Debug for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Late")
            .field("numbers", &self.numbers)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    pub(super) fn open(store: ondol_store::Handle) -> Self {
        Self {
            store,
            kept: Mutex::default(),
            late: Mutex::default(),
            is_writing: AtomicBool::new(false),
        }
    }

    /// Writes a change down, or keeps it; returns the numbers of its messages.
    pub(super) async fn commit(&self, change: WatchChange) -> Vec<i64> {
        if !self.is_change_written() {
            // What came before is not written yet, and must not be written over what comes now.
            return self.kept().keep(change);
        }
        let mut writing = self.writing(change.clone());
        match timeout(STORE_WAIT, &mut writing).await {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => {
                self.complain(&error);
                self.kept().keep(change)
            }
            Err(Elapsed { .. }) => {
                tracing::error!(
                    "the store does not answer; messages are sent without being written down"
                );
                let numbers = self.kept().keep(change);
                let (change, _) = self.kept().take_unwritten();
                let late = Late {
                    writing,
                    change,
                    numbers: numbers.clone(),
                };
                *lock(&self.late) = Some(late);
                numbers
            }
        }
    }

    /// The messages that wait for one channel of a person, the oldest first. What the store can't read is left out.
    pub(super) async fn waiting_for(&self, person: &str, channel: &str) -> Vec<Message> {
        let hidden = self.kept().hidden();
        let read = self.store.waiting_messages_for(person, channel);
        let rows = self.in_time(read).await.unwrap_or_default();
        let kept = self.kept();
        let mut messages = kept.without_kept(rows, &hidden);
        let of_lane =
            |message: &&Message| message.new.person == person && message.new.channel == channel;
        messages.extend(kept.waiting().filter(of_lane).cloned());
        messages
    }

    /// All messages that wait.
    pub(super) async fn waiting(&self) -> Vec<Message> {
        let hidden = self.kept().hidden();
        let read = self.store.waiting_messages();
        let rows = self.in_time(read).await.unwrap_or_default();
        let kept = self.kept();
        let mut messages = kept.without_kept(rows, &hidden);
        messages.extend(kept.waiting().cloned());
        messages
    }

    /// How many messages wait, and since when the oldest does.
    pub(super) async fn count_waiting(&self) -> (u64, Option<i64>) {
        let read = self.store.count_waiting();
        let (rows, oldest) = self.in_time(read).await.unwrap_or_default();
        let (kept, kept_since) = self.kept().count_waiting();
        let since = oldest.into_iter().chain(kept_since).min();
        (rows + kept, since)
    }

    /// When incidents began and ended; nothing when that can't be read.
    pub(super) async fn times(&self) -> Times {
        let read = self.store.incident_times();
        self.in_time(read).await.unwrap_or_default()
    }

    /// When each channel of each person last took a message; nothing when that can't be read.
    pub(super) async fn last_delivered(&self) -> Vec<(String, String, i64)> {
        let read = self.store.last_delivered();
        self.in_time(read).await.unwrap_or_default()
    }

    /// A message is being sent: from here on it may have arrived.
    pub(super) async fn begin(&self, id: i64) {
        if id < 0 {
            self.kept().update(id, |message| message.is_begun = true);
        } else {
            self.in_time(self.store.begin_message(id)).await;
        }
    }

    /// A message did not arrive.
    pub(super) async fn failed(&self, id: i64, next_at: i64, error: &str, arrival: Arrival) {
        let in_doubt = arrival == Arrival::Possible;
        if id < 0 {
            self.kept().update(id, |message| {
                message.tries += 1;
                message.next_at = next_at;
                message.error = Some(error.to_owned());
                message.is_begun = in_doubt;
            });
            return;
        }
        let error = error.to_owned();
        if in_doubt {
            self.in_time(self.store.doubt_message(id, next_at, error))
                .await;
        } else {
            self.in_time(self.store.retry_message(id, next_at, error))
                .await;
        }
    }

    /// A message ended.
    pub(super) async fn end(
        &self,
        id: i64,
        outcome: MessageOutcome,
        at: i64,
        error: Option<String>,
    ) {
        let ended = Ending {
            error,
            ..ending(outcome, at)
        };
        self.end_as(id, ended).await;
    }

    /// Messages give way to one that waits already.
    pub(super) async fn fold_into(&self, ids: &[i64], into: i64, at: i64) {
        let are_rows = into > 0 && ids.iter().all(|id| *id > 0);
        if are_rows {
            let fold = self.store.fold_into_message(ids.to_vec(), into, at);
            if self.in_time(fold).await.is_some() {
                return;
            }
        }
        for id in ids {
            let ended = Ending {
                into: (into > 0).then_some(into),
                ..ending(MessageOutcome::Folded, at)
            };
            self.end_as(*id, ended).await;
        }
    }

    /// Messages give way to a new one.
    pub(super) async fn fold(&self, ids: &[i64], into: NewMessage, parts: Option<String>) {
        if ids.iter().all(|id| *id > 0) {
            let fold = self
                .store
                .fold_messages(ids.to_vec(), into.clone(), parts.clone());
            if self.in_time(fold).await.is_some() {
                return;
            }
        }
        let at = into.queued_at;
        self.kept().replace(ids, into, parts, at);
    }

    /// Moves the times of what waits: the clock was set.
    pub(super) async fn shift(&self, seconds: i64) {
        self.kept().shift(seconds);
        self.in_time(self.store.shift_watch_times(seconds)).await;
    }

    /// Whether the store has everything.
    pub(super) fn is_written(&self) -> bool {
        self.is_change_written() && self.kept().is_written()
    }

    /// Writes down what is kept, as far as that can be done now.
    pub(super) async fn write_kept(&self) {
        if self.is_written() {
            return;
        }
        let writing = Busy::begin(&self.is_writing);
        let is_written = self.settle_late().await
            && self.write_change().await
            && self.write_replacements().await;
        drop(writing);
        if is_written {
            self.write_endings().await;
        }
    }

    fn is_change_written(&self) -> bool {
        !self.is_writing.load(Ordering::Relaxed)
            && lock(&self.late).is_none()
            && self.kept().is_change_written()
    }

    async fn end_as(&self, id: i64, ended: Ending) {
        let row = self.kept().row(id);
        let is_written = match row {
            Some(row) => self.write_ending(row, ended.clone()).await,
            None => false,
        };
        if is_written {
            self.kept().forget(id);
        } else {
            self.kept().end(id, ended);
        }
    }

    /// Waits for the change that was late; false when it still is.
    async fn settle_late(&self) -> bool {
        let Some(mut late) = lock(&self.late).take() else {
            return true;
        };
        match timeout(STORE_WAIT, &mut late.writing).await {
            Err(Elapsed { .. }) => {
                *lock(&self.late) = Some(late);
                return false;
            }
            Ok(Ok(rows)) => self.kept().written(&late.numbers, &rows),
            Ok(Err(error)) => {
                self.complain(&error);
                self.kept().put_back(late.change);
            }
        }
        true
    }

    async fn write_change(&self) -> bool {
        let (change, numbers) = self.kept().take_unwritten();
        if change == WatchChange::default() {
            return true;
        }
        let mut writing = self.writing(change.clone());
        match timeout(STORE_WAIT, &mut writing).await {
            Ok(Ok(rows)) => {
                self.kept().written(&numbers, &rows);
                true
            }
            Ok(Err(_)) => {
                self.kept().put_back(change);
                false
            }
            Err(Elapsed { .. }) => {
                let late = Late {
                    writing,
                    change,
                    numbers,
                };
                *lock(&self.late) = Some(late);
                false
            }
        }
    }

    async fn write_replacements(&self) -> bool {
        let replacements = self.kept().replacements();
        for replacement in replacements {
            let ids = replacement.replaces;
            let fold = self
                .store
                .fold_messages(ids, replacement.new, replacement.parts);
            let Some(row) = self.in_time(fold).await else {
                return false;
            };
            self.kept().written(&[replacement.id], &[row]);
        }
        true
    }

    async fn write_endings(&self) {
        let endings = self.kept().endings();
        for (id, ended) in endings {
            if !self.write_ending(id, ended).await {
                return;
            }
        }
    }

    async fn write_ending(&self, id: i64, ended: Ending) -> bool {
        let Ending {
            outcome,
            at,
            error,
            into,
        } = ended;
        let written = match into {
            Some(into) => {
                let fold = self.store.fold_into_message(vec![id], into, at);
                self.in_time(fold).await
            }
            None => {
                let end = self.store.end_message(id, outcome, at, error);
                self.in_time(end).await
            }
        };
        if written.is_some() {
            self.kept().forget_ending(id);
        }
        written.is_some()
    }

    fn writing(&self, change: WatchChange) -> Writing {
        let store = self.store.clone();
        Box::pin(async move { store.commit_watch(change).await })
    }

    /// What the store said; `None` when it failed, or did not say it in time.
    async fn in_time<T>(&self, ask: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        match timeout(STORE_WAIT, ask).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                self.complain(&error);
                None
            }
            Err(Elapsed { .. }) => None,
        }
    }

    fn complain(&self, error: &StoreError) {
        let error = Chain(error).to_string();
        tracing::error!(
            error,
            "the outbox can't be written or read; messages are sent from memory"
        );
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

/// Whether a message that failed may have arrived all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Impossible,
    Possible,
}

/// Says that something is under way, until it is dropped.
struct Busy<'a>(&'a AtomicBool);

impl<'a> Busy<'a> {
    fn begin(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Nothing is left half done by who panics with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
