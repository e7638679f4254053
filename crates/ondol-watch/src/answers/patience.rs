//! How long is waited between two reads of a source, and how often the owner hears that it can't be read.

use std::sync::Arc;
use std::time::Duration;

use ondol_base::backoff::Backoff;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::channel::SendFailure;
use crate::channel::SendFailureKind;
use crate::ground::Ground;
use crate::ground::Known;

/// Between two reads that went well: what answers at once is not asked without end.
const PAUSE: Duration = Duration::from_millis(250);
/// After a failure; twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait for one that can't be reached; when the internet is back, it is tried at once.
const WAIT_MAX: Duration = Duration::from_secs(5 * 60);
/// Who refuses is asked again so much later.
const REFUSED_WAIT: Duration = Duration::from_secs(10 * 60);
/// Who is busy for longer is asked again all the same.
const BUSY_WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// Waits for one source.
#[derive(Debug)]
pub(super) struct Patience {
    source: &'static str,
    known: watch::Receiver<Arc<Known>>,
    backoff: Backoff,
    /// What the owner was told last.
    told: Option<String>,
}

impl Patience {
    pub(super) fn new(ground: &Ground, source: &'static str) -> Self {
        Self {
            source,
            known: ground.known.clone(),
            backoff: Backoff::new(FIRST_WAIT, WAIT_MAX),
            told: None,
        }
    }

    /// Waits until the source can be read again.
    pub(super) async fn after(&mut self, read: Result<(), SendFailure>) {
        let failure = match read {
            Ok(()) => {
                self.backoff.reset();
                self.told = None;
                return sleep(PAUSE).await;
            }
            Err(failure) => failure,
        };
        self.tell(&failure);
        let wait = match failure.kind {
            SendFailureKind::Busy(Some(wait)) => wait.clamp(FIRST_WAIT, BUSY_WAIT_MAX),
            SendFailureKind::Refused => REFUSED_WAIT,
            SendFailureKind::Busy(None)
            | SendFailureKind::Unreachable
            | SendFailureKind::Strange => self.backoff.next_wait(),
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = back_online(&mut self.known) => self.backoff.reset(),
        }
    }

    /// Says it once: what fails while the internet is away is no news.
    fn tell(&mut self, failure: &SendFailure) {
        let is_new = self.told.as_ref() != Some(&failure.message);
        if is_new && self.known.borrow().is_online {
            tracing::warn!(
                source = self.source,
                reason = failure.message,
                "answers can't be read, and are tried again"
            );
            self.told = Some(failure.message.clone());
        }
    }
}

/// Returns when the internet is there after it was away.
async fn back_online(known: &mut watch::Receiver<Arc<Known>>) {
    let mut was_online = known.borrow_and_update().is_online;
    loop {
        if known.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let is_online = known.borrow_and_update().is_online;
        if is_online && !was_online {
            return;
        }
        was_online = is_online;
    }
}

#[cfg(test)]
mod tests {
    use ondol_base::clock;

    use super::*;
    use crate::planted::Planted;
    use crate::planted::empty_plan;

    fn failure(kind: SendFailureKind) -> Result<(), SendFailure> {
        let message = "it does not answer".to_owned();
        Err(SendFailure { kind, message })
    }

    #[tokio::test(start_paused = true)]
    async fn each_kind_of_failure_has_a_wait_of_its_own() {
        use SendFailureKind::{Busy, Refused, Strange, Unreachable};
        let planted = Planted::new(empty_plan());
        let mut patience = Patience::new(&planted.ground, "a test");
        let hours = Duration::from_secs(24 * 60 * 60);
        for (read, at_least, at_most) in [
            (Ok(()), PAUSE, PAUSE),
            (failure(Refused), REFUSED_WAIT, REFUSED_WAIT),
            (failure(Busy(Some(hours))), BUSY_WAIT_MAX, BUSY_WAIT_MAX),
            (failure(Busy(Some(Duration::ZERO))), FIRST_WAIT, FIRST_WAIT),
            (failure(Unreachable), FIRST_WAIT / 2, FIRST_WAIT),
            (failure(Strange), FIRST_WAIT, FIRST_WAIT * 2),
        ] {
            let began = clock::now();
            patience.after(read).await;
            let waited = began.elapsed();
            let most = at_most + Duration::from_millis(1);
            assert!((at_least..=most).contains(&waited), "{waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_internet_is_back_nobody_waits() {
        let planted = Planted::new(empty_plan());
        let mut patience = Patience::new(&planted.ground, "a test");
        let began = clock::now();
        let back = async {
            planted.known.send_replace(Arc::new(Known {
                is_online: true,
                ..Known::default()
            }));
        };
        tokio::join!(patience.after(failure(SendFailureKind::Refused)), back);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
