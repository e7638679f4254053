//! Words and numbers of the page.

use super::*;

#[test]
fn sizes_are_told_as_people_say_them() {
    for (size, expected) in [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (1_449, "1.4 kB"),
        (9_999, "9.9 kB"),
        (10_000, "10 kB"),
        (999_999, "999 kB"),
        (1_500_000, "1.5 MB"),
        (3_145_739, "3.1 MB"),
        (u64::MAX, "18 EB"),
    ] {
        assert_eq!(human(size), expected);
    }
}
