//! Who looks: each thing by itself, again and again. Nothing is decided here, and nobody told.

use std::convert::Infallible;

use ondol_base::tasks::Stop;

use crate::ground::Ground;

/// Looks at everything until told to stop. May be run again after a panic.
pub(crate) async fn run(ground: Ground, stop: Stop) -> Result<(), Infallible> {
    let _ = ground;
    stop.requested().await;
    Ok(())
}
