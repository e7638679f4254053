//! The way back: a launch that visitors had proved to be worse.

use std::sync::Arc;

use ondol_model::app::LaunchOutcome;
use ondol_model::event::EventKind;

use crate::formation::Formation;

use super::Before;
use super::LINES_TOLD;
use super::Mode;
use super::Step;
use super::Swap;
use super::SwapKind;

impl Swap {
    /// Visitors get the launch before again.
    pub(super) async fn go_back(&self, new: Arc<Formation>, before: Before, reason: &str) {
        let log = &self.tools.surroundings.log;
        let lines = log.tail_of(self.launch, None, LINES_TOLD);
        // First of all, so that a power cut from here on leads to the launch before as well.
        self.tools
            .end(self.launch, LaunchOutcome::RolledBack, reason)
            .await;
        let Before {
            formation: old,
            runs,
            was_well,
        } = before;
        let first = reason.lines().next().unwrap_or(reason);
        let back = old.release();
        self.progress
            .line(format!("{first}: visitors get {back} again"));
        self.tools.releases().point_current(old.release()).await;
        if runs {
            let retired = Some(new.launch());
            let sequence = self.scene.set(Mode::Serve, Some(Arc::clone(&old)), retired);
            self.take_up(sequence).await;
            new.stop_others().await;
            old.start_others();
            let retired = Before {
                formation: Arc::clone(&new),
                runs: true,
                was_well,
            };
            self.retire(&retired).await;
        } else {
            self.stop_while_held(&new, SwapKind::Restart).await;
            self.start_again(&old);
        }
        self.progress.step(Step::Done);
        let name = &self.tools.name;
        let sentence = format!(
            "{name} switched back from {} to {}: {reason}\n{} The last lines of its log:\n{}",
            new.release(),
            old.release(),
            self.advice(),
            lines.join("\n")
        );
        self.tools.tell(EventKind::AppRolledBack, &sentence);
        self.progress.end(Err(sentence));
    }
}
