//! Numbers about what is watched: how it is, what was read of it, who is told.

use std::collections::BTreeMap;

use super::exposition::Exposition;
use super::exposition::Kind;
use crate::api;
use crate::api::AlarmSeverity;
use crate::api::HealthState;
use crate::api::PowerSource;

/// What numbers mean that were read of something; those that are not here are told by their names alone.
const READ: &[(&str, &str)] = &[
    (
        "clock_offset_seconds",
        "How far the clock is ahead of the true time.",
    ),
    ("disk_free_bytes", "Room on a file system."),
    ("disk_inodes", "Inodes of a file system."),
    ("disk_inodes_free", "Inodes of a file system that are free."),
    ("disk_size_bytes", "The size of a file system."),
    ("disk_temperature_celsius", "The temperature of a drive."),
    (
        "memory_available_bytes",
        "Memory that programs could still get.",
    ),
    (
        "memory_pressure_ratio",
        "The share of the time in which programs waited for memory.",
    ),
    ("memory_size_bytes", "Memory of the machine."),
    ("temperature_celsius", "The temperature of the machine."),
];

/// A subject's state as a number, so that what is not well is greater.
fn number(state: HealthState) -> u64 {
    match state {
        HealthState::Unknown => 0,
        HealthState::Pass => 1,
        HealthState::Warn => 2,
        HealthState::Fail => 3,
    }
}

pub(super) fn write(to: &mut Exposition, watch: &api::Watch) {
    subjects(to, watch);
    sites(to, watch);
    alarms(to, watch);
    heartbeats(to, watch);
    power(to, &watch.power);
    to.single(
        Kind::Counter,
        "unclean_boots",
        "Times that the box came back without having been shut down.",
        watch.unclean_boots,
    );
    read(to, watch);
}

fn subjects(to: &mut Exposition, watch: &api::Watch) {
    let help = "How something is that is watched: 0 unknown, 1 pass, 2 warn, 3 fail.";
    let mut family = to.family(Kind::Gauge, "watched_state", help);
    for subject in &watch.subjects {
        let labels = [("kind", subject.kind.as_str()), ("name", &subject.name)];
        family.sample(&labels, number(subject.state));
    }
}

fn sites(to: &mut Exposition, watch: &api::Watch) {
    let sites = || {
        watch
            .subjects
            .iter()
            .filter(|subject| subject.kind == "site")
    };
    let help = "Whether a site answers as it should; absent while that is unknown.";
    let mut family = to.family(Kind::Gauge, "site_up", help);
    for site in sites().filter(|site| site.state != HealthState::Unknown) {
        family.sample(&[("site", &site.name)], site.state != HealthState::Fail);
    }
    let help = "How long a site's answer to the last check took.";
    let mut family = to.family(Kind::Gauge, "site_check_duration_seconds", help);
    for site in sites() {
        if let Some(ms) = site.took_ms {
            family.sample(&[("site", &site.name)], f64::from(ms) / 1_000.0);
        }
    }
    let help =
        "The share of the last 30 days that a site was up, of the time in which that is known.";
    let mut family = to.family(Kind::Gauge, "site_uptime_ratio", help);
    for site in sites() {
        if let Some(uptime) = site.uptime {
            family.sample(&[("site", &site.name)], uptime);
        }
    }
}

