//! Moments as people type them after `--since`: `1h`, `14:00`, `2026-11-21 14:00`, `yesterday`. Pure.

use jiff::Timestamp;
use jiff::Zoned;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// What is accepted, for messages.
const ACCEPTED: &str = "a span (`10m`, `1h`, `2d`), a time of today (`14:00`), a date (`2026-11-21`), both \
(`2026-11-21 14:00`), `today`, `yesterday`, or RFC 3339";

/// The moment that a text means, in seconds since the Unix epoch. Without a zone's name (IANA) the machine's own
/// counts.
pub(crate) fn parse(text: &str, now: i64, zone: Option<&str>) -> Result<i64, String> {
    let zone = zone.and_then(|name| TimeZone::get(name).ok());
    let zone = zone.unwrap_or_else(TimeZone::system);
    let now = Timestamp::from_second(now).map_err(|error| error.to_string())?;
    let text = text.trim();
    let found = span(text, now)
        .or_else(|| text.parse().ok())
        .or_else(|| local(text, &now.to_zoned(zone.clone()), zone));
    let moment = found.ok_or_else(|| format!("`{text}` is no moment: {ACCEPTED}"))?;
    if moment > now {
        return Err(format!("`{text}` is still to come"));
    }
    Ok(moment.as_second())
}

fn span(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 24 * 3_600,
        "w" => 7 * 24 * 3_600,
        _ => return None,
    };
    let seconds = digits.parse::<i64>().ok()?.checked_mul(seconds)?;
    // Longer ago than any calendar is from the beginning.
    let moment = now.as_second().saturating_sub(seconds).max(0);
    Timestamp::from_second(moment).ok()
}

fn local(text: &str, now: &Zoned, zone: TimeZone) -> Option<Timestamp> {
    let day = |date: Date| date.at(0, 0, 0, 0);
    let moment = match text {
        "today" => day(now.date()),
        "yesterday" => day(now.date().yesterday().ok()?),
        _ => None
            .or_else(|| {
                Time::strptime("%H:%M", text)
                    .ok()
                    .map(|time| now.date().to_datetime(time))
            })
            .or_else(|| {
                Time::strptime("%H:%M:%S", text)
                    .ok()
                    .map(|time| now.date().to_datetime(time))
            })
            .or_else(|| DateTime::strptime("%Y-%m-%d %H:%M", text).ok())
            .or_else(|| DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok())
            .or_else(|| Date::strptime("%Y-%m-%d", text).ok().map(day))?,
    };
    // In an hour that the clocks skip or repeat, as a calendar does it.
    moment.to_zoned(zone).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 14:00:05 UTC, which is 23:00:05 in Seoul.
    const NOW: i64 = 1_795_269_605;

    #[test]
    fn moments_are_read_in_the_zone_of_the_box() {
        for (text, ago) in [
            ("30s", 30),
            ("10m", 600),
            ("10min", 600),
            ("1h", 3_600),
            ("2d", 172_800),
            ("1w", 604_800),
            ("23:00", 5),
            ("22:59:05", 60),
            ("today", 23 * 3_600 + 5),
            ("yesterday", 47 * 3_600 + 5),
            ("2026-11-21", 23 * 3_600 + 5),
            ("2026-11-21 22:00", 3_605),
            ("2026-11-21 22:00:05", 3_600),
            ("2026-11-21T14:00:00Z", 5),
            ("2026-11-21T23:00:00+09:00", 5),
        ] {
            let moment = parse(text, NOW, Some("Asia/Seoul"));
            assert_eq!(moment, Ok(NOW - ago), "{text}");
        }
        assert_eq!(parse("99999999d", NOW, None), Ok(0));
    }

    #[test]
    fn what_is_no_moment_is_answered_with_what_would_be() {
        for text in [
            "",
            "1",
            "h",
            "1y",
            "-1h",
            "25:00",
            "2026-13-01",
            "soon",
            "99999999999999999999h",
        ] {
            let error = parse(text, NOW, Some("UTC")).expect_err(text);
            assert!(error.contains("is no moment: a span"), "{error}");
        }
        for text in ["14:01", "2027-01-01", "2026-11-21T14:00:06Z"] {
            let error = parse(text, NOW, Some("UTC")).expect_err(text);
            assert_eq!(error, format!("`{text}` is still to come"));
        }
    }
}
