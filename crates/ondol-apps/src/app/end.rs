//! The end of an app: the box stops or rests, or the configuration does not have it any more.

use std::time::Duration;

use ondol_model::app::EndpointState;
use tokio::sync::oneshot;

use crate::seat;

use super::App;
use super::begin::stop_all;
use super::scene::Mode;
use super::scene::Scene;

/// The box that stops has a minute for everything.
const PATIENCE_MAX: Duration = Duration::from_secs(15);
/// Requests that an app has when the box comes to rest may last so long; the battery may not last much longer.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// What visitors get while the box rests: nobody waits for what does not come soon.
const REST: EndpointState = EndpointState::Held {
    wait: Duration::ZERO,
};

/// Why an app is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The box stops, or the configuration does not have it any more.
    Gone,
    /// The box rests: visitors are told at once to come back later.
    Rest,
}

impl App {
    /// Ends all that runs of the app, also what a swap under way has started.
    pub(super) async fn end(self, why: Why, done: oneshot::Sender<()>) {
        // A deploy under way ends here; at the next start it has not happened. Who kept the processes up lets go of them,
        // so that all of them are met again below.
        let wanted = self.wanted().app;
        let patience = wanted.stop_timeout.min(PATIENCE_MAX);
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
        if why == Why::Rest {
            drain(&scene, wanted.drain_timeout.min(DRAIN_MAX)).await;
        }
        scene.set(Mode::Hold, None, None);
        let left = seat::adopt(&tools.surroundings, &tools.name).await;
        stop_all(left, patience).await;
        match why {
            Why::Gone => scene.stage.leave(),
            Why::Rest => _ = scene.stage.show(REST),
        }
        let _ = done.send(()); // Who waited may have given up.
    }
}

/// What visitors have under way is answered, as far as that does not last.
async fn drain(scene: &Scene, limit: Duration) {
    let Some(live) = scene.live() else { return };
    let sequence = scene.mode(Mode::Hold);
    scene.stage.show(REST);
    scene.stage.taken_up(sequence).await;
    if !scene.stage.idle(live.launch(), limit).await {
        scene.stage.cut(live.launch());
    }
    scene.stage.forget(live.launch());
}
