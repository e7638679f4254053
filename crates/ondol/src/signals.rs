//! The signals of the agent: held back from its first line on, in every image of it, and read one by one
//! while it lives. What comes while one image gives way to another is read by the next.

use std::io;

use ondol_base::signals;
use rustix::process::Signal;

const OBEYED: [Signal; 5] = [
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::USR1,
    Signal::USR2,
];
/// Those that say nothing to a data plane: whole groups of processes get them.
const OF_AGENT_ALONE: [Signal; 4] = [Signal::INT, Signal::HUP, Signal::USR1, Signal::USR2];

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
    /// SIGUSR1.
    ReopenLogs,
    /// SIGUSR2.
    Execute,
}

/// The signals that the agent obeys.
#[derive(Debug)]
pub(crate) struct Signals(signals::Signals);

/// From now on the agent's signals wait for [`Signals`]. Must come before the first other thread.
pub(crate) fn hold() -> io::Result<()> {
    signals::hold(&OBEYED)
}

/// From now on the signals for the agent have no effect; SIGTERM, which the agent held back when it
/// started this process, ends it. Must come before the first other thread.
pub(crate) fn leave_to_agent() -> io::Result<()> {
    signals::hold(&OF_AGENT_ALONE)
}

impl Signals {
    /// Of this process, after [`hold`]. Must be called in a Tokio runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        signals::Signals::read(&OBEYED).map(Self)
    }

    /// Waits for the next one. Cancel-safe.
    pub(crate) async fn next(&self) -> Asked {
        match self.0.next().await {
            Ok(Signal::HUP) => Asked::Reload,
            Ok(Signal::USR1) => Asked::ReopenLogs,
            Ok(Signal::USR2) => Asked::Execute,
            Ok(_) => Asked::Stop,
            Err(error) => {
                tracing::error!(%error, "signals can't be read any more: only SIGKILL ends Ondol now");
                std::future::pending().await
            }
        }
    }
}
