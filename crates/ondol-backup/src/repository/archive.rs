//! Writing a snapshot.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustic_core::BackupOptions;
use rustic_core::NoProgress;
use rustic_core::ParentOptions;
use rustic_core::Progress;
use rustic_core::ProgressBars;
use rustic_core::ProgressType;
use rustic_core::ReadSource;
use rustic_core::ReadSourceEntry;
use rustic_core::RusticProgress;
use rustic_core::RusticResult;
use rustic_core::SnapshotGroupCriterion;
use rustic_core::repofile::SnapshotFile;

use crate::failure::Failure;
use crate::identity::BoxIdentity;
use crate::repository::Kind;
use crate::repository::Repository;
use crate::repository::adapter::Adapter;
use crate::repository::snapshots::OURS;
use crate::repository::snapshots::RUN;
use crate::repository::trouble::of_target;

/// What a new snapshot is of.
pub(crate) struct ToArchive<'a> {
    /// The box; its name is the host of the snapshot.
    pub(crate) of: &'a BoxIdentity,
    /// The run; empty for what belongs to none.
    pub(crate) run: &'a str,
    /// What it is of. What the newest snapshot of the same kind and host has unchanged is not read again.
    pub(crate) kind: Kind,
    /// Its time, in seconds since the Unix epoch.
    pub(crate) at: i64,
    /// The absolute paths that it has, for people.
    pub(crate) roots: &'a [PathBuf],
    /// Is told how many bytes more are done, whether they were read or found to be unchanged.
    pub(crate) on_bytes: Arc<dyn Fn(u64) + Send + Sync>,
}

impl fmt::Debug for ToArchive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToArchive")
            .field("run", &self.run)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A snapshot that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archived {
    /// Its id, in hexadecimal digits.
    pub(crate) snapshot: String,
    /// How many files are in it.
    pub(crate) files: u64,
    /// How many bytes they have.
    pub(crate) bytes: u64,
    /// How many bytes the repository grew by.
    pub(crate) added: u64,
}

impl Repository {
    /// Writes a snapshot of all that the source has. Its entries come as rustic_core's own source gives them: sorted
    /// as a walk meets them, folders before what is in them. What the source does not tell is not noticed: an error
    /// of an entry is only left out.
    pub(crate) fn archive<R>(&self, what: &ToArchive<'_>, source: R) -> Result<Archived, Failure>
    where
        R: ReadSource + 'static,
        R::Open: Send,
        R::Iter: Send,
    {
        self.archive_with(what, None, source)
    }

    /// The same, with a text that is in the snapshot itself.
    pub(super) fn archive_with<R>(
        &self,
        what: &ToArchive<'_>,
        description: Option<String>,
        source: R,
    ) -> Result<Archived, Failure>
    where
        R: ReadSource + 'static,
        R::Open: Send,
        R::Iter: Send,
    {
        let parent = self.parent(what)?;
        let snapshot = SnapshotFile {
            description,
            ..snapshot_of(what)
        };
        let library = self.library(Told(Arc::clone(&what.on_bytes)))?;
        let indexed = library.to_indexed_ids();
        let indexed = indexed.map_err(|error| self.failure(&error))?;
        self.forget_index();
        let source = UntilLost {
            source,
            adapter: Arc::clone(&self.adapter),
        };
        let root = [PathBuf::from("/")];
        let roots = if what.roots.is_empty() {
            &root
        } else {
            what.roots
        };
        let written = indexed.archive(&options(parent), &source, snapshot, roots);
        // The library goes on when a file could not be written, and leaves it out.
        if let Some(lost) = self.adapter.lost() {
            return Err(of_target(&self.place(), lost));
        }
        let file = written.map_err(|error| self.failure(&error))?;
        let summary = file.summary.unwrap_or_default();
        Ok(Archived {
            snapshot: file.id.to_hex().as_str().to_owned(),
            files: summary.total_files_processed,
            bytes: summary.total_bytes_processed,
            added: summary.data_added_packed,
        })
    }

    /// The newest snapshot of the same kind and host.
    fn parent(&self, what: &ToArchive<'_>) -> Result<Option<String>, Failure> {
        if self.is_anew.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let snapshots = self.snapshots()?.good.into_iter().rev();
        let mut alike = snapshots
            .filter(|snapshot| snapshot.kind == Some(what.kind) && snapshot.host() == what.of.name);
        Ok(alike.next().map(|snapshot| snapshot.id))
    }
}

fn options(parent: Option<String>) -> BackupOptions {
    let mut parents = ParentOptions::default();
    parents.group_by = SnapshotGroupCriterion::from_str("host,label").ok();
    parents.force = parent.is_none();
    parents.parents = parent.into_iter().collect();
    BackupOptions::default().parent_opts(parents).no_scan(true)
}

fn snapshot_of(what: &ToArchive<'_>) -> SnapshotFile {
    let time = Timestamp::from_second(what.at).unwrap_or_default();
    let mut snapshot = SnapshotFile {
        time: time.to_zoned(TimeZone::UTC),
        label: what.kind.word().to_owned(),
        hostname: what.of.name.clone(),
        username: "root".to_owned(),
        program_version: concat!("ondol ", env!("CARGO_PKG_VERSION")).to_owned(),
        ..SnapshotFile::default()
    };
    snapshot.tags.add(OURS.to_owned());
    snapshot.tags.add(what.kind.word().to_owned());
    if !what.run.is_empty() {
        snapshot.tags.add(format!("{RUN}{}", what.run));
    }
    snapshot
}

/// A source that ends when nothing can be written any more: what it would still read is not kept.
struct UntilLost<R> {
    source: R,
    adapter: Arc<Adapter>,
}

/// Its entries.
struct EntriesUntilLost<I> {
    entries: I,
    adapter: Arc<Adapter>,
}

impl<R: ReadSource> ReadSource for UntilLost<R> {
    type Open = R::Open;
    type Iter = EntriesUntilLost<R::Iter>;

    fn size(&self) -> RusticResult<Option<u64>> {
        self.source.size()
    }

    fn entries(&self) -> Self::Iter {
        EntriesUntilLost {
            entries: self.source.entries(),
            adapter: Arc::clone(&self.adapter),
        }
    }
}

impl<O, I> Iterator for EntriesUntilLost<I>
where
    I: Iterator<Item = RusticResult<ReadSourceEntry<O>>>,
{
    type Item = I::Item;

    fn next(&mut self) -> Option<Self::Item> {
        match self.adapter.lost() {
            Some(_) => None,
            None => self.entries.next(),
        }
    }
}

/// Tells what is done, and keeps the rest of what the library says to itself.
struct Told(Arc<dyn Fn(u64) + Send + Sync>);

/// The progress of the files.
struct ToldBytes(Arc<dyn Fn(u64) + Send + Sync>);

impl ProgressBars for Told {
    fn progress(&self, kind: ProgressType, _prefix: &str) -> Progress {
        match kind {
            ProgressType::Bytes => Progress::new(ToldBytes(Arc::clone(&self.0))),
            ProgressType::Spinner | ProgressType::Counter => Progress::new(NoProgress),
        }
    }
}

impl RusticProgress for ToldBytes {
    fn is_hidden(&self) -> bool {
        false
    }

    fn set_length(&self, _length: u64) {}

    fn set_title(&self, _title: &str) {}

    fn inc(&self, bytes: u64) {
        (self.0)(bytes);
    }

    fn finish(&self) {}
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl fmt::Debug for ToldBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToldBytes")
    }
}
