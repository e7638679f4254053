//! Children and other processes by their number, also children that were started before an `exec`
//! of this process: no `std::process::Child` outlives that.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Pid;
use rustix::process::PidfdFlags;
use rustix::process::Signal;
use rustix::process::WaitOptions;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A child of this process, held by a descriptor of its own, so that a signal never reaches another
/// process that was given the same number later. Dropping it neither stops nor reaps the child.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    descriptor: AsyncFd<OwnedFd>,
}

impl Child {
    /// Takes charge of a child by its number, which nobody else may wait for. An error when there is
    /// no such process. Must be called in a Tokio runtime.
    pub fn adopt(pid: u32) -> io::Result<Self> {
        let pid = pid_of(pid)?;
        let descriptor = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        #[expect(
            deprecated,
            reason = "the replacement is unsafe for foreign types; an OwnedFd never changes its number"
        )]
        let descriptor = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
        Ok(Self { pid, descriptor })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until it has ended, and reaps it. Cancel-safe. A second call after an answer is an
    /// error (`ECHILD`), as it is for a process that is not a child of this one.
    pub async fn ended(&self) -> io::Result<ExitStatus> {
        loop {
            let mut guard = self.descriptor.readable().await?;
            if let Some(status) = reap(self.pid())? {
                return Ok(status);
            }
            guard.clear_ready();
        }
    }

    /// Sends a signal. An error (`ESRCH`) when it has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(rustix::process::pidfd_send_signal(
            self.descriptor.get_ref(),
            signal,
        )?)
    }
}

/// Whether a process with this number is there, as a zombie too.
pub fn alive(pid: u32) -> bool {
    let Ok(pid) = pid_of(pid) else { return false };
    match rustix::process::test_kill_process(pid) {
        Ok(()) | Err(rustix::io::Errno::PERM) => true,
        Err(_) => false,
    }
}

/// Sends a signal to a process that is not a child. Its number may be another's by now: prefer
/// [`Child::signal`].
pub fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    Ok(rustix::process::kill_process(pid_of(pid)?, signal)?)
}

/// Takes the end of a child, without waiting for it: `None` while it runs. An error (`ECHILD`) when
/// it is no child, or was reaped before.
pub fn reap(pid: u32) -> io::Result<Option<ExitStatus>> {
    let ended = rustix::process::waitpid(Some(pid_of(pid)?), WaitOptions::NOHANG)?;
    Ok(ended.map(|(_, status)| ExitStatus::from_raw(status.as_raw())))
}

fn pid_of(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Starts a child and forgets it, as an `exec` does.
    fn forgotten(command: &str) -> u32 {
        Command::new("sh")
            .args(["-c", command])
            .spawn()
            .unwrap()
            .id()
    }

    #[tokio::test]
    async fn a_forgotten_childs_end_is_told_and_reaped() {
        let child = Child::adopt(forgotten("exit 7")).unwrap();
        assert_eq!(child.ended().await.unwrap().code(), Some(7));
        assert!(!alive(child.pid()));
        assert!(child.ended().await.is_err());
        assert!(child.signal(Signal::TERM).is_err());
    }

    #[tokio::test]
    async fn a_signal_ends_it_and_the_end_says_which() {
        let pid = forgotten("exec sleep 1000");
        let child = Child::adopt(pid).unwrap();
        assert!(alive(pid));
        assert!(reap(pid).unwrap().is_none());
        child.signal(Signal::KILL).unwrap();
        assert_eq!(child.ended().await.unwrap().signal(), Some(9));
    }

    #[tokio::test]
    async fn numbers_that_are_no_process_are_errors() {
        for pid in [0, u32::MAX, 4_194_305] {
            assert!(Child::adopt(pid).is_err(), "{pid}");
            assert!(signal(pid, Signal::TERM).is_err(), "{pid}");
            assert!(!alive(pid), "{pid}");
        }
        assert!(alive(1));
        assert!(reap(1).is_err());
    }
}
