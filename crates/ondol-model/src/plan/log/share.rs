//! A part of all requests, chosen by their ids.

/// More than nothing, and all at most; in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

const MILLION: u32 = 1_000_000;

impl Share {
    /// Every request.
    pub const ALL: Self = Self(MILLION);

    /// So many millionths; `None` when there are none, or more than all.
    pub fn of_millionths(millionths: u32) -> Option<Self> {
        (1..=MILLION)
            .contains(&millionths)
            .then_some(Self(millionths))
    }

    /// As a number from 1 to a million.
    pub fn millionths(self) -> u32 {
        self.0
    }

    /// Whether a request of this id is one of them. One that is in a share is in every larger share too.
    pub fn has(self, id: u64) -> bool {
        let place = (u128::from(id) * u128::from(MILLION)) >> u64::BITS;
        place < u128::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_from_a_millionth_to_all() {
        assert_eq!(Share::of_millionths(0), None);
        assert_eq!(Share::of_millionths(MILLION + 1), None);
        assert_eq!(Share::of_millionths(MILLION), Some(Share::ALL));
    }

    #[test]
    fn as_many_ids_are_in_it_as_it_says() {
        let tenth = Share::of_millionths(100_000).unwrap();
        let ids = || (0..1_000_u64).map(|id| id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        assert!((95..=105).contains(&ids().filter(|id| tenth.has(*id)).count()));
        assert!(ids().chain([0, u64::MAX]).all(|id| Share::ALL.has(id)));
        assert!(tenth.has(u64::MAX / 10 - 1) && !tenth.has(u64::MAX / 10 + 1));
    }
}
