//! The box tells the outside that it lives, so that somebody notices when it doesn't.

use std::convert::Infallible;

use ondol_base::tasks::Stop;

use crate::ground::Ground;

/// Tells each URL of `alarms.heartbeat`, until told to stop.
pub(crate) async fn run(ground: Ground, stop: Stop) -> Result<(), Infallible> {
    let _ = ground;
    stop.requested().await;
    Ok(())
}
