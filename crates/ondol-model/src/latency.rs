//! How long answers took, as counts below bounds: what is kept of many times in a few numbers.

/// The upper ends of the classes in microseconds: those that are common among programs that scrape, from 5 ms to 10 s.
pub const BOUNDS_US: [u64; 11] = [
    5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// How many classes there are; what takes longer than the last bound has a class of its own.
pub const CLASSES: usize = BOUNDS_US.len() + 1;

/// The class of a time; a bound belongs to the class below it.
pub fn class(us: u64) -> usize {
    BOUNDS_US.partition_point(|bound| *bound < us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_at_a_bound_is_below_it() {
        for (us, expected) in [
            (0, 0),
            (4_999, 0),
            (5_000, 0),
            (5_001, 1),
            (25_000, 2),
            (10_000_000, 10),
            (10_000_001, 11),
            (u64::MAX, 11),
        ] {
            assert_eq!(class(us), expected, "{us} µs");
        }
        assert!(BOUNDS_US.is_sorted());
    }
}
