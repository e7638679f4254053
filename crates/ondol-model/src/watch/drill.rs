//! When people are asked whether messages arrive, and what it means that they don't answer.

use crate::plan::Often;

/// Drills are sent in daylight: from 10 to 20 o'clock.
const FROM_MINUTE: u16 = 10 * 60;
const TO_MINUTE: u16 = 20 * 60;
/// So long an answer may take.
const ANSWER_WITHIN: i64 = 48 * 60 * 60;

/// What is known of the drills of a person. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drilled {
    /// Since when the person is told of anything.
    pub known_since: i64,
    /// When a drill was sent last.
    pub sent_at: Option<i64>,
    /// When the person last answered anything.
    pub answered_at: Option<i64>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillDeed {
    /// Nothing.
    Nothing,
    /// Send a message that wants an answer.
    Send,
    /// Nobody answered the last one: messages may not arrive.
    Unanswered,
}

/// What to do about the drills of a person, at a minute of the day.
pub fn drill(now: i64, minute: u16, often: Often, drilled: &Drilled) -> DrillDeed {
    let Drilled {
        known_since,
        sent_at,
        answered_at,
    } = *drilled;
    let Some(interval) = often.interval() else {
        return DrillDeed::Nothing;
    };
    let interval = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX);
    let is_daylight = (FROM_MINUTE..TO_MINUTE).contains(&minute);
    // An answer to anything shows as much as one to a drill.
    let last = sent_at.max(answered_at).unwrap_or(known_since);
    if is_daylight && now.saturating_sub(last) >= interval {
        return DrillDeed::Send;
    }
    let is_unanswered = sent_at.is_some_and(|sent| answered_at.is_none_or(|at| at < sent));
    match sent_at {
        Some(sent) if is_unanswered && now - sent > ANSWER_WITHIN => DrillDeed::Unanswered,
        _ => DrillDeed::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drills_come_monthly_by_day_and_want_an_answer() {
        const DAY: i64 = 24 * 60 * 60;
        let (noon, night) = (720, 120);
        let drilled = |sent_at, answered_at| Drilled {
            known_since: 0,
            sent_at,
            answered_at,
        };
        use DrillDeed::{Nothing, Send, Unanswered};
        for (now, minute, drilled, deed) in [
            (29 * DAY, noon, drilled(None, None), Nothing),
            (30 * DAY, noon, drilled(None, None), Send),
            (30 * DAY, night, drilled(None, None), Nothing),
            (31 * DAY, noon, drilled(Some(30 * DAY), None), Nothing),
            (33 * DAY, noon, drilled(Some(30 * DAY), None), Unanswered),
            (
                33 * DAY,
                noon,
                drilled(Some(30 * DAY), Some(31 * DAY)),
                Nothing,
            ),
            (60 * DAY, noon, drilled(Some(30 * DAY), None), Send),
            (45 * DAY, noon, drilled(None, Some(20 * DAY)), Nothing),
        ] {
            let did = drill(now, minute, Often::Monthly, &drilled);
            assert_eq!(did, deed, "{now} {minute} {drilled:?}");
        }
        let never = drill(90 * DAY, noon, Often::Never, &drilled(None, None));
        assert_eq!(never, Nothing);
    }
}
