//! Which backups are kept: the newest of each hour, day, week, month and year, so many of each.

use std::collections::BTreeSet;

use crate::plan::Keep;

use super::JobKind;

/// A backup that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptRun {
    /// When it was taken, in seconds since the Unix epoch.
    pub at: i64,
    /// What it is of: everything, or the databases alone. Each is counted apart.
    pub kind: JobKind,
    /// Whether all of it could be read.
    pub is_good: bool,
    /// Whether it is the newest that was shown to be restorable.
    pub is_proven: bool,
}

/// Whether a backup is kept, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept for this reason, the first that holds.
    For(&'static str),
    /// It is removed.
    Not,
}

/// Which backups are kept, in the order in which they are given. `offset` says by how many seconds the clocks of the
/// owner are ahead of UTC at a moment.
///
/// In each hour, day and so on the newest good one counts, and one that is not good only where none is. The newest good
/// one and the newest that was proven are always kept.
pub fn kept(runs: &[KeptRun], rules: Keep, offset: impl Fn(i64) -> i64) -> Vec<Kept> {
    let mut all = vec![Kept::Not; runs.len()];
    for kind in [JobKind::Full, JobKind::Databases] {
        let mut of_kind: Vec<usize> = (0..runs.len())
            .filter(|place| runs[*place].kind == kind)
            .collect();
        of_kind.sort_by_key(|place| std::cmp::Reverse(runs[*place].at));
        let mut keep = |place: usize, why| {
            if all[place] == Kept::Not {
                all[place] = Kept::For(why);
            }
        };
        let newest_good = of_kind.iter().find(|place| runs[**place].is_good);
        let newest_good = newest_good.or(of_kind.first());
        if let Some(place) = newest_good {
            keep(*place, "the newest");
        }
        for place in of_kind.iter().filter(|place| runs[**place].is_proven) {
            keep(*place, "proven");
        }
        for place in of_kind.iter().take(count(rules.last)) {
            keep(*place, "one of the last");
        }
        for (wanted, why, period) in periods(rules) {
            for place in newest_of_each(runs, &of_kind, wanted, |at| period(at + offset(at))) {
                keep(place, why);
            }
        }
    }
    all
}

type Period = fn(i64) -> i64;

fn periods(rules: Keep) -> [(u32, &'static str, Period); 5] {
    [
        (rules.hourly, "hourly", |at| at.div_euclid(3_600)),
        (rules.daily, "daily", day),
        // Day 0 was a Thursday; weeks begin on Monday.
        (rules.weekly, "weekly", |at| (day(at) + 3).div_euclid(7)),
        (rules.monthly, "monthly", |at| {
            let (year, month) = month(day(at));
            year * 12 + month
        }),
        (rules.yearly, "yearly", |at| month(day(at)).0),
    ]
}

/// The newest good run of each of the newest periods that have one, or the newest at all.
fn newest_of_each(
    runs: &[KeptRun],
    newest_first: &[usize],
    wanted: u32,
    period: impl Fn(i64) -> i64,
) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::new();
    for place in newest_first {
        let this = period(runs[*place].at);
        if chosen.len() >= count(wanted) {
            break;
        }
        if !seen.insert(this) {
            continue;
        }
        let of_period = newest_first
            .iter()
            .filter(|other| period(runs[**other].at) == this);
        let good = of_period.clone().find(|other| runs[**other].is_good);
        chosen.push(*good.unwrap_or(place));
    }
    chosen
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn day(shown: i64) -> i64 {
    shown.div_euclid(24 * 3_600)
}

/// Year and month (counted from 0) of a day since 1970, in the Gregorian calendar.
fn month(day: i64) -> (i64, i64) {
    // Years are counted from March here, so that the leap day is the last of its year.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = (from_march + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    (year, month)
}

#[cfg(test)]
mod tests;
