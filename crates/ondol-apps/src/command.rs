//! Runs a command of an app to its end, as the app would run it: a build, a release command, a line of cron. What it
//! says is told line by line.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::pipe::PipeFlags;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitOptions;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::spawn;
use crate::spawn::SpawnError;
use crate::spawn::Spawned;
use crate::spec::Output;
use crate::spec::Spec;
use crate::surroundings::Surroundings;

mod lines;
mod mark;

use lines::Lines;
use mark::Mark;
pub(crate) use mark::end_left;

/// As much as is read at once.
const PIECE_BYTES: usize = 16 * 1024;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct CommandEnded {
    /// By which code or signal.
    pub(crate) status: ExitStatus,
    /// The last lines that it wrote.
    pub(crate) last: Vec<String>,
}

/// Why it is not known how a command would have ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// It could not be started.
    #[error("it could not be started")]
    Start(#[source] SpawnError),
    /// It could not be watched.
    #[error("it could not be watched")]
    Watch(#[source] io::Error),
    /// It took too long, and was killed with all that it started.
    #[error("it did not end within {limit} and was killed", limit = Span(*.limit))]
    Slow {
        /// How long it had.
        limit: Duration,
        /// The last lines that it wrote.
        last: Vec<String>,
    },
}

/// A time that a command had, in words.
struct Span(Duration);

/// One that was started. When this is dropped before its end, all of it is killed.
struct Running {
    spawned: Spawned,
    has_ended: bool,
    /// Goes last.
    _mark: Mark,
}

/// Runs what a spec says and returns when it has ended; what it started besides is killed then. Both its standard
/// output and error are told, cleaned of what would do something to a terminal. When the future is dropped, all of it
/// is killed.
pub(crate) async fn run(
    surroundings: &Surroundings,
    spec: Spec,
    limit: Duration,
    on_line: impl FnMut(&str) + Send,
) -> Result<CommandEnded, CommandError> {
    run_with(surroundings, spec, Vec::new(), limit, on_line).await
}

/// The same, with descriptors that it gets as 3 and up; the spec has a name for each.
pub(crate) async fn run_with(
    surroundings: &Surroundings,
    mut spec: Spec,
    descriptors: Vec<OwnedFd>,
    limit: Duration,
    on_line: impl FnMut(&str) + Send,
) -> Result<CommandEnded, CommandError> {
    let pipe = rustix::pipe::pipe_with(PipeFlags::CLOEXEC);
    let (reader, writer) = pipe.map_err(|error| CommandError::Watch(error.into()))?;
    let mut reader = Receiver::from_owned_fd(reader).map_err(CommandError::Watch)?;
    spec.output = Output::Inherited;
    let mark = Mark::make(surroundings, &mut spec).map_err(CommandError::Watch)?;
    let Surroundings { places, groups, .. } = surroundings;
    let spawned = spawn::spawn(spec, descriptors, Some(writer), places, groups).await;
    let mut running = Running {
        spawned: spawned.map_err(CommandError::Start)?,
        has_ended: false,
        _mark: mark,
    };
    let mut lines = Lines::new(on_line);
    let ended = tokio::time::timeout(limit, running.end(&mut reader, &mut lines)).await;
    let status = match ended {
        Ok(ended) => ended.map_err(CommandError::Watch)?,
        Err(_) => {
            running.kill().await;
            let last = lines.finish();
            return Err(CommandError::Slow { limit, last });
        }
    };
    let last = lines.finish();
    Ok(CommandEnded { status, last })
}

impl Running {
    async fn end(
        &mut self,
        reader: &mut Receiver,
        lines: &mut Lines<impl FnMut(&str) + Send>,
    ) -> io::Result<ExitStatus> {
        let status = tokio::select! {
            status = self.spawned.child.ended() => status,
            never = keep_reading(reader, lines) => never,
        }?;
        self.has_ended = true;
        // What it left running has no one to work for, and would keep the pipe and the folder.
        self.spawned.group.kill().await;
        self.spawned.group.remove();
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(count @ 1..) = reader.try_read(&mut piece) {
            lines.take(&piece[..count]);
        }
        Ok(status)
    }

    async fn kill(&mut self) {
        self.spawned.group.kill().await;
        // Where there is no group to kill, it is still there.
        let _ = self.spawned.child.signal(Signal::KILL);
        if self.spawned.child.ended().await.is_ok() {
            self.has_ended = true;
            self.spawned.group.remove();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let Spawned { child, group } = &self.spawned;
        group.kill_now();
        // Where there is no group to kill, it is still there. It is not reaped yet, so its number is still its own;
        // who is killed is gone at once.
        let _ = child.signal(Signal::KILL);
        let pid = i32::try_from(child.pid()).ok().and_then(Pid::from_raw);
        let _ = rustix::process::waitpid(pid, WaitOptions::empty());
        group.remove();
    }
}

/// Reads to the end of the pipe, and then never returns: a command may live on without it.
async fn keep_reading<T>(reader: &mut Receiver, lines: &mut Lines<impl FnMut(&str) + Send>) -> T {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(count @ 1..) = reader.read(&mut piece).await {
        lines.take(&piece[..count]);
    }
    std::future::pending().await
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds if seconds >= 60 && seconds % 60 == 0 => write!(f, "{} min", seconds / 60),
            seconds => write!(f, "{seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests;
