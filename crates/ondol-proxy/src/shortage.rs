//! When the owner hears of a shortage: once, however often and on however many threads it is met.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::time::Duration;
use tokio::time::Instant;

/// A shortage that was not met for this long is over; the next one is news again.
const OVER_AFTER: Duration = Duration::from_secs(300);

/// A shortage that all workers have in common. Its lock is taken only where something is short.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shortage(Arc<Mutex<Option<Instant>>>);

impl Shortage {
    /// Notes that it was met; true when the owner does not know of it yet.
    pub(crate) fn is_news(&self, now: Instant) -> bool {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = met.is_some_and(|met| now.duration_since(met) < OVER_AFTER);
        *met = Some(now);
        !is_known
    }
}

#[cfg(test)]
mod tests {
    use ondol_base::clock;

    use super::*;

    #[test]
    fn it_is_news_once_until_it_was_over_for_a_while() {
        let shortage = Shortage::default();
        let begin = clock::now();
        assert!(shortage.is_news(begin));
        assert!(!shortage.clone().is_news(begin));
        let later = begin + OVER_AFTER - Duration::from_secs(1);
        assert!(!shortage.is_news(later));
        assert!(!shortage.is_news(later + OVER_AFTER / 2));
        assert!(shortage.is_news(later + 2 * OVER_AFTER));
    }
}
