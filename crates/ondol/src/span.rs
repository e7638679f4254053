//! How far away a moment is, in the words of a person who looks at a screen. Pure.

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// `3 min ago`, `now` or `in 59 days`; both are seconds since the Unix epoch.
pub(crate) fn relative(at: i64, now: i64) -> String {
    let distance = span(at.abs_diff(now));
    match at.cmp(&now) {
        std::cmp::Ordering::Less => format!("{distance} ago"),
        std::cmp::Ordering::Equal => "now".to_owned(),
        std::cmp::Ordering::Greater => format!("in {distance}"),
    }
}

/// A length of time in its largest unit of which there are two or more, rounded down.
pub(crate) fn span(seconds: u64) -> String {
    let (unit, word) = match seconds {
        0..120 => (1, "s"),
        120..7_200 => (MINUTE, "min"),
        7_200..172_800 => (HOUR, "h"),
        172_800..63_072_000 => (DAY, "days"),
        _ => (YEAR, "years"),
    };
    format!("{} {word}", seconds / unit)
}

/// The seconds of a length of time as people type it: `30s`, `10m`, `2h`, `1d`, `1w`. Never 0.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no length of time such as `30m`, `2h` or `1d`");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (digits, unit) = text.split_at(unit_at);
    let unit = match unit.trim_start() {
        "s" => 1,
        "m" | "min" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit).ok_or_else(wrong)?;
    if seconds == 0 {
        return Err("it is no time at all".to_owned());
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_type_them() {
        let read = [("30s", 30), ("10m", 600), ("2h", 7_200), ("1 d", 86_400)];
        for (text, seconds) in read {
            assert_eq!(parse(text), Ok(seconds));
        }
        let no = ["", "2", "h", "2y", "-1h", "99999999999999999999h", "0h"];
        for text in no.into_iter().chain(["9999999999999999999w"]) {
            parse(text).unwrap_err();
        }
    }

    #[test]
    fn moments_are_told_in_one_unit() {
        let (minute, hour, day) = (60, 3_600, 86_400);
        let table = [
            (0, "now"),
            (-1, "1 s ago"),
            (-119, "119 s ago"),
            (-2 * minute, "2 min ago"),
            (-2 * hour + 1, "119 min ago"),
            (-2 * hour, "2 h ago"),
            (-47 * hour, "47 h ago"),
            (-2 * day, "2 days ago"),
            (59 * day + hour, "in 59 days"),
            (729 * day, "in 729 days"),
            (730 * day, "in 2 years"),
        ];
        for (distance, text) in table {
            assert_eq!(relative(1_772_337_906 + distance, 1_772_337_906), text);
        }
        assert_eq!(relative(i64::MAX, i64::MIN), "in 584942417355 years");
    }
}
