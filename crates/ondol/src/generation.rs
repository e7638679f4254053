//! The data planes: one owner task starts, feeds, drains and kills them, as `roster.rs` decides.
//!
//! It never waits for a data plane: each has a queue with an end and a time by which it must have
//! answered. It does not know where a configuration came from.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ondol_certs::CertificateSet;
use ondol_config::Sources;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::link::Counters;
use crate::link::Server;
use crate::listeners::ListenerKey;
use crate::listeners::Listeners;
use crate::sandbox;

mod convert;
mod member;
mod owner;
mod pending;
mod process;
mod roster;
mod showing;
mod silence;

pub(crate) use convert::sources_of;
pub(crate) use convert::texts_of;
pub(crate) use convert::upstream_files_from;
pub(crate) use owner::OwnReader;
pub(crate) use owner::Owner;
pub(crate) use owner::Retired;
pub(crate) use owner::SiteTotals;
pub(crate) use process::Adopted;
pub(crate) use process::Surroundings;
pub(crate) use process::receive_sockets;
pub(crate) use roster::Number;
pub(crate) use roster::Phase;

/// Orders that wait for the owner; more wait at their senders.
const ORDERS_WAITING_MAX: usize = 16;

/// All that data planes are to serve from now on. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The configuration's text: data planes make the plan from it themselves.
    pub(crate) sources: Arc<Sources>,
    /// All certificates.
    pub(crate) certificates: Arc<CertificateSet>,
    /// Where visitors come in.
    pub(crate) listeners: Listeners,
    /// What may be read; see [`sandbox::folders_to_read`].
    pub(crate) roots: BTreeSet<sandbox::Folder>,
}

/// What a process was given at its start and can't be changed any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fixed {
    pub(crate) listeners: BTreeSet<ListenerKey>,
    pub(crate) roots: BTreeSet<sandbox::Folder>,
}

/// How a data plane comes to serve what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is told over its link.
    Send,
    /// Another must take its place.
    Replace,
}

impl Fixed {
    fn of(wanted: &Wanted) -> Self {
        Self {
            listeners: wanted.listeners.keys(),
            roots: wanted.roots.clone(),
        }
    }

    /// How a process with these sockets and folders comes to serve with those of `wanted`. A folder that is not
    /// needed any more is no reason to replace it.
    pub(crate) fn way_to(&self, wanted: &Self) -> Way {
        let is_fit =
            self.listeners == wanted.listeners && sandbox::covers(&self.roots, &wanted.roots);
        if is_fit { Way::Send } else { Way::Replace }
    }
}

/// Why what is wanted could not be taken up. What was served before is still served.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum TakeUpError {
    #[error("data plane {number} did not become ready: {reason}; the previous one stays")]
    NotReady { number: Number, reason: String },
    #[error("the agent is stopping")]
    Stopping,
    #[error("something newer was wanted meanwhile")]
    Superseded,
}

/// How the data planes are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Status {
    /// All there are, the oldest first.
    pub(crate) members: Vec<MemberStatus>,
    /// Data planes that ended without being told to, since the agent's start.
    pub(crate) lost: u64,
    /// Of all data planes since the agent's start.
    pub(crate) counters: Counters,
    /// The number that the next data plane gets.
    pub(crate) next: Number,
}

/// How one data plane is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MemberStatus {
    pub(crate) number: Number,
    pub(crate) pid: u32,
    pub(crate) phase: Phase,
    /// Seconds since the Unix epoch.
    pub(crate) since: i64,
    /// Of its program; `None` until it is ready.
    pub(crate) version: Option<String>,
    pub(crate) counters: Counters,
    /// How the servers behind the sites are, as it sees them.
    pub(crate) servers: Vec<Server>,
}

impl Status {
    /// The data plane that serves; `None` while there is none.
    pub(crate) fn serving(&self) -> Option<&MemberStatus> {
        self.members
            .iter()
            .find(|member| member.phase == Phase::Serving)
    }
}

/// What is left to the next image of this process.
#[derive(Debug, Default)]
pub(crate) struct LetGo {
    pub(crate) generations: Vec<Adopted>,
    pub(crate) retired: Retired,
}

enum Order {
    TakeUp(Wanted, oneshot::Sender<Result<(), TakeUpError>>),
    ReopenLogs,
    Stop(Duration, oneshot::Sender<Vec<Number>>),
    HandOver(oneshot::Sender<LetGo>),
}

/// The way to the owner. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    orders: mpsc::Sender<Order>,
    status: watch::Receiver<Status>,
    sites: watch::Receiver<Arc<SiteTotals>>,
}

impl Handle {
    /// Has it served, and returns when every worker does; or says why not.
    pub(crate) async fn take_up(&self, wanted: Wanted) -> Result<(), TakeUpError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::TakeUp(wanted, reply)).await;
        answer.await.unwrap_or(Err(TakeUpError::Stopping))
    }

    /// Has every data plane begin a new access log.
    pub(crate) async fn reopen_logs(&self) {
        self.order(Order::ReopenLogs).await;
    }

    /// Has every data plane finish what it has within the time. Returns the numbers of those that had to be
    /// killed. Starts none any more.
    pub(crate) async fn stop(&self, grace: Duration) -> Vec<Number> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Stop(grace, reply)).await;
        answer.await.unwrap_or_default()
    }

    /// Lets go of every data plane that serves or drains, without ending it, for the next image of this process.
    pub(crate) async fn hand_over(&self) -> LetGo {
        let (reply, answer) = oneshot::channel();
        self.order(Order::HandOver(reply)).await;
        answer.await.unwrap_or_default()
    }

    /// How the data planes are, and when that changes.
    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// What is counted of sites, and when that changes.
    pub(crate) fn sites(&self) -> watch::Receiver<Arc<SiteTotals>> {
        self.sites.clone()
    }

    async fn order(&self, order: Order) {
        // An owner that is gone drops the reply, and the asker learns it there.
        let _ = self.orders.send(order).await;
    }
}

#[cfg(test)]
mod tests;
