//! The lines of cron of an app, beside whatever else it does.

use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stopper;
use tokio::sync::watch;

use crate::cron;
use crate::cron::Current;

use super::App;
use super::Mode;
use super::Tools;
use super::Wanted;

/// How long runs that last may take to end with their app.
const END: Duration = Duration::from_secs(5);

/// Who runs the lines, and what is told to it.
#[derive(Debug)]
pub(super) struct Cron {
    current: watch::Sender<Option<Arc<Current>>>,
    stopper: Stopper,
    task: Group,
}

impl Cron {
    pub(super) fn start(tools: &Tools) -> Self {
        let (current, reader) = watch::channel(None);
        let (stopper, stop) = Stopper::new();
        let mut task = Group::default();
        let kept = cron::keep(
            tools.surroundings.clone(),
            reader,
            tools.store.clone(),
            tools.news.clone(),
            stop,
        );
        task.spawn(format!("cron of {}", tools.name), kept);
        Self {
            current,
            stopper,
            task,
        }
    }

    /// Ends it, and the runs that last.
    pub(super) async fn end(self) {
        self.stopper.stop();
        self.task.close_and_wait(clock::now() + END).await;
    }
}

impl App {
    /// Tells what lines run with now: what visitors get, also while it sleeps.
    pub(super) fn tell_cron(&self) {
        let runs = match self.scene.what() {
            Mode::Serve | Mode::Hold | Mode::Sleep => true,
            Mode::Fail | Mode::Stop => false,
        };
        let live = self.scene.live().filter(|_| runs);
        let Wanted {
            app,
            host: _,
            timezone,
            hidden,
        } = self.wanted();
        self.cron.current.send_if_modified(|before| {
            let is_same = match (&*before, &live) {
                (None, None) => true,
                (Some(before), Some(live)) => {
                    before.app == app
                        && before.hidden == hidden
                        && before.timezone == timezone
                        && Arc::ptr_eq(&before.settings, live.settings())
                }
                (None, Some(_)) | (Some(_), None) => false,
            };
            if !is_same {
                *before = live.map(|live| {
                    Arc::new(Current {
                        app,
                        settings: Arc::clone(live.settings()),
                        release: live.release().clone(),
                        hidden,
                        timezone,
                    })
                });
            }
            !is_same
        });
    }
}
