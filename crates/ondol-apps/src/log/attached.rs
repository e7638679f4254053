//! The reading end of one process's pipe, as long as somebody wants it read.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use ondol_base::tasks;
use ondol_base::tasks::Group;
use ondol_model::app::Launch;
use rustix::fs::FileType;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Uid;
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::AppLog;
use super::intake::Intake;
use super::intake::Next;
use super::locked;

/// As much as waits in a pipe while nobody reads it: what a process may write during an upgrade of the agent, or
/// after its end. The most that Linux gives a plain user.
const PIPE_BYTES: usize = 1024 * 1024;
/// Between two looks at a pipe that is written to all the time: with [`PIPE_BYTES`], who writes more than
/// 100 MiB/s waits, and who reads has time for others.
const PAUSE: Duration = Duration::from_millis(10);

/// A named pipe that is read until this is dropped; then what is left in it is read too.
#[derive(Debug)]
pub(crate) struct Attached {
    intake: Arc<Mutex<Intake>>,
    reader: Group,
}

impl Attached {
    pub(super) fn new(
        log: AppLog,
        path: &Path,
        (instance, launch): (&str, Option<Launch>),
        owner: Option<(u32, u32)>,
    ) -> io::Result<Self> {
        let pipe = Arc::new(open(path, owner)?);
        // A plain user with many pipes gets smaller ones.
        let _ = rustix::pipe::fcntl_setpipe_size(&*pipe, PIPE_BYTES);
        let intake = Intake::new(log, Arc::clone(&pipe), (instance, launch))?;
        let intake = Arc::new(Mutex::new(intake));
        #[expect(
            deprecated,
            reason = "the replacement is unsafe for foreign types; an OwnedFd never changes its number"
        )]
        let pipe = AsyncFd::with_interest(pipe, Interest::READABLE)?;
        let mut reader = Group::default();
        let reading = read(pipe, Arc::clone(&intake));
        reader.spawn(format!("log of {instance}"), reading);
        Ok(Self { intake, reader })
    }

    /// Reads what is left, and returns when it is in the file too.
    pub(crate) async fn finish(self) {
        let log = locked(&self.intake).log();
        let finishing = tasks::spawn_blocking(move || {
            drop(self);
            log.write();
        });
        // A panic in there has been logged, and took nothing from us.
        let _ = finishing.await;
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.reader = Group::default();
        locked(&self.intake).finish();
    }
}

async fn read(pipe: AsyncFd<Arc<OwnedFd>>, intake: Arc<Mutex<Intake>>) {
    let mut next = Next::Wait;
    loop {
        let is_ready = match next {
            Next::AtOnce => Ok(None),
            Next::Wait => pipe.readable().await.map(Some),
            Next::Within(limit) => match timeout(limit, pipe.readable()).await {
                Ok(ready) => ready.map(Some),
                Err(_elapsed) => Ok(None),
            },
        };
        match is_ready {
            // Before the look, so that what comes during it is not missed.
            Ok(Some(mut ready)) => ready.clear_ready(),
            Ok(None) => {}
            Err(error) => {
                return tracing::error!(%error, "the log of a process is not read any more");
            }
        }
        let intake = Arc::clone(&intake);
        let look = tasks::spawn_blocking(move || locked(&intake).look());
        match look.await {
            Ok(Some(after)) => next = after,
            Ok(None) | Err(_) => return,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Opens the pipe for both ways, so that it does not end when its last writer does. A file of another kind in its
/// place, or a link, is an error: the folder may be the app's.
fn open(path: &Path, owner: Option<(u32, u32)>) -> io::Result<OwnedFd> {
    let mode = Mode::RUSR | Mode::WUSR;
    let is_new = match rustix::fs::mkfifoat(rustix::fs::CWD, path, mode) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error.into()),
    };
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let pipe = rustix::fs::open(path, flags, Mode::empty())?;
    let found = rustix::fs::fstat(&pipe)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Fifo {
        let message = format!("{} is there, and no named pipe", path.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    if is_new {
        // The umask may have taken from the mode.
        rustix::fs::fchmod(&pipe, mode)?;
        if let Some((user, group)) = owner {
            let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
            rustix::fs::fchown(&pipe, Some(user), Some(group))?;
        }
    }
    Ok(pipe)
}
