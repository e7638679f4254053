//! What is held back, and until when: quiet hours, the budget of a day, a storm of messages.

use std::collections::BTreeMap;

use super::NoticeKind;
use super::Severity;
use crate::plan::PersonName;
use crate::plan::Quiet;

/// A storm is more messages to one person than this within [`STORM_SPAN`]; then they go out together.
const STORM_FROM: usize = 3;
const STORM_SPAN: i64 = 5 * MINUTE;
/// When what is over the budget is told, where there are no quiet hours: at 8 in the morning.
const DIGEST_MINUTE: u16 = 8 * 60;
const MINUTE: i64 = 60;
const DAY_MINUTES: u16 = 24 * 60;

/// What decides how long a message is held back.
#[derive(Debug, Clone)]
pub struct Hold<'a> {
    /// The minute of the day now, where the box is.
    pub minute: u16,
    /// When what is not critical is held.
    pub quiet: Option<Quiet>,
    /// Messages a day that are not critical.
    pub budget: u32,
    /// How many of them each person was sent today.
    pub spent: &'a BTreeMap<PersonName, u32>,
    /// What each person was sent last, the newest last.
    pub recent: &'a BTreeMap<PersonName, Vec<Sent>>,
}

/// That somebody was sent a message, or will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When: the moment until which it was held.
    pub at: i64,
    /// How much it matters.
    pub severity: Severity,
}

impl Hold<'_> {
    /// The moment before which a message must not go out; `now` when nothing holds it.
    pub fn until(
        &self,
        now: i64,
        person: &PersonName,
        severity: Severity,
        kind: NoticeKind,
    ) -> i64 {
        let storm = self.storm(now, person, severity);
        if severity == Severity::Critical || matches!(kind, NoticeKind::Test | NoticeKind::Drill) {
            return storm;
        }
        let quiet = self.quiet.and_then(|quiet| left(self.minute, quiet));
        let quiet = quiet.map_or(now, |minutes| now + i64::from(minutes) * MINUTE);
        let spent = self.spent.get(person).copied().unwrap_or(0);
        // That something is well again is told to those who know of it.
        let is_over = spent >= self.budget && kind != NoticeKind::Recovery;
        let digest = if is_over { now + self.to_digest() } else { now };
        storm.max(quiet).max(digest)
    }

    /// What comes during a storm goes out together with what is held already, and none of it waits longer than
    /// [`STORM_SPAN`]. What matters less holds nothing back: neither its number, nor that it waits for the morning.
    fn storm(&self, now: i64, person: &PersonName, severity: Severity) -> i64 {
        let recent = self.recent.get(person).map_or(&[][..], Vec::as_slice);
        let as_bad = recent.iter().filter(|sent| sent.severity >= severity);
        let near = as_bad.map(|sent| sent.at);
        let near: Vec<i64> = near.filter(|at| (now - at).abs() < STORM_SPAN).collect();
        if near.len() < STORM_FROM {
            return now;
        }
        if let Some(next) = near.iter().filter(|at| **at > now).min() {
            return *next;
        }
        near.iter().max().map_or(now, |last| last + STORM_SPAN)
    }

    /// Seconds until what is over the budget is told.
    fn to_digest(&self) -> i64 {
        let at = self.quiet.map_or(DIGEST_MINUTE, |quiet| quiet.to);
        i64::from(until_minute(self.minute, at)) * MINUTE
    }
}

/// Minutes until quiet hours are over; `None` outside of them.
fn left(minute: u16, quiet: Quiet) -> Option<u16> {
    let Quiet { from, to } = quiet;
    let is_quiet = match from < to {
        true => (from..to).contains(&minute),
        false => minute >= from || minute < to,
    };
    is_quiet.then(|| until_minute(minute, to))
}

