//! The session of a process: what holds processes together where there are no control groups. One that begins a session
//! of its own escapes from it.

use rustix::process::PidfdFlags;
use rustix::process::Signal;

use crate::status::Usage;

use super::process;
use super::process::Known;

/// The session that a process leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    leader: u32,
    start_ticks: u64,
}

impl Session {
    /// The one that this process leads, or is going to. `None` when it has ended.
    pub(super) fn of(leader: u32) -> Option<Self> {
        let start_ticks = process::known(leader)?.start_ticks;
        Some(Self {
            leader,
            start_ticks,
        })
    }

    /// The one that was led by this process, which has ended since.
    pub(super) fn led_by(leader: u32, start_ticks: u64) -> Self {
        Self {
            leader,
            start_ticks,
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.members().is_empty()
    }

    pub(super) fn processes(self) -> Vec<u32> {
        self.members().iter().map(|member| member.pid).collect()
    }

    pub(super) fn kill(self) {
        for member in self.members() {
            self.kill_one(member.pid);
        }
    }

    /// What it uses; `None` when all of it has ended.
    pub(super) fn usage(self) -> Option<Usage> {
        let members = self.members();
        if members.is_empty() {
            return None;
        }
        let pids: Vec<u32> = members.iter().map(|member| member.pid).collect();
        let ticks: u64 = members.iter().map(|member| member.cpu_ticks).sum();
        Some(Usage {
            memory: process::memory(&pids),
            cpu_us: ticks * (1_000_000 / rustix::param::clock_ticks_per_second().max(1)),
            tasks: members.iter().map(|member| member.threads).sum(),
        })
    }

    fn members(self) -> Vec<Known> {
        // A number is not given to another process while a session has it; when it is another's, the session is over.
        let leader = process::known(self.leader);
        if leader.is_some_and(|leader| leader.start_ticks != self.start_ticks) {
            return Vec::new();
        }
        let is_member = |known: &Known| {
            // A leader that has not begun its session yet is in the one that it was started in.
            !known.has_ended && (known.session == self.leader || known.pid == self.leader)
        };
        process::all().into_iter().filter(is_member).collect()
    }

    /// By a descriptor, so that nobody else is met who was given the number meanwhile.
    fn kill_one(self, pid: u32) {
        let pid_of = |pid: u32| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?);
        let Some(descriptor) =
            pid_of(pid).and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok())
        else {
            return;
        };
        let is_still = |known: Known| known.session == self.leader || known.pid == self.leader;
        if process::known(pid).is_some_and(is_still) {
            let _ = rustix::process::pidfd_send_signal(descriptor, Signal::KILL);
        }
    }
}