fn alarms(to: &mut Exposition, watch: &api::Watch) {
    let help = "Incidents that are open, by how much they matter.";
    let mut family = to.family(Kind::Gauge, "incidents_open", help);
    for severity in [
        AlarmSeverity::Info,
        AlarmSeverity::Warning,
        AlarmSeverity::Critical,
    ] {
        let open = watch.incidents.iter();
        let open = open.filter(|incident| incident.ended_at.is_none());
        let count = open
            .filter(|incident| incident.severity == severity)
            .count();
        family.sample(&[("severity", severity.word())], count as u64);
    }
    to.single(
        Kind::Gauge,
        "alert_outbox_rows",
        "Messages that wait to be delivered.",
        watch.outbox,
    );
    if let Some(since) = watch.outbox_since {
        to.single(
            Kind::Gauge,
            "alert_outbox_oldest_timestamp_seconds",
            "Since when the oldest message waits.",
            since.unix_seconds(),
        );
    }
    let channels = || {
        let people = watch.people.iter();
        people.flat_map(|person| {
            person
                .channels
                .iter()
                .map(|channel| (&person.name, channel))
        })
    };
    let help = "Whether messages get through by a channel of a person.";
    let mut family = to.family(Kind::Gauge, "alert_channel_up", help);
    for (person, channel) in channels() {
        let labels = [("person", person.as_str()), ("channel", &channel.channel)];
        family.sample(&labels, channel.trouble.is_none());
    }
    let help = "When a message was delivered last by a channel of a person.";
    let name = "alert_channel_last_delivery_timestamp_seconds";
    let mut family = to.family(Kind::Gauge, name, help);
    for (person, channel) in channels() {
        if let Some(at) = channel.delivered_at {
            let labels = [("person", person.as_str()), ("channel", &channel.channel)];
            family.sample(&labels, at.unix_seconds());
        }
    }
}

fn heartbeats(to: &mut Exposition, watch: &api::Watch) {
    if let Some(at) = watch.heartbeat_at {
        to.single(
            Kind::Gauge,
            "heartbeat_sent_timestamp_seconds",
            "When the outside last heard that the box lives.",
            at.unix_seconds(),
        );
    }
    let help = "When a job that reports to this box last reported success.";
    let name = "heartbeat_last_success_timestamp_seconds";
    let mut family = to.family(Kind::Gauge, name, help);
    for heartbeat in &watch.heartbeats {
        if let Some(at) = heartbeat.last_at {
            family.sample(&[("heartbeat", &heartbeat.name)], at.unix_seconds());
        }
    }
}

fn power(to: &mut Exposition, power: &api::WatchPower) {
    let help = "Where the power comes from: 1 for what is so.";
    let mut family = to.family(Kind::Gauge, "power_state", help);
    for state in [PowerSource::Mains, PowerSource::Battery, PowerSource::Low] {
        family.sample(&[("state", state.word())], power.state == state);
    }
    if let Some(charge) = power.charge {
        let help = "Charge of the battery, 0 to 1.";
        to.single(Kind::Gauge, "ups_charge_ratio", help, charge);
    }
    if let Some(seconds) = power.runtime_seconds {
        let help = "How long the battery lasts.";
        to.single(Kind::Gauge, "ups_runtime_seconds", help, seconds);
    }
    if let Some(watts) = power.watts {
        let help = "What the box draws now.";
        to.single(Kind::Gauge, "power_watts", help, watts);
    }
    let help = "Energy that was used since the agent's start, by what was measured.";
    let mut family = to.family(Kind::Counter, "energy_joules", help);
    for (domain, joules) in &power.joules {
        family.sample(&[("domain", domain)], *joules);
    }
}

/// Numbers with names of their own. They are labeled by what they were read of.
fn read(to: &mut Exposition, watch: &api::Watch) {
    let mut by_name = BTreeMap::<&str, BTreeMap<(&str, &str), f64>>::new();
    for subject in &watch.subjects {
        for (name, value) in &subject.values {
            if is_name(name) {
                let of = (subject.kind.as_str(), subject.name.as_str());
                by_name.entry(name).or_default().insert(of, *value);
            }
        }
    }
    for (name, values) in by_name {
        let (kind, name) = match name.strip_suffix("_total") {
            Some(rest) => (Kind::Counter, rest),
            None => (Kind::Gauge, name),
        };
        let help = READ.iter().find(|(known, _)| *known == name);
        let help = help.map_or_else(|| name.replace('_', " "), |(_, help)| (*help).to_owned());
        let mut family = to.family(kind, name, &help);
        for ((of, subject), value) in values {
            let label = of.replace('-', "_");
            let labels = [(label.as_str(), subject)];
            let labels: &[_] = if subject.is_empty() { &[] } else { &labels };
            family.sample(labels, value);
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
