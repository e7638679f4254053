//! Whether the errors of a drive grow: few that stay are old age, more are the end. Pure.

use std::fmt;

/// After so long without another one a drive is well again.
const CALM_S: i64 = 7 * 24 * 60 * 60;

/// The errors of a drive, and when they grew last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Errors {
    pub(super) count: u64,
    grew_at: Option<i64>,
}

impl Errors {
    /// As they are now, after they were so before.
    pub(super) fn compared(before: Option<Self>, count: u64, now: i64) -> Self {
        let grew_at = match before {
            Some(before) if count > before.count => Some(now),
            Some(before) => before.grew_at,
            // What it had when it came is not news.
            None => None,
        };
        Self { count, grew_at }
    }

    /// Whether they grew lately.
    pub(super) fn grow(self, now: i64) -> bool {
        self.grew_at.is_some_and(|at| now - at < CALM_S)
    }

    /// Reads what [`fmt::Display`] wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (count, grew_at) = text.split_once(' ')?;
        Some(Self {
            count: count.parse().ok()?,
            grew_at: grew_at.parse().ok(),
        })
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grew_at {
            Some(at) => write!(f, "{} {at}", self.count),
            None => write!(f, "{} -", self.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_grow_are_told_for_a_week() {
        let old = Errors::compared(None, 5, 100);
        assert!(!old.grow(100));
        let same = Errors::compared(Some(old), 5, 200);
        assert!(!same.grow(200));
        let more = Errors::compared(Some(same), 6, 300);
        assert!(more.grow(300) && more.grow(300 + CALM_S - 1));
        let calm = Errors::compared(Some(more), 6, 400);
        assert!(calm.grow(400) && !calm.grow(300 + CALM_S));
        for errors in [old, more] {
            assert_eq!(Errors::parse(&errors.to_string()), Some(errors));
        }
        assert_eq!(Errors::parse("x"), None);
    }
}
