//! A log file, and the lines that wait for it.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use ondol_base::clock;
use ondol_model::limits;
use ondol_model::plan::Rotation;
use tokio::time::Instant;

use super::AccessLogFailure;
use super::Shared;
use super::file::Appended;
use super::file::LogFile;
use super::settings::Name;

/// A buffer that grew beyond this, by very long lines, is not used again.
const BUFFER_KEPT_BYTES: usize = 2 * limits::ACCESS_LOG_BUFFER_BYTES;
/// How long it waits before it tries again to move a file aside that it may not.
const ROTATION_RETRY: Duration = Duration::from_secs(60);

/// Lines of one worker for one file.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) name: Name,
    /// Each with its end.
    pub(super) text: Vec<u8>,
    pub(super) lines: u64,
    /// Where the empty buffer goes.
    pub(super) home: SyncSender<Vec<u8>>,
}

impl Batch {
    /// Lets the worker use the buffer again. One that is gone, or has enough of them, needs it no more.
    pub(super) fn send_home(self) {
        let Self { mut text, home, .. } = self;
        text.clear();
        if text.capacity() <= BUFFER_KEPT_BYTES {
            let _ = home.try_send(text);
        }
    }
}

/// A log file with its queue.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) name: Name,
    pub(super) file: LogFile,
    waiting: VecDeque<Batch>,
    /// How much of the first one is in the file.
    written: usize,
    /// What was dropped when the file began to fail; `None` while it works.
    failing_since: Option<u64>,
    /// While the file can't be moved aside: when that was tried last.
    rotation_failed_at: Option<Instant>,
}

impl Outlet {
    /// The file of this name beside the box's own, which is `None`.
    pub(super) fn new(name: Name, own: &Path) -> Self {
        let path: PathBuf = match &name {
            Some(name) => own.with_file_name(&**name),
            None => own.to_owned(),
        };
        Self {
            name,
            file: LogFile::new(path),
            waiting: VecDeque::new(),
            written: 0,
            failing_since: None,
            rotation_failed_at: None,
        }
    }

    /// Batches that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn push(&mut self, batch: Batch) {
        self.waiting.push_back(batch);
    }

    /// Writes what waits, as much as the file takes.
    pub(super) fn write(&mut self, shared: &Shared) -> Result<(), AccessLogFailure> {
        while let Some(first) = self.waiting.front_mut() {
            let (_, rest) = first.text.split_at(self.written);
            let Appended { bytes, failure } = self.file.append(rest);
            let lines = count_lines(rest.split_at(bytes).0);
            shared.lines.fetch_add(lines, Ordering::Relaxed);
            first.lines = first.lines.saturating_sub(lines);
            self.written += bytes;
            if let Some(failure) = failure {
                return Err(failure);
            }
            self.written = 0;
            if let Some(done) = self.waiting.pop_front() {
                done.send_home();
            }
        }
        Ok(())
    }

    /// Whether this is news: that the file can't be written.
    pub(super) fn begins_failing(&mut self, shared: &Shared) -> bool {
        let is_news = self.failing_since.is_none();
        let dropped = || shared.dropped.load(Ordering::Relaxed);
        self.failing_since.get_or_insert_with(dropped);
        is_news
    }

    /// What was dropped since the file began to fail; `None` when it did not.
    pub(super) fn ends_failing(&mut self, shared: &Shared) -> Option<u64> {
        let before = self.failing_since.take()?;
        Some(
            shared
                .dropped
                .load(Ordering::Relaxed)
                .saturating_sub(before),
        )
    }

    /// Moves the file aside when it is large or old enough; tells whether it did. After a failure it is
    /// left alone for a while.
    pub(super) fn rotate_if_due(&mut self, rotation: &Rotation) -> io::Result<bool> {
        let failed_at = self.rotation_failed_at;
        if failed_at.is_some_and(|failed_at| failed_at.elapsed() < ROTATION_RETRY) {
            return Ok(false);
        }
        let is_moved = self.file.rotate_if_due(rotation)?;
        if is_moved {
            self.rotation_failed_at = None;
        }
        Ok(is_moved)
    }

    /// Whether the file was to be moved aside, and could not be.
    pub(super) fn can_not_rotate(&self) -> bool {
        self.rotation_failed_at.is_some()
    }

    /// Remembers that the file could not be moved aside; whether this is news.
    pub(super) fn begins_to_fail_rotating(&mut self) -> bool {
        self.rotation_failed_at.replace(clock::now()).is_none()
    }

    /// Drops what waits; returns how many lines.
    pub(super) fn give_up(&mut self) -> u64 {
        let lines = self.waiting.iter().map(|batch| batch.lines).sum();
        self.waiting.clear();
        lines
    }
}

fn count_lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}
