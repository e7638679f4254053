//! What a snapshot lacks.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::reporter::Reporter;

/// So many are kept by name; of the others the number is enough.
const NAMED_MAX: usize = 20;
/// So many are told at once.
const TOLD_MAX: u64 = 200;

/// What a snapshot lacks, and what came up while it was read.
#[derive(Debug)]
pub(crate) struct Gaps {
    reporter: Reporter,
    found: Mutex<Found>,
    seen: AtomicU64,
}

/// How much a snapshot lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// How many files and folders could not be read.
    pub(crate) unreadable: u64,
    /// The first of them, and why.
    pub(crate) first: Vec<(PathBuf, String)>,
    /// How many were gone before they were read: what somebody removes meanwhile is no gap.
    pub(crate) vanished: u64,
    notes: u64,
}

impl Gaps {
    /// None so far.
    pub(crate) fn new(reporter: Reporter) -> Self {
        Self {
            reporter,
            found: Mutex::default(),
            seen: AtomicU64::new(0),
        }
    }

    /// How many there are.
    pub(crate) fn found(&self) -> Found {
        self.with(|found| found.clone())
    }

    /// Something could not be read. What is not there any more is only counted.
    pub(super) fn error(&self, path: &Path, error: &io::Error) {
        if is_gone(error) {
            self.with(|found| found.vanished += 1);
        } else {
            self.unreadable(path, &reason(error));
        }
    }

    /// Something could not be read.
    pub(super) fn unreadable(&self, path: &Path, why: &str) {
        // As text: not every name is one, and it is written as JSON.
        let path = PathBuf::from(path.to_string_lossy().into_owned());
        let is_told = self.with(|found| {
            found.unreadable += 1;
            if found.first.len() < NAMED_MAX {
                found.first.push((path.clone(), why.to_owned()));
            }
            found.unreadable <= TOLD_MAX
        });
        if is_told {
            self.reporter.unreadable(&path, why);
        }
    }

    /// Something that the owner may want to know; the snapshot is whole.
    pub(super) fn note(&self, sentence: String) {
        let is_told = self.with(|found| {
            found.notes += 1;
            found.notes <= TOLD_MAX
        });
        if is_told {
            self.reporter.note(sentence);
        }
    }

    /// A file more was met.
    pub(super) fn see(&self) {
        self.seen.fetch_add(1, Ordering::Relaxed);
    }

    /// How many files were met so far.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Found) -> T) -> T {
        change(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_gone(error: &io::Error) -> bool {
    // The second says that a folder is a file now.
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Without the number that only programs read.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
