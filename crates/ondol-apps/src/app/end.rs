//! The end of an app: the box stops, or the configuration does not have it any more.

use ondol_base::tasks::Group;
use tokio::sync::oneshot;

use crate::seat;

use super::App;
use super::scene::Mode;

impl App {
    /// Ends all that runs of the app, also what a swap under way has started.
    pub(super) async fn end(mut self, done: oneshot::Sender<()>) {
        self.workers = Group::default(); // A deploy under way ends here; at the next start it has not happened.
        self.running = None;
        let wanted = self.wanted();
        let live = self.scene.live();
        self.scene.set(Mode::Hold, None, None);
        if let Some(live) = live {
            live.stop().await;
        }
        let left = seat::adopt(&self.tools.surroundings, &self.tools.name).await;
        for process in left {
            process.stop(wanted.app.stop_timeout).await;
        }
        self.scene.stage.leave();
        let _ = done.send(()); // Who waited may have given up.
    }
}
