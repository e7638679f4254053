//! The box tells the outside that it lives (the protocol of Healthchecks), so that somebody notices when it doesn't.
//!
//! It goes on whatever else is wrong; what is wrong goes with it, in a few words of JSON. Only a battery that is nearly
//! empty ends it, with a word on why.

use std::convert::Infallible;
use std::hash::BuildHasher;
use std::hash::Hasher;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ondol_base::clock;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::watch::PowerState;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::ground::Ground;
use crate::ground::Known;
use crate::ground::Seen;

mod outside;
mod standing;

use outside::Outside;
use outside::Word;
use standing::Standing;

/// How long the last word may take, at a stop: whatever stops waits for it.
const LAST_WORD: Duration = Duration::from_millis(2_500);
/// How much an interval may be shorter or longer, so that many boxes don't come at once: one part of so many.
const JITTER: u32 = 10;
/// Outcomes that wait to be told; each URL has one at a time.
const OUTCOMES_MAX: usize = 16;

/// What came of telling the URL of this number.
type Outcome = (usize, Result<(), String>);

/// Tells each URL of `alarms.heartbeat`, until told to stop.
pub(crate) async fn run(ground: Ground, stop: Stop) -> Result<(), Infallible> {
    let mut plan = ground.plan.clone();
    loop {
        let wanted = Arc::clone(&plan.borrow_and_update());
        tokio::select! {
            () = tell_all(&ground, &wanted, &stop) => return Ok(()),
            () = other_urls(&mut plan, &wanted) => {}
        }
    }
}

/// Waits for a plan that tells others, or at another pace.
async fn other_urls(plan: &mut watch::Receiver<Arc<Plan>>, wanted: &Plan) {
    let told = |plan: &Plan| {
        let alarms = &plan.care.alarms;
        (alarms.heartbeat.clone(), alarms.heartbeat_interval)
    };
    let before = told(wanted);
    let is_there = plan.wait_for(|plan| told(plan) != before).await.is_ok();
    if !is_there {
        std::future::pending::<()>().await;
    }
}

/// Tells all URLs, each by itself, until told to stop.
async fn tell_all(ground: &Ground, plan: &Plan, stop: &Stop) {
    let alarms = &plan.care.alarms;
    let (sender, mut outcomes) = mpsc::channel(OUTCOMES_MAX);
    let urls = alarms.heartbeat.iter().enumerate();
    let pulses = urls.map(|(number, url)| Pulse {
        number,
        outside: Outside::new(url),
        interval: alarms.heartbeat_interval,
        known: ground.known.clone(),
        plan: ground.plan.clone(),
        outcomes: sender.clone(),
    });
    let beating = join_all(pulses.map(|pulse| pulse.beat(stop)));
    drop(sender);
    let telling = async {
        let mut standing = Standing::of(alarms.heartbeat.len());
        while let Some((number, outcome)) = outcomes.recv().await {
            tell_desk(ground, &mut standing, number, outcome).await;
        }
    };
    tokio::join!(beating, telling, stop.requested());
}

async fn tell_desk(
    ground: &Ground,
    standing: &mut Standing,
    number: usize,
    outcome: Result<(), String>,
) {
    let is_online = ground.known.borrow().is_online;
    if outcome.is_ok() {
        let at = clock::unix_seconds();
        let _ = ground.seen.send(Seen::Beat { at }).await; // The desk may be gone, as this soon is.
    }
    standing.take(number, outcome, is_online);
    if let Some(observation) = standing.judge(is_online) {
        let observations = Seen::Observations(vec![observation]);
        let _ = ground.seen.send(observations).await;
    }
}

/// What tells one URL.
struct Pulse {
    number: usize,
    outside: Outside,
    interval: Duration,
    known: watch::Receiver<Arc<Known>>,
    plan: watch::Receiver<Arc<Plan>>,
    outcomes: mpsc::Sender<Outcome>,
}

/// What ends a pause.
#[derive(Debug, PartialEq, Eq)]
enum Pause {
    Over,
    Reload,
}

impl Pulse {
    async fn beat(mut self, stop: &Stop) {
        tokio::select! {
            biased;
            () = stop.requested() => {}
            () = self.go_on() => {}
        }
        let last = self.say(Word::Log("stopping"));
        let _ = timeout(LAST_WORD, last).await; // The machine may be about to go: nobody is waited for.
    }

    async fn go_on(&mut self) {
        let _ = self.say(Word::Start).await; // Its beats say whether it can be reached.
        let mut has_told_end = false;
        loop {
            if self.known.borrow_and_update().power == PowerState::Low {
                if !has_told_end {
                    has_told_end = self.say(Word::Fail(BATTERY_EMPTY)).await.is_ok();
                }
            } else {
                has_told_end = false;
                let outcome = self.say(Word::Alive).await;
                let _ = self.outcomes.send((self.number, outcome)).await; // Who takes it is here.
            }
            while self.pause().await == Pause::Reload {
                let _ = self.say(Word::Log("the configuration was reloaded")).await;
            }
        }
    }

    async fn say(&mut self, word: Word) -> Result<(), String> {
        let known = Arc::clone(&self.known.borrow());
        let box_name = self.plan.borrow().box_name.clone();
        self.outside.hear(word, &known, &box_name).await
    }

    /// Until the next beat; the return of the internet, and a battery that is nearly empty, don't wait for it.
    async fn pause(&mut self) -> Pause {
        let before = Arc::clone(&self.known.borrow());
        let wants_word = |known: &Arc<Known>| {
            let is_low = |known: &Known| known.power == PowerState::Low;
            known.is_online && !before.is_online || is_low(known) != is_low(&before)
        };
        tokio::select! {
            () = tokio::time::sleep(jittered(self.interval)) => Pause::Over,
            Ok(_) = self.known.wait_for(wants_word) => Pause::Over,
            Ok(()) = self.plan.changed() => Pause::Reload,
        }
    }
}

const BATTERY_EMPTY: &str =
    "the power is out and the battery is nearly empty, so the box comes to rest";

/// An interval, a little shorter or longer.
fn jittered(interval: Duration) -> Duration {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    let fraction = f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX);
    let part = interval / JITTER;
    interval - part + part.mul_f64(2.0 * fraction)
}

#[cfg(test)]
mod tests;
