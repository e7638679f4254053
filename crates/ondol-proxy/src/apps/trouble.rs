//! Why an app could not be asked: it is not its answer that is missing, but the app.

use ondol_model::app::AppName;
use ondol_model::limits::APP_HELD_MAX;

/// Why a request did not reach its app, or was taken from it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppTrouble {
    /// As many wait for it as may.
    #[error("the app {0} is not ready, and {APP_HELD_MAX} requests wait for it already")]
    Crowded(AppName),
    /// It was waited for.
    #[error("the app {0} did not become ready while the request waited; `ondol apps {0}` says why")]
    Late(AppName),
    /// It failed again and again.
    #[error(
        "the app {0} does not run, because it failed again and again; `ondol apps {0}` says why"
    )]
    Failed(AppName),
    /// Its owner has stopped it.
    #[error("the app {0} was stopped; `ondol start {0}` starts it")]
    Stopped(AppName),
    /// It had the request, and was stopped before it answered.
    #[error(
        "the app was stopped, or another release took its place, before it answered, and the time for that was over"
    )]
    Cut,
}

impl AppTrouble {
    /// When it is worth asking again, in seconds; `None` where nobody knows.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Cut => Some(1),
            Self::Crowded(_) | Self::Late(_) => Some(5),
            Self::Failed(_) => Some(60),
            Self::Stopped(_) => None,
        }
    }
}
