//! When a job is due at a target: at its times, or so long after the last; once after the box was off, again soon
//! after a failure, and never twice because a clock jumped.

use crate::app::cron::Schedule;
use crate::app::cron::Span;

use super::JobOutcome;

/// A last job so far in the future means that the clock was wrong when it began, or is now.
const AHEAD: i64 = 3_600;
/// Waits after failures in a row; the last is that of all further ones.
const AGAIN: [i64; 5] = [10 * 60, 30 * 60, 3_600, 2 * 3_600, 6 * 3_600];
/// So much later than due is no reason to wait first, for the box was only busy.
const PUNCTUAL: i64 = 90;

/// At which times a job is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Times {
    /// Never by itself.
    Never,
    /// At these, and the first time at once.
    At(Schedule),
    /// So many seconds after the last, and the first time at once.
    Every(i64),
}

/// The last job of a kind at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// When it began, in seconds since the Unix epoch.
    pub began_at: i64,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<i64>,
    /// How; `None` while it runs.
    pub outcome: Option<JobOutcome>,
    /// How many have failed in a row, this one included.
    pub failures: u32,
}

/// When a job is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It is: it should have begun at this moment.
    Now(i64),
    /// At this moment, as far as is known now.
    At(i64),
    /// Not by itself.
    Never,
}

/// When a job is due. `settled_at` is the moment after a boot before which nothing that was missed is made up for: the
/// box has more urgent things to do then. `span` says what the time zone does from a moment on.
pub fn due(
    times: &Times,
    last: Option<Last>,
    settled_at: i64,
    now: i64,
    span: impl Fn(i64) -> Span,
) -> Due {
    let Some(last) = last else {
        return match times {
            Times::Never => Due::Never,
            Times::At(_) | Times::Every(_) => not_before(settled_at, settled_at.min(now), now),
        };
    };
    let last = by_a_right_clock(last, settled_at.min(now), now);
    let began_at = last.began_at;
    let regular = match times {
        Times::Never => return Due::Never,
        Times::At(schedule) => schedule.next(began_at, span),
        Times::Every(seconds) => Some(began_at.saturating_add(*seconds)),
    };
    let first = match (regular, again(&last)) {
        (Some(regular), Some(again)) => regular.min(again),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => return Due::Never,
    };
    let is_missed = now - first > PUNCTUAL;
    not_before(if is_missed { settled_at } else { first }, first, now)
}

/// The last job, as if it had been when the box started when it was in the future: by a clock that can't be right nothing
/// is made up for. The next time does not count from now, by which it would never come.
fn by_a_right_clock(last: Last, started_at: i64, now: i64) -> Last {
    let right = |at: i64, instead: i64| if at > now + AHEAD { instead } else { at };
    let began_at = right(last.began_at, started_at);
    Last {
        began_at,
        ended_at: last.ended_at.map(|at| right(at, began_at)),
        ..last
    }
}

fn not_before(earliest: i64, wanted: i64, now: i64) -> Due {
    let at = earliest.max(wanted);
    if at <= now {
        Due::Now(wanted)
    } else {
        Due::At(at)
    }
}

/// When one that did not do its work is tried again.
fn again(last: &Last) -> Option<i64> {
    let ended_at = last.ended_at?;
    match last.outcome? {
        JobOutcome::Good | JobOutcome::Partial => None,
        JobOutcome::Skipped => Some(ended_at + AGAIN[AGAIN.len() - 1]),
        JobOutcome::Interrupted => Some(ended_at),
        JobOutcome::Failed => {
            let place = usize::try_from(last.failures.saturating_sub(1)).unwrap_or(usize::MAX);
            Some(ended_at + AGAIN[place.min(AGAIN.len() - 1)])
        }
    }
}

#[cfg(test)]
mod tests;
