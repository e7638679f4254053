//! What the owner, and other boxes, ask; and what comes back.

use std::sync::Arc;

use ondol_model::watch::PingKind;
use ondol_model::watch::Subject;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::status::WatchStatus;

/// A way to ask; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Where requests go; each is answered soon.
    pub requests: mpsc::Sender<Request>,
    /// How everything is.
    pub status: watch::Receiver<Arc<WatchStatus>>,
}

/// What is asked. An error is a sentence for the owner.
#[derive(Debug)]
pub enum Request {
    /// Send everybody, or one person, a message now, by each channel.
    Test {
        /// Whom; `None` means everybody.
        person: Option<String>,
        /// The numbers of the messages in the outbox, once they are on disk.
        reply: oneshot::Sender<Result<Vec<i64>, String>>,
    },
    /// Somebody looks after an incident: no more escalation and reminders.
    Acknowledge {
        /// Which; `None` means all that are open.
        incident: Option<i64>,
        /// Who; `None` means the owner at the box.
        by: Option<String>,
        /// What was done, as a sentence.
        reply: oneshot::Sender<Result<String, String>>,
    },
    /// Nobody is told of a subject, or of anything, for a while.
    Silence {
        /// What; `None` means everything.
        subject: Option<Subject>,
        /// For how long, in seconds; 0 ends a silence.
        seconds: u64,
        /// What was done, as a sentence.
        reply: oneshot::Sender<Result<String, String>>,
    },
    /// Somebody else's job reports.
    Ping(Ping),
}

/// A report of somebody else's job, in the protocol of Healthchecks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The name of its heartbeat.
    pub name: String,
    /// What it says.
    pub kind: PingKind,
    /// The first bytes of what came with it, as text.
    pub body: String,
}
