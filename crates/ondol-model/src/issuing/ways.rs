//! How a name is shown to be the owner's.

use crate::host::HostPattern;
use crate::plan::Challenge;
use crate::plan::Issuance;

/// Where an issuer may reach the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reachable {
    /// On port 80.
    pub http: bool,
    /// On port 443.
    pub https: bool,
}

impl Reachable {
    /// Everywhere.
    pub const EVERYWHERE: Self = Self {
        http: true,
        https: true,
    };
}

/// The challenges to use for a name, best first; none when it can't be shown to be the owner's.
///
/// A wildcard needs a record in its zone (RFC 8555 §7.1.3), and an address can't have one (RFC 8738 §7).
/// Else what the owner has chosen is used alone; and where nothing is chosen, first what works behind any
/// router: who names a DNS provider wants it used.
pub fn ways(name: &HostPattern, issuance: &Issuance, reachable: Reachable) -> Vec<Challenge> {
    let is_wildcard = name.exact().is_none();
    let is_address = name.exact().is_some_and(|host| host.ip().is_some());
    let can = |challenge: &Challenge| match challenge {
        Challenge::Http | Challenge::TlsAlpn => !is_wildcard,
        Challenge::Dns => !is_address && issuance.dns.is_some(),
        Challenge::DnsPersist => !is_address,
    };
    if let Some(chosen) = issuance.challenge.filter(can) {
        return vec![chosen];
    }
    let open = |challenge: &Challenge| match challenge {
        Challenge::Http => reachable.http,
        Challenge::TlsAlpn => reachable.https,
        Challenge::Dns => true,
        // It works only when the owner has written the record, so it is never chosen for them.
        Challenge::DnsPersist => false,
    };
    let by_itself = [Challenge::Dns, Challenge::Http, Challenge::TlsAlpn];
    by_itself
        .into_iter()
        .filter(|challenge| can(challenge) && open(challenge))
        .collect()
}

/// Whether there is a way wherever the box can be reached.
pub(super) fn has_way(name: &HostPattern, issuance: &Issuance) -> bool {
    !ways(name, issuance, Reachable::EVERYWHERE).is_empty()
}
