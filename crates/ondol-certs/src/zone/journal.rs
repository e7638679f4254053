//! Which records were written into zones and are still to be removed: on disk before a record is added, so
//! that not even a power cut leaves one behind for good. Keeps; it must not know how zones are written.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

use ondol_base::clock;
use ondol_base::file;
use ondol_base::file::read_limited;
use ondol_base::tasks;
use ondol_model::issuing::FailureKind;
use serde::Deserialize;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use crate::failure::Failure;

/// Records that are known at once. Each order has few; so many are left only where none can be removed.
const RECORDS_MAX: usize = 10_000;
/// The largest file: twice what so many records take.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// After so many seconds a record that can't be removed is given up: its zone or its key is gone.
const GIVEN_UP_AFTER: i64 = 30 * 24 * 3600;

/// The journal of all zones of the box. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ZoneJournal(Arc<Inner>);

struct Inner {
    path: PathBuf,
    entries: Mutex<Vec<Entry>>,
    turns: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
}

/// A record in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    /// Who keeps the zone, see `Provider::identity`.
    pub(crate) provider: Box<str>,
    /// The zone, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<Box<str>>,
    /// The record's full name.
    pub(crate) name: Box<str>,
    /// Its text.
    pub(crate) text: Box<str>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    written: Written,
    /// When it was first added; seconds since the Unix epoch.
    at: i64,
    /// Those who need it now: several orders can need the same one.
    #[serde(skip)]
    users: Weak<()>,
}

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Kept<Records> {
    records: Records,
}

/// That a record is needed: until this is dropped nobody removes it.
#[derive(Debug, Clone)]
pub(crate) struct Needed(#[expect(dead_code, reason = "it is there to be counted")] Arc<()>);

impl ZoneJournal {
    /// The journal in this file, which need not be there yet. One that can't be understood is put aside.
    /// Blocks on the disk.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let entries = match read_limited(path, FILE_BYTES_MAX) {
            Ok(text) => {
                let text = text.map(|(text, _)| text).unwrap_or_default();
                match serde_json::from_str::<Kept<Vec<Entry>>>(&text) {
                    Ok(kept) => kept.records,
                    Err(error) => {
                        put_aside(path, &error)?;
                        Vec::new()
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(unreadable(path, &error)),
        };
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            entries: Mutex::new(entries),
            turns: Mutex::default(),
        })))
    }

    /// Notes a record that is about to be added, and returns when that is on disk.
    pub(crate) async fn note(&self, written: &Written) -> Result<Needed, Failure> {
        let written = written.clone();
        self.blocking(move |inner| inner.note(written)).await
    }

    /// Forgets a record that was removed, unless somebody needs it again. What could not be written is
    /// written with the next one: removing a record twice does no harm.
    pub(crate) async fn forget(&self, written: &Written) -> Result<(), Failure> {
        let written = written.clone();
        self.blocking(move |inner| inner.forget(&written)).await
    }

    /// Whether a record is still to be removed, and nobody needs it.
    pub(crate) async fn is_left(&self, written: &Written) -> bool {
        let written = written.clone();
        let answer = self.blocking(move |inner| {
            let entries = inner.entries();
            let entry = entries.iter().find(|entry| entry.written == written);
            Ok(entry.is_some_and(Entry::is_left))
        });
        answer.await.unwrap_or(false)
    }

    /// Puts a record that could not be removed behind all others.
    pub(crate) async fn put_last(&self, written: &Written) {
        let written = written.clone();
        let moved = self.blocking(move |inner| {
            let mut entries = inner.entries();
            let at = entries.iter().position(|entry| entry.written == written);
            if let Some(at) = at {
                let entry = entries.remove(at);
                entries.push(entry);
            }
            Ok(())
        });
        // The order is a matter of fairness alone.
        let _ = moved.await;
    }

    /// The records of a provider that nobody needs, in the order of the list, at most so many.
    pub(crate) async fn left(&self, provider: &str, at_most: usize) -> Vec<Written> {
        let provider = Box::<str>::from(provider);
        let answer = self.blocking(move |inner| {
            let entries = inner.entries();
            let left = entries
                .iter()
                .filter(|entry| entry.written.provider == provider && entry.is_left());
            let left = left.take(at_most).map(|entry| entry.written.clone());
            Ok(left.collect())
        });
        answer.await.unwrap_or_default()
    }

    /// Gives up what could not be removed for long; the owner is told.
    pub(crate) async fn give_up_old(&self) -> Result<Vec<Written>, Failure> {
        let before = clock::unix_seconds() - GIVEN_UP_AFTER;
        self.blocking(move |inner| inner.give_up(before)).await
    }

    /// Waits until nobody else changes what is called this (a name, a zone, a provider): two changes at the
    /// same time could lose one.
    pub(crate) async fn turn(&self, name: &str) -> Option<OwnedSemaphorePermit> {
        let turn = {
            let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let known = turns.get(name).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::new(Semaphore::new(1));
                turns.insert(name.into(), Arc::downgrade(&turn));
                turn
            })
        };
        turn.acquire_owned().await.ok()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Inner) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = Arc::clone(&self.0);
        let done = tasks::spawn_blocking(move || body(&inner)).await;
        done.unwrap_or_else(|_| Err(machine("the list of challenge records could not be kept")))
    }
}

