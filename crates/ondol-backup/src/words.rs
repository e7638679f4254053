//! Sizes and spans, for people.

/// A size in the unit that fits: `1.2 GB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut tenths = u128::from(count) * 10;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = (tenths + 500) / 1_000;
        unit += 1;
    }
    match (unit, tenths) {
        (0, _) => format!("{count} B"),
        (_, 100..) => format!("{} {}", (tenths + 5) / 10, UNITS[unit]),
        _ => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
    }
}

/// So many of something: `1 file`, `2 files`.
pub(crate) fn count(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    }
}

/// A span: `42 s`, `3 min`, `2 h 10 min`.
pub(crate) fn seconds(count: i64) -> String {
    match count.max(0) {
        count @ ..120 => format!("{count} s"),
        count @ 120..7_200 => format!("{} min", count / 60),
        count => format!("{} h {} min", count / 3_600, count % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_short() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_249, "1.2 kB"),
            (34_600_000, "35 MB"),
            (1_200_000_000, "1.2 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
        for (count, expected) in [
            (-5, "0 s"),
            (119, "119 s"),
            (180, "3 min"),
            (7_800, "2 h 10 min"),
        ] {
            assert_eq!(seconds(count), expected);
        }
    }
}
