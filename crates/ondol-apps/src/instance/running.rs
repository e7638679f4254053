//! A process with all that it starts: how it ends, and how it is made to.

use std::collections::BTreeSet;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::process;
use ondol_base::process::Child;
use ondol_base::tasks;
use rustix::process::Signal;
use serde::Deserialize;
use serde::Serialize;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::group::Group;
use crate::php;

use super::Ending;
use super::Stopped;
use super::ending::Facts;

/// Between two looks whether all of a group has ended, which nobody tells.
const LOOK: Duration = Duration::from_millis(20);

/// A process with all that it starts. Dropping it neither stops nor reaps it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    group: Group,
    manners: Manners,
    /// Until when what is left after its end may go on; `None` while nobody asked it to end.
    patience: Mutex<Option<Instant>>,
    /// Set as soon as it has ended.
    status: OnceCell<Option<ExitStatus>>,
    /// Set when nothing is left of it.
    ending: OnceCell<Ending>,
}

/// How a process is ended, and what it may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manners {
    /// It is a php-fpm, which has a signal of its own for its end.
    pub(crate) is_pool: bool,
    /// Bytes of memory, for sentences.
    pub(crate) memory: Option<u64>,
}

impl Running {
    /// Takes charge of a process.
    pub(crate) fn new(child: Child, group: Group, manners: Manners) -> Self {
        Self {
            child,
            group,
            manners,
            patience: Mutex::default(),
            status: OnceCell::new(),
            ending: OnceCell::new(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Its processes, itself among them.
    pub(super) async fn processes(&self) -> BTreeSet<u32> {
        let group = self.group.clone();
        let processes = tasks::spawn_blocking(move || group.processes()).await;
        processes.unwrap_or_default().into_iter().collect()
    }

    /// How it ended; `None` while it runs.
    pub(super) fn ending(&self) -> Option<&Ending> {
        self.ending.get()
    }

    /// See [`super::Instance::ended`].
    pub(super) async fn ended(&self) -> Ending {
        self.ending.get_or_init(|| self.end()).await.clone()
    }

    /// See [`super::Instance::stop`].
    pub(crate) async fn stop(&self, patience: Duration) -> Stopped {
        let deadline = clock::now() + patience;
        *self.patience() = Some(deadline);
        if !patience.is_zero() && !self.status.initialized() {
            self.ask_to_end();
        }
        let ended = tokio::time::timeout_at(deadline, self.ended());
        if ended.await.is_ok() {
            return Stopped::Ended;
        }
        self.kill().await;
        self.ended().await;
        Stopped::Killed
    }

    /// Waits for its end and for that of all that it left.
    async fn end(&self) -> Ending {
        let status = self.status.get_or_init(|| async {
            // One that is no child of ours ends too, and doesn't tell how.
            self.child.ended().await.ok()
        });
        let status = *status.await;
        let out_of_memory = self.group.oom_kills() > 0;
        let left_others = !self.group.is_empty();
        if left_others {
            self.end_others().await;
        }
        self.group.remove();
        Ending::of(Facts {
            status,
            out_of_memory,
            memory: self.manners.memory,
            left_others,
        })
    }

    /// Ends what it has left: asked to when it was asked itself, and killed when the time for that is over.
    async fn end_others(&self) {
        let is_wanted = |until: Option<Instant>| until.is_some_and(|until| clock::now() < until);
        if is_wanted(*self.patience()) {
            for member in self.processes().await {
                // It may have ended by now.
                let _ = process::signal(member, Signal::TERM);
            }
        }
        while is_wanted(*self.patience()) && !self.group.is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        self.kill().await;
    }

    /// Kills it and all that it has started.
    async fn kill(&self) {
        self.group.kill().await;
        // One that has just ended is no process of its group any more.
        let _ = self.child.signal(Signal::KILL);
    }

    fn ask_to_end(&self) {
        let signal = match self.manners.is_pool {
            true => php::STOP_SIGNAL,
            false => Signal::TERM,
        };
        // It may have ended by now.
        let _ = self.child.signal(signal);
        // One that stands still would not hear of it.
        let _ = self.child.signal(Signal::CONT);
    }

    fn patience(&self) -> MutexGuard<'_, Option<Instant>> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
