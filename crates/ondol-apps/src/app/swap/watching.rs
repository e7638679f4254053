//! After a switch: is the new launch worse than the one before?

use std::sync::Arc;

use ondol_base::clock;
use ondol_model::app;
use ondol_model::app::LaunchKind;

use crate::formation;
use crate::formation::Formation;
use crate::progress::Step;

use super::Before;
use super::Nudge;
use super::Swap;

impl Swap {
    /// Watches the new launch for as long as the app's settings say. Returns why visitors should get the one
    /// before again; `None` when it has proved itself, or something else is wanted.
    pub(super) async fn watch(&self, new: &Arc<Formation>, before: &Before) -> Option<String> {
        let for_how_long = match self.kind {
            LaunchKind::Deploy => self.wanted.app.watch,
            // The owner asked for what was there before, or for the same again: there is nothing better to go back to.
            LaunchKind::Rollback
            | LaunchKind::Restart
            | LaunchKind::Settings
            | LaunchKind::Start => return None,
        };
        if for_how_long.is_zero() || !before.was_well {
            return None;
        }
        self.step(Step::Watching).await;
        let deadline = clock::now() + for_how_long;
        let old = self.scene.stage.traffic(before.formation.launch());
        let (mut kept, mut traffic, mut nudge) =
            (new.kept(), self.scene.stage.changes(), self.nudge.clone());
        loop {
            let told = *nudge.borrow_and_update();
            match told {
                Nudge::None => {}
                Nudge::Finish => return None,
                Nudge::GoBack => return Some("its owner asked for the one before".to_owned()),
            }
            let trouble = formation::trouble(&kept.borrow_and_update());
            if let Some((name, sentence)) = trouble {
                return Some(formation::of(name, &sentence));
            }
            traffic.borrow_and_update();
            if let Some(worse) = app::worse(self.scene.stage.traffic(self.launch), old) {
                return Some(worse);
            }
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => return None,
                Ok(()) = kept.changed() => {}
                Ok(()) = traffic.changed() => {}
                Ok(()) = nudge.changed() => {}
            }
        }
    }
}
