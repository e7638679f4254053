//! Others' jobs that report here: takes their reports, remembers them over restarts, and tells the desk who is late and
//! who said that it failed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks::Stop;
use ondol_model::Plan;

use crate::desk::timeline::Timeline;
use crate::ground::Ground;
use crate::ground::Seen;
use crate::lent::Lent;
use crate::request::Ping;

mod register;

use register::Register;

/// How often jobs are judged though none reports and none is due: as late as that is a clock that was set noticed.
const TICK: Duration = Duration::from_secs(15);
/// A job that is due is looked at just after that.
const JUST_AFTER: Duration = Duration::from_secs(1);
/// How often it is written down that reports are heard, so that after a power cut it is known since when none was.
const HEARD: Duration = Duration::from_secs(10 * 60);
/// How long a box without a clock of its own waits for the right time before it judges by a wrong one.
const CLOCK_WAIT: Duration = Duration::from_secs(60);

/// Takes reports and judges by them, until told to stop.
pub(crate) async fn run(ground: Ground, reports: Lent<Ping>, stop: Stop) -> Result<(), Infallible> {
    let mut plan = ground.plan.clone();
    let mut register = Register::open(&ground.store).await;
    tokio::select! {
        () = stop.requested() => return Ok(()),
        () = right_time(&register) => {}
    }
    let mut timeline = Timeline::begin();
    let wanted = Arc::clone(&plan.borrow_and_update());
    register.begin(&wanted, timeline.now());
    let mut written_at = None;
    let mut is_news = false;
    loop {
        let wanted = Arc::clone(&plan.borrow_and_update());
        let now = timeline.now();
        is_news |= register.want(&wanted, now);
        tell(&ground, &register, &wanted, now).await;
        let is_old = written_at.is_none_or(|at| clock::now().duration_since(at) >= HEARD);
        if is_news || is_old && !register.is_empty() {
            register.write(&ground.store, now).await;
            written_at = Some(clock::now());
            is_news = false;
        }
        let left = register.due_in(&wanted, now);
        let wait = left.map_or(TICK, |left| TICK.min(left + JUST_AFTER));
        tokio::select! {
            () = stop.requested() => break,
            Some(report) = reports.recv() => {
                is_news |= register.hear(report, timeline.now());
                while let Some(report) = reports.try_recv() {
                    is_news |= register.hear(report, timeline.now());
                }
            }
            Ok(()) = plan.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
        if let Some(jump) = timeline.jump() {
            register.shift(jump);
            is_news = true;
        }
    }
    if !register.is_empty() {
        register.write(&ground.store, timeline.now()).await;
    }
    Ok(())
}

/// Waits, but not for ever, until it is later than when reports were last heard.
async fn right_time(register: &Register) {
    let right = async {
        while register
            .heard_until()
            .is_some_and(|until| until > clock::unix_seconds())
        {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let _ = tokio::time::timeout(CLOCK_WAIT, right).await; // Then the past moves with the clock.
}

async fn tell(ground: &Ground, register: &Register, plan: &Plan, now: i64) {
    let (observations, statuses) = register.judge(plan, now);
    // The desk may be gone, as everything else soon is.
    if !observations.is_empty() {
        let _ = ground.seen.send(Seen::Observations(observations)).await;
    }
    let _ = ground.seen.send(Seen::Heartbeats(statuses)).await;
}

#[cfg(test)]
mod tests;
