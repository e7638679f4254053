//! What people answer by the channels that they were told by: who was reached looks after it.

use std::convert::Infallible;

use ondol_base::tasks::Stop;

use crate::channel::Receipt;
use crate::ground::Ground;

/// Asks from now on whether a message was answered, for as long as that is of any use.
pub(crate) async fn expect(ground: &Ground, person: &str, receipt: Receipt) {
    let _ = (ground, person, receipt);
}

/// Reads answers until told to stop.
pub(crate) async fn run(ground: Ground, stop: Stop) -> Result<(), Infallible> {
    let _ = ground;
    stop.requested().await;
    Ok(())
}
