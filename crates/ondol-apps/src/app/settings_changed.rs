//! The configuration has other settings for an app.

use ondol_base::chain::Chain;
use ondol_model::app::LaunchKind;
use ondol_model::event::EventKind;
use ondol_model::plan;

use crate::enforce;

use super::App;
use super::job::Job;
use super::scene::Mode;
use super::swap::To;

impl App {
    /// Has what runs changed for what is wanted now, as the app's `swap` says.
    pub(super) async fn settings_changed(&mut self) {
        let wanted = self.wanted.borrow_and_update().clone();
        self.unenforced = enforce::unenforced(&wanted.app, &self.tools.surroundings.groups);
        if self.running.is_some() {
            return; // Its end looks at them.
        }
        match self.scene.what() {
            Mode::Stop => return, // It starts with them.
            Mode::Fail => return self.jobs.push_back(Job::Begin),
            Mode::Serve | Mode::Hold | Mode::Sleep => {}
        }
        let Some(live) = self.scene.live() else {
            return;
        };
        let release = live.release().clone();
        let settings = match self.tools.settings(&wanted, &release).await {
            Ok(settings) => settings,
            Err(error) => {
                let error = Chain(&error);
                let name = &self.tools.name;
                let message = format!(
                    "{name} goes on with its settings of before, because the new ones can't be used: {error}. After a repair, `ondol reload`"
                );
                self.tools.tell(EventKind::App, &message);
                self.note = message;
                return;
            }
        };
        let is_same = settings.fingerprint() == live.settings().fingerprint();
        if is_same && !differs(live.settings().app(), &wanted.app) {
            return;
        }
        let is_waiting = self.jobs.iter().any(|job| matches!(job, Job::Swap { .. }));
        if !is_waiting {
            // A swap that waits reads the newest settings by itself.
            self.swap_to(LaunchKind::Settings, To::Present, String::new())
                .await;
        }
    }
}

/// Whether a running launch must be changed for another because of these settings. Those that are looked at when they
/// are needed are no reason.
fn differs(old: &plan::App, new: &plan::App) -> bool {
    let mut like_new = old.clone();
    like_new.swap = new.swap;
    like_new.watch = new.watch;
    like_new.idle_stop = new.idle_stop;
    like_new.releases = new.releases;
    like_new.drain_timeout = new.drain_timeout;
    like_new.after.clone_from(&new.after);
    like_new.build.clone_from(&new.build);
    like_new.release.clone_from(&new.release);
    like_new.cron.clone_from(&new.cron);
    like_new.data.clone_from(&new.data);
    like_new.dir.clone_from(&new.dir);
    like_new.git.clone_from(&new.git);
    like_new != *new
}
