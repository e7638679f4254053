//! Which certificates a plan wants from issuers.

use std::collections::HashMap;
use std::sync::Arc;

use super::Wanted;
use super::ways::has_way;
use crate::host::HostPattern;
use crate::plan::AcmeIssuer;
use crate::plan::Issuance;
use crate::plan::Site;

/// The most names of one certificate (Let's Encrypt's profile `classic`).
const NAMES_MAX: usize = 100;
/// The same in a profile of another name (Let's Encrypt's `tlsserver` and `shortlived`).
const NAMES_MAX_OF_PROFILES: usize = 25;

/// Names that go into one certificate: those that the same issuers can vouch for, and that can all be shown
/// to be the owner's or cannot.
type Group = ((Vec<bool>, bool), Vec<HostPattern>);

/// From the domains of wildcards to how those are got.
type Wildcards<'p> = HashMap<&'p str, &'p Issuance>;

/// The certificates that are wanted for the names that no file covers, given for each site.
///
/// One for each site, as a rule. Names that only some of its issuers can vouch for, or that can't be shown
/// to be the owner's, have one of their own, so that they don't keep the others from theirs. Names that no
/// issuer can vouch for are left to Ondol's own CA, and those below a wildcard of the plan that comes from
/// the same issuers are left to that.
pub fn wanted<'p>(left: impl IntoIterator<Item = (&'p Site, Vec<&'p HostPattern>)>) -> Vec<Wanted> {
    let left: Vec<_> = left.into_iter().collect();
    let wildcards = wildcards(&left);
    left.iter()
        .flat_map(|(site, names)| of_site(&site.issuance, names, &wildcards))
        .collect()
}

/// Those that can be got.
fn wildcards<'p>(left: &[(&'p Site, Vec<&'p HostPattern>)]) -> Wildcards<'p> {
    let mut wildcards = Wildcards::new();
    for (site, names) in left {
        for name in names {
            let HostPattern::Wildcard(domain) = name else {
                continue;
            };
            if has_way(name, &site.issuance) && is_vouched_for(&vouching(name, &site.issuance)) {
                wildcards.insert(domain.as_str(), &site.issuance);
            }
        }
    }
    wildcards
}

fn of_site(
    issuance: &Arc<Issuance>,
    names: &[&HostPattern],
    wildcards: &Wildcards<'_>,
) -> Vec<Wanted> {
    let mut groups: Vec<Group> = Vec::new();
    for name in names {
        let vouching = vouching(name, issuance);
        if !is_vouched_for(&vouching) || is_covered(name, issuance, wildcards) {
            continue;
        }
        let key = (vouching, has_way(name, issuance));
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, group)) => group.push(HostPattern::clone(name)),
            None => groups.push((key, vec![HostPattern::clone(name)])),
        }
    }
    let most = match issuance.profile.as_deref() {
        None | Some("classic") => NAMES_MAX,
        Some(_) => NAMES_MAX_OF_PROFILES,
    };
    let chunks = groups.iter().flat_map(|(_, group)| group.chunks(most));
    chunks
        .map(|names| Wanted {
            names: names.to_vec(),
            issuance: Arc::clone(issuance),
        })
        .collect()
}

/// Which of its issuers can vouch for a name.
fn vouching(name: &HostPattern, issuance: &Issuance) -> Vec<bool> {
    let profile = issuance.profile.as_deref();
    let can = |issuer: &AcmeIssuer| issuer.can_vouch_for(name, profile);
    issuance.acme_issuers().map(can).collect()
}

fn is_vouched_for(vouching: &[bool]) -> bool {
    vouching.contains(&true)
}

/// Whether a wildcard covers the name, from the same issuers and of the same profile.
fn is_covered(name: &HostPattern, issuance: &Issuance, wildcards: &Wildcards<'_>) -> bool {
    let parent = name.exact().and_then(|host| host.as_str().split_once('.'));
    let wildcard = parent.and_then(|(_, domain)| wildcards.get(domain));
    wildcard
        .is_some_and(|other| issuance.issuers == other.issuers && issuance.profile == other.profile)
}
