//! How far a job is, as a line that goes away: a bar, an amount, how fast, how long still. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use ondol_admin::api::BackupAmount;

use crate::output;
use crate::span;

/// Cells of the bar.
const WIDTH: usize = 20;
/// An eighth of a cell, a quarter, and so on.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
/// How fast it goes is told over so long.
const WINDOW: Duration = Duration::from_secs(20);
/// Before this nobody knows how fast it goes.
const WARMING_UP: Duration = Duration::from_secs(2);

/// What was seen of a step.
#[derive(Debug, Default)]
pub(super) struct Pace {
    step: String,
    seen: VecDeque<(Duration, BackupAmount)>,
}

impl Pace {
    /// Takes what is done of a step so long after the beginning of all.
    pub(super) fn take(&mut self, step: &str, done: BackupAmount, elapsed: Duration) {
        let went_back = self
            .seen
            .back()
            .is_some_and(|(_, before)| done.bytes < before.bytes);
        if self.step != step || went_back {
            step.clone_into(&mut self.step);
            self.seen.clear();
        }
        if self.seen.back().is_none_or(|(_, before)| *before != done) {
            self.seen.push_back((elapsed, done));
        }
        while self.seen.len() > 2
            && self
                .seen
                .get(1)
                .is_some_and(|(at, _)| elapsed.saturating_sub(*at) > WINDOW)
        {
            self.seen.pop_front();
        }
    }

    /// Bytes a second; `None` while that is not known.
    fn bytes_a_second(&self, elapsed: Duration) -> Option<f64> {
        let (since, first) = self.seen.front()?;
        let (_, last) = self.seen.back()?;
        let time = elapsed.saturating_sub(*since);
        let bytes = last.bytes.saturating_sub(first.bytes);
        (time >= WARMING_UP && bytes > 0).then(|| to_float(bytes) / time.as_secs_f64())
    }

    /// The line, without what stands before it.
    pub(super) fn line(
        &self,
        done: BackupAmount,
        total: Option<BackupAmount>,
        elapsed: Duration,
    ) -> String {
        let mut parts = Vec::new();
        if let Some(total) = total
            && let Some(share) = share(done, total)
        {
            parts.push(format!("{} {:3.0} %", bar(share), (share * 100.0).floor()));
        }
        if done.bytes > 0 || total.is_some_and(|total| total.bytes > 0) {
            parts.push(match total.filter(|total| total.bytes > 0) {
                Some(total) => format!(
                    "{} of {}",
                    output::bytes(done.bytes),
                    output::bytes(total.bytes)
                ),
                None => output::bytes(done.bytes),
            });
        } else if done.items > 0 {
            parts.push(match total.filter(|total| total.items > 0) {
                Some(total) => format!(
                    "{} of {}",
                    output::grouped(done.items),
                    output::grouped(total.items)
                ),
                None => output::grouped(done.items),
            });
        }
        if let Some(rate) = self.bytes_a_second(elapsed) {
            parts.push(format!("{}/s", output::bytes(to_whole(rate))));
            if let Some(total) = total.filter(|total| total.bytes > done.bytes) {
                let left = to_float(total.bytes - done.bytes) / rate;
                parts.push(format!("{} left", span::span(to_whole(left).max(1))));
            }
        }
        parts.join("  ")
    }
}

/// The share that is done, between 0 and 1: of the bytes, else of the items.
pub(super) fn share(done: BackupAmount, total: BackupAmount) -> Option<f64> {
    let (done, total) = match (total.bytes, total.items) {
        (0, 0) => return None,
        (0, items) => (done.items, items),
        (bytes, _) => (done.bytes, bytes),
    };
    Some((to_float(done) / to_float(total)).min(1.0))
}

fn bar(share: f64) -> String {
    let eighths = to_whole(share * to_float((WIDTH * 8) as u64));
    let eighths = usize::try_from(eighths).unwrap_or(0).min(WIDTH * 8);
    let (full, rest) = (eighths / 8, EIGHTHS[eighths % 8]);
    let used = full + usize::from(!rest.is_empty());
    format!("▕{}{rest}{}▏", "█".repeat(full), " ".repeat(WIDTH - used))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is shown has three digits at most"
)]
fn to_float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "amounts are not negative, and too large ones become the largest"
)]
fn to_whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn bytes(bytes: u64) -> BackupAmount {
        BackupAmount { items: 0, bytes }
    }

    fn lines(seen: &[(u64, u64)], total: Option<u64>) -> String {
        let mut pace = Pace::default();
        let mut last = (Duration::ZERO, bytes(0));
        for (seconds, done) in seen {
            last = (Duration::from_secs(*seconds), bytes(*done));
            pace.take("reading", last.1, last.0);
        }
        pace.line(last.1, total.map(bytes), last.0)
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long_still() {
        let megabyte = 1_000_000;
        let table = [
            (vec![(0, 0)], None, ""),
            (vec![(0, 0), (5, 20 * megabyte)], None, "20 MB  4.0 MB/s"),
            (
                vec![(0, 0), (10, 50 * megabyte)],
                Some(200 * megabyte),
                "▕█████               ▏  25 %  50 MB of 200 MB  5.0 MB/s  30 s left",
            ),
            (
                vec![(0, 0), (1, 10 * megabyte)],
                Some(320 * megabyte),
                "▕▋                   ▏   3 %  10 MB of 320 MB",
            ),
            (
                vec![(0, 0), (4, 200 * megabyte)],
                Some(100 * megabyte),
                "▕████████████████████▏ 100 %  200 MB of 100 MB  50 MB/s",
            ),
        ];
        for (seen, total, expected) in table {
            assert_eq!(lines(&seen, total), expected, "{seen:?}");
        }
    }

    #[test]
    fn how_fast_it_goes_is_told_of_the_last_while_of_this_step() {
        let mut pace = Pace::default();
        for second in 0..100 {
            let rate = if second < 50 { 1_000 } else { 5_000_000 };
            pace.take("reading", bytes(second * rate), Duration::from_secs(second));
        }
        let now = Duration::from_secs(99);
        assert!(
            pace.line(bytes(0), None, now).ends_with("5.0 MB/s"),
            "{pace:?}"
        );
        pace.take("writing", bytes(5), now);
        assert_eq!(pace.line(bytes(5), None, now), "5 B");
    }

    #[test]
    fn without_bytes_the_things_are_counted() {
        let done = BackupAmount { items: 3, bytes: 0 };
        let total = Some(BackupAmount { items: 4, bytes: 0 });
        let line = Pace::default().line(done, total, Duration::ZERO);
        assert_eq!(line, "▕███████████████     ▏  75 %  3 of 4");
    }
}
