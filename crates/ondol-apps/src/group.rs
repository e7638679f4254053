//! The processes that belong together: what one start of a program brought forth, limited, counted and ended as one.

use std::io;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::spec::Limits;
use crate::status::Usage;

/// How groups are made on this machine.
#[derive(Debug)]
pub struct Groups {
    _private: (),
}

/// One process and all that it started.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pid: u32,
}

/// Why there is no group for a process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    /// The system refused.
    #[error("could not put the process into a group of its own")]
    Refused(#[source] io::Error),
}

impl Groups {
    /// Finds out what this machine offers. To be asked once, at the start, before anything else is started.
    pub async fn find() -> Self {
        Self { _private: () }
    }

    /// Puts a process, which has not started any other, into a group of its own.
    ///
    /// # Errors
    ///
    /// When the system refuses; the process is where it was.
    pub(crate) async fn join(
        &self,
        _app: &str,
        _what: &str,
        _limits: &Limits,
        pid: u32,
    ) -> Result<Group, GroupError> {
        Ok(Group { pid })
    }

    /// What can't be enforced with these groups although it is asked for.
    pub(crate) fn unenforced(&self, _limits: &Limits) -> Vec<String> {
        Vec::new()
    }
}

impl Group {
    /// The group of a process that another agent has started.
    pub(crate) fn adopt(pid: u32) -> Self {
        Self { pid }
    }

    /// Kills all that is in it, and returns when that is done.
    pub(crate) async fn kill(&self) {
        self.kill_now();
    }

    /// What it uses; `None` where this machine doesn't tell.
    pub(crate) fn usage(&self) -> Option<Usage> {
        None
    }

    /// How often the kernel has killed one of it because its memory was used up.
    pub(crate) fn oom_kills(&self) -> u64 {
        0
    }

    /// Whether all of it has ended.
    pub(crate) fn is_empty(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        pid.is_none_or(|pid| rustix::process::test_kill_process_group(pid).is_err())
    }

    /// Removes what is left of an empty one.
    pub(crate) fn remove(&self) {}

    /// Kills all that is in it, as far as that can be done without waiting.
    pub(crate) fn kill_now(&self) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}
