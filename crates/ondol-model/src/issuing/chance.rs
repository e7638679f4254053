//! Chance that is the same each time it is asked: the same question has the same answer, also after a restart.

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

use crate::host::HostPattern;

/// A number that depends on a name and a moment alone, evenly spread over all numbers.
pub(super) fn number(name: &HostPattern, moment: i64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (name, moment).hash(&mut hasher);
    hasher.finish()
}

/// The part of a span that a number stands for: from 0 to the whole span.
pub(super) fn part_of(span: i64, number: u64) -> i64 {
    let span = u128::try_from(span).unwrap_or(0);
    let part = ((span + 1) * u128::from(number)) >> 64;
    i64::try_from(part).unwrap_or(0)
}
