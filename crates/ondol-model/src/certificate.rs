//! When a certificate is to be replaced. Times are seconds since the Unix epoch.

/// How long a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: i64,
    /// The last second (RFC 5280 §4.1.2.5: inclusive).
    pub not_after: i64,
}

impl Validity {
    /// The second from which a new certificate is wanted: a third of the lifetime before the end,
    /// half of it for lifetimes under ten days (the issuers' own advice).
    pub fn renew_at(self) -> i64 {
        const TEN_DAYS: i64 = 10 * 24 * 3600;
        let share = if self.lifetime() < TEN_DAYS { 2 } else { 3 };
        self.not_after - self.lifetime() / share
    }

    /// How many seconds it is good for; 0 when its end is before its beginning.
    pub fn lifetime(self) -> i64 {
        self.not_after.saturating_sub(self.not_before).max(0)
    }

    /// Whether it is over.
    pub fn is_expired(self, now: i64) -> bool {
        now > self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ones_renew_at_two_thirds_and_short_ones_at_half() {
        let day = 24 * 3600;
        assert_eq!(
            Validity {
                not_before: 0,
                not_after: 90 * day
            }
            .renew_at(),
            60 * day
        );
        assert_eq!(
            Validity {
                not_before: 0,
                not_after: 6 * day
            }
            .renew_at(),
            3 * day
        );
        assert!(
            Validity {
                not_before: 0,
                not_after: 5
            }
            .is_expired(6)
        );
        assert!(
            !Validity {
                not_before: 0,
                not_after: 5
            }
            .is_expired(5)
        );
    }
}
