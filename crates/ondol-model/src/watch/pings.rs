//! Others' jobs that report here: what a report means, and when its absence is the alarm.
//!
//! The protocol is that of Healthchecks. All times are seconds since the Unix epoch.

use std::time::Duration;

use super::Finding;
use super::State;
use super::What;

/// What a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingKind {
    /// It is well.
    Success,
    /// It begins.
    Start,
    /// It failed.
    Fail,
    /// A remark.
    Log,
    /// It ended with this exit code; 0 is well.
    Exit(u8),
}

impl PingKind {
    /// The kind of what follows the token in the path, without its slash; empty is success. `None` when it is no report.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "" => Self::Success,
            "start" => Self::Start,
            "fail" => Self::Fail,
            "log" => Self::Log,
            code if code.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::Exit(code.parse().ok()?)
            }
            _ => return None,
        })
    }

    /// What follows the token in the path; empty for success.
    pub fn word(self) -> String {
        match self {
            Self::Success => String::new(),
            Self::Start => "start".to_owned(),
            Self::Fail => "fail".to_owned(),
            Self::Log => "log".to_owned(),
            Self::Exit(code) => code.to_string(),
        }
    }
}

/// When a job must have reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// How often it reports.
    pub period: Duration,
    /// How much later it may be, and how long it may run after it said that it begins.
    pub grace: Duration,
}

/// What is known of a job's reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reports {
    /// Since when they are awaited.
    pub awaited_since: i64,
    /// When it last reported that it is well.
    pub well_at: Option<i64>,
    /// When it began, as long as it has not said how it ended.
    pub began_at: Option<i64>,
    /// When it reported that it failed, as long as it has not been well since.
    pub failed_at: Option<i64>,
    /// From when on it is awaited anew, because this box was away when the last report was due.
    pub excused_at: Option<i64>,
    /// What came with its last report.
    pub said: String,
}

impl Reports {
    /// Nothing has come yet.
    pub fn awaited(since: i64) -> Self {
        Self {
            awaited_since: since,
            well_at: None,
            began_at: None,
            failed_at: None,
            excused_at: None,
            said: String::new(),
        }
    }

    /// Takes up a report.
    pub fn heard(&mut self, kind: PingKind, said: &str, now: i64) {
        match kind {
            PingKind::Success | PingKind::Exit(0) => {
                self.well_at = Some(now);
                (self.began_at, self.failed_at, self.excused_at) = (None, None, None);
            }
            PingKind::Start => self.began_at = Some(now),
            PingKind::Fail | PingKind::Exit(_) => {
                (self.began_at, self.failed_at) = (None, Some(now));
            }
            PingKind::Log => {}
        }
        said.clone_into(&mut self.said);
        if let (PingKind::Exit(code @ 1..), "") = (kind, said.trim()) {
            self.said = format!("exit code {code}");
        }
    }

    /// Nobody could report from one moment to another. A report that was due in that time may have been lost: it is
    /// awaited for a whole period again. One that was late before is none of them.
    pub fn nobody_heard(&mut self, from: i64, to: i64, rhythm: Rhythm) {
        let due = self.last().saturating_add(seconds(rhythm.period));
        let grace = seconds(rhythm.grace);
        let is_lost = to >= due.saturating_sub(grace) && from <= due.saturating_add(grace);
        if is_lost {
            self.excused_at = Some(to);
        }
        self.began_at = None; // Its end may have been reported to nobody.
    }

    /// The clock was set: by so many seconds into the future.
    pub fn shift(&mut self, by: i64) {
        let Self {
            awaited_since,
            well_at,
            began_at,
            failed_at,
            excused_at,
            said: _,
        } = self;
        *awaited_since = awaited_since.saturating_add(by);
        for at in [well_at, began_at, failed_at, excused_at]
            .into_iter()
            .flatten()
        {
            *at = at.saturating_add(by);
        }
    }