/// Minutes until the next time that a clock shows a minute of the day; never 0.
fn until_minute(now: u16, at: u16) -> u16 {
    match (at + DAY_MINUTES - now) % DAY_MINUTES {
        0 => DAY_MINUTES,
        minutes => minutes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold<'a>(
        minute: u16,
        spent: &'a BTreeMap<PersonName, u32>,
        recent: &'a BTreeMap<PersonName, Vec<Sent>>,
    ) -> Hold<'a> {
        Hold {
            minute,
            quiet: Some(Quiet {
                from: 23 * 60 + 30,
                to: 7 * 60,
            }),
            budget: 2,
            spent,
            recent,
        }
    }

    #[test]
    fn quiet_hours_and_budgets_hold_what_is_not_critical() {
        let me = PersonName("me".to_owned());
        let (free, used) = (BTreeMap::new(), BTreeMap::from([(me.clone(), 2)]));
        let recent = BTreeMap::new();
        let (noon, night) = (12 * 60, 2 * 60);
        for (minute, spent, severity, kind, waits) in [
            (noon, &free, Severity::Warning, NoticeKind::Problem, 0),
            (night, &free, Severity::Warning, NoticeKind::Problem, 5 * 60),
            (night, &free, Severity::Critical, NoticeKind::Problem, 0),
            (
                night,
                &free,
                Severity::Warning,
                NoticeKind::Recovery,
                5 * 60,
            ),
            (
                23 * 60 + 30,
                &free,
                Severity::Warning,
                NoticeKind::Problem,
                450,
            ),
            (7 * 60, &free, Severity::Warning, NoticeKind::Problem, 0),
            (noon, &used, Severity::Warning, NoticeKind::Problem, 19 * 60),
            (noon, &used, Severity::Warning, NoticeKind::Recovery, 0),
            (noon, &used, Severity::Critical, NoticeKind::Problem, 0),
            (night, &used, Severity::Info, NoticeKind::Test, 0),
        ] {
            let until = hold(minute, spent, &recent).until(1_000, &me, severity, kind);
            assert_eq!(
                until,
                1_000 + waits * MINUTE,
                "{minute} {severity:?} {kind:?}"
            );
        }
    }

    const MORNING: i64 = 20_000;

    /// Until when a message is held at 1,000 after these.
    fn held(severity: Severity, recent: &[(i64, Severity)]) -> i64 {
        let me = PersonName("me".to_owned());
        let recent = recent.iter();
        let recent = recent.map(|&(at, severity)| Sent { at, severity });
        let recent = BTreeMap::from([(me.clone(), recent.collect())]);
        hold(720, &BTreeMap::new(), &recent).until(1_000, &me, severity, NoticeKind::Problem)
    }

    #[test]
    fn the_fourth_message_of_five_minutes_waits_for_others() {
        let until = |recent: &[i64]| {
            let recent: Vec<_> = recent.iter().map(|at| (*at, Severity::Critical)).collect();
            held(Severity::Critical, &recent)
        };
        assert_eq!(until(&[900, 950]), 1_000);
        assert_eq!(until(&[900, 950, 990]), 1_290);
        assert_eq!(until(&[100, 950, 990]), 1_000);
        // Those that follow it wait for the same moment, however many they are.
        assert_eq!(until(&[900, 950, 990, 1_290]), 1_290);
        assert_eq!(until(&[900, 990, 1_290, 1_290, 1_290, 1_290]), 1_290);
    }

    #[test]
    fn what_matters_less_holds_nothing_back() {
        use Severity::Critical;
        use Severity::Warning;
        // Three warnings wait for the end of the night when a site goes down.
        let night = [(MORNING, Warning), (MORNING, Warning), (MORNING, Warning)];
        assert_eq!(held(Critical, &night), 1_000);
        assert_eq!(held(Warning, &night), 1_000);
        let sent = [(980, Warning), (985, Warning), (990, Warning)];
        assert_eq!(held(Critical, &sent), 1_000);
        assert_eq!(held(Warning, &sent), 1_290);
        let mixed = [(980, Critical), (985, Critical), (990, Critical)];
        assert_eq!(held(Warning, &mixed), 1_290);
    }
}
