//! Puts together what the box answers on sites by itself: whether it is well, and who may report here.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::tasks;
use ondol_base::tasks::Stop;
use ondol_certs::read_secret;
use ondol_model::Plan;
use ondol_model::plan::Heartbeat;
use ondol_model::plan::Value;
use ondol_model::watch::State;
use ondol_watch::WatchStatus;
use tokio::sync::watch;

use crate::link::Own;
use crate::link::TakesPings;

/// How often files of tokens are read again: a new one counts without a reload.
const AGAIN: Duration = Duration::from_secs(60);

/// Tells what the box answers by itself. Cheap to clone, so that it can be started again.
#[derive(Debug, Clone)]
pub(crate) struct OwnTold {
    own: watch::Sender<Arc<Own>>,
    plan: watch::Receiver<Arc<Plan>>,
    status: watch::Receiver<Arc<WatchStatus>>,
}

impl OwnTold {
    /// Both ends; the paths are there from the beginning, tokens when they were read.
    pub(crate) fn new(
        plan: watch::Receiver<Arc<Plan>>,
        status: watch::Receiver<Arc<WatchStatus>>,
    ) -> (Self, watch::Receiver<Arc<Own>>) {
        let own = own(&plan.borrow(), &status.borrow(), plain(&plan.borrow()));
        let (own, reader) = watch::channel(Arc::new(own));
        (Self { own, plan, status }, reader)
    }

    /// Tells it whenever anything of it changes, until told to stop.
    pub(crate) async fn run(mut self, stop: Stop) -> Result<(), Infallible> {
        let mut again = tokio::time::interval(AGAIN);
        let mut pings = self.own.borrow().pings.clone();
        let mut unread = Vec::new();
        loop {
            let reads = tokio::select! {
                () = stop.requested() => return Ok(()),
                changed = self.plan.changed() => changed.is_ok(),
                changed = self.status.changed() => changed.is_err(),
                _ = again.tick() => true,
            };
            let plan = Arc::clone(&self.plan.borrow_and_update());
            if reads {
                let (read, failures) = read(&plan).await;
                pings = read;
                for failure in failures.iter().filter(|it| !unread.contains(*it)) {
                    tracing::warn!("{failure}");
                }
                unread = failures;
            }
            let own = own(&plan, &self.status.borrow_and_update(), pings.clone());
            self.own.send_if_modified(|told| {
                let differs = **told != own;
                if differs {
                    *told = Arc::new(own);
                }
                differs
            });
        }
    }
}

fn own(plan: &Plan, status: &WatchStatus, pings: Vec<TakesPings>) -> Own {
    let sites = plan.sites.iter();
    let health = sites.filter_map(|site| {
        let path = site.health.as_ref()?;
        Some((site.name.to_string(), path.as_str().to_owned()))
    });
    Own {
        state: overall(status).word().to_owned(),
        health: health.collect(),
        pings,
    }
}

/// How the box is: as its worst part is that is known.
fn overall(status: &WatchStatus) -> State {
    let states = status.subjects.iter().map(|subject| subject.state);
    states.max().unwrap_or(State::Unknown).max(State::Pass)
}

/// Those whose tokens are in the configuration itself.
fn plain(plan: &Plan) -> Vec<TakesPings> {
    let heartbeats = plan.care.heartbeats.iter();
    let plain = heartbeats.filter_map(|heartbeat| match &heartbeat.token {
        Value::Plain(token) => Some(takes(heartbeat, token)),
        Value::Secret(_) => None,
    });
    plain.collect()
}

fn takes(heartbeat: &Heartbeat, token: &str) -> TakesPings {
    TakesPings {
        site: heartbeat.site.to_string(),
        token: token.to_owned(),
        name: heartbeat.name.clone(),
    }
}

/// All whose tokens can be read, and a sentence for each that can't.
async fn read(plan: &Arc<Plan>) -> (Vec<TakesPings>, Vec<String>) {
    let plan = Arc::clone(plan);
    let read = tasks::spawn_blocking(move || {
        let mut pings = plain(&plan);
        let mut failures = Vec::new();
        for heartbeat in &plan.care.heartbeats {
            let Value::Secret(place) = &heartbeat.token else {
                continue;
            };
            match read_secret(place) {
                Ok(token) => pings.push(takes(heartbeat, token.as_str().trim())),
                Err(error) => failures.push(format!(
                    "reports of heartbeat {} can't come in, because its token can't be read: {}. Correct that, and it \
                     is taken up within a minute",
                    heartbeat.name,
                    Chain(&error)
                )),
            }
        }
        (pings, failures)
    });
    read.await.unwrap_or_default()
}

#[cfg(test)]
mod tests;
