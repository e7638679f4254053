//! Starts a process: a shim, which is put into its group before it is told what to become.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use ondol_base::descriptors;
use ondol_base::process::Child;
use ondol_base::tasks;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitOptions;
use tokio::io::AsyncReadExt;

use crate::group::Group;
use crate::group::GroupError;
use crate::group::Groups;
use crate::places::Places;
use crate::shim;
use crate::spec::Spec;

/// Looking at the folders of a slow disk takes its time; a shim that takes longer than this hangs.
const BECOME_MAX: Duration = Duration::from_secs(60);
/// What a shim says when it fails is a sentence.
const COMPLAINT_BYTES_MAX: u64 = 4 * 1024;

/// A process that has become what it was told to.
#[derive(Debug)]
pub(crate) struct Spawned {
    /// The process itself.
    pub(crate) child: Child,
    /// It, and all that it will start.
    pub(crate) group: Group,
}

/// Why a process was not started; nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpawnError {
    /// The program of the shim could not be started.
    #[error("could not start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no group for it.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The shim could not be told.
    #[error("could not tell the new process what to become")]
    Tell(#[source] io::Error),
    /// The shim could not do as it was told; its own words.
    #[error("{0}")]
    Refused(String),
    /// The shim hangs.
    #[error("it was not started within {} s, and was killed", BECOME_MAX.as_secs())]
    Slow,
}

/// Starts a process as `spec` says, with these sockets as its descriptors 3 and up; returns when it has become the
/// program. Its standard output and error go to `output` where the spec leaves them to that (`Output::Inherited`).
/// When the future is dropped, nothing is left of the process.
///
/// # Errors
///
/// When it could not become the program; nothing is left of it then.
pub(crate) async fn spawn(
    mut spec: Spec,
    sockets: Vec<OwnedFd>,
    output: Option<OwnedFd>,
    places: &Places,
    groups: &Groups,
) -> Result<Spawned, SpawnError> {
    let (ours, theirs) = UnixStream::pair().map_err(SpawnError::Tell)?;
    let program = places.program.clone();
    // What comes of it is a guard, also when nobody waits for it any more.
    let started = tasks::spawn_blocking(move || {
        let child = start(&program, theirs.into(), output)?;
        Ok(Starting {
            child: Some(child),
            group: None,
        })
    });
    let started = started.await;
    let started = started.unwrap_or_else(|error| Err(io::Error::other(error)));
    let mut starting = started.map_err(|source| SpawnError::Start {
        program: places.program.clone(),
        source,
    })?;
    let pid = starting.child.as_ref().map_or(0, Child::pid);
    let group = groups
        .join(&spec.app, &spec.what, &spec.limits, pid)
        .await?;
    starting.group = Some(group.clone());
    spec.limits = groups.left_to_process(&spec.limits);
    let said = tokio::time::timeout(BECOME_MAX, tell(ours, &spec, &sockets)).await;
    let said = said.map_err(|_| SpawnError::Slow)?;
    let complaint = said.map_err(SpawnError::Tell)?;
    if !complaint.is_empty() {
        return Err(SpawnError::Refused(complaint));
    }
    let child = starting.child.take();
    let child = child.ok_or_else(|| SpawnError::Tell(io::ErrorKind::NotFound.into()))?;
    Ok(Spawned { child, group })
}

/// Hands over the spec; returns what the shim complains of, which is nothing when it has become the program.
async fn tell(socket: UnixStream, spec: &Spec, sockets: &[OwnedFd]) -> io::Result<String> {
    socket.set_nonblocking(true)?;
    let mut socket = tokio::net::UnixStream::from_std(socket)?;
    let frame = shim::frame(spec)?;
    let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
    descriptors::send(&socket, &frame, &sockets).await?;
    let mut complaint = Vec::new();
    let mut socket = (&mut socket).take(COMPLAINT_BYTES_MAX);
    socket.read_to_end(&mut complaint).await?;
    Ok(String::from_utf8_lossy(&complaint).into_owned())
}

/// A shim that was not heard of yet. When this is dropped, it is killed, and its whole group.
struct Starting {
    child: Option<Child>,
    group: Option<Group>,
}

impl Drop for Starting {
    fn drop(&mut self) {
        let Some(child) = self.child.take() else {
            return;
        };
        if let Some(group) = &self.group {
            group.kill_now();
        }
        // It is not reaped yet, so its number is still its own. Who is killed is gone at once.
        let _ = child.signal(Signal::KILL);
        let pid = i32::try_from(child.pid()).ok().and_then(Pid::from_raw);
        let _ = rustix::process::waitpid(pid, WaitOptions::empty());
        if let Some(group) = &self.group {
            group.remove();
        }
    }
}

fn start(program: &std::path::Path, orders: OwnedFd, output: Option<OwnedFd>) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .arg0("ondol")
        .args(["exec", "--shim"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(orders));
    if let Some(output) = output {
        command.stdout(output.try_clone()?).stderr(output);
    } else {
        command.stdout(Stdio::null());
    }
    let child = command.spawn()?;
    Child::adopt(child.id())
}

#[cfg(test)]
mod tests;
