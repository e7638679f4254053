//! What a command of an app says, for its log: kept within the same limits as what processes write.

use ondol_base::clock;

use super::AppLog;
use super::flood::Flood;

/// Takes lines of one command until it is dropped.
#[derive(Debug)]
pub(crate) struct Teller {
    log: AppLog,
    instance: String,
    flood: Flood,
}

impl Teller {
    pub(super) fn new(log: AppLog, instance: String) -> Self {
        Self {
            log,
            instance,
            flood: Flood::new(clock::now()),
        }
    }

    /// Adds a line, or counts it.
    pub(crate) fn line(&mut self, text: &str) {
        let now = clock::now();
        if !self.flood.is_shut(now) {
            self.tell_left_out();
        }
        if self.flood.admits(text.len(), now) {
            self.log.line(&self.instance, text);
        }
    }

    fn tell_left_out(&mut self) {
        if let Some(left_out) = self.flood.take_left_out() {
            self.log.note(&left_out.of(&self.instance));
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.tell_left_out();
    }
}
