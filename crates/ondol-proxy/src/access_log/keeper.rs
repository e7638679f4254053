//! The thread that keeps rotated logs: compresses them, and removes those that are too many.
//!
//! It looks at the folder and does what is to do, whoever rotated a log and whenever: this process, the
//! one before a power cut, another data plane.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use ondol_model::plan::LogCompression;
use ondol_model::plan::Rotation;

use super::AccessLogFailure;
use super::AccessLogNotice;
use super::Notices;
use super::Shared;
use super::compress;
use super::compress::Method;
use super::compress::Outcome;
use super::rotated;
use super::rotated::State;

/// How often it looks without being told.
const LOOK: Duration = Duration::from_secs(3600);
/// After which time it tries again what failed.
const RETRY: Duration = Duration::from_secs(60);
/// Another data plane notices within two seconds that its file was moved away.
const IN_USE: Duration = Duration::from_secs(3);
/// The least that a process can ask for; visitors come first.
const NICENESS: i32 = 19;

/// The thread's state.
pub(super) struct Keeper {
    /// The box's own log.
    log: PathBuf,
    nudges: Receiver<()>,
    shared: Arc<Shared>,
    notices: Notices,
    /// Whether a failure was told, and nothing has gone well since.
    is_failing: bool,
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    Nothing,
    Failed,
    InUse,
}

impl Keeper {
    pub(super) fn new(
        log: PathBuf,
        nudges: Receiver<()>,
        shared: Arc<Shared>,
        notices: Notices,
    ) -> Self {
        Self {
            log,
            nudges,
            shared,
            notices,
            is_failing: false,
        }
    }

    /// Until the writer is gone.
    pub(super) fn run(mut self) {
        // Without it, it is merely quicker than it should be.
        let _ = rustix::process::setpriority_process(None, NICENESS);
        loop {
            let pause = match self.keep_all() {
                Left::Nothing => LOOK,
                Left::Failed => RETRY,
                Left::InUse => IN_USE,
            };
            if self.nudges.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    fn keep_all(&mut self) -> Left {
        let settings = self.shared.settings();
        let Some(rotation) = &settings.rotation else {
            return Left::Nothing;
        };
        let named = settings.names.iter().flatten();
        let named = named.map(|name| self.log.with_file_name(&**name));
        let logs: Vec<_> = std::iter::once(self.log.clone()).chain(named).collect();
        let mut left = Left::Nothing;
        let mut failure = None;
        for log in logs {
            match self.keep(&log, rotation) {
                Ok(of_this) => left = left.max(of_this),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            None => self.is_failing = false,
            Some(failure) => {
                left = left.max(Left::Failed);
                if !std::mem::replace(&mut self.is_failing, true) {
                    (self.notices)(AccessLogNotice::Keeping(failure));
                }
            }
        }
        left
    }

    /// What can't be removed is no reason to compress nothing.
    fn keep(&self, log: &Path, rotation: &Rotation) -> Result<Left, AccessLogFailure> {
        let removed =
            remove_oldest(log, rotation.keep).map_err(|source| AccessLogFailure::Remove {
                path: log.to_owned(),
                source,
            });
        let left = match rotation.compression {
            LogCompression::Gzip => self.compress_all(log, Method::Gzip),
            LogCompression::Zstd => self.compress_all(log, Method::Zstd),
            LogCompression::None => Ok(Left::Nothing),
        };
        removed.and(left)
    }

    fn compress_all(&self, log: &Path, method: Method) -> Result<Left, AccessLogFailure> {
        let failed = |path: &Path, source| AccessLogFailure::Compress {
            path: path.to_owned(),
            source,
        };
        let mut left = Left::Nothing;
        let mut failure = None;
        for one in rotated::list(log).map_err(|source| failed(log, source))? {
            if one.state != State::Plain {
                continue;
            }
            let must_stop = || self.shared.closing.load(Ordering::Relaxed);
            match compress::compress(&one.path, method, must_stop) {
                Ok(Outcome::Done) => {}
                Ok(Outcome::InUse) => left = Left::InUse,
                Ok(Outcome::Stopped) => break,
                // The owner, or another process, has removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => failure = Some(failed(&one.path, source)),
            }
        }
        failure.map_or(Ok(left), Err)
    }
}

/// Removes what is too much, and what a power cut has left unfinished of files that are gone. What can't be
/// removed keeps nothing else from it.
fn remove_oldest(log: &Path, keep: usize) -> io::Result<()> {
    let all = rotated::list(log)?;
    let mut times: Vec<_> = all
        .iter()
        .filter(|one| one.state != State::Unfinished)
        .map(|one| one.at)
        .collect();
    times.dedup();
    let oldest_kept = match times.len().checked_sub(keep) {
        Some(first) => times.get(first).copied(),
        None => None,
    };
    let mut outcome = Ok(());
    for one in &all {
        let is_needed = match one.state {
            State::Plain | State::Compressed => Some(one.at) >= oldest_kept,
            State::Unfinished => is_plain_there(&all, one.at),
        };
        if is_needed {
            continue;
        }
        match fs::remove_file(&one.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => outcome = Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    outcome
}

fn is_plain_there(all: &[rotated::Rotated], at: i64) -> bool {
    all.iter()
        .any(|one| one.at == at && one.state == State::Plain)
}
