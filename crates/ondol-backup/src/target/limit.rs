//! How fast a job may send and receive: bytes are taken out of a bucket that fills at the rate of the time of day.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use ondol_base::clock::Zone;

use super::Folder;
use super::Object;
use super::Target;
use super::TargetError;
use super::meter::Traffic;
use super::time::Time;
use crate::access::BandwidthLimit;

/// As much as may go out at once after a pause: the bucket's size. Longer bursts are felt by the sites' visitors.
const BURST: Duration = Duration::from_millis(250);
/// The longest wait before the rate is looked up again: another part of the day may have begun.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How a target keeps to a pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pacing {
    /// It takes each piece from the pace as it sends or receives it.
    ByPiece,
    /// It knows nothing of it: each object is waited for as a whole.
    ByObject,
    /// It uses no line.
    Needless,
}

/// The speed that all calls of a job share; up and down apart.
#[derive(Debug)]
pub(crate) struct Pace {
    limits: Vec<BandwidthLimit>,
    zone: Zone,
    time: Arc<dyn Time>,
    up: Bucket,
    down: Bucket,
}

#[derive(Debug)]
struct Bucket(Mutex<Level>);

#[derive(Debug)]
struct Level {
    /// Bytes that may go; below 0 where more went than might.
    bytes: f64,
    /// When that was so.
    at: Duration,
}

impl Pace {
    pub(super) fn new(
        limits: &[BandwidthLimit],
        timezone: Option<&str>,
        time: Arc<dyn Time>,
    ) -> Self {
        let bucket = || {
            let (bytes, at) = (0.0, time.elapsed());
            Bucket(Mutex::new(Level { bytes, at }))
        };
        Self {
            limits: limits.to_vec(),
            zone: Zone::of(timezone),
            up: bucket(),
            down: bucket(),
            time,
        }
    }

    /// Waits until so many bytes may be sent.
    pub(crate) fn up(&self, bytes: usize) {
        self.take(&self.up, bytes);
    }

    /// Waits until so many bytes may be asked for.
    pub(crate) fn down(&self, bytes: usize) {
        self.take(&self.down, bytes);
    }

    /// What goes may overdraw the bucket; then the next one waits until that is made up for. So a piece of any size
    /// gets through.
    fn take(&self, bucket: &Bucket, bytes: usize) {
        while let Some(rate) = self.rate() {
            let Some(wait) = bucket.take(bytes, rate, self.time.elapsed()) else {
                return;
            };
            self.time.wait(wait.min(LOOK_AGAIN_AFTER));
        }
    }

    /// Bytes a second at this time of day; `None` for no limit.
    fn rate(&self) -> Option<f64> {
        if self.limits.is_empty() {
            return None;
        }
        let now = self.time.unix_seconds();
        let (offset, _) = self.zone.offset(now);
        let minute = (now + offset).rem_euclid(24 * 60 * 60) / 60;
        let limit = self.limits.iter().find(|limit| holds(limit, minute))?;
        // A rate of nothing would be a job without an end.
        limit.rate.map(|rate| rate.max(1) as f64)
    }
}

impl Bucket {
    /// Takes them, or says how long until that may be tried again.
    fn take(&self, bytes: usize, rate: f64, now: Duration) -> Option<Duration> {
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_sub(level.at).as_secs_f64() * rate;
        level.bytes = (level.bytes + gained).min(rate * BURST.as_secs_f64());
        level.at = now;
        if level.bytes < 0.0 {
            // A moment more, so that rounding does not make a further turn.
            let wait = Duration::from_secs_f64(-level.bytes / rate);
            return Some(wait + Duration::from_micros(10));
        }
        level.bytes -= bytes as f64;
        None
    }
}

fn holds(limit: &BandwidthLimit, minute: i64) -> bool {
    let (from, to) = (i64::from(limit.from), i64::from(limit.to));
    if from < to {
        (from..to).contains(&minute)
    } else {
        minute >= from || minute < to
    }
}

/// A target that knows nothing of a pace, kept to it by whole objects.
#[derive(Debug)]
pub(super) struct Limited {
    pub(super) target: Arc<dyn Target>,
    pub(super) pace: Arc<Pace>,
}

impl Target for Limited {
    fn place(&self) -> String {
        self.target.place()
    }

