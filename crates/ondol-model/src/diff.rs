//! What changes between two plans.

use std::collections::BTreeMap;

use crate::app::AppName;
use crate::host::HostPattern;
use crate::plan::Plan;

/// What differs from one plan to the next; empty when nothing does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Sites that are new.
    pub added: Vec<HostPattern>,
    /// Sites that are gone.
    pub removed: Vec<HostPattern>,
    /// Sites that are there in both but differ.
    pub changed: Vec<HostPattern>,
    /// What differs of apps.
    pub apps: AppChanges,
    /// Whether the addresses to listen on differ, so that new sockets are needed.
    pub listeners: bool,
    /// Whether what is backed up, when or where to differs.
    pub backup: bool,
    /// Whether how the box watches itself, or who is told, differs.
    pub care: bool,
    /// Whether something else differs.
    pub settings: bool,
}

/// What differs of apps from one plan to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppChanges {
    /// Apps that are new.
    pub added: Vec<AppName>,
    /// Apps that are gone.
    pub removed: Vec<AppName>,
    /// Apps that are there in both but differ.
    pub changed: Vec<AppName>,
}

impl Changes {
    /// Whether both plans are the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares two plans.
pub fn changes(old: &Plan, new: &Plan) -> Changes {
    let sites = compare(&old.sites, &new.sites, |site| &site.name);
    let apps = compare(&old.apps, &new.apps, |app| &app.name);
    Changes {
        added: sites.added,
        removed: sites.removed,
        changed: sites.changed,
        apps: AppChanges {
            added: apps.added,
            removed: apps.removed,
            changed: apps.changed,
        },
        listeners: old.listen.http != new.listen.http || old.listen.https != new.listen.https,
        backup: old.backup != new.backup,
        care: old.care != new.care,
        settings: settings_differ(old, new),
    }
}

struct Compared<N> {
    added: Vec<N>,
    removed: Vec<N>,
    changed: Vec<N>,
}

fn compare<N: Ord + Clone, T: PartialEq>(
    before: &[T],
    after: &[T],
    name: fn(&T) -> &N,
) -> Compared<N> {
    let (before, after) = (by_name(before, name), by_name(after, name));
    let missing_in = |one: &BTreeMap<&N, &T>, other: &BTreeMap<&N, &T>| {
        let names = one.keys().filter(|name| !other.contains_key(*name));
        names.map(|name| (*name).clone()).collect()
    };
    Compared {
        added: missing_in(&after, &before),
        removed: missing_in(&before, &after),
        changed: after
            .iter()
            .filter(|(name, new)| before.get(*name).is_some_and(|old| old != *new))
            .map(|(name, _)| (*name).clone())
            .collect(),
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
        apps: _,
        backup: _,
        care: _,
    } = old;
    *box_name != new.box_name
        || *email != new.email
        || *timezone != new.timezone
        || listen.trusted_proxies != new.listen.trusted_proxies
        || listen.client_ip_header != new.listen.client_ip_header
        || *access_log != new.access_log
        || *certificates != new.certificates
        || *resolvers != new.resolvers
}

fn by_name<N: Ord, T>(all: &[T], name: fn(&T) -> &N) -> BTreeMap<&N, &T> {
    all.iter().map(|one| (name(one), one)).collect()
}
