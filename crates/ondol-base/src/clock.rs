//! The time: for waiting (pausable in tests), for people, and for systemd. Formats, but no plans.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::time::ClockId;

/// The instant to measure and wait by. It stands still in tests that pause Tokio's time.
pub fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// The time of day, which may jump.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the time of day"
)]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// Whole seconds since the Unix epoch; 0 on a clock that stands before it.
pub fn unix_seconds() -> i64 {
    i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX)
}

/// Milliseconds since the Unix epoch; 0 on a clock that stands before it.
pub fn unix_milliseconds() -> i64 {
    i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX)
}

/// Microseconds of `CLOCK_MONOTONIC`, as systemd wants them in `MONOTONIC_USEC`.
pub fn monotonic_us() -> u64 {
    let time = rustix::time::clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1_000_000 + nanoseconds / 1_000
}

/// RFC 3339 in UTC (`2026-03-01T04:05:06Z`) of seconds since the Unix epoch; what no calendar
/// reaches is brought to its nearer end.
pub fn rfc3339(unix_seconds: i64) -> String {
    timestamp(unix_seconds).to_string()
}

/// RFC 3339 in UTC to the millisecond (`2026-03-01T04:05:06.789Z`) of milliseconds since the Unix epoch.
pub fn rfc3339_milliseconds(unix_milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(unix_milliseconds);
    format!("{:.3}", time.unwrap_or(Timestamp::MAX))
}

/// Seconds since the Unix epoch of an RFC 3339 text in any zone; `None` when it is none.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// The same to the millisecond.
pub fn parse_rfc3339_milliseconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

/// A time zone, for who asks it often.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The one of this IANA name; without one, or where it is not known, the machine's own. Blocks on the disk the
    /// first time.
    pub fn of(name: Option<&str>) -> Self {
        let zone = name.and_then(|name| TimeZone::get(name).ok());
        Self(zone.unwrap_or_else(TimeZone::system))
    }

    /// How many seconds its clocks are ahead of UTC at a moment, and when that changes next; both moments in
    /// seconds since the Unix epoch.
    pub fn offset(&self, unix_seconds: i64) -> (i64, Option<i64>) {
        let at = timestamp(unix_seconds);
        let next = self.0.following(at).next();
        let offset = i64::from(self.0.to_offset(at).seconds());
        (offset, next.map(|next| next.timestamp().as_second()))
    }
}

/// Whether this machine knows a time zone by this IANA name (`Asia/Seoul`). Blocks on the disk the first
/// time.
pub fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// Date and time to the minute (`2026-03-01 13:05`) in the zone of this IANA name; without one, or where
/// it is not known, in the machine's own. Blocks on the disk the first time.
pub fn minute_in(zone: Option<&str>, unix_seconds: i64) -> String {
    let Zone(zone) = Zone::of(zone);
    timestamp(unix_seconds)
        .to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// The same to the second (`2026-03-01 13:05:06`).
pub fn second_in(zone: Option<&str>, unix_seconds: i64) -> String {
    let Zone(zone) = Zone::of(zone);
    timestamp(unix_seconds)
        .to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn since_epoch() -> Duration {
    wall().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn timestamp(unix_seconds: i64) -> Timestamp {
    let end = if unix_seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(unix_seconds).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_in_utc_and_read_from_any_zone() {
        assert_eq!(rfc3339(1_772_337_906), "2026-03-01T04:05:06Z");
        for text in ["2026-03-01T04:05:06Z", "2026-03-01T13:05:06+09:00"] {
            assert_eq!(parse_rfc3339(text), Some(1_772_337_906), "{text}");
        }
        assert_eq!(parse_rfc3339("yesterday"), None);
        for (milliseconds, text) in [
            (1_772_337_906_789, "2026-03-01T04:05:06.789Z"),
            (1_772_337_906_000, "2026-03-01T04:05:06.000Z"),
        ] {
            assert_eq!(rfc3339_milliseconds(milliseconds), text);
            assert_eq!(parse_rfc3339_milliseconds(text), Some(milliseconds));
        }
        assert!(rfc3339(i64::MAX).starts_with("9999-"));
    }

    #[test]
    fn a_zone_that_is_named_is_used_and_others_are_the_machines() {
        let minute = |zone| minute_in(zone, 1_772_337_906);
        assert_eq!(minute(Some("UTC")), "2026-03-01 04:05");
        assert_eq!(minute(Some("Asia/Seoul")), "2026-03-01 13:05");
        assert_eq!(minute(Some("America/New_York")), "2026-02-28 23:05");
        assert_eq!(minute(Some("Asia/Soul")), minute(None));
        assert!(is_zone("Asia/Seoul") && is_zone("UTC") && !is_zone("Asia/Soul"));
    }

    #[test]
    fn a_zone_tells_when_its_clocks_change() {
        let berlin = Zone::of(Some("Europe/Berlin"));
        let (spring, autumn) = (1_774_746_000, 1_792_890_000);
        assert_eq!(berlin.offset(spring - 1), (3_600, Some(spring)));
        assert_eq!(berlin.offset(spring), (7_200, Some(autumn)));
        assert_eq!(berlin.offset(autumn).0, 3_600);
        assert_eq!(Zone::of(Some("UTC")).offset(0), (0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_moves_only_by_waiting() {
        let before = now();
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(now() - before, Duration::from_secs(3600));
    }

    #[test]
    fn the_monotonic_clock_is_the_systems_own() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        // Uptime counts time asleep, CLOCK_MONOTONIC does not.
        let monotonic = Duration::from_micros(monotonic_us()).as_secs_f64();
        assert!(monotonic > 0.0 && monotonic < seconds + 1.0);
        assert!(monotonic_us() >= 1_000_000);
    }

    #[test]
    fn seconds_and_milliseconds_agree() {
        let seconds = unix_seconds();
        assert!((unix_milliseconds() / 1000 - seconds).abs() <= 1);
        assert!(seconds > 1_700_000_000);
    }
}
