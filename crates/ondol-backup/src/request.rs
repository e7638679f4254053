//! What the owner asks about backups, and what comes back.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::access::Credential;
use crate::job::JobSpec;
use crate::report::Report;
use crate::status::BackupStatus;
use crate::work::Work;
use ondol_model::backup::JobKind;

/// A way to ask; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Where requests go.
    pub requests: mpsc::Sender<Request>,
    /// How backups are.
    pub status: watch::Receiver<Arc<BackupStatus>>,
}

/// What is asked. Each is answered soon: a job that begins tells how it goes on.
#[derive(Debug)]
pub enum Request {
    /// Do something now that is otherwise done at its time.
    Now {
        /// What.
        kind: JobKind,
        /// At which target; `None` means at each, one after another.
        target: Option<String>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Started, String>>,
    },
    /// Remove or repair something, with a credential that may, where the box's own may not.
    With {
        /// What.
        kind: JobKind,
        /// At which target; `None` means the only one.
        target: Option<String>,
        /// The credential; it is forgotten afterwards.
        credential: Credential,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Started, String>>,
    },
    /// Do work for the owner: list, browse, restore. How the databases of a restore are reached is filled in by who
    /// answers; who asks leaves that empty.
    Work {
        /// At which target; `None` means the one with the newest good backup.
        target: Option<String>,
        /// What.
        work: Box<Work>,
        /// What it is remembered as; `None` for what changes nothing.
        kind: Option<JobKind>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Started, String>>,
    },
    /// What a job at a target would be told, without work: for the kit, which needs its secrets. The credential is the
    /// one that can only read, where there is one.
    Access {
        /// Which target.
        target: String,
        /// Where the answer goes. The work in it means nothing.
        reply: oneshot::Sender<Result<Box<JobSpec>, String>>,
    },
    /// The owner has typed back a part of the kit.
    KitConfirmed {
        /// Where the answer goes, once it is on disk.
        reply: oneshot::Sender<Result<(), String>>,
    },
}

/// A job that has begun, or waits for its turn.
#[derive(Debug)]
pub struct Started {
    /// The targets, in their order.
    pub targets: Vec<String>,
    /// What the jobs say, with the name of their target: at the end `Done` or `Failed` of each target. When nobody
    /// reads any more, they go on.
    pub reports: mpsc::Receiver<(String, Report)>,
}
