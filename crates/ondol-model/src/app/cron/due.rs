//! What is to be done about a line at a moment: wait, run, make up for what was missed, or leave it out.

use super::Schedule;
use super::Span;
use crate::plan::CronMissed;

/// A run that begins so many seconds after it was due is late for no reason that matters: the box was busy.
pub const PUNCTUAL_SECONDS: i64 = 90;
/// Who looks for the last of many missed runs looks back so far at first, and then further.
const LOOKS: [i64; 5] = [3_600, 86_400, 8 * 86_400, 32 * 86_400, 367 * 86_400];

/// What is to be done about a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing, until this moment; `None` for never.
    Later(Option<i64>),
    /// It runs: it was due just now.
    Now(i64),
    /// It runs, for the last of the runs that were missed.
    MadeUp(i64),
    /// It was missed, and is left out; this is the last one.
    LeftOut(i64),
}

/// What is to be done about a line at a moment, when all that was due up to `done` is dealt with.
pub fn due(
    schedule: &Schedule,
    missed: CronMissed,
    done: i64,
    now: i64,
    span: impl Fn(i64) -> Span,
) -> Due {
    let next = schedule.next(done, &span);
    if next.is_none_or(|next| next > now) {
        return Due::Later(next);
    }
    let Some(last) = last_due(schedule, done, now, span) else {
        return Due::Later(None);
    };
    match missed {
        _ if now - last <= PUNCTUAL_SECONDS => Due::Now(last),
        CronMissed::Once => Due::MadeUp(last),
        CronMissed::Skip => Due::LeftOut(last),
    }
}

/// The last time that it was due after `done`, up to now.
fn last_due(schedule: &Schedule, done: i64, now: i64, span: impl Fn(i64) -> Span) -> Option<i64> {
    let starts = LOOKS.map(|look| done.max(now - look)).into_iter();
    let mut firsts = starts.chain([done]).filter_map(|start| {
        let first = schedule.next(start, &span)?;
        (first <= now).then_some(first)
    });
    let mut last = firsts.next()?;
    while let Some(next) = schedule.next(last, &span)
        && next <= now
    {
        last = next;
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600;

    fn utc(_from: i64) -> Span {
        Span {
            offset: 0,
            until: None,
        }
    }

    fn check(line: &str, missed: CronMissed, done: i64, now: i64, expected: Due) {
        let schedule = Schedule::parse(line).unwrap();
        assert_eq!(
            due(&schedule, missed, done, now, utc),
            expected,
            "{line} {now}"
        );
    }

    #[test]
    fn a_line_runs_when_it_is_due_and_once_for_what_was_missed() {
        let (once, skip) = (CronMissed::Once, CronMissed::Skip);
        let at = 4 * HOUR + 600;
        for missed in [once, skip] {
            check("04:10", missed, 0, at - 1, Due::Later(Some(at)));
            check("04:10", missed, 0, at, Due::Now(at));
            check("04:10", missed, 0, at + PUNCTUAL_SECONDS, Due::Now(at));
            check("04:10", missed, at, at, Due::Later(Some(at + 24 * HOUR)));
        }
        let late = at + PUNCTUAL_SECONDS + 1;
        check("04:10", once, 0, late, Due::MadeUp(at));
        check("04:10", skip, 0, late, Due::LeftOut(at));
        // Off for ten days and a bit.
        let last = at + 240 * HOUR;
        check("04:10", once, 0, last + HOUR, Due::MadeUp(last));
        check("04:10", skip, 0, last + HOUR, Due::LeftOut(last));
        // Many were missed, and the last is due now: it runs whatever is said of those that were missed.
        check("04:10", skip, 0, last + 5, Due::Now(last));
    }

    #[test]
    fn the_last_of_a_year_of_minutes_is_found_at_once() {
        let year = 365 * 24 * HOUR;
        check("* * * * *", CronMissed::Once, 0, year + 30, Due::Now(year));
        let schedule = Schedule::parse("*/7 * 1 jan *").unwrap();
        let last = due(&schedule, CronMissed::Once, 0, 40 * year, utc);
        assert!(
            matches!(last, Due::MadeUp(last) if last > 39 * year),
            "{last:?}"
        );
    }

    proptest! {
        #[test]
        fn nothing_is_due_twice(step in 1i64..60, done in 0i64..1_000_000, passed in 0i64..1_000_000) {
            let schedule = Schedule::parse(&format!("*/{step} * * * *")).unwrap();
            let now = done + passed;
            match due(&schedule, CronMissed::Once, done, now, utc) {
                Due::Later(next) => prop_assert!(next.unwrap() > now),
                Due::Now(last) | Due::MadeUp(last) => {
                    prop_assert!(last > done && last <= now);
                    let after = due(&schedule, CronMissed::Once, last, now, utc);
                    prop_assert!(matches!(after, Due::Later(_)), "{after:?}");
                }
                Due::LeftOut(_) => prop_assert!(false),
            }
        }
    }
}