    /// The moment after which its silence is the alarm.
    pub fn due_at(&self, rhythm: Rhythm) -> i64 {
        let from = self.excused_at.unwrap_or(0).max(self.last());
        let grace = seconds(rhythm.grace);
        let due = from
            .saturating_add(seconds(rhythm.period))
            .saturating_add(grace);
        let ends = self.began_at.map(|at| at.saturating_add(grace));
        ends.map_or(due, |ends| due.min(ends))
    }

    /// How it is, and what was found.
    pub fn judge(&self, rhythm: Rhythm, now: i64) -> (State, Option<Finding>) {
        if self.failed_at.is_some() {
            let finding = Finding::saying(What::ReportedFailure, self.said.clone());
            return (State::Fail, Some(finding));
        }
        if now > self.due_at(rhythm) {
            return (State::Fail, Some(Finding::of(What::Silent(self.well_at))));
        }
        match self.well_at {
            Some(_) => (State::Pass, None),
            None => (State::Unknown, None),
        }
    }

    fn last(&self) -> i64 {
        self.well_at.unwrap_or(self.awaited_since)
    }
}

fn seconds(of: Duration) -> i64 {
    i64::try_from(of.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const BEGIN: i64 = 1_800_000_000;

    const DAILY: Rhythm = Rhythm {
        period: Duration::from_secs(86_400),
        grace: Duration::from_secs(3_600),
    };

    fn state(reports: &Reports, after: i64) -> State {
        reports.judge(DAILY, BEGIN + after).0
    }

    fn well_at_begin() -> Reports {
        let mut reports = Reports::awaited(BEGIN - DAY);
        reports.heard(PingKind::Success, "", BEGIN);
        reports
    }

    #[test]
    fn each_word_of_the_protocol_is_a_report_and_nothing_else_is() {
        for (word, kind) in [
            ("", PingKind::Success),
            ("start", PingKind::Start),
            ("fail", PingKind::Fail),
            ("log", PingKind::Log),
            ("0", PingKind::Exit(0)),
            ("255", PingKind::Exit(255)),
        ] {
            assert_eq!(PingKind::parse(word), Some(kind), "{word}");
            assert_eq!(kind.word(), word);
        }
        for word in ["256", "-1", "+1", "Start", "start/", "99999999999", "x"] {
            assert_eq!(PingKind::parse(word), None, "{word}");
        }
    }

    #[test]
    fn silence_is_the_alarm_after_period_and_grace() {
        let reports = well_at_begin();
        assert_eq!(state(&reports, DAY + HOUR), State::Pass);
        assert_eq!(state(&reports, DAY + HOUR + 1), State::Fail);
        let found = reports.judge(DAILY, BEGIN + 2 * DAY).1.unwrap();
        assert_eq!(found.what, What::Silent(Some(BEGIN)));
    }

    #[test]
    fn one_that_never_came_is_unknown_until_it_was_due() {
        let mut reports = Reports::awaited(BEGIN);
        assert_eq!(state(&reports, DAY + HOUR), State::Unknown);
        let (state_then, found) = reports.judge(DAILY, BEGIN + DAY + HOUR + 1);
        assert_eq!(state_then, State::Fail);
        assert_eq!(found.unwrap().what, What::Silent(None));
        reports.heard(PingKind::Log, "still here", BEGIN + 2 * DAY);
        assert_eq!(
            state(&reports, 2 * DAY),
            State::Fail,
            "a remark is no success"
        );
        reports.heard(PingKind::Success, "", BEGIN + 2 * DAY);
        assert_eq!(state(&reports, 2 * DAY), State::Pass);
    }

    #[test]
    fn a_failure_lasts_until_the_next_success() {
        let mut reports = well_at_begin();
        reports.heard(PingKind::Exit(3), "", BEGIN + HOUR);
        let (_, found) = reports.judge(DAILY, BEGIN + HOUR);
        assert_eq!(
            found.unwrap(),
            Finding::saying(What::ReportedFailure, "exit code 3")
        );
        reports.heard(PingKind::Start, "", BEGIN + 2 * HOUR);
        assert_eq!(
            state(&reports, 2 * HOUR),
            State::Fail,
            "it has not ended well yet"
        );
        reports.heard(PingKind::Exit(0), "", BEGIN + 2 * HOUR);
        assert_eq!(state(&reports, 2 * HOUR), State::Pass);
        reports.heard(PingKind::Fail, "disk full", BEGIN + 3 * HOUR);
        let (_, found) = reports.judge(DAILY, BEGIN + 3 * HOUR);
        assert_eq!(found.unwrap().detail, "disk full");
    }

    #[test]
    fn what_began_must_end_within_the_grace() {
        let mut reports = well_at_begin();
        reports.heard(PingKind::Start, "", BEGIN + 2 * HOUR);
        assert_eq!(state(&reports, 3 * HOUR), State::Pass);
        assert_eq!(state(&reports, 3 * HOUR + 1), State::Fail);
        reports.heard(PingKind::Success, "", BEGIN + 3 * HOUR + 2);
        assert_eq!(state(&reports, 4 * HOUR), State::Pass);
        // A start does not make it due later.
        let due = reports.due_at(DAILY);
        reports.heard(PingKind::Start, "", BEGIN + 28 * HOUR);
        assert_eq!(reports.due_at(DAILY), due);
    }

    #[test]
    fn a_report_that_was_due_while_nobody_heard_is_awaited_once_more() {
        let (from, to) = (BEGIN + DAY - MINUTE, BEGIN + DAY + 8 * HOUR);
        let mut reports = well_at_begin();
        reports.nobody_heard(from, to, DAILY);
        assert_eq!(state(&reports, DAY + 8 * HOUR), State::Pass);
        assert_eq!(state(&reports, 2 * DAY + 9 * HOUR), State::Pass);
        assert_eq!(state(&reports, 2 * DAY + 9 * HOUR + 1), State::Fail);
        reports.heard(PingKind::Success, "", BEGIN + 2 * DAY);
        assert_eq!(reports.excused_at, None);
    }

    #[test]
    fn an_absence_at_another_time_excuses_nothing() {
        // Ten seconds in the middle of the day.
        let mut reports = well_at_begin();
        reports.nobody_heard(BEGIN + 12 * HOUR, BEGIN + 12 * HOUR + 10, DAILY);
        assert_eq!(state(&reports, DAY + HOUR + 1), State::Fail);
        // It was late before, so restarts, however many, don't make it well.
        for restart in 0..50 {
            let at = BEGIN + DAY + HOUR + 1 + restart * HOUR;
            reports.nobody_heard(at, at + MINUTE, DAILY);
            assert_eq!(
                state(&reports, DAY + 2 * HOUR + restart * HOUR),
                State::Fail
            );
        }
    }

    #[test]
    fn a_clock_that_was_set_changes_nothing() {
        for by in [-400 * DAY, -HOUR, 7 * HOUR, 400 * DAY] {
            let mut reports = well_at_begin();
            reports.heard(PingKind::Start, "", BEGIN + HOUR);
            let before = reports.judge(DAILY, BEGIN + HOUR + MINUTE).0;
            reports.shift(by);
            assert_eq!(reports.judge(DAILY, BEGIN + HOUR + MINUTE + by).0, before);
            assert_eq!(reports.due_at(DAILY), BEGIN + 2 * HOUR + by);
        }
    }

    #[test]
    fn times_at_the_ends_of_all_time_overflow_nothing() {
        let endless = Rhythm {
            period: Duration::MAX,
            grace: Duration::MAX,
        };
        let mut reports = Reports::awaited(i64::MAX);
        reports.heard(PingKind::Start, "", i64::MAX);
        reports.nobody_heard(i64::MIN, i64::MAX, endless);
        reports.shift(i64::MAX);
        assert_eq!(reports.judge(endless, i64::MAX).0, State::Unknown);
    }
}
