//! What is read for a snapshot: folders with all that is in them, in the order in which a snapshot is written, and what
//! is no file of this machine. What can't be read is counted: a snapshot that lacks something is never taken for whole.

mod contents;
mod destinations;
mod folder;
mod gaps;
mod node;
mod patterns;
mod pseudo;
mod reader;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use rustic_core::ReadSource;
use rustic_core::ReadSourceEntry;
use rustic_core::RusticResult;

pub(crate) use contents::Open;
pub(crate) use gaps::Gaps;

use crate::access::DatabaseAccess;
use crate::databases::Ledger;
use crate::report::Amount;
use crate::source::destinations::Destinations;
use crate::source::node::Names;
use crate::source::patterns::Patterns;
use crate::source::walk::Walk;

/// What is to be read.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Absolute paths of files and folders; with all below them.
    pub(crate) roots: Vec<PathBuf>,
    /// Absolute paths that are left out with all below them, but for roots that are there.
    pub(crate) left_out: Vec<PathBuf>,
    /// What the owner leaves out: absolute paths, or names wherever they are, both with `*` and `?`.
    pub(crate) patterns: Vec<String>,
    /// What is no file, or is read in a way of its own, by absolute path.
    pub(crate) others: BTreeMap<PathBuf, Other>,
    /// A folder of this machine for copies that are needed while something is read.
    pub(crate) scratch: PathBuf,
}

/// What is no file, or is read in a way of its own.
#[derive(Debug, Clone)]
pub(crate) enum Other {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A database; what came of it is told there.
    Database(DatabaseAccess, Arc<Ledger>),
}

/// What is read for a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Source(Arc<Scene>);

/// What all that read have in common.
#[derive(Debug)]
struct Scene {
    destinations: Destinations,
    patterns: Patterns,
    others: BTreeMap<PathBuf, Other>,
    scratch: PathBuf,
    gaps: Arc<Gaps>,
}

/// The entries, one after another.
#[derive(Debug)]
pub(crate) struct Entries {
    walk: Walk,
    names: Names,
}

impl Source {
    /// A source of what is wanted; what it lacks is told there.
    pub(crate) fn new(wanted: Wanted, gaps: Arc<Gaps>) -> Self {
        let others = wanted.others.keys().cloned();
        let destinations = Destinations::new(wanted.roots, wanted.left_out, others);
        Self(Arc::new(Scene {
            destinations,
            patterns: Patterns::new(&wanted.patterns),
            others: wanted.others,
            scratch: wanted.scratch,
            gaps,
        }))
    }

    /// How much there is to read, as far as that is known without reading it. It goes through all folders; `None` when
    /// it was stopped before its end.
    pub(crate) fn amount(&self, stop: &AtomicBool) -> Option<Amount> {
        let mut amount = Amount::default();
        for found in Walk::counting(Arc::clone(&self.0)) {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            if found.is_file() {
                amount.items += 1;
                amount.bytes += found.size();
            }
        }
        Some(amount)
    }
}

impl ReadSource for Source {
    type Open = Open;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Entries {
        Entries {
            walk: Walk::new(Arc::clone(&self.0)),
            names: Names::default(),
        }
    }
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Open>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = self.walk.next()?;
            if let Some(entry) = contents::entry(found, self.walk.scene(), &mut self.names) {
                return Some(Ok(entry));
            }
        }
    }
}
