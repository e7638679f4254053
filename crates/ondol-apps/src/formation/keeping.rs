//! Keeps one process up: starts it, asks whether it is well, and starts it again, later and later.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks::Stop;
use ondol_model::app::AfterEnd;
use ondol_model::app::InstanceName;
use ondol_model::app::Keeper;
use ondol_model::event::EventKind;
use tokio::time::Instant;

use crate::formation;
use crate::instance::Instance;
use crate::instance::Stopped;
use crate::seat::Seat;

use super::KeptState;
use super::Shared;

/// Health checks that fail in a row: then it hangs.
const UNWELL_MAX: u32 = 3;
/// How long a process that hangs may take to end by itself.
const HUNG_PATIENCE: Duration = Duration::from_secs(5);
/// So long it must be well before it is said that it is, after more than one failure: else one that breaks again and
/// again would be well again and again.
const RECOVERED: Duration = Duration::from_secs(10);
/// Lines of its log that go with the news of its failure.
pub(super) const LINES_TOLD: usize = 50;

/// Why a process is not running any more, or never was.
struct End {
    sentence: String,
    /// How long it was ready; zero when it never was.
    well_for: Duration,
}

enum Lived {
    Ended(End),
    Told,
}

/// Keeps a process up until it is told to end, and ends it.
pub(super) async fn keep(
    shared: Shared,
    name: InstanceName,
    running: Option<(Seat, Instance)>,
    stop: Stop,
) {
    let (mut seat, mut running) = match running {
        Some((seat, instance)) => (Some(seat), Some(instance)),
        None => (None, None),
    };
    let mut keeper = Keeper::default();
    while !stop.is_requested() {
        let lived = live(
            &shared,
            &name,
            &mut seat,
            running.take(),
            &stop,
            keeper.ends(),
        )
        .await;
        let Lived::Ended(end) = lived else { break };
        let wait = ended(&shared, &name, &mut keeper, end);
        tokio::select! {
            () = stop.requested() => break,
            () = tokio::time::sleep(wait) => {}
            () = shared.hurry.notified() => {}
        }
        shared.set(&name, |kept| kept.restarts += 1);
    }
    if let Some(seat) = seat {
        seat.close().await;
    }
    shared.set(&name, |kept| {
        kept.state = KeptState::Ended;
        kept.pid = None;
    });
}

/// One life of the process.
async fn live(
    shared: &Shared,
    name: &InstanceName,
    seat: &mut Option<Seat>,
    running: Option<Instance>,
    stop: &Stop,
    ends: u32,
) -> Lived {
    let instance = match running {
        Some(instance) => instance,
        None => match start(shared, name, seat).await {
            Ok(instance) => instance,
            Err(sentence) => {
                let well_for = Duration::ZERO;
                return Lived::Ended(End { sentence, well_for });
            }
        },
    };
    shared.set(name, |kept| {
        kept.pid = Some(instance.pid());
        kept.since = instance.since();
    });
    let end = tokio::select! {
        biased;
        () = stop.requested() => {
            end_it(shared, name, &instance, shared.patience()).await;
            return Lived::Told;
        }
        end = until_end(shared, name, seat.as_ref(), &instance, ends) => end,
    };
    shared.set(name, |kept| kept.pid = None);
    Lived::Ended(end)
}

/// Gives it a seat where it has none, and starts it.
async fn start(
    shared: &Shared,
    name: &InstanceName,
    seat: &mut Option<Seat>,
) -> Result<Instance, String> {
    if seat.is_none() {
        let settings = shared.settings.clone();
        let opened = Seat::open(
            &shared.surroundings,
            settings,
            shared.launch,
            &shared.release,
            name.clone(),
        );
        let opened = opened.await.map_err(|error| said(&error))?;
        *seat = Some(opened);
    }
    let Some(seat) = seat else {
        return Err("it has no place to run".to_owned()); // It was given one above.
    };
    shared.set(name, |kept| kept.state = KeptState::Starting);
    seat.start().await.map_err(|error| said(&error))
}

