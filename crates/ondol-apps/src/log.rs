//! What apps write to their standard output and error: one file for each app, which all its processes share.
//!
//! Each process writes to a named pipe of its own, which outlives the agent; what is in it is taken out only after
//! it is in the file. It knows nothing of how processes are started.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::app::AppName;
use ondol_model::app::Launch;
use tokio::runtime::Handle;
use tokio::sync::broadcast;

use crate::places::Places;

mod attached;
mod file;
mod flood;
mod folder;
mod intake;
mod keep;
mod read;
mod recent;
mod teller;
mod text;

pub(crate) use attached::Attached;
pub use read::LogAnswer;
pub use read::LogPlace;
pub use read::LogQuestion;
pub use read::Logs;

use file::LogFile;
use file::Moved;
use recent::Recent;
use teller::Teller;

/// Lines that a slow listener may be behind; then it misses some.
const LISTENER_LINES_MAX: usize = 1_024;
/// Bytes that wait for the disk; what comes on top while it is slow is lost, and counted.
const PENDING_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Who writes what Ondol itself has to say in an app's log.
const OURSELVES: &str = "ondol";

/// The log of one app. Cheap to clone; nothing is on disk before the first line.
#[derive(Debug, Clone)]
pub(crate) struct AppLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    file: Mutex<LogFile>,
    pending: Mutex<Pending>,
    /// Whether somebody is about to write what waits.
    is_begun: AtomicBool,
    recent: Mutex<Recent>,
    lines: broadcast::Sender<Arc<LogLine>>,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Pending {
    text: String,
    lost: u64,
}

/// A line of an app's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was read, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Who wrote it: `web.1`, `cron.2`, or `ondol`.
    pub instance: Arc<str>,
    /// The launch that it is a process of, where it is one and that is known: a file of a log does not tell.
    pub launch: Option<Launch>,
    /// What it says, without its end; no byte of it does anything to a terminal but color it.
    pub text: String,
}

impl AppLog {
    /// The log of this app.
    pub(crate) fn open(places: &Places, app: &AppName) -> Self {
        let path = places.log(app);
        Self(Arc::new(Shared {
            file: Mutex::new(LogFile::new(path.clone())),
            path,
            pending: Mutex::default(),
            is_begun: AtomicBool::new(false),
            recent: Mutex::default(),
            lines: broadcast::Sender::new(LISTENER_LINES_MAX),
        }))
    }

    /// Makes the named pipe that a process of this name writes to, if it is not there yet, and reads it until what
    /// is returned is dropped. The pipe belongs to `owner` (user and group), who alone may open it; `None` is the
    /// user of this process. To be called on the runtime.
    pub(crate) fn attach(
        &self,
        pipe: &Path,
        instance: &str,
        launch: Option<Launch>,
        owner: Option<(u32, u32)>,
    ) -> io::Result<Attached> {
        Attached::new(self.clone(), pipe, (instance, launch), owner)
    }

    /// Adds a sentence of Ondol's own.
    pub(crate) fn note(&self, text: &str) {
        self.line(OURSELVES, text);
    }

    /// Adds a line that came by another way than a pipe.
    pub(crate) fn line(&self, instance: &str, text: &str) {
        let line = LogLine {
            at_ms: clock::unix_milliseconds(),
            instance: instance.into(),
            launch: None,
            text: text::readable(text.as_bytes()),
        };
        self.add(&Arc::new(line));
        if !self.0.is_begun.swap(true, Ordering::AcqRel) {
            self.elsewhere(Self::write);
        }
    }

    /// For what a command says line by line, as much of it as is kept of a process.
    pub(crate) fn teller(&self, instance: impl Into<String>) -> Teller {
        Teller::new(self.clone(), instance.into())
    }

    /// The newest lines of a process, or of all, the newest last; of those that were read since the agent began.
    #[cfg(test)]
    pub(crate) fn tail(&self, instance: Option<&str>, lines: usize) -> Vec<String> {
        let is_wanted = |line: &LogLine| instance.is_none_or(|wanted| wanted == &*line.instance);
        self.recent().tail(is_wanted, lines)
    }

    /// The newest lines of a process of this launch, or of all of them: those of another launch have the same names.
    pub(crate) fn tail_of(
        &self,
        launch: Launch,
        instance: Option<&str>,
        lines: usize,
    ) -> Vec<String> {
        self.tail_since(launch, instance, 0, lines)
    }

    /// The same, of lines that were read at this moment or later, in milliseconds since the Unix epoch.
    pub(crate) fn tail_since(
        &self,
        launch: Launch,
        instance: Option<&str>,
        since_ms: i64,
        lines: usize,
    ) -> Vec<String> {
        let is_wanted = |line: &LogLine| {
            let is_of = instance.is_none_or(|wanted| wanted == &*line.instance);
            is_of && line.launch == Some(launch) && line.at_ms >= since_ms
        };
        self.recent().tail(is_wanted, lines)
    }

    /// Each line from now on, as it is read.
    pub(crate) fn lines(&self) -> broadcast::Receiver<Arc<LogLine>> {
        self.0.lines.subscribe()
    }

    /// Has a line wait for the disk, and shows it to all who listen.
    fn add(&self, line: &Arc<LogLine>) {
        self.wait_for_disk(line);
        self.recent().push(line);
        // That nobody listens is no error.
        let _ = self.0.lines.send(Arc::clone(line));
    }

    fn wait_for_disk(&self, line: &LogLine) {
        let mut pending = locked(&self.0.pending);
        if pending.text.len() >= PENDING_BYTES_MAX {
            pending.lost += 1;
        } else {
            text::write_line(&mut pending.text, line);
        }
    }

    /// Writes what waits. Blocks on the disk; when it returns, all that was added before is in the file, or lost.
    fn write(&self) {
        let mut file = locked(&self.0.file);
        self.0.is_begun.store(false, Ordering::Release);
        let Pending { text, lost } = std::mem::take(&mut *locked(&self.0.pending));
        let moved = file.append(&text, lost);
        drop(file);
        if moved == Moved::Yes {
            self.elsewhere(Self::keep);
        }
    }

    /// Compresses what the file was moved to. Blocks for longer than writing does.
    fn keep(&self) {
        if let Err(error) = keep::keep(&self.0.path) {
            let path = self.0.path.display();
            tracing::warn!(%path, %error, "what an app's log was moved to could not be compressed or removed");
        }
    }

    /// Does this where it may block.
    fn elsewhere(&self, work: fn(&Self)) {
        if Handle::try_current().is_err() {
            return work(self);
        }
        let log = self.clone();
        // It ends by itself, and the runtime waits for it.
        drop(tasks::spawn_blocking(move || work(&log)));
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        locked(&self.0.recent)
    }
}

/// A value that is whole even if somebody panicked with its lock.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
