//! When the owner is warned of a certificate that ends.

use crate::certificate::Validity;

const DAY: i64 = 24 * 3600;
/// Days before the end at which the owner is warned.
const DAYS: [i64; 5] = [21, 14, 7, 3, 1];
/// Certificates that last less have their warnings at parts of what is left when they are due.
const SHORT: i64 = 10 * DAY;

/// The next warning, where the last one was at `told_at`; the end itself is the last. Who was away for
/// several of them is warned once.
///
/// Nobody is warned as long as all goes well: the first comes when a fifth of the time that was left when
/// the renewal was due has passed in vain.
pub fn next_warning(validity: Validity, due: i64, told_at: Option<i64>) -> Option<i64> {
    let Validity { not_after, .. } = validity;
    let begin = due.clamp(validity.renew_at().min(not_after), not_after);
    let left = not_after - begin;
    let moments: Vec<i64> = if validity.lifetime() < SHORT {
        [2, 1].map(|thirds| not_after - left * thirds / 3).into()
    } else {
        let days = DAYS.map(|days| not_after - days * DAY);
        let in_vain = begin + left / 5;
        days.into_iter().filter(|at| *at > in_vain).collect()
    };
    let mut all = moments.into_iter().chain([not_after]);
    all.find(|at| told_at.is_none_or(|told| told < *at))
}
