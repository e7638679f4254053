//! A drill's last step, which others take: an app is started on what was restored.

use std::path::PathBuf;

use tokio::sync::oneshot;

/// An app to start on restored code, data and databases, and to ask whether it is well.
#[derive(Debug)]
pub struct Trial {
    /// Its name.
    pub app: String,
    /// Where what was restored lies: each file at its whole path below this.
    pub root: PathBuf,
    /// Addresses of databases, and those of their restored copies: what the app is told instead.
    pub instead: Vec<(String, String)>,
    /// What it answered, or why it could not; a sentence each.
    pub reply: oneshot::Sender<TrialEnd>,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialEnd {
    /// It started, and answered that it is well.
    Well(String),
    /// It did not.
    Unwell(String),
    /// It could not be tried on this machine.
    Impossible(String),
}
