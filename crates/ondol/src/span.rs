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

#[cfg(test)]
mod tests {
    use super::*;

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
