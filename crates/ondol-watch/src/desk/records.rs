//! What is remembered besides alarms: facts, the history, and that something is not watched any more. It is written
//! beside the desk, which waits for none of it; what a store does not take is kept, and tried again.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_store::HistorySlice;
use ondol_store::StoreError;
use tokio::time::Instant;
use tokio::time::timeout;

/// What was not taken is tried again so often.
const AGAIN: Duration = Duration::from_secs(30);
/// Days of subjects that are kept while nobody takes them; some days of a box with a thousand sites.
const HISTORY_MAX: usize = 10_000;
/// Subjects that are to be forgotten; what is forgotten of these is nothing that anybody sees.
const FORGOTTEN_MAX: usize = 10_000;
/// How long the end waits for what is left.
const LAST: Duration = Duration::from_secs(2);

/// What is to be written, and what is being written.
pub(super) struct Records {
    store: ondol_store::Handle,
    left: Batch,
    writing: Option<Writing>,
    rests_until: Option<Instant>,
    is_in_trouble: bool,
}

type Writing = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// What is written by one.
#[derive(Debug, Default)]
struct Batch {
    facts: BTreeMap<String, String>,
    history: BTreeMap<(i64, String), HistorySlice>,
    forgotten: BTreeSet<String>,
    /// Since which day it is asked what share of the time things were well, and when now is.
    uptimes: Option<(i64, i64)>,
}

/// How writing ended: with what was not written, and why.
struct Ended {
    left: Batch,
    uptimes: Option<Vec<(String, f64)>>,
    error: Option<StoreError>,
}

impl Records {
    /// Nothing is to be written yet.
    pub(super) fn of(store: ondol_store::Handle) -> Self {
        Self {
            store,
            left: Batch::default(),
            writing: None,
            rests_until: None,
            is_in_trouble: false,
        }
    }

    /// A fact that is to be known after a restart.
    pub(super) fn fact(&mut self, name: String, value: String) {
        self.left.facts.insert(name, value);
    }

    /// How things were.
    pub(super) fn history(&mut self, slices: Vec<HistorySlice>) {
        for slice in slices {
            self.left.add(slice);
        }
    }

    /// These are not watched any more.
    pub(super) fn forget(&mut self, subjects: impl IntoIterator<Item = String>) {
        self.left.forgotten.extend(subjects);
        while self.left.forgotten.len() > FORGOTTEN_MAX {
            self.left.forgotten.pop_first();
        }
    }

    /// This one is watched again.
    pub(super) fn keep(&mut self, subject: &str) {
        self.left.forgotten.remove(subject);
    }

    /// It is to be asked what share of the time since a day things were well.
    pub(super) fn ask_uptimes(&mut self, since_day: i64, now: i64) {
        self.left.uptimes = Some((since_day, now));
    }

    /// Writes until something ended; returns the shares that were asked for. Never ends while there is nothing to
    /// write. Nothing is lost when it is dropped.
    pub(super) async fn work(&mut self) -> Vec<(String, f64)> {
        loop {
            if let Some(rest) = self.rests_until {
                tokio::time::sleep_until(rest).await;
                self.rests_until = None;
            }
            if self.writing.is_none() && self.left.is_empty() {
                std::future::pending::<()>().await;
            }
            if let Some(uptimes) = self.step().await {
                return uptimes;
            }
        }
    }

    /// Writes what is left, as far as that is possible soon.
    pub(super) async fn close(mut self) {
        self.rests_until = None;
        let all = async {
            while self.writing.is_some() || !self.left.is_empty() {
                if self.rests_until.is_some() {
                    break; // It was just refused.
                }
                self.step().await;
            }
        };
        if timeout(LAST, all).await.is_err() {
            tracing::warn!("the store does not answer: the last minutes of the history are lost");
        }
    }

    /// Waits for what is being written, which is begun where nothing is.
    async fn step(&mut self) -> Option<Vec<(String, f64)>> {
        let (store, batch) = (&self.store, &mut self.left);
        let begin = || -> Writing { Box::pin(write(store.clone(), std::mem::take(batch))) };
        let ended = self.writing.get_or_insert_with(begin).await;
        self.writing = None;
        self.take(ended)
    }

    fn take(&mut self, ended: Ended) -> Option<Vec<(String, f64)>> {
        let Ended {
            left,
            uptimes,
            error,
        } = ended;
        self.left.put_back(left);
        match error {
            Some(error) => {
                self.rests_until = Some(clock::now() + AGAIN);
                if !self.is_in_trouble {
                    let error = Chain(&error);
                    tracing::warn!(
                        "the history and what else is remembered can't be written, and is tried again: {error}"
                    );
                }
                self.is_in_trouble = true;
            }
            None => self.is_in_trouble = false,
        }
        uptimes
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.facts.is_empty()
            && self.history.is_empty()
            && self.forgotten.is_empty()
            && self.uptimes.is_none()
    }

    fn add(&mut self, slice: HistorySlice) {
        let HistorySlice {
            subject,
            day,
            pass_s,
            warn_s,
            fail_s,
            unknown_s,
            answers,
            sum_ms,
            max_ms,
        } = slice;
        let place = (day, subject.clone());
        let known = self.history.entry(place).or_insert(HistorySlice {
            subject,
            day,
            ..HistorySlice::default()
        });
        known.pass_s = known.pass_s.saturating_add(pass_s);
        known.warn_s = known.warn_s.saturating_add(warn_s);
        known.fail_s = known.fail_s.saturating_add(fail_s);
        known.unknown_s = known.unknown_s.saturating_add(unknown_s);
        known.answers = known.answers.saturating_add(answers);
        known.sum_ms = known.sum_ms.saturating_add(sum_ms);
        known.max_ms = known.max_ms.max(max_ms);
        while self.history.len() > HISTORY_MAX {
            self.history.pop_first(); // Of the oldest day.
        }
    }

    /// Takes back what was not written; what came meanwhile is newer.
    fn put_back(&mut self, left: Self) {
        let Self {
            mut facts,
            history,
            forgotten,
            uptimes,
        } = left;
        facts.append(&mut self.facts);
        self.facts = facts;
        self.forgotten.extend(forgotten);
        self.uptimes = self.uptimes.or(uptimes);
        for slice in history.into_values() {
            self.add(slice);
        }
    }
}

async fn write(store: ondol_store::Handle, mut batch: Batch) -> Ended {
    let mut uptimes = None;
    let written = write_all(&store, &mut batch, &mut uptimes).await;
    Ended {
        left: batch,
        uptimes,
        error: written.err(),
    }
}

/// What was written is not in the batch any more.
async fn write_all(
    store: &ondol_store::Handle,
    batch: &mut Batch,
    uptimes: &mut Option<Vec<(String, f64)>>,
) -> Result<(), StoreError> {
    if !batch.forgotten.is_empty() {
        let forgotten = batch.forgotten.iter().cloned().collect();
        store.forget_states(forgotten).await?;
        batch.forgotten.clear();
    }
    while let Some((name, value)) = batch.facts.first_key_value() {
        store.set_watch_fact(name, value).await?;
        batch.facts.pop_first();
    }
    if !batch.history.is_empty() {
        let slices = batch.history.values().cloned().collect();
        store.add_history(slices).await?;
        batch.history.clear();
    }
    if let Some((since_day, now)) = batch.uptimes.take() {
        // Neither is worth another try before the next time, which is in a few minutes.
        *uptimes = store.uptimes(since_day).await.ok();
        store.forget_old(now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
