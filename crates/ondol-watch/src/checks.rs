//! Who looks: each thing by a task of its own, again and again, each at its own moment of the interval. What is seen
//! goes to the desk; nothing is decided here, and nobody told.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::watch::Observation;
use tokio::sync::Semaphore;

use crate::ground::Ground;
use crate::ground::Seen;

mod disks;
mod dns;
mod domains;
mod drives;
mod internet;
mod known;
mod link;
mod look;
mod machine;
mod memory;
mod router;
mod routes;
#[cfg(test)]
mod sample;
mod site;
mod store;
mod temperature;
mod timekeeping;

use look::Look;
use look::Looker;
use machine::Machine;
use site::Trust;

/// Sites that are asked at the same time, unless there are so many that all could not be asked within an interval.
const AT_ONCE_MIN: usize = 4;
/// And at most, when all of them are silent.
const AT_ONCE_MAX: usize = 64;
/// All first looks come within this time, so that a box that is back knows soon how it is.
const FIRST_WITHIN: Duration = Duration::from_secs(5);
/// The worker that tells what the agent knows by itself.
const KNOWN: &str = "known";

/// What all that look share; cheap to clone.
#[derive(Debug, Clone)]
struct Bench {
    ground: Ground,
    machine: Machine,
    /// One for each site that may be asked now.
    permits: Arc<Semaphore>,
    trust: Arc<Trust>,
}

/// Looks at everything until told to stop. May be run again after a panic.
pub(crate) async fn run(ground: Ground, stop: Stop) -> Result<(), Infallible> {
    look_at_all(ground, Machine::at(Path::new("/")), stop).await;
    Ok(())
}

async fn look_at_all(ground: Ground, machine: Machine, stop: Stop) {
    let mut plan = ground.plan.clone();
    let bench = Bench {
        trust: Arc::new(Trust::of(&ground.places.state)),
        permits: Arc::new(Semaphore::new(AT_ONCE_MIN)),
        ground,
        machine,
    };
    let mut permits = AT_ONCE_MIN;
    let mut workers = Group::default();
    let mut running = BTreeSet::new();
    let mut is_first_round = true;
    loop {
        let wanted = Arc::clone(&plan.borrow_and_update());
        let enough = at_once(&wanted);
        bench.permits.add_permits(enough.saturating_sub(permits));
        permits = permits.max(enough);
        if running.insert(KNOWN.to_owned()) {
            workers.spawn(KNOWN, known::keep_telling(bench.clone()));
        }
        for look in Look::wanted(&wanted) {
            let name = look.to_string();
            if running.insert(name.clone()) {
                let first = first_look(&look, &wanted, is_first_round);
                workers.spawn(name, keep_looking(look, bench.clone(), first));
            }
        }
        is_first_round = false;
        tokio::select! {
            () = stop.requested() => break,
            changed = plan.changed() => if changed.is_err() { break },
            Some(ended) = workers.next_end() => { running.remove(&ended); },
        }
    }
}

/// So many sites at once that all are asked within an interval, though none answers.
fn at_once(plan: &Plan) -> usize {
    let checks = plan.sites.iter().filter_map(|site| site.check.as_ref());
    let longest: Duration = checks.map(|check| check.timeout).sum();
    let interval = plan.care.watch.interval.as_secs().max(1);
    let enough = usize::try_from(longest.as_secs().div_ceil(interval)).unwrap_or(AT_ONCE_MAX);
    enough.clamp(AT_ONCE_MIN, AT_ONCE_MAX)
}

/// How long it is until the first look: all in a hurry at the start. What is new later, or ended by a panic, has its
/// own moment of the interval.
fn first_look(look: &Look, plan: &Plan, is_first_round: bool) -> Duration {
    let within = if is_first_round {
        FIRST_WITHIN
    } else {
        plan.care.watch.interval
    };
    look.moment(within)
}

async fn keep_looking(look: Look, bench: Bench, first: Duration) {
    let limit = look.limit();
    let mut looker = Looker::of(&look);
    let mut next = clock::now() + first;
    loop {
        tokio::time::sleep_until(next).await;
        let plan = Arc::clone(&bench.ground.plan.borrow());
        let looked = tokio::time::timeout(limit, looker.look(&bench, &plan)).await;
        let Some(pace) = look.pace(&plan) else {
            return;
        };
        if !tell(&bench, looked.unwrap_or_default()).await {
            return;
        }
        // The moment of each look stays the same, however long one takes.
        next = (next + pace).max(clock::now());
    }
}

/// Whether the desk is there to be told.
async fn tell(bench: &Bench, seen: Vec<Observation>) -> bool {
    if seen.is_empty() {
        return true;
    }
    let told = bench.ground.seen.send(Seen::Observations(seen)).await;
    told.is_ok()
}

#[cfg(test)]
mod tests;
