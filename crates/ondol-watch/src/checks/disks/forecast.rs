//! When a disk will be full if it goes on as in the last day: by the line through what was free. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// From one sample to the next that is kept.
const PACE: Duration = Duration::from_secs(10 * 60);
/// A day of them.
const SAMPLES_MAX: usize = 144;
/// With less behind it nothing can be said: a copy of a film is no habit.
const SPAN_MIN: Duration = Duration::from_secs(6 * 60 * 60);
/// What is further away than that is no forecast.
const FAR_S: f64 = 365.0 * 24.0 * 60.0 * 60.0;

/// What was free, and when.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    samples: VecDeque<(Instant, u64)>,
}

impl Forecast {
    /// Takes a sample, unless the last one is young.
    pub(super) fn add(&mut self, now: Instant, free: u64) {
        let last = self.samples.back();
        if last.is_some_and(|(at, _)| now.duration_since(*at) < PACE) {
            return;
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back((now, free));
    }

    /// In how many seconds nothing is left of what is free now; `None` when that is far, or can't be said. The later
    /// half must say so too: a backup that came in at once and went is no trend.
    pub(super) fn full_in_s(&self, free: u64) -> Option<u64> {
        let (first, _) = self.samples.front()?;
        let (last, _) = self.samples.back()?;
        if last.duration_since(*first) < SPAN_MIN {
            return None;
        }
        let half = self.samples.len() / 2;
        let whole = lost_each_second(self.samples.iter())?;
        let later = lost_each_second(self.samples.iter().skip(half))?;
        #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
        let seconds = free as f64 / whole.min(later);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is less than a year, and not negative"
        )]
        let seconds = (seconds < FAR_S).then_some(seconds.round() as u64);
        seconds
    }
}

/// The slope of the line through the samples (least squares), downwards; `None` when it does not go down.
fn lost_each_second<'s>(samples: impl Iterator<Item = &'s (Instant, u64)> + Clone) -> Option<f64> {
    let (begin, first) = *samples.clone().next()?;
    #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
    let points = samples.map(|(at, free)| {
        let lost = first as f64 - *free as f64;
        (at.duration_since(begin).as_secs_f64(), lost)
    });
    let (mut count, mut sum_x, mut sum_y, mut sum_xx, mut sum_xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in points {
        count += 1.0;
        sum_x += x;
        sum_y += y;
        sum_xx += x * x;
        sum_xy += x * y;
    }
    let spread = count * sum_xx - sum_x * sum_x;
    let slope = (count * sum_xy - sum_x * sum_y) / spread;
    (spread > 0.0 && slope > 0.0).then_some(slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    /// The forecast after so many hours in each of which this was free.
    fn after(free: impl Fn(u64) -> u64, hours: u64) -> Option<u64> {
        let mut forecast = Forecast::default();
        let begin = Instant::now();
        for hour in 0..=hours {
            forecast.add(begin + Duration::from_secs(hour * HOUR), free(hour));
        }
        forecast.full_in_s(free(hours))
    }

    #[tokio::test(start_paused = true)]
    async fn a_steady_loss_is_carried_on() {
        assert_eq!(after(|hour| 1000 - 10 * hour, 5), None);
        assert_eq!(after(|hour| 1000 - 10 * hour, 20), Some(80 * HOUR));
        assert_eq!(after(|_| 1000, 20), None);
        assert_eq!(after(|hour| 1000 + hour, 20), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_at_once_or_comes_and_goes_is_no_trend() {
        assert_eq!(after(|hour| if hour < 3 { 1000 } else { 500 }, 20), None);
        let saw = |hour: u64| 1000 - 100 * (hour % 4);
        let forecast = after(saw, 23);
        assert!(
            forecast.is_none_or(|seconds| seconds > 72 * HOUR),
            "{forecast:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_is_remembered_and_no_more() {
        let mut forecast = Forecast::default();
        let begin = Instant::now();
        for minute in 0..10_000 {
            forecast.add(begin + Duration::from_secs(minute * 60), 1000);
        }
        assert_eq!(forecast.samples.len(), SAMPLES_MAX);
    }
}