impl Inner {
    fn note(&self, written: Written) -> Result<Needed, Failure> {
        let mut entries = self.entries();
        let known = entries.iter_mut().find(|entry| entry.written == written);
        if let Some(entry) = known {
            let user = entry.users.upgrade().unwrap_or_default();
            entry.users = Arc::downgrade(&user);
            return Ok(Needed(user));
        }
        if entries.len() >= RECORDS_MAX {
            return Err(machine(format!(
                "{RECORDS_MAX} challenge records wait to be removed, so no more are written; {} lists them",
                self.path.display()
            )));
        }
        let user = Arc::new(());
        entries.push(Entry {
            written,
            at: clock::unix_seconds(),
            users: Arc::downgrade(&user),
        });
        if let Err(error) = self.write(&entries) {
            entries.pop();
            return Err(error);
        }
        Ok(Needed(user))
    }

    fn forget(&self, written: &Written) -> Result<(), Failure> {
        let mut entries = self.entries();
        entries.retain(|entry| entry.written != *written || !entry.is_left());
        self.write(&entries)
    }

    fn give_up(&self, before: i64) -> Result<Vec<Written>, Failure> {
        let mut entries = self.entries();
        let old = entries.extract_if(.., |entry| entry.is_old(before));
        let old: Vec<_> = old.map(|entry| entry.written).collect();
        if !old.is_empty() {
            self.write(&entries)?;
        }
        Ok(old)
    }

    fn write(&self, entries: &[Entry]) -> Result<(), Failure> {
        let failed = |error: &dyn fmt::Display| {
            machine(format!(
                "the list of challenge records could not be written to {}: {error}",
                self.path.display()
            ))
        };
        let text = serde_json::to_vec_pretty(&Kept { records: entries });
        let text = text.map_err(|error| failed(&error))?;
        file::replace(&self.path, &text, 0o600).map_err(|error| failed(&error))
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_left(&self) -> bool {
        self.users.strong_count() == 0
    }

    fn is_old(&self, before: i64) -> bool {
        self.is_left() && self.at < before
    }
}

impl fmt::Debug for ZoneJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZoneJournal")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

fn put_aside(path: &Path, error: &serde_json::Error) -> Result<(), Failure> {
    let aside = path.with_added_extension("damaged");
    std::fs::rename(path, &aside).map_err(|error| unreadable(path, &error))?;
    tracing::warn!(
        "{} can't be understood ({error}) and is now {}: challenge records that it lists stay in their zones until you remove them.",
        path.display(),
        aside.display(),
    );
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    machine(format!(
        "the list of challenge records in {} can't be read: {error}",
        path.display()
    ))
}

fn machine(sentence: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Machine, sentence)
}

#[cfg(test)]
mod tests;
