//! Whether a backup holds so much less than the one before that something must be missing.

/// Fewer files than these come and go in any folder.
const FILES_FLOOR: u64 = 10;
/// Fewer bytes than these are no loss to speak of: a log that was cut.
const BYTES_FLOOR: u64 = 10 * 1024 * 1024;

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Files, or rows.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Whether more than half is gone.
pub fn has_shrunk(before: Size, now: Size) -> bool {
    let is_less = |before: u64, now: u64, floor: u64| before >= floor && now < before.div_ceil(2);
    is_less(before.items, now.items, FILES_FLOOR) || is_less(before.bytes, now.bytes, BYTES_FLOOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_the_line_and_little_is_no_loss() {
        let size = |items, bytes| Size { items, bytes };
        let check = |before, now, expected| assert_eq!(has_shrunk(before, now), expected);
        check(size(100, 0), size(50, 0), false);
        check(size(100, 0), size(49, 0), true);
        check(size(9, 0), size(0, 0), false);
        check(size(1, 100 << 20), size(1, 49 << 20), true);
        check(size(1, 9 << 20), size(1, 0), false);
        check(size(100, 1 << 30), size(200, 2 << 30), false);
    }
}
