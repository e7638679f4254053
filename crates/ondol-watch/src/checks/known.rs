//! What other parts of the agent know of themselves, as observations.

use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_model::Plan;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

use super::Bench;
use super::machine::Machine;
use super::tell;
use crate::facts::AppCondition;
use crate::facts::AppFact;
use crate::facts::Facts;
use crate::facts::ServiceFact;

mod backups;
mod certificates;
mod wanted;

use wanted::Wanted;

/// Nobody serves visitors for so long: a data plane that ended by a crash is replaced within a second.
const UNSERVED: Duration = Duration::from_secs(20);
/// Facts that change many times in a moment are told once.
const SETTLING: Duration = Duration::from_secs(1);

/// When it is, as far as it matters to what is known.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// Seconds since the Unix epoch.
    now: i64,
    /// For how many seconds the machine has been on.
    up_s: u64,
    /// Whether nobody has served visitors for a while.
    is_unserved: bool,
}

/// Tells it at every interval, and whenever it changes; returns when nobody is told any more.
pub(super) async fn keep_telling(bench: Bench) {
    let mut facts = bench.ground.facts.clone();
    let mut unserved_since = None;
    let mut wanted = Wanted::default();
    let mut next = clock::now();
    loop {
        let is_due = tokio::select! {
            () = tokio::time::sleep_until(next) => true,
            changed = facts.changed() => match changed {
                Ok(()) => false,
                Err(_) => return,
            },
        };
        tokio::time::sleep(SETTLING).await;
        let plan = Arc::clone(&bench.ground.plan.borrow());
        let mut known = Facts::clone(&facts.borrow_and_update());
        let store = &bench.ground.store;
        wanted.recall(&mut known.backups, store).await;
        if known.is_served {
            unserved_since = None;
        }
        let now = clock::now();
        let unserved = *unserved_since.get_or_insert(now);
        let moment = Moment {
            now: clock::unix_seconds(),
            up_s: up_s(&bench.machine).await,
            is_unserved: !known.is_served && now.duration_since(unserved) >= UNSERVED,
        };
        let mut seen = observe(&known, &plan, moment);
        if is_due {
            next = now + plan.care.watch.interval;
        } else {
            // What must be found several times in a row is found once in an interval.
            seen.retain(|seen| seen.is_certain || seen.state <= State::Pass);
        }
        if !known.is_served {
            next = next.min(now + UNSERVED);
        }
        if !tell(&bench, seen).await {
            return;
        }
    }
}

async fn up_s(machine: &Machine) -> u64 {
    let uptime = machine.read(|machine| machine.text("/proc/uptime")).await;
    let seconds = uptime.flatten().and_then(|text| {
        let whole = text.split('.').next()?;
        whole.parse().ok()
    });
    seconds.unwrap_or(u64::MAX)
}

/// How everything is that the agent knows of by itself.
fn observe(facts: &Facts, plan: &Plan, moment: Moment) -> Vec<Observation> {
    if *facts == Facts::default() {
        return Vec::new(); // Nobody has told anything yet.
    }
    let mut seen = vec![data_plane(facts, moment)];
    seen.extend(facts.services.iter().map(service));
    seen.extend(facts.apps.iter().map(app));
    let certificates = facts.certificates.iter();
    seen.extend(certificates.map(|certificate| certificates::observe(certificate, moment.now)));
    let backups = facts.backups.iter();
    seen.extend(backups.map(|backup| backups::observe(backup, &plan.backup, moment)));
    seen
}

/// Generations change within a second; one that stays away is seen the second time.
fn data_plane(facts: &Facts, moment: Moment) -> Observation {
    if facts.is_served {
        return Observation::pass(Subject::DataPlane);
    }
    let nobody = Observation::fail(Subject::DataPlane, Finding::of(What::NobodyServes));
    if moment.is_unserved {
        nobody.certain()
    } else {
        nobody
    }
}

fn service(service: &ServiceFact) -> Observation {
    let subject = Subject::Service(service.name.clone());
    match &service.trouble {
        None => Observation::pass(subject),
        Some(why) => Observation::fail(subject, Finding::saying(What::ServiceFailing, why)),
    }
}

fn app(app: &AppFact) -> Observation {
    let subject = Subject::App(app.name.clone());
    match app.condition {
        AppCondition::Well | AppCondition::Asleep => Observation::pass(subject),
        AppCondition::Starting | AppCondition::Stopped => Observation::unknown(subject),
        AppCondition::Failed => {
            Observation::fail(subject, Finding::saying(What::AppFailed, &app.note)).certain()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Moment = Moment {
        now: 1_800_000_000,
        up_s: 1_000_000,
        is_unserved: false,
    };

    #[test]
    fn apps_are_well_unknown_or_given_up() {
        for (condition, state, is_certain) in [
            (AppCondition::Well, State::Pass, false),
            (AppCondition::Asleep, State::Pass, false),
            (AppCondition::Starting, State::Unknown, false),
            (AppCondition::Stopped, State::Unknown, false),
            (AppCondition::Failed, State::Fail, true),
        ] {
            let fact = AppFact {
                name: "coffee".to_owned(),
                condition,
                note: "it ended with code 1".to_owned(),
                restarts: 5,
            };
            let seen = app(&fact);
            assert_eq!(
                (seen.state, seen.is_certain),
                (state, is_certain),
                "{condition:?}"
            );
        }
    }

    #[test]
    fn nobody_serving_for_a_moment_is_not_certain_and_for_longer_it_is() {
        let mut facts = Facts::default();
        let seen = data_plane(&facts, MOMENT);
        assert_eq!((seen.state, seen.is_certain), (State::Fail, false));
        let later = Moment {
            is_unserved: true,
            ..MOMENT
        };
        assert!(data_plane(&facts, later).is_certain);
        facts.is_served = true;
        assert_eq!(data_plane(&facts, MOMENT).state, State::Pass);
    }

    #[test]
    fn a_service_that_does_not_run_says_why() {
        let trouble = |trouble: Option<&str>| ServiceFact {
            name: "backups".to_owned(),
            trouble: trouble.map(str::to_owned),
        };
        assert_eq!(service(&trouble(None)).state, State::Pass);
        let seen = service(&trouble(Some("it panicked")));
        assert_eq!(seen.finding.unwrap().detail, "it panicked");
    }
}
