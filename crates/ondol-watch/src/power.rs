//! Where the power comes from, how long it lasts, and what it costs.

use std::convert::Infallible;

use ondol_base::tasks::Stop;

use crate::ground::Ground;

/// Follows the power until told to stop.
pub(crate) async fn run(ground: Ground, stop: Stop) -> Result<(), Infallible> {
    let _ = ground;
    stop.requested().await;
    Ok(())
}
