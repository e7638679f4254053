//! How long the box was off, and whether it had been shut down.
//!
//! A sign of life is written down every few seconds, and a last one when the end is meant. The next start judges by it
//! (`ondol-model/src/watch/absence.rs`), looks at what a power cut may have broken, and only then writes over it: a box
//! that goes again before it could tell tells of both at once.

use std::convert::Infallible;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks::Stop;
pub(crate) use ondol_model::watch::AbsenceKind;
use ondol_model::watch::Away;
use ondol_model::watch::Clean;
use ondol_model::watch::Life;
use ondol_model::watch::PowerState;
use ondol_model::watch::away;
use ondol_store::Beat;
use tokio::sync::oneshot;

use crate::ground::Ground;
use crate::ground::Seen;

mod damage;
mod ending;
mod evidence;
mod machine;

use machine::Machine;

/// How often a sign of life is written down: how long the box was off is told about so exactly.
const BEAT_EVERY: Duration = Duration::from_secs(15);
/// How long a clock is waited for that is not right yet.
const CLOCK_WAIT: Duration = Duration::from_secs(60);
/// How often it is looked at.
const CLOCK_LOOK: Duration = Duration::from_secs(1);
/// How long the desk may take until it has messages about it; it waits for what comes back by itself.
const TOLD: Duration = Duration::from_secs(300);
/// How long those may take to be on disk then.
const WRITTEN: Duration = Duration::from_secs(5);
/// How often a desk is told that broke off meanwhile.
const TELLINGS: u32 = 3;
/// The fact that says how many times the box came back without having been shut down.
const UNCLEAN_BOOTS: &str = "unclean-boots";

/// How the box came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Absence {
    /// What ended, and how.
    pub(crate) kind: AbsenceKind,
    /// The last sign of life, in seconds since the Unix epoch.
    pub(crate) last_seen_at: i64,
    /// When the machine, or Ondol, was up again.
    pub(crate) back_at: i64,
    /// What points to the cause, a sentence each.
    pub(crate) evidence: Vec<String>,
    /// What was looked at after it and is not as it should be, a sentence each.
    pub(crate) damage: Vec<String>,
}

/// Whether this process has told how the box came back; shared by all runs of the service in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judged(Arc<AtomicBool>);

