//! One line per request, written off the request path.
//!
//! Each worker formats its lines into a buffer of its own and hands it over when it is full; one
//! thread writes the buffers to their files, another one compresses what was rotated. A worker never
//! waits for the disk: when the writer is too far behind, lines are dropped and counted. What is
//! served, and why, is not known here.

mod combined;
mod compress;
mod decimal;
mod entry;
mod file;
mod json;
mod keeper;
mod outlet;
mod recorder;
mod redact;
mod rotate;
mod settings;
mod stamp;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
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
use ondol_base::file::rotated;
use ondol_base::tasks;
use ondol_model::limits;

pub(crate) use entry::Entry;
pub(crate) use recorder::Recorder;
pub(crate) use settings::Settings;

use keeper::Keeper;
use writer::Message;
use writer::Writer;

/// How long [`AccessLog::close`] waits for each thread that is stuck.
const CLOSE: Duration = Duration::from_secs(2);

/// The access log of this process and the threads that write and keep it.
#[derive(Debug)]
pub(crate) struct AccessLog {
    shared: Arc<Shared>,
    to_writer: SyncSender<Message>,
    writer: JoinHandle<()>,
    keeper: JoinHandle<()>,
    /// Disconnected when the writer has ended.
    written: Receiver<()>,
    /// Disconnected when the keeper has ended.
    kept: Receiver<()>,
}

/// Takes notices, on the threads of the log.
type Notices = Arc<dyn Fn(AccessLogNotice) + Send + Sync>;

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
    /// Old lines can't be moved away, compressed or removed; told once, until it goes well again.
    Keeping(AccessLogFailure),
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
    /// It is due, and has to go on.
    #[error("could not move the access log {} aside", path.display())]
    Rotate {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A rotated one stays as it is.
    #[error("could not compress the rotated log {}", path.display())]
    Compress {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Rotated ones that are too many.
    #[error("could not remove old files of the access log {}", path.display())]
    Remove {
        /// The log.
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
#[derive(Debug)]
struct Shared {
    lines: AtomicU64,
    dropped: AtomicU64,
    reopen: AtomicBool,
    closing: AtomicBool,
    settings: Mutex<Arc<Settings>>,
}

impl Shared {
    /// What is asked for now. Not for the request path: there each worker has its own.
    fn settings(&self) -> Arc<Settings> {
        let settings = self.settings.lock();
        Arc::clone(&settings.unwrap_or_else(PoisonError::into_inner))
    }
}

impl AccessLog {
    /// Opens the files, or makes them (0640), and starts the threads; a file that can't be opened is told
    /// like one that can't be written. `notices` is called on those threads. Fails when there is no thread.
    ///
    /// `path` is the box's own log; those of sites are beside it. Blocks on the disk, so call it before
    /// serving begins.
    pub(crate) fn start(
        path: PathBuf,
        settings: Settings,
        notices: impl Fn(AccessLogNotice) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            lines: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            reopen: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            settings: Mutex::new(Arc::new(settings)),
        });
        let notices: Notices = Arc::new(notices);
        let (to_writer, queue) = mpsc::sync_channel(limits::ACCESS_LOG_QUEUE);
        let (nudge, nudges) = mpsc::sync_channel(1);
        let (writer_end, written) = mpsc::sync_channel(1);
        let (keeper_end, kept) = mpsc::sync_channel(1);
        let keeper = Keeper::new(
            path.clone(),
            nudges,
            Arc::clone(&shared),
            Arc::clone(&notices),
        );
        let writer = Writer::new(path, queue, Arc::clone(&shared), notices, nudge);
        let writer = tasks::spawn_thread("access-log", move || {
            writer.run();
            drop(writer_end);
        })?;
        let keeper = tasks::spawn_thread("old-logs", move || {
            keeper.run();
            drop(keeper_end);
        })?;
        Ok(Self {
            shared,
            to_writer,
            writer,
            keeper,
            written,
            kept,
        })
    }

    /// Writes what was handed over so far and ends the threads; what is being compressed is left for the
    /// next start. Recorders should be dropped before: what they hand over later is dropped. Blocks, for
    /// 4 seconds at most.
    pub(crate) fn close(self) {
        self.shared.closing.store(true, Ordering::Release);
        self.wake();
        let Self {
            writer,
            keeper,
            written,
            kept,
            ..
        } = self;
        if written.recv_timeout(CLOSE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the access log is stuck; its last lines are lost");
            return;
        }
        if writer.join().is_err() {
            tracing::error!("the access log's thread panicked; lines are lost");
        }
        if kept.recv_timeout(CLOSE) == Err(RecvTimeoutError::Timeout) {
            return; // The disk is slow; no line is in danger.
        }
        if keeper.join().is_err() {
            tracing::error!(
                "the thread that keeps old logs panicked; they stay as they are until the next start, which goes on where it stopped"
            );
        }
    }

    /// Has everything from now on done by these settings; recorders keep those that they were made with.
    pub(crate) fn configure(&self, settings: Settings) {
        let mut current = self.shared.settings.lock();
        let current = current.as_deref_mut();
        *current.unwrap_or_else(|poisoned| poisoned.get_mut()) = Arc::new(settings);
        self.wake();
    }

    /// What a worker writes its lines with.
    pub(crate) fn recorder(&self) -> Recorder {
        let settings = self.shared.settings();
        Recorder::new(settings, self.to_writer.clone(), Arc::clone(&self.shared))
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

    /// Has the writer look at its orders. When the queue is full it has enough to do, and looks later.
    fn wake(&self) {
        let _ = self.to_writer.try_send(Message::Wake);
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
            Self::Keeping(failure) => write!(
                f,
                "{}. No line is lost, but the disk may fill up. Make room, or correct the owner of the folder \
                 and its files; it is tried again every minute. With `rotate = false` in [log], another \
                 program sees to old logs.",
                Chain(failure)
            ),
        }
    }
}

#[cfg(test)]
mod tests;
