//! What changes between two plans.

use std::collections::BTreeMap;

use crate::host::HostPattern;
use crate::plan::Plan;
use crate::plan::Site;

/// What differs from one plan to the next; empty when nothing does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Sites that are new.
    pub added: Vec<HostPattern>,
    /// Sites that are gone.
    pub removed: Vec<HostPattern>,
    /// Sites that are there in both but differ.
    pub changed: Vec<HostPattern>,
    /// Whether the addresses to listen on differ, so that new sockets are needed.
    pub listeners: bool,
    /// Whether something outside sites and listeners differs.
    pub settings: bool,
}

impl Changes {
    /// Whether both plans are the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares two plans.
pub fn changes(old: &Plan, new: &Plan) -> Changes {
    let (before, after) = (by_name(&old.sites), by_name(&new.sites));
    let missing_in = |one: &BTreeMap<&HostPattern, &Site>,
                      other: &BTreeMap<&HostPattern, &Site>| {
        one.keys()
            .filter(|name| !other.contains_key(*name))
            .map(|name| (*name).clone())
            .collect()
    };
    Changes {
        added: missing_in(&after, &before),
        removed: missing_in(&before, &after),
        changed: after
            .iter()
            .filter(|(name, site)| before.get(*name).is_some_and(|old| old != *site))
            .map(|(name, _)| (*name).clone())
            .collect(),
        listeners: old.listen.http != new.listen.http || old.listen.https != new.listen.https,
        settings: settings_differ(old, new),
    }
}

fn settings_differ(old: &Plan, new: &Plan) -> bool {
    let Plan {
        box_name,
        email,
        timezone,
        listen,
        access_log,
        certificates,
        resolvers,
        sites: _,
        apps,
    } = old;
    *box_name != new.box_name
        || *email != new.email
        || *timezone != new.timezone
        || listen.trusted_proxies != new.listen.trusted_proxies
        || listen.client_ip_header != new.listen.client_ip_header
        || *access_log != new.access_log
        || *certificates != new.certificates
        || *resolvers != new.resolvers
        || *apps != new.apps
}

fn by_name(sites: &[Site]) -> BTreeMap<&HostPattern, &Site> {
    sites.iter().map(|site| (&site.name, site)).collect()
}
