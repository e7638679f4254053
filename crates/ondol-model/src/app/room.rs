//! Whether a disk has room for another release.

/// What is kept free for everything else on the disk: a fiftieth of it, but not less than the first nor more than the
/// second of these.
const RESERVE_MIN: u64 = 64 << 20;
const RESERVE_MAX: u64 = 1 << 30;
/// A compressed archive takes so many times its size, at a guess that is seldom too low for source code.
const COMPRESSION: u64 = 5;

/// The room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What those who are not root may still write.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

/// A disk has not enough room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// What is free.
    pub free: u64,
    /// What the release is expected to take.
    pub expected: u64,
    /// What is kept free for others.
    pub reserve: u64,
}

impl Room {
    /// What is kept free for everything else.
    pub fn reserve(self) -> u64 {
        (self.total / 50).clamp(RESERVE_MIN, RESERVE_MAX)
    }

    /// Whether something of this size fits.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn fits(self, expected: u64) -> Result<(), Short> {
        let reserve = self.reserve();
        if self.free >= expected.saturating_add(reserve) {
            return Ok(());
        }
        Err(Short {
            free: self.free,
            expected,
            reserve,
        })
    }

    /// Whether what is kept free is being used up: what fills the disk is stopped then, while others can still
    /// write.
    pub fn is_used_up(self) -> bool {
        self.free < self.reserve() / 4
    }
}

/// What a release will take: as much as its files, or as the release before, which has been built.
pub fn expected(files: Option<Files>, before: Option<u64>) -> u64 {
    let files = match files {
        None => 0,
        Some(Files::Plain(bytes)) => bytes,
        Some(Files::Compressed(bytes)) => bytes.saturating_mul(COMPRESSION),
    };
    files.max(before.unwrap_or(0))
}

/// How much there is to unpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// As it will be.
    Plain(u64),
    /// Smaller than it will be.
    Compressed(u64),
}

/// A size for people: `3 MB`, `1.2 GB`.
pub fn size(bytes: u64) -> String {
    const STEP: u64 = 1000;
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut tenths = bytes.saturating_mul(10);
    let mut unit = 0;
    while tenths >= STEP * 10 && unit + 1 < units.len() {
        tenths /= STEP;
        unit += 1;
    }
    let unit = units[unit];
    match (tenths / 10, tenths % 10) {
        (whole @ ..10, part @ 1..) => format!("{whole}.{part} {unit}"),
        (whole, _) => format!("{whole} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;
    const GB: u64 = 1 << 30;

    #[test]
    fn a_part_of_the_disk_is_kept_free() {
        // (free, total, expected, whether it fits)
        let cases = [
            (100 * MB, GB, 0, true),
            (100 * MB, GB, 36 * MB, true),
            (100 * MB, GB, 37 * MB, false),
            (GB, 500 * GB, 0, true),
            (GB - 1, 500 * GB, 0, false),
            (0, 0, 0, false),
            (u64::MAX - 1, u64::MAX, u64::MAX, false),
        ];
        for (free, total, expected, fits) in cases {
            let room = Room { free, total };
            assert_eq!(room.fits(expected).is_ok(), fits, "{room:?} {expected}");
        }
    }

    #[test]
    fn what_fits_is_not_stopped_at_once() {
        for total in [GB, 20 * GB, 500 * GB] {
            let reserve = Room { free: 0, total }.reserve();
            assert!(
                !Room {
                    free: reserve,
                    total
                }
                .is_used_up()
            );
            assert!(
                Room {
                    free: reserve / 5,
                    total
                }
                .is_used_up()
            );
        }
    }

    #[test]
    fn what_a_release_takes_is_a_guess() {
        assert_eq!(expected(None, None), 0);
        assert_eq!(expected(Some(Files::Plain(7)), Some(9)), 9);
        assert_eq!(expected(Some(Files::Plain(9)), Some(7)), 9);
        assert_eq!(expected(Some(Files::Compressed(2)), Some(9)), 10);
    }

    #[test]
    fn sizes_are_short() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (1_240, "1.2 kB"),
            (64 << 20, "67 MB"),
            (1 << 30, "1 GB"),
            (15_300_000_000, "15 GB"),
            (u64::MAX, "1844674 TB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected);
        }
    }
}
