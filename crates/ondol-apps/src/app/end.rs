//! The end of an app: the box stops, or the configuration does not have it any more.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::seat;

use super::App;
use super::begin::stop_all;
use super::scene::Mode;

/// The box that stops has a minute for everything.
const PATIENCE_MAX: Duration = Duration::from_secs(15);

impl App {
    /// Ends all that runs of the app, also what a swap under way has started.
    pub(super) async fn end(self, done: oneshot::Sender<()>) {
        // A deploy under way ends here; at the next start it has not happened. Who kept the processes up lets go of them,
        // so that all of them are met again below.
        let patience = self.wanted().app.stop_timeout.min(PATIENCE_MAX);
        let Self {
            workers,
            trials,
            cron,
            scene,
            tools,
            ..
        } = self;
        drop((workers, trials));
        cron.end().await;
        scene.set(Mode::Hold, None, None);
        let left = seat::adopt(&tools.surroundings, &tools.name).await;
        stop_all(left, patience).await;
        scene.stage.leave();
        let _ = done.send(()); // Who waited may have given up.
    }
}