/// Waits until it is ready, then until it ends or hangs.
async fn until_end(
    shared: &Shared,
    name: &InstanceName,
    seat: Option<&Seat>,
    instance: &Instance,
    ends: u32,
) -> End {
    let never = Duration::ZERO;
    tokio::select! {
        biased;
        ended = instance.ended() => {
            return End { sentence: ended.sentence, well_for: never };
        }
        ready = instance.ready() => if let Err(not_ready) = ready {
            instance.stop(HUNG_PATIENCE).await;
            return End { sentence: not_ready.to_string(), well_for: never };
        }
    }
    let address = seat.and_then(Seat::address);
    let since = clock::now();
    became_ready(shared, name, address);
    let never_ends = tell_recovery(shared, name, ends);
    let sentence = tokio::select! {
        biased;
        ended = instance.ended() => ended.sentence,
        hung = until_hung(shared, instance) => {
            instance.stop(HUNG_PATIENCE).await;
            hung
        }
        never = never_ends => match never {},
    };
    End {
        sentence,
        well_for: well_for(since),
    }
}

fn became_ready(
    shared: &Shared,
    name: &InstanceName,
    address: Option<ondol_model::upstream::Address>,
) {
    shared.set(name, |kept| {
        kept.state = KeptState::Ready(address.filter(|_| name.process.is_web()));
        kept.trouble = None;
    });
}

/// Says that a process is well again which had ended so often in a row.
async fn tell_recovery(shared: &Shared, name: &InstanceName, ends: u32) -> Infallible {
    if ends > 1 {
        tokio::time::sleep(RECOVERED).await;
    }
    if ends > 0 {
        let app = &shared.settings.app().name;
        let message = format!("{name} of {app} is well again");
        shared.tell(EventKind::AppRecovered, message);
    }
    std::future::pending().await
}

/// Asks for its health until it fails too often in a row; forever where there is nothing to ask.
async fn until_hung(shared: &Shared, instance: &Instance) -> String {
    let health = &shared.settings.app().health;
    let is_asked = health.path.is_some() && instance.name().process.is_web();
    if !is_asked {
        return std::future::pending().await;
    }
    let mut unwell = 0;
    loop {
        tokio::time::sleep(health.interval).await;
        match instance.well().await {
            Ok(()) => unwell = 0,
            Err(error) => {
                unwell += 1;
                if unwell >= UNWELL_MAX {
                    return format!(
                        "it did not answer its health check {unwell} times in a row: {error}"
                    );
                }
            }
        }
    }
}

/// Notes an end that nobody wanted; returns how long to wait.
fn ended(shared: &Shared, name: &InstanceName, keeper: &mut Keeper, end: End) -> Duration {
    let End { sentence, well_for } = end;
    let app = &shared.settings.app().name;
    let had_failed = keeper.has_failed();
    let (wait, state) = match keeper.ended(well_for) {
        AfterEnd::Again(wait) => (wait, KeptState::Waiting),
        AfterEnd::Failed(wait) => (wait, KeptState::Failed),
    };
    let seconds = wait.as_secs();
    let is_on_trial = shared.is_on_trial.load(Ordering::Relaxed);
    let next = match is_on_trial {
        true => String::new(),
        false => format!("; it is started again in {seconds} s"),
    };
    let note = format!("{}{next}", formation::of(name, &sentence));
    shared.surroundings.log.note(&note);
    if is_on_trial {
        // Who tries it tells why it was not good enough.
    } else if state == KeptState::Failed && !had_failed {
        let lines =
            shared
                .surroundings
                .log
                .tail_of(shared.launch, Some(&name.to_string()), LINES_TOLD);
        let message = format!(
            "{name} of {app} failed {} times in a row: {sentence}. It is tried again every {} minutes; its site says that \
             it is down, and other sites are not touched. See `ondol logs {app}`; after a repair, `ondol start {app}` or \
             `ondol deploy {app}`. Its last lines:\n{}",
            keeper.ends(),
            seconds / 60,
            lines.join("\n")
        );
        shared.tell(EventKind::AppFailed, message);
    } else if keeper.ends() == 1 {
        let process = format!("{name} of {app}");
        let message = format!("{}{next}", formation::of(process, &sentence));
        shared.tell(EventKind::AppRestarted, message);
    }
    shared.set(name, |kept| {
        kept.state = state;
        kept.since = clock::unix_seconds();
        kept.trouble = Some(sentence);
    });
    wait
}

async fn end_it(shared: &Shared, name: &InstanceName, instance: &Instance, patience: Duration) {
    match instance.stop(patience).await {
        Stopped::Ended => {}
        Stopped::Killed => {
            let seconds = patience.as_secs();
            let sentence =
                format!("{name} did not end within {seconds} s of SIGTERM, and was killed");
            shared.surroundings.log.note(&sentence);
        }
    }
}

fn well_for(since: Instant) -> Duration {
    clock::now().duration_since(since)
}

fn said(error: &(dyn std::error::Error + 'static)) -> String {
    ondol_base::chain::Chain(error).to_string()
}
