//! The parts of the box in a line each: what there is of them, and how they are. Pure.

use std::collections::BTreeMap;

use ondol_admin::api::App;
use ondol_admin::api::AppState;
use ondol_admin::api::HealthState;
use ondol_admin::api::PowerSource;
use ondol_admin::api::Status;
use ondol_admin::api::Time;
use ondol_admin::api::Watch;
use ondol_admin::api::WatchSubject;

use crate::command::backups;
use crate::output;
use crate::span;

/// So many names are told of those that are alike.
const NAMES_MAX: usize = 4;

/// Each line with its label.
pub(super) fn of(status: &Status, now: i64) -> Vec<(&'static str, String)> {
    let watch = &status.watch;
    let visitors = {
        let connections = output::counted(status.connections, "connection");
        let requests = output::counted(status.requests, "request");
        format!("{connections}, {requests} since the start")
    };
    let lines = [
        Some(("sites", sites(status))),
        Some(("visitors", visitors)),
        (!status.apps.is_empty()).then(|| ("apps", apps(&status.apps))),
        own_ca(status).map(|line| ("own CA", line)),
        Some(("backups", backups::short(&status.backups, now))),
        power(watch).map(|line| ("power", line)),
        Some(("alarms", alarms(watch, now))),
        watch
            .heartbeat_at
            .map(|at| ("outside", format!("heard from this box {}", ago(at, now)))),
        others(watch).map(|line| ("others' jobs", line)),
        status.last_reload.as_ref().map(|reload| {
            let line = format!("{}: {}", ago(reload.at, now), reload.outcome);
            ("last reload", line)
        }),
        watch
            .last_absence
            .clone()
            .map(|sentence| ("last absence", sentence)),
    ];
    lines.into_iter().flatten().collect()
}

/// How many are up, which is the slowest; as far as they are looked at.
fn sites(status: &Status) -> String {
    let certificates = |before: &str| match status.certificates {
        0 => String::new(), // They are missed elsewhere, where some are wanted.
        count => format!("{before}{}", output::counted(count as u64, "certificate")),
    };
    let watched: Vec<_> = of_kind(&status.watch, "site").collect();
    if watched.is_empty() {
        let sites = output::counted(status.sites as u64, "site");
        return format!("{sites}{}", certificates(", "));
    }
    let mut parts = Vec::new();
    for (state, word) in [
        (HealthState::Fail, "down"),
        (HealthState::Warn, "want a look"),
        (HealthState::Pass, "up"),
        (HealthState::Unknown, "not known"),
    ] {
        let names = watched.iter().filter(|site| site.state == state);
        let names: Vec<_> = names.map(|site| site.name.as_str()).collect();
        parts.extend(group(&names, word));
    }
    if let Some(unwatched @ 1..) = status.sites.checked_sub(watched.len()) {
        parts.push(format!("{unwatched} not looked at"));
    }
    let slowest = watched.iter().filter(|_| watched.len() > 1);
    let slowest = slowest.filter_map(|site| Some((site.took_ms?, &site.name)));
    let slowest = slowest.max().map_or(String::new(), |(took, name)| {
        let took = output::milliseconds(Some(took));
        format!("; the slowest answers in {took} ({name})")
    });
    format!("{}{slowest}{}", parts.join(", "), certificates("; "))
}

/// `2 up (a.test, b.test)`; nothing of none.
fn group(names: &[&str], word: &str) -> Option<String> {
    match names.len() {
        0 => None,
        count @ 1..=NAMES_MAX => Some(format!("{count} {word} ({})", names.join(", "))),
        count => Some(format!("{count} {word}")),
    }
}

fn apps(apps: &[App]) -> String {
    let mut by_state: BTreeMap<u8, (AppState, Vec<String>)> = BTreeMap::new();
    for app in apps {
        let rank = match app.state {
            AppState::Failed => 0,
            AppState::Deploying => 1,
            AppState::Watching => 2,
            AppState::Starting => 3,
            AppState::Running => 4,
            AppState::Asleep => 5,
            AppState::Stopped => 6,
        };
        let name = match app.sites.as_slice() {
            [] => app.name.clone(),
            [site] if *site == app.name => app.name.clone(),
            [site] => format!("{} at {site}", app.name),
            [site, more @ ..] => format!("{} at {site} and {} more", app.name, more.len()),
        };
        let (_, names) = by_state.entry(rank).or_insert((app.state, Vec::new()));
        names.push(name);
    }
    let groups = by_state.values().filter_map(|(state, names)| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        group(&names, state.word())
    });
    groups.collect::<Vec<_>>().join(", ")
}

fn own_ca(status: &Status) -> Option<String> {
    (status.stand_ins > 0).then(|| {
        let sites = output::counted(status.stand_ins as u64, "site");
        format!("{sites} for now, until an issuer gives a certificate")
    })
}

/// Where the power comes from, how long it lasts, and what it costs.
fn power(watch: &Watch) -> Option<String> {
    let power = &watch.power;
    let mut parts = Vec::new();
    let percent = power
        .charge
        .map(|charge| format!("{:.0} %", charge * 100.0));
    let lasts = power.runtime_seconds.map(span::span);
    if !power.source.is_empty() {
        let state = match power.state {
            PowerSource::Mains => "mains",
            PowerSource::Battery => "battery",
            PowerSource::Low => "battery, nearly empty",
        };
        let of = [Some(power.source.clone()), percent, lasts];
        let of: Vec<_> = of.into_iter().flatten().collect();
        parts.push(format!("{state} ({})", of.join(", ")));
    }
    parts.extend(power.watts.map(|watts| format!("{watts:.1} W")));
    parts.extend(power.cost.clone());
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Who is told, whether messages arrive, and what waits.
fn alarms(watch: &Watch, now: i64) -> String {
    if watch.people.is_empty() {
        return "nobody is told: [people] in the configuration says who is".to_owned();
    }
    let names: Vec<_> = watch
        .people
        .iter()
        .map(|person| person.name.as_str())
        .collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    let channels = watch.people.iter().flat_map(|person| &person.channels);
    let last = channels.filter_map(|channel| channel.delivered_at).max();
    let last = match last {
        Some(at) => format!("the last message arrived {}", ago(at, now)),
        None => "no message was ever sent: `ondol alarm test` sends one".to_owned(),
    };
    let waiting = match (watch.outbox, watch.outbox_since) {
        (0, _) => String::new(),
        (count, since) => {
            let messages = output::counted(count, "message");
            let verb = if count == 1 { "waits" } else { "wait" };
            let since = since.map_or(String::new(), |at| {
                let length = span::span(now.abs_diff(at.unix_seconds()));
                format!(" for {length}")
            });
            format!("; {messages} {verb}{since}")
        }
    };
    format!("{} {are} told; {last}{waiting}", names.join(", "))
}

/// Others' jobs that report here.
fn others(watch: &Watch) -> Option<String> {
    let mut parts = Vec::new();
    for (state, word) in [
        (HealthState::Fail, "silent or failed"),
        (HealthState::Warn, "late"),
        (HealthState::Pass, "well"),
        (HealthState::Unknown, "not heard of yet"),
    ] {
        let names = watch.heartbeats.iter().filter(|it| it.state == state);
        let names: Vec<_> = names.map(|it| it.name.as_str()).collect();
        parts.extend(group(&names, word));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn of_kind<'w>(watch: &'w Watch, kind: &'static str) -> impl Iterator<Item = &'w WatchSubject> {
    watch
        .subjects
        .iter()
        .filter(move |subject| subject.kind == kind)
}

fn ago(at: Time, now: i64) -> String {
    span::relative(at.unix_seconds(), now)
}
