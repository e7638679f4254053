//! The thread that writes the access log.
//!
//! It takes one buffer after another and holds on to it until it is in the file, so that a disk that
//! was full for a while costs only what did not fit into the queue.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use ondol_model::limits;

use super::AccessLogNotice;
use super::Shared;
use super::file::Appended;
use super::file::LogFile;

/// How often a quiet writer looks whether its file was renamed or removed.
const LOOK: Duration = Duration::from_secs(2);
/// How long it waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);
/// A buffer that grew beyond this, by very long lines, is not used again.
const BUFFER_KEPT_BYTES: usize = 2 * limits::ACCESS_LOG_BUFFER_BYTES;

/// What the writer is sent.
#[derive(Debug)]
pub(super) enum Message {
    /// Lines of a worker.
    Lines(Batch),
    /// The orders in [`Shared`] have changed.
    Wake,
}

/// Lines of one worker.
#[derive(Debug)]
pub(super) struct Batch {
    /// Each with its end.
    pub(super) text: Vec<u8>,
    pub(super) lines: u64,
    /// Where the empty buffer goes.
    pub(super) home: SyncSender<Vec<u8>>,
}

/// The thread's state.
pub(super) struct Writer<N> {
    file: LogFile,
    queue: Receiver<Message>,
    shared: Arc<Shared>,
    notices: N,
    /// What was dropped when the file began to fail; `None` while it works.
    failing_since: Option<u64>,
}

impl<N: Fn(AccessLogNotice)> Writer<N> {
    pub(super) fn new(
        file: LogFile,
        queue: Receiver<Message>,
        shared: Arc<Shared>,
        notices: N,
    ) -> Self {
        Self {
            file,
            queue,
            shared,
            notices,
            failing_since: None,
        }
    }

    /// Until the log is closed, or everyone who could send lines is gone.
    pub(super) fn run(mut self) {
        while !self.is_closing() {
            match self.queue.recv_timeout(LOOK) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.file.forget_moved(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        while let Ok(message) = self.queue.try_recv() {
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Lines(batch) => self.write(batch),
            Message::Wake => self.reopen_if_told(),
        }
    }

    /// Until all lines are in the file. When the log is being closed, each is tried once.
    fn write(&mut self, batch: Batch) {
        let Batch {
            mut text,
            lines,
            home,
        } = batch;
        let mut written_lines = 0;
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            self.reopen_if_told();
            let Appended { bytes, failure } = self.file.append(rest);
            let (written, unwritten) = rest.split_at(bytes);
            written_lines += count_lines(written);
            rest = unwritten;
            let Some(failure) = failure else {
                continue;
            };
            self.begin_failing(failure);
            if self.is_closing() {
                break;
            }
            std::thread::park_timeout(RETRY);
        }
        self.shared
            .lines
            .fetch_add(written_lines, Ordering::Relaxed);
        let lost = lines.saturating_sub(written_lines);
        self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
        if lost == 0 {
            self.end_failing();
        }
        text.clear();
        if text.capacity() <= BUFFER_KEPT_BYTES {
            // A worker that is gone, or has enough of them, needs it no more.
            let _ = home.try_send(text);
        }
    }

    fn begin_failing(&mut self, failure: super::AccessLogFailure) {
        if self.failing_since.is_none() {
            self.failing_since = Some(self.shared.dropped.load(Ordering::Relaxed));
            (self.notices)(AccessLogNotice::Failing(failure));
        }
    }

    fn end_failing(&mut self) {
        if let Some(before) = self.failing_since.take() {
            let dropped = self.shared.dropped.load(Ordering::Relaxed);
            (self.notices)(AccessLogNotice::Recovered {
                path: PathBuf::from(self.file.path()),
                dropped: dropped.saturating_sub(before),
            });
        }
    }

    fn reopen_if_told(&mut self) {
        if self.shared.reopen.swap(false, Ordering::AcqRel) {
            self.file.forget();
        }
    }

    fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Acquire)
    }
}

fn count_lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}