    fn create(&self) -> Result<(), TargetError> {
        self.target.create()
    }

    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
        self.target.list(folder)
    }

    /// How much it is is known afterwards; what comes next waits for it.
    fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
        self.pace.down(0);
        let content = self.target.read(object)?;
        self.pace.down(content.len());
        Ok(content)
    }

    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError> {
        self.pace
            .down(usize::try_from(length).unwrap_or(usize::MAX));
        self.target.read_range(object, offset, length)
    }

    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
        self.pace.up(content.iter().map(Bytes::len).sum());
        self.target.write(object, content)
    }

    fn remove(&self, object: &Object) -> Result<(), TargetError> {
        self.target.remove(object)
    }

    fn traffic(&self) -> Traffic {
        self.target.traffic()
    }
}

#[cfg(test)]
mod tests {
    use super::super::time::played::Played;
    use super::*;

    /// 2026-03-01 00:00 in UTC.
    const MIDNIGHT: i64 = 1_772_323_200;
    const HOUR: i64 = 60 * 60;
    const MIB: usize = 1024 * 1024;

    fn limit(from: u16, to: u16, mib_per_second: Option<u64>) -> BandwidthLimit {
        let rate = mib_per_second.map(|rate| rate * MIB as u64);
        BandwidthLimit { from, to, rate }
    }

    /// How long it takes to send so much from that moment on, in seconds.
    fn seconds(limits: &[BandwidthLimit], zone: &str, at: i64, pieces: usize, piece: usize) -> f64 {
        let time = Arc::new(Played::at(at));
        let pace = Pace::new(limits, Some(zone), Arc::clone(&time) as Arc<dyn Time>);
        for _ in 0..pieces {
            pace.up(piece);
        }
        // What was overdrawn last counts too.
        pace.up(0);
        time.elapsed().as_secs_f64()
    }

    #[track_caller]
    fn check(took: f64, expected: f64) {
        assert!(
            (took - expected).abs() < 0.01 * expected.max(1.0),
            "{took} s instead of {expected} s"
        );
    }

    #[test]
    fn a_rate_is_kept_whatever_the_pieces() {
        let limits = [limit(0, 0, Some(2))];
        for (pieces, piece) in [(640, MIB / 32), (20, MIB), (1, 20 * MIB)] {
            check(seconds(&limits, "UTC", MIDNIGHT, pieces, piece), 10.0);
        }
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        check(seconds(&[], "UTC", MIDNIGHT, 100, MIB), 0.0);
        let night = [limit(0, 360, None), limit(0, 0, Some(1))];
        check(seconds(&night, "UTC", MIDNIGHT + HOUR, 100, MIB), 0.0);
        check(seconds(&night, "UTC", MIDNIGHT + 7 * HOUR, 100, MIB), 100.0);
    }

    #[test]
    fn the_window_of_the_local_time_counts_and_the_first_of_several() {
        let limits = [limit(22 * 60, 6 * 60, Some(4)), limit(0, 0, Some(1))];
        for (zone, hour, expected) in [
            ("UTC", 21, 100.0),
            ("UTC", 22, 25.0),
            ("UTC", 5, 25.0),
            ("UTC", 6, 100.0),
            // 23:00 there.
            ("Asia/Seoul", 14, 25.0),
            // 16:00 there, on the day before.
            ("America/New_York", 21, 100.0),
        ] {
            check(
                seconds(&limits, zone, MIDNIGHT + hour * HOUR, 100, MIB),
                expected,
            );
        }
    }

    #[test]
    fn another_part_of_the_day_ends_a_wait() {
        // 60 MiB in the minute before six, the rest at once.
        let limits = [limit(0, 6 * 60, Some(1))];
        let at = MIDNIGHT + 6 * HOUR - 60;
        check(seconds(&limits, "UTC", at, 1_000, MIB), 60.0);
        check(seconds(&limits, "UTC", at, 1, 1_000 * MIB), 60.0);
    }

    #[test]
    fn up_and_down_are_apart_and_a_pause_saves_little() {
        let time = Arc::new(Played::at(MIDNIGHT));
        let limits = [limit(0, 0, Some(1))];
        let pace = Pace::new(&limits, None, Arc::clone(&time) as Arc<dyn Time>);
        pace.up(10 * MIB);
        pace.down(10 * MIB);
        assert_eq!(time.elapsed(), Duration::ZERO);
        time.wait(Duration::from_secs(3_600));
        for _ in 0..10 {
            pace.up(MIB);
        }
        pace.up(0);
        check(
            (time.elapsed() - Duration::from_secs(3_600)).as_secs_f64(),
            9.75,
        );
    }
}