impl Judged {
    fn is_done(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Leaves signs of life until told to stop; says first how the box came back, once in a process.
pub(crate) async fn run(ground: Ground, judged: Judged, stop: Stop) -> Result<(), Infallible> {
    let heart = Heart {
        ground,
        judged,
        root: PathBuf::from("/"),
    };
    heart.live(stop).await
}

struct Heart {
    ground: Ground,
    judged: Judged,
    root: PathBuf,
}

impl Heart {
    async fn live(&self, stop: Stop) -> Result<(), Infallible> {
        tokio::select! {
            biased;
            () = stop.requested() => {}
            never = self.beat() => return never,
        }
        self.stop().await;
        Ok(())
    }

    async fn beat(&self) -> Result<(), Infallible> {
        if !self.judged.is_done() {
            self.judge().await;
            self.judged.0.store(true, Ordering::Relaxed);
        }
        let mut known = self.ground.known.clone();
        let mut due = tokio::time::interval(BEAT_EVERY);
        let mut power = known.borrow_and_update().power;
        loop {
            tokio::select! {
                _ = due.tick() => self.write(None).await,
                Ok(()) = known.changed() => {
                    let before = std::mem::replace(&mut power, known.borrow_and_update().power);
                    // A power cut is near: what is known of it is written down at once.
                    if power != before {
                        self.write(None).await;
                        self.settle(power).await;
                    }
                }
            }
        }
    }

    /// The end is meant. Before it was told how the box came back, the last sign of life stays: the next start tells.
    async fn stop(&self) {
        if !self.judged.is_done() {
            return;
        }
        let why = ending::why(&self.root).await;
        self.write(Some(why)).await;
    }

    async fn write(&self, clean: Option<Clean>) {
        let Some(machine) = Machine::read(&self.root).await else {
            return;
        };
        let power = self.ground.known.borrow().power;
        let beat = beat(&machine, power, clean);
        if let Err(error) = self.ground.store.beat(beat).await {
            tracing::warn!("the sign of life was not written down: {}", Chain(&error));
        }
    }

    async fn settle(&self, power: PowerState) {
        if power != PowerState::Low {
            return;
        }
        if let Err(error) = self.ground.store.settle().await {
            tracing::warn!("the database was not brought to rest: {}", Chain(&error));
        }
    }

    async fn judge(&self) {
        let last = match self.ground.store.last_beat().await {
            Ok(last) => last.map(life),
            Err(error) => {
                tracing::warn!("the last sign of life can't be read: {}", Chain(&error));
                None
            }
        };
        let away = match last {
            Some(last) => self.away(&last).await,
            None => None,
        };
        let is_unclean = away
            .as_ref()
            .is_some_and(|(away, _)| away.kind == AbsenceKind::PowerCut);
        let count = self.unclean_boots().await + u64::from(is_unclean);
        self.tell(Seen::UncleanBoots(count)).await;
        if let Some((away, clean)) = away {
            let absence = self.absence(away, clean).await;
            let seconds = absence.back_at - absence.last_seen_at;
            tracing::info!(
                "back, {seconds} s after the last sign of life ({:?})",
                absence.kind
            );
            self.tell_back(absence).await;
        }
        if is_unclean {
            self.count_unclean_boots(count).await;
        }
    }

    /// How the box came back, when its clock is right.
    async fn away(&self, last: &Life) -> Option<(Away, Option<Clean>)> {
        let mut machine = Machine::read(&self.root).await?;
        let is_same_run = machine.now.boot_id == last.boot_id;
        if !is_same_run {
            let until = clock::now() + CLOCK_WAIT;
            while !machine.is_clock_right(last.wall) && clock::now() < until {
                tokio::time::sleep(CLOCK_LOOK).await;
                machine = Machine::read(&self.root).await?.after(&machine);
            }
        }
        Some((away(last, &machine.now)?, last.clean))
    }

    async fn absence(&self, away: Away, clean: Option<Clean>) -> Absence {
        let evidence = evidence::of(&self.root, &away, clean).await;
        let plan = Arc::clone(&self.ground.plan.borrow());
        let damage = match away.kind {
            AbsenceKind::PowerCut => damage::of(&plan).await,
            AbsenceKind::Shutdown | AbsenceKind::Rest | AbsenceKind::Crash => Vec::new(),
        };
        Absence {
            kind: away.kind,
            last_seen_at: away.last_seen_at,
            back_at: away.back_at,
            evidence,
            damage,
        }
    }

    async fn unclean_boots(&self) -> u64 {
        let count = self.ground.store.watch_fact(UNCLEAN_BOOTS).await;
        let count = count.ok().flatten().and_then(|count| count.parse().ok());
        count.unwrap_or(0)
    }

    async fn count_unclean_boots(&self, count: u64) {
        let count = count.to_string();
        let written = self.ground.store.set_watch_fact(UNCLEAN_BOOTS, &count);
        if let Err(error) = written.await {
            tracing::warn!("an unclean boot was not counted: {}", Chain(&error));
        }
    }

    /// Returns when people's messages are written down, so that nothing is lost by writing over the sign of life.
    async fn tell_back(&self, absence: Absence) {
        for _ in 0..TELLINGS {
            let (told, is_told) = oneshot::channel();
            self.tell(Seen::Back(absence.clone(), told)).await;
            let is_over = !matches!(tokio::time::timeout(TOLD, is_told).await, Ok(Err(_)));
            tokio::time::sleep(WRITTEN).await;
            if is_over {
                return;
            }
        }
    }

    async fn tell(&self, seen: Seen) {
        let _ = self.ground.seen.send(seen).await; // The desk may have gone first.
    }
}

fn beat(machine: &Machine, power: PowerState, clean: Option<Clean>) -> Beat {
    // At rest everything has ended already, whatever comes next.
    let clean = match power {
        PowerState::Low => Some(Clean::Rest),
        PowerState::Mains | PowerState::Battery => clean,
    };
    Beat {
        boot_id: machine.now.boot_id.clone(),
        wall: machine.now.wall,
        boottime: machine.now.since_boot,
        is_clean: clean.is_some(),
        reason: match clean {
            Some(clean) => clean.word().to_owned(),
            None => power.word().to_owned(),
        },
    }
}

fn life(beat: Beat) -> Life {
    let Beat {
        boot_id,
        wall,
        boottime,
        is_clean,
        reason,
    } = beat;
    Life {
        boot_id,
        wall,
        since_boot: boottime,
        // A word of a later version is an end that was meant all the same.
        clean: is_clean.then(|| Clean::parse(&reason).unwrap_or(Clean::Stop)),
        power: match PowerState::parse(&reason) {
            Some(power) if !is_clean => power,
            Some(_) | None => PowerState::Mains,
        },
    }
}

/// Whether a path is there; blocks shortly.
fn is_there(root: &Path, path: &str) -> bool {
    root.join(path).exists()
}

#[cfg(test)]
mod tests;
