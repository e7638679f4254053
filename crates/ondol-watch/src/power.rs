//! Where the power comes from, how long it lasts, and what it costs.
//!
//! A UPS or battery is asked every few seconds, and what it says is judged (`ondol-model/src/watch/power.rs`). Who acts
//! by that is told by the desk.

use std::convert::Infallible;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::plan;
use ondol_model::plan::Ups;
use ondol_model::watch::Observation;
use ondol_model::watch::PowerJudge;
use ondol_model::watch::PowerReading;
use ondol_model::watch::PowerVerdict;
use ondol_model::watch::Subject;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;

use crate::ground::Ground;
use crate::ground::Seen;
use crate::status::PowerStatus;

mod battery;
mod energy;
mod nut;

use energy::Energy;
use nut::Nut;

/// How often what tells of the power is asked (`POLLFREQ` of NUT).
const ASKED_EVERY: Duration = Duration::from_secs(5);
/// How often the counters of energy are read: the smallest are full after an hour.
const COUNTED_EVERY: Duration = Duration::from_secs(60);
/// How often it is said that nothing has changed.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Follows the power until told to stop.
pub(crate) async fn run(ground: Ground, stop: Stop) -> Result<(), Infallible> {
    let follower = Follower::new(&ground, PathBuf::from("/"));
    tokio::select! {
        () = stop.requested() => Ok(()),
        never = follower.follow(&ground) => never,
    }
}

/// What is asked, and what is known by it.
struct Follower {
    root: PathBuf,
    begun: Instant,
    wanted: plan::Power,
    source: Source,
    judge: PowerJudge,
    energy: Energy,
    counted_at: Instant,
    asked_at: Instant,
    /// Why nothing was said, while nothing is.
    trouble: Option<String>,
    said: Option<(PowerVerdict, Instant)>,
    shown: Option<PowerStatus>,
}

/// What tells of the power.
enum Source {
    Nut {
        nut: Nut,
        /// `ups@localhost:3493`.
        address: String,
        model: String,
    },
    /// The battery of this machine. Where it was not asked for, it may not be there.
    Battery {
        is_wanted: bool,
    },
    Nothing,
}

impl Source {
    fn of(wanted: &plan::Power) -> Self {
        match &wanted.ups {
            Some(Ups::Nut { server, name }) => Self::Nut {
                nut: Nut::new(server, name),
                address: format!("{name}@{server}"),
                model: String::new(),
            },
            Some(Ups::Battery) => Self::Battery { is_wanted: true },
            None => Self::Battery { is_wanted: false },
            Some(Ups::None) => Self::Nothing,
        }
    }

    /// For people; empty when nothing tells.
    fn words(&self, has_spoken: bool, trouble: Option<&str>) -> String {
        let words = match self {
            Self::Nut { address, model, .. } if model.is_empty() => format!("UPS {address}"),
            Self::Nut { address, model, .. } => format!("UPS {address} ({model})"),
            Self::Battery { is_wanted } if has_spoken || *is_wanted => {
                "the battery of this machine".to_owned()
            }
            Self::Battery { .. } | Self::Nothing => return String::new(),
        };
        match trouble {
            Some(trouble) => format!("{words}, which says nothing: {trouble}"),
            None => words,
        }
    }
}

/// What one question brought.
enum Asked {
    Said(PowerReading, Option<f64>),
    /// A sentence.
    Silent(String),
    /// Nobody is there to ask.
    Nobody,
}

impl Follower {
    fn new(ground: &Ground, root: PathBuf) -> Self {
        let wanted = ground.plan.borrow().care.power.clone();
        let now = clock::now();
        Self {
            root,
            begun: now,
            source: Source::of(&wanted),
            judge: PowerJudge::new(wanted.rest_below, Duration::ZERO),
            wanted,
            energy: Energy::default(),
            counted_at: now,
            asked_at: now,
            trouble: None,
            said: None,
            shown: None,
        }
    }

