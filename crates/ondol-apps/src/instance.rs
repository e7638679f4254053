//! One running process of an app: how it ends, whether it is ready and well, and how it is stopped.

mod ending;
mod listeners;
mod probe;
mod readiness;
mod running;
mod said;
mod socket;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::tasks;
use ondol_model::app::InstanceName;
use ondol_model::plan::AppListen;
use ondol_model::upstream::Address;

use crate::settings::Settings;

pub(crate) use ending::Ending;
pub(crate) use running::Manners;
pub(crate) use running::Running;
pub(crate) use said::Before;
pub(crate) use said::Ear;

/// A running process of an app. Cheap to clone: each clone is the same process. Dropping all neither stops nor reaps
/// it.
#[derive(Debug, Clone)]
pub(crate) struct Instance(Arc<Started>);

/// What is known of a process when it was started, or found.
#[derive(Debug)]
pub(crate) struct Started {
    /// Which process of the app it is.
    pub(crate) name: InstanceName,
    /// What it was started with.
    pub(crate) settings: Arc<Settings>,
    /// Where it is asked; `None` for a process that answers nobody.
    pub(crate) address: Option<Address>,
    /// How it gets the socket there.
    pub(crate) listen: Option<AppListen>,
    /// The group whose processes bring visitors.
    pub(crate) visitors_group: Option<u32>,
    /// What it says of itself, where that counts for its readiness.
    pub(crate) ear: Option<Ear>,
    /// A file that is made when it has become ready.
    pub(crate) ready_mark: PathBuf,
    /// When it was started, in seconds since the Unix epoch.
    pub(crate) since: i64,
    /// The process.
    pub(crate) running: Running,
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
    /// Takes charge of a process.
    pub(crate) fn new(started: Started) -> Self {
        Self(Arc::new(started))
    }

    /// Which process of the app it is.
    pub(crate) fn name(&self) -> &InstanceName {
        &self.0.name
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.0.running.pid()
    }

    /// When it was started, in seconds since the Unix epoch.
    pub(crate) fn since(&self) -> i64 {
        self.0.since
    }

    /// Waits until it has ended, and has what it left running killed. Cancel-safe; a later call gives the same.
    pub(crate) async fn ended(&self) -> Ending {
        self.0.running.ended().await
    }

    /// Asks it to end, waits for so long, and kills it with all that it started. Cancel-safe: who calls again asks
    /// again.
    pub(crate) async fn stop(&self, patience: Duration) -> Stopped {
        self.0.running.stop(patience).await
    }
}

impl Instance {
    /// The processes of it, for tests.
    #[cfg(test)]
    pub(crate) async fn processes(&self) -> std::collections::BTreeSet<u32> {
        self.0.running.processes().await
    }
}

impl Started {
    /// Notes for an agent after this one that it need not say so again.
    async fn remember_ready(&self) {
        let path = self.ready_mark.clone();
        let mark = tasks::spawn_blocking(move || {
            let mut options = std::fs::OpenOptions::new();
            options.create(true).append(true).open(path).map(drop)
        });
        if let Ok(Err(error)) = mark.await {
            tracing::warn!(%error, process = %self.name, "its readiness could not be noted");
        }
    }
}
