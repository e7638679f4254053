//! What is kept of how things were: seconds in each state by day, and how long answers took.

use std::collections::BTreeMap;

use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_store::HistorySlice;

use super::book::Book;

/// How often it is written down; a power cut loses as much of it.
const FLUSH: i64 = 5 * 60;
/// Time that passed between two ticks beyond this was slept through.
const STEP_MAX: i64 = 60;

/// What was not written down yet.
#[derive(Debug)]
pub(super) struct History {
    counted_at: i64,
    flushed_at: i64,
    of: BTreeMap<Subject, Counted>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    seconds: [u32; 4],
    answers: u32,
    sum_ms: u64,
    max_ms: u32,
}

impl History {
    pub(super) fn begin(now: i64) -> Self {
        Self {
            counted_at: now,
            flushed_at: now,
            of: BTreeMap::new(),
        }
    }

    /// Something answered after so many milliseconds.
    pub(super) fn answered(&mut self, subject: &Subject, took_ms: u32) {
        let counted = self.of.entry(subject.clone()).or_default();
        counted.answers = counted.answers.saturating_add(1);
        counted.sum_ms += u64::from(took_ms);
        counted.max_ms = counted.max_ms.max(took_ms);
    }

    /// The clock was set.
    pub(super) fn shift(&mut self, seconds: i64) {
        self.counted_at += seconds;
        self.flushed_at += seconds;
    }
}

impl Book {
    /// Counts the time that passed, and has it written down now and then.
    pub(super) fn keep_history(&mut self, now: i64) {
        let passed = (now - self.history.counted_at).clamp(0, STEP_MAX);
        self.history.counted_at = now;
        let passed = u32::try_from(passed).unwrap_or(0);
        for (subject, track) in self.watchman.tracks() {
            let counted = self.history.of.entry(subject.clone()).or_default();
            let place = match track.state() {
                State::Pass => 0,
                State::Warn => 1,
                State::Fail => 2,
                State::Unknown => 3,
            };
            counted.seconds[place] += passed;
        }
        if now - self.history.flushed_at >= FLUSH {
            self.flush_history(now);
        }
    }

    /// Has what was counted written down.
    pub(super) fn flush_history(&mut self, now: i64) {
        self.history.flushed_at = now;
        let day = self.day(now);
        let counted = std::mem::take(&mut self.history.of);
        let slices = counted.into_iter().map(|(subject, counted)| {
            let [pass_s, warn_s, fail_s, unknown_s] = counted.seconds;
            HistorySlice {
                subject: subject.to_string(),
                day,
                pass_s,
                warn_s,
                fail_s,
                unknown_s,
                answers: counted.answers,
                sum_ms: counted.sum_ms,
                max_ms: counted.max_ms,
            }
        });
        self.written.history.extend(slices);
        self.written.wants_uptimes = true;
    }
}
