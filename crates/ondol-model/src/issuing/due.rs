//! When a certificate is to be renewed.

use super::Held;
use super::chance;
use crate::host::HostPattern;

/// With less than this share of its lifetime left, a certificate is renewed whatever its issuer suggests.
const LAST_SHARE: i64 = 20;
/// Where the issuer suggests nothing, certificates are renewed up to this share of their lifetime earlier,
/// each by its own, so that a hundred of one evening don't renew in one minute.
const SPREAD_SHARE: i64 = 33;

/// The moment from which a certificate is to be renewed: the one chosen in the window that its issuer
/// suggests, else when a third of its lifetime is left, or half of a short one.
pub fn due(name: &HostPattern, held: &Held) -> i64 {
    let lifetime = held.validity.lifetime();
    match held.renewal {
        Some(chosen) => chosen.min(held.validity.not_after - lifetime / LAST_SHARE),
        None => {
            let number = chance::number(name, held.validity.not_after);
            held.validity.renew_at() - chance::part_of(lifetime / SPREAD_SHARE, number)
        }
    }
}

/// A moment in the window that an issuer suggests (RFC 9773 §4.2), by a random number; all moments are
/// equally likely. A window that ends before it begins is its beginning.
pub fn choose_in_window(start: i64, end: i64, random: u64) -> i64 {
    start + chance::part_of(end.saturating_sub(start), random)
}
