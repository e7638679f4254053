//! When it is quiet, as times that one can check: time zones are easily mistaken.

use ondol_base::clock;
use ondol_base::clock::Zone;
use ondol_model::plan::Quiet;

use crate::examine::Findings;
use crate::examine::Subject;

/// Enough to see a night, and that the next ones are alike.
const SHOWN: usize = 3;
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
/// A day may have 25 hours, and none of the minutes that are meant.
const LOOKED_AT: i64 = 2 * SHOWN as i64 * DAY;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let Some(quiet) = subject.plan.care.alarms.quiet else {
        return;
    };
    let zone = subject.plan.timezone.as_deref();
    let of = Zone::of(zone);
    let minute = |at: i64| {
        let (offset, _) = of.offset(at);
        u16::try_from((at + offset).rem_euclid(DAY) / MINUTE).unwrap_or_default()
    };
    let shown = next(quiet, subject.now, minute)
        .into_iter()
        .map(|(from, to)| {
            let from = clock::minute_in(zone, from);
            let to = clock::minute_in(zone, to);
            format!("{from} to {to}")
        });
    let shown: Vec<_> = shown.collect();
    let zone = zone.unwrap_or("the machine's time zone");
    findings.notes.push(format!(
        "What is not critical waits ({zone}): {}.",
        shown.join(", ")
    ));
}

/// The next times that are quiet, with the one that is now; `minute` tells the minute of the day at a moment.
fn next(quiet: Quiet, now: i64, minute: impl Fn(i64) -> u16) -> Vec<(i64, i64)> {
    let start = now - now.rem_euclid(MINUTE);
    let is_quiet = |at: i64| quiet.covers(minute(at));
    let mut found = Vec::new();
    let mut since = is_quiet(start).then(|| {
        let before = (0..DAY / MINUTE).map(|back| start - back * MINUTE);
        before
            .take_while(|at| is_quiet(*at))
            .last()
            .unwrap_or(start)
    });
    let mut at = start;
    while found.len() < SHOWN && at < start + LOOKED_AT {
        match (since, is_quiet(at)) {
            (None, true) => since = Some(at),
            (Some(from), false) => {
                found.push((from, at));
                since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
        at += MINUTE;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * MINUTE;

    fn of_day(at: i64) -> u16 {
        u16::try_from(at.rem_euclid(DAY) / MINUTE).unwrap()
    }

    #[test]
    fn three_nights_are_shown_with_the_one_that_is_now() {
        let night = Quiet {
            from: 1_410,
            to: 420,
        };
        let begin = 23 * HOUR + 30 * MINUTE;
        let nights = |first: i64| {
            let days = first..first + 3;
            Vec::from_iter(days.map(|day| {
                let from = day * DAY + begin;
                (from, from + 7 * HOUR + 30 * MINUTE)
            }))
        };
        assert_eq!(next(night, 12 * HOUR + 7, of_day), nights(0));
        assert_eq!(next(night, begin, of_day), nights(0));
        assert_eq!(next(night, 2 * HOUR, of_day), nights(-1));
        assert_eq!(next(night, 7 * HOUR, of_day), nights(0));
    }

    #[test]
    fn a_clock_that_is_put_forward_leaves_out_what_it_leaves_out() {
        let quiet = Quiet { from: 150, to: 170 };
        // At two o'clock of the first day it is three.
        let minute = |at: i64| match at < 2 * HOUR {
            true => of_day(at),
            false => of_day(at + HOUR),
        };
        let found = next(quiet, 0, minute);
        let from = DAY + 90 * MINUTE;
        assert_eq!(found.first(), Some(&(from, from + 20 * MINUTE)));
    }
}
