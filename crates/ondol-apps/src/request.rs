//! What the owner asks of an app, and what comes back.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::app::AppName;
use ondol_model::app::Launch;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::log::Logs;
use crate::progress::Progress;
use crate::source::Source;
use crate::spec::Spec;
use crate::status::AppStatus;

/// A way to ask the app host; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Where requests go; each is answered soon, and what takes longer tells how it goes on.
    pub requests: mpsc::Sender<Request>,
    /// How the apps are, in the order of their names.
    pub status: watch::Receiver<Arc<Vec<AppStatus>>>,
    /// What the apps wrote.
    pub logs: Logs,
}

/// A request about one app.
#[derive(Debug)]
pub struct Request {
    /// Which app.
    pub app: AppName,
    /// What is asked.
    pub ask: Ask,
    /// Where the answer goes; who asked may have gone.
    pub reply: oneshot::Sender<Result<Reply, Refusal>>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Make a release and launch it.
    Deploy {
        /// Where its files come from.
        source: Source,
        /// What to do while another swap is under way.
        if_busy: IfBusy,
    },
    /// Launch an earlier release; `None` means the one before that was good.
    Rollback {
        /// Its number.
        to: Option<u64>,
    },
    /// Launch the same release anew.
    Restart,
    /// Stop it until it is started again, also over a restart of the box.
    Stop,
    /// Start it after it was stopped, or at once after it failed.
    Start,
    /// How a launch goes on.
    Follow {
        /// Which; `None` means the newest.
        launch: Option<Launch>,
    },
    /// What a command of the owner's needs to run as the app does.
    Exec {
        /// The command and its arguments.
        command: Vec<String>,
        /// The process that will become it, for its limits.
        pid: u32,
    },
    /// Start its current release on other data, where nobody but the one who asks sees it, ask whether it is well, and
    /// end it. Answered with [`Reply::Done`] when it was well.
    Try {
        /// What lies below it at an absolute path takes the place of that path, for this process alone.
        root: PathBuf,
        /// Addresses of all its databases that are no files, and those that it is told instead. When none of its
        /// variables holds the first, it is not tried: it would be on what is in use.
        instead: Vec<(String, String)>,
    },
}

/// What to do while another swap of the app is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfBusy {
    /// Refuse, and say what is under way.
    Refuse,
    /// Wait until it is over.
    Wait,
}

/// What comes back.
#[derive(Debug)]
pub enum Reply {
    /// It has begun; this tells how it goes on.
    Begun {
        /// Its number.
        launch: Launch,
        /// How it goes on.
        progress: Progress,
    },
    /// It is done; a sentence for the owner.
    Done(String),
    /// What the command is to be run with.
    Exec(Box<Spec>),
}

/// Why nothing was done; each is a sentence for the owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such app.
    #[error("there is no app {app} in the configuration{known}")]
    Unknown {
        /// As it was asked for.
        app: AppName,
        /// Those that there are, as the end of the sentence.
        known: String,
    },
    /// Another swap is under way.
    #[error(
        "{app} is busy: {what}. `ondol apps {app}` shows when it is over; `ondol deploy --wait` waits for that"
    )]
    Busy {
        /// The app.
        app: AppName,
        /// What is under way.
        what: String,
    },
    /// It can't be done, and why.
    #[error("{0}")]
    Impossible(String),
    /// It was tried on other data, and is not well there.
    #[error("{0}")]
    Unwell(String),
}
