//! How much of what a process writes is kept: a decision from sizes and times.
//!
//! A process that writes without end must fill neither the disk nor the box's time. It never waits for its log: what
//! is too much is read, counted and left out.

use std::time::Duration;

use tokio::time::Instant;

/// What a process may write all the time: two thousand lines a second as they usually are.
pub(super) const BYTES_PER_SECOND: u64 = 256 * 1024;
/// What it may write at once, after it was silent: the traces of a whole start.
const BURST_BYTES: u64 = 4 * 1024 * 1024;
/// After too much, nothing is kept for so long; so that one sentence in it tells of many lines.
const SHUT: Duration = Duration::from_secs(1);

/// What one process may still write.
#[derive(Debug)]
pub(super) struct Flood {
    budget: u64,
    filled_at: Instant,
    shut_until: Option<Instant>,
    left_out: LeftOut,
}

/// What was left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

impl LeftOut {
    /// The sentence about it.
    pub(super) fn of(self, instance: &str) -> String {
        let Self { lines, bytes } = self;
        let limit = BYTES_PER_SECOND / 1024;
        format!(
            "{lines} lines of {instance} ({bytes} bytes) were left out here: more than {limit} KiB a second are not kept"
        )
    }
}

impl Flood {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            budget: BURST_BYTES,
            filled_at: now,
            shut_until: None,
            left_out: LeftOut::default(),
        }
    }

    /// Whether a line of this size is kept; if not, it is counted.
    pub(super) fn admits(&mut self, bytes: usize, now: Instant) -> bool {
        self.fill(now);
        let bytes = bytes as u64;
        if !self.is_shut(now) {
            self.shut_until = None;
            if let Some(rest) = self.budget.checked_sub(bytes) {
                self.budget = rest;
                return true;
            }
            self.shut_until = Some(now + SHUT);
        }
        self.leave_out(1, bytes);
        false
    }

    /// Whether nothing is kept at the moment.
    pub(super) fn is_shut(&self, now: Instant) -> bool {
        self.shut_until.is_some_and(|until| now < until)
    }

    /// Counts what was left out without asking.
    pub(super) fn leave_out(&mut self, lines: u64, bytes: u64) {
        self.left_out.lines += lines;
        self.left_out.bytes += bytes;
    }

    /// Whether something was left out that nobody was told of.
    pub(super) fn has_left_out(&self) -> bool {
        self.left_out != LeftOut::default()
    }

    /// What was left out since the last question.
    pub(super) fn take_left_out(&mut self) -> Option<LeftOut> {
        let left_out = std::mem::take(&mut self.left_out);
        (left_out != LeftOut::default()).then_some(left_out)
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at);
        let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let filled = passed_ms.saturating_mul(BYTES_PER_SECOND) / 1_000;
        // What is less than a byte is not lost: the moment stays.
        if filled > 0 {
            self.budget = self.budget.saturating_add(filled).min(BURST_BYTES);
            self.filled_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use ondol_base::clock;

    use super::*;

    /// How many of so many lines of 1 KiB, evenly in so many seconds, are kept.
    fn kept(lines: u32, seconds: u32) -> u32 {
        let start = clock::now();
        let mut flood = Flood::new(start);
        let mut kept = 0;
        for line in 0..lines {
            let now = start + Duration::from_secs(seconds.into()) * line / lines;
            kept += u32::from(flood.admits(1024, now));
        }
        let left_out = flood.take_left_out().unwrap_or_default();
        assert_eq!(left_out.lines, u64::from(lines - kept));
        assert_eq!(left_out.bytes, left_out.lines * 1024);
        kept
    }

    #[test]
    fn what_a_program_usually_writes_is_kept_whole() {
        assert_eq!(kept(4_096, 1), 4_096);
        assert_eq!(kept(250 * 600, 600), 250 * 600);
    }

    #[test]
    fn a_flood_is_kept_at_its_limit() {
        // The burst, and 256 lines a second; a little less for the seconds in which nothing is kept.
        let most = 4_096 + 256 * 60;
        let kept = kept(1_000_000, 60);
        assert!(kept <= most && kept > most * 3 / 4, "{kept} of {most}");
    }

    #[test]
    fn after_a_flood_all_is_kept_again() {
        let start = clock::now();
        let mut flood = Flood::new(start);
        while flood.admits(1024, start) {}
        assert!(flood.is_shut(start) && flood.has_left_out());
        assert!(!flood.admits(1, start + SHUT / 2));
        let later = start + SHUT;
        assert!(!flood.is_shut(later));
        assert!((0..256).all(|_| flood.admits(1024, later)));
        assert_eq!(
            flood.take_left_out(),
            Some(LeftOut {
                lines: 2,
                bytes: 1025
            })
        );
        assert!(!flood.has_left_out());
    }
}
