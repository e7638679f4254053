//! Numbers about what the box does for its owner: upstreams, apps, certificates, backups.

use std::collections::BTreeMap;

use super::Seen;
use super::exposition::Exposition;
use super::exposition::Kind;
use crate::api;
use crate::api::AppState;

const APP_STATES: [(&str, AppState); 7] = [
    ("running", AppState::Running),
    ("starting", AppState::Starting),
    ("deploying", AppState::Deploying),
    ("watching", AppState::Watching),
    ("asleep", AppState::Asleep),
    ("failed", AppState::Failed),
    ("stopped", AppState::Stopped),
];

pub(super) fn write(to: &mut Exposition, seen: &Seen) {
    to.single(
        Kind::Gauge,
        "sites",
        "Sites that are served.",
        seen.status.sites as u64,
    );
    upstreams(to, &seen.status.servers);
    apps(to, &seen.apps.apps);
    certificates(to, &seen.certs);
    backups(to, &seen.backups);
}

/// Several sites may reach a server in different ways: it is down where one of them says so.
fn upstreams(to: &mut Exposition, servers: &[api::Server]) {
    let mut by_address = BTreeMap::<&str, (bool, u64)>::new();
    for server in servers {
        let (is_up, requests) = by_address.entry(&server.address).or_insert((true, 0));
        *is_up &= server.trouble.is_none();
        *requests += server.requests;
    }
    let help = "Whether a server behind the sites is up.";
    let mut family = to.family(Kind::Gauge, "upstream_up", help);
    for (address, (is_up, _)) in &by_address {
        family.sample(&[("upstream", address)], *is_up);
    }
    let help = "Requests that a server behind the sites has now; not counted where it is alone.";
    let mut family = to.family(Kind::Gauge, "upstream_requests_in_flight", help);
    for (address, (_, requests)) in &by_address {
        family.sample(&[("upstream", address)], *requests);
    }
}

fn apps(to: &mut Exposition, apps: &[api::App]) {
    let help = "How an app is: 1 for the state that it is in.";
    let mut family = to.family(Kind::Gauge, "app_state", help);
    for app in apps {
        for (word, state) in APP_STATES {
            let labels = [("app", app.name.as_str()), ("state", word)];
            family.sample(&labels, app.state == state);
        }
    }
    let help = "How often a process of an app was started again since its launch.";
    let mut family = to.family(Kind::Counter, "app_restarts", help);
    for app in apps {
        family.sample(&[("app", &app.name)], app.restarts);
    }
    let help = "Requests of an app since its launch.";
    let mut family = to.family(Kind::Counter, "app_requests", help);
    for app in apps {
        family.sample(&[("app", &app.name)], app.requests);
    }
    let help = "Requests of an app since its launch that failed by its fault.";
    let mut family = to.family(Kind::Counter, "app_requests_failed", help);
    for app in apps {
        family.sample(&[("app", &app.name)], app.failed);
    }
    let help = "Requests that an app has now, or that wait for it.";
    let mut family = to.family(Kind::Gauge, "app_requests_in_flight", help);
    for app in apps {
        for (state, count) in [("asked", app.in_flight), ("held", app.held)] {
            family.sample(&[("app", &app.name), ("state", state)], count);
        }
    }
    let help = "Processes of an app that run.";
    let mut family = to.family(Kind::Gauge, "app_processes", help);
    for app in apps {
        let running = app.instances.iter();
        let running = running.filter(|instance| instance.pid.is_some()).count();
        family.sample(&[("app", &app.name)], running as u64);
    }
    let help = "Memory of an app's processes.";
    let mut family = to.family(Kind::Gauge, "app_memory_bytes", help);
    for app in apps {
        if let Some(memory) = app.memory {
            family.sample(&[("app", &app.name)], memory);
        }
    }
}

/// Of several certificates for a name, the one that ends first.
fn certificates(to: &mut Exposition, certs: &api::Certs) {
    let mut by_domain = BTreeMap::<&str, (i64, bool)>::new();
    for cert in &certs.certificates {
        for name in &cert.names {
            let first = (cert.not_after.unix_seconds(), cert.problem.is_some());
            let (not_after, has_problem) = by_domain.entry(name).or_insert(first);
            *not_after = first.0.min(*not_after);
            *has_problem |= first.1;
        }
    }
    let help = "The last second of the certificate for a name.";
    let mut family = to.family(Kind::Gauge, "cert_not_after_timestamp_seconds", help);
    for (domain, (not_after, _)) in &by_domain {
        family.sample(&[("domain", domain)], *not_after);
    }
    let help =
        "Whether something is wrong with the certificate for a name, or with getting another.";
    let mut family = to.family(Kind::Gauge, "cert_problem", help);
    for (domain, (_, has_problem)) in &by_domain {
        family.sample(&[("domain", domain)], *has_problem);
    }
}

fn backups(to: &mut Exposition, backups: &api::Backups) {
    let help = "When the newest good backup at a target ended.";
    let name = "backup_last_success_timestamp_seconds";
    let mut family = to.family(Kind::Gauge, name, help);
    for target in &backups.targets {
        if let Some(at) = target.last_good_at {
            family.sample(&[("target", &target.name)], at.unix_seconds());
        }
    }
    let help = "The moment whose data was shown to be restorable from a target.";
    let name = "backup_proven_timestamp_seconds";
    let mut family = to.family(Kind::Gauge, name, help);
    for target in &backups.targets {
        if let Some(at) = target.proven_as_of {
            family.sample(&[("target", &target.name)], at.unix_seconds());
        }
    }
    let help = "What the newest good backup at a target holds.";
    let mut family = to.family(Kind::Gauge, "backup_last_size_bytes", help);
    for target in &backups.targets {
        if let Some(bytes) = target.bytes {
            family.sample(&[("target", &target.name)], bytes);
        }
    }
    let help = "Backups at a target.";
    let mut family = to.family(Kind::Gauge, "backups", help);
    for target in &backups.targets {
        family.sample(&[("target", &target.name)], target.backups);
    }
}
