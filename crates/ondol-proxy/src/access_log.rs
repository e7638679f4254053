//! One line per request, written off the request path.
//!
//! Each worker formats its lines into a buffer of its own and hands it over when it is full; one
//! thread writes the buffers to the file. A worker never waits for the disk: when the writer is too
//! far behind, lines are dropped and counted. What is served, and why, is not known here.

mod combined;
mod decimal;
mod entry;
mod file;
mod json;
mod recorder;
mod stamp;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::tasks;
use ondol_model::limits;
use ondol_model::plan::AccessLogFormat;

pub(crate) use entry::Entry;
pub(crate) use recorder::Recorder;

use file::LogFile;
use writer::Message;
use writer::Writer;

/// How long [`AccessLog::close`] waits for a writer that is stuck.
const CLOSE: Duration = Duration::from_secs(2);

/// The access log of this process and the thread that writes it.
#[derive(Debug)]
pub(crate) struct AccessLog {
    shared: Arc<Shared>,
    to_writer: SyncSender<Message>,
    thread: JoinHandle<()>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

/// What the writer wants known.
#[derive(Debug)]
pub(crate) enum AccessLogNotice {
    /// The file can't be written; told once, until it can be again. Lines wait, then are dropped.
    Failing(AccessLogFailure),
    /// It can be written again.
    Recovered {
        /// The file.
        path: PathBuf,
        /// Lines that are lost since it began to fail.
        dropped: u64,
    },
}

/// Why the access log can't be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessLogFailure {
    /// The file could neither be opened nor made.
    #[error("could not open the access log {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is open but takes no more; often the disk is full.
    #[error("could not write to the access log {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// What became of the lines, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccessLogCounts {
    /// In the file.
    pub(crate) lines: u64,
    /// Lost: the writer was behind, or could not write until the end.
    pub(crate) dropped: u64,
}

/// What the workers, the writer and the owner have in common.
#[derive(Debug, Default)]
struct Shared {
    lines: AtomicU64,
    dropped: AtomicU64,
    reopen: AtomicBool,
    closing: AtomicBool,
}

impl AccessLog {
    /// Opens the file, or makes it (0640), and starts the thread; a file that can't be opened is told like
    /// one that can't be written. `notices` is called on that thread. Fails when there is no thread.
    ///
    /// Blocks on the disk, so call it before serving begins.
    pub(crate) fn start(
        path: PathBuf,
        notices: impl Fn(AccessLogNotice) + Send + 'static,
    ) -> io::Result<Self> {
        let file = LogFile::new(path);
        let shared = Arc::new(Shared::default());
        let (to_writer, queue) = mpsc::sync_channel(limits::ACCESS_LOG_QUEUE);
        let (end, ended) = mpsc::sync_channel(1);
        let writer = Writer::new(file, queue, Arc::clone(&shared), notices);
        let thread = tasks::spawn_thread("access-log", move || {
            writer.run();
            drop(end);
        })?;
        Ok(Self {
            shared,
            to_writer,
            thread,
            ended,
        })
    }

    /// Writes what was handed over so far and ends the thread. Recorders should be dropped before:
    /// what they hand over later is dropped. Blocks, for 2 seconds at most.
    pub(crate) fn close(self) {
        self.shared.closing.store(true, Ordering::Release);
        self.wake();
        let Self { thread, ended, .. } = self;
        if ended.recv_timeout(CLOSE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the access log is stuck; its last lines are lost");
            return;
        }
        if thread.join().is_err() {
            tracing::error!("the access log's thread panicked; lines are lost");
        }
    }

    /// What a worker writes its lines with.
    pub(crate) fn recorder(&self, format: AccessLogFormat) -> Recorder {
        Recorder::new(format, self.to_writer.clone(), Arc::clone(&self.shared))
    }

    /// Has the writer open its path again, after another program has renamed the file.
    pub(crate) fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        self.wake();
    }

    /// What became of the lines so far.
    pub(crate) fn counts(&self) -> AccessLogCounts {
        AccessLogCounts {
            lines: self.shared.lines.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }

    /// Has the writer look at its orders. When the queue is full it does so anyway.
    fn wake(&self) {
        let _ = self.to_writer.try_send(Message::Wake);
        self.thread.thread().unpark();
    }
}

impl std::fmt::Display for AccessLogNotice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failing(failure) => write!(
                f,
                "{}. Serving goes on; lines that can't be kept are dropped and counted. Make room, or \
                 correct the folder's owner; writing is tried again every second.",
                Chain(failure)
            ),
            Self::Recovered { path, dropped } => write!(
                f,
                "{} can be written again; {dropped} lines were lost",
                path.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests;