    async fn follow(mut self, ground: &Ground) -> Result<(), Infallible> {
        let mut plan = ground.plan.clone();
        let mut due = tokio::time::interval(ASKED_EVERY);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.count().await;
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = changed(&mut plan) => self.take_up(&plan),
            }
            let asked = self.ask().await;
            if clock::now() - self.counted_at >= COUNTED_EVERY {
                self.count().await;
            }
            self.tell(ground, asked).await;
        }
    }

    /// What is wanted may be another thing now.
    fn take_up(&mut self, plan: &watch::Receiver<Arc<Plan>>) {
        let wanted = plan.borrow().care.power.clone();
        if wanted.ups != self.wanted.ups {
            self.source = Source::of(&wanted);
            self.judge = PowerJudge::new(wanted.rest_below, self.age());
            self.trouble = None;
        }
        self.judge.rest_below(wanted.rest_below);
        self.wanted = wanted;
    }

    fn age(&self) -> Duration {
        clock::now() - self.begun
    }

    async fn ask(&mut self) -> Asked {
        match &mut self.source {
            Source::Nut { nut, model, .. } => match nut.ask().await {
                Ok(said) => {
                    *model = said.model;
                    Asked::Said(said.reading, said.watts)
                }
                Err(error) => Asked::Silent(Chain(&error).to_string()),
            },
            Source::Battery { is_wanted } => {
                let is_wanted = *is_wanted;
                match self.blocking(battery::read).await {
                    Some(Some(reading)) => Asked::Said(reading, None),
                    Some(None) | None if is_wanted => {
                        Asked::Silent("this machine has no battery".to_owned())
                    }
                    Some(None) | None => Asked::Nobody,
                }
            }
            Source::Nothing => Asked::Nobody,
        }
    }

    /// Reads the counters of the processor, unless the UPS measures everything.
    async fn count(&mut self) {
        let Some(readings) = self.blocking(energy::read).await else {
            return;
        };
        let now = clock::now();
        let seconds = (now - std::mem::replace(&mut self.counted_at, now)).as_secs_f64();
        let baseline = f64::from(self.wanted.baseline_milliwatts) / 1_000.0;
        self.energy.counted(&readings, seconds, baseline);
    }

    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> Option<T> {
        let root = self.root.clone();
        tasks::spawn_blocking(move || read(&root)).await.ok()
    }

    async fn tell(&mut self, ground: &Ground, asked: Asked) {
        let (now, age) = (clock::now(), self.age());
        let seconds = (now - std::mem::replace(&mut self.asked_at, now)).as_secs_f64();
        let is_told_of = !matches!(asked, Asked::Nobody);
        match asked {
            Asked::Said(reading, watts) => {
                self.judge.hear(reading, age);
                self.trouble = None;
                if let Some(watts) = watts {
                    self.energy.measured(watts, seconds);
                }
            }
            Asked::Silent(trouble) => self.trouble = Some(trouble),
            // What a battery said that is gone means nothing any more.
            Asked::Nobody => {
                self.trouble = None;
                self.judge = PowerJudge::new(self.wanted.rest_below, age);
            }
        }
        let verdict = self.judge.judge(age, clock::unix_seconds());
        self.show(ground, verdict.clone(), is_told_of).await;
        if is_told_of {
            self.observe(ground, verdict, now).await;
        }
    }

    async fn show(&mut self, ground: &Ground, verdict: PowerVerdict, is_told_of: bool) {
        let last = self.judge.last();
        let is_silent = self.trouble.is_some();
        let status = PowerStatus {
            state: verdict.state,
            source: self.source.words(is_told_of, self.trouble.as_deref()),
            charge: last.charge.filter(|_| is_told_of && !is_silent),
            runtime: last.runtime.filter(|_| is_told_of && !is_silent),
            watts: self.energy.watts(),
            joules: self.energy.joules(),
            cost: self.energy.cost(&self.wanted),
        };
        if self.shown.as_ref() != Some(&status) {
            self.shown = Some(status.clone());
            let _ = ground.seen.send(Seen::Power(status)).await; // The desk may have gone first.
        }
    }

    /// Says how it is when that changed, and now and then.
    async fn observe(&mut self, ground: &Ground, verdict: PowerVerdict, now: Instant) {
        let is_new = self
            .said
            .as_ref()
            .is_none_or(|(before, at)| now - *at >= SAID_EVERY || !is_alike(before, &verdict));
        if !is_new {
            return;
        }
        self.said = Some((verdict.clone(), now));
        let finding = verdict.finding.map(|mut finding| {
            finding.detail = self.trouble.clone().unwrap_or_default();
            finding
        });
        let observation = match finding {
            None => Observation::pass(Subject::Power),
            Some(finding) if verdict.is_urgent => Observation::fail(Subject::Power, finding),
            Some(finding) => Observation::warn(Subject::Power, finding),
        };
        let observation = match verdict.is_certain {
            true => observation.certain(),
            false => observation,
        };
        let _ = ground
            .seen
            .send(Seen::Observations(vec![observation]))
            .await;
    }
}

/// Whether two verdicts say the same to people, but for numbers that change all the time.
fn is_alike(one: &PowerVerdict, other: &PowerVerdict) -> bool {
    let kind = |verdict: &PowerVerdict| {
        let finding = verdict.finding.as_ref();
        finding.map(|finding| std::mem::discriminant(&finding.what))
    };
    one.state == other.state && one.is_certain == other.is_certain && kind(one) == kind(other)
}

/// A plan without anybody who changes it never does.
async fn changed(plan: &mut watch::Receiver<Arc<Plan>>) {
    if plan.changed().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
