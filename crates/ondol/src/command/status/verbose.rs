//! `ondol status --verbose`: the box at a glance with every part of it, the trouble last, where the eye is.

use ondol_admin::api;
use ondol_admin::api::GenerationState;
use ondol_admin::api::HealthState;
use ondol_admin::api::Status;

use super::certificate_problems;
use super::labeled;
use super::marked;
use super::other_warnings;
use crate::command::apps;
use crate::command::backups;
use crate::output;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// Screens of this width have room for when something was looked at.
const ROOMY: usize = 100;

pub(super) fn render(status: &Status, now: i64, screen: Screen) -> String {
    let mut text = overview(status, now, screen);
    text.push('\n');
    text.push_str(&generations(status, now, screen));
    let watched = subjects(&status.watch.subjects, now, screen);
    if !watched.is_empty() {
        text.push('\n');
        text.push_str(&watched);
    }
    let apps = apps::short(&status.apps, now, screen);
    if !apps.is_empty() {
        text.push('\n');
        text.push_str(&apps);
    }
    let servers = servers(&status.servers, screen);
    if !servers.is_empty() {
        text.push('\n');
        text.push_str(&servers);
    }
    let troubled = services(&status.services, now, screen);
    if !troubled.is_empty() {
        text.push('\n');
        text.push_str(&troubled);
    }
    let mut warnings = certificate_problems(status, now);
    warnings.append(&mut other_warnings(status));
    warnings.extend(status.apps.iter().filter_map(apps::trouble));
    warnings.extend(backups::sentences(&status.backups));
    if !warnings.is_empty() {
        text.push('\n');
    }
    for warning in warnings {
        text.push_str(&marked(&warning, screen));
    }
    text
}

fn overview(status: &Status, now: i64, screen: Screen) -> String {
    let up = span::span(now.abs_diff(status.started_at.unix_seconds()));
    let name = screen.tinted(&status.box_name, Tint::Strong);
    let mut text = format!(
        "{name}: Ondol {}, up for {up}, process {}\n",
        status.version, status.pid
    );
    let configuration = format!("{}, revision {}", status.configuration, status.revision);
    let listeners: Vec<_> = status
        .listeners
        .iter()
        .map(|listener| format!("{} ({})", listener.address, listener.protocol))
        .collect();
    let sites = output::counted(status.sites as u64, "site");
    let certificates = output::counted(status.certificates as u64, "certificate");
    let connections = output::counted(status.connections, "connection");
    let requests = output::counted(status.requests, "request");
    let mut lines = vec![
        ("configuration", configuration),
        ("serving", format!("{sites}, {certificates}")),
        ("listening on", listeners.join(", ")),
        ("now", format!("{connections}, {requests} since the start")),
    ];
    lines.push(("backups", backups::short(&status.backups, now)));
    if status.stand_ins > 0 {
        let sites = output::counted(status.stand_ins as u64, "site");
        let sentence = format!("{sites} for now, until an issuer gives a certificate");
        lines.insert(2, ("own CA", sentence));
    }
    if let Some(reload) = &status.last_reload {
        let at = span::relative(reload.at.unix_seconds(), now);
        lines.insert(1, ("last reload", format!("{at}: {}", reload.outcome)));
    }
    for (label, value) in lines {
        text.push_str(&labeled(label, &value, screen));
    }
    text
}

fn generations(status: &Status, now: i64, screen: Screen) -> String {
    if status.generations.is_empty() {
        let sentence = "No data plane is running: visitors are not served.";
        return format!("{}\n", screen.tinted(sentence, Tint::Bad));
    }
    let mut table = Table::new([
        Column::number("DATA PLANE"),
        Column::number("PROCESS"),
        Column::word("STATE"),
        Column::word("SINCE"),
        Column::number("CONNECTIONS"),
        Column::number("REQUESTS"),
        Column::word("VERSION"),
    ]);
    for generation in &status.generations {
        let tint = match generation.state {
            GenerationState::Ready => Tint::Good,
            GenerationState::Starting | GenerationState::Draining => Tint::Attention,
        };
        table.push([
            Cell::from(generation.number.to_string()),
            Cell::from(generation.pid.to_string()),
            Cell::new(generation.state.word(), tint),
            Cell::from(span::relative(generation.since.unix_seconds(), now)),
            Cell::from(output::grouped(generation.connections)),
            Cell::from(output::grouped(generation.requests)),
            Cell::from(&generation.version),
        ]);
    }
    table.render(screen)
}

/// Servers behind the sites that share requests, or are asked for their health.
fn servers(servers: &[api::Server], screen: Screen) -> String {
    if servers.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::text("SERVER"),
        Column::text("SITES"),
        Column::word("STATE"),
        Column::number("REQUESTS"),
        Column::text("WHY"),
    ]);
    for server in servers {
        let (state, tint) = match &server.trouble {
            None => ("up", Tint::Good),
            Some(_) => ("down", Tint::Bad),
        };
        table.push([
            Cell::from(&server.address),
            Cell::from(server.sites.join(", ")),
            Cell::new(state, tint),
            Cell::from(output::grouped(server.requests)),
            Cell::from(server.trouble.as_deref().unwrap_or_default()),
        ]);
    }
    table.render(screen)
}

/// Only those that have something to tell.
fn services(services: &[api::Service], now: i64, screen: Screen) -> String {
    let troubled: Vec<_> = services
        .iter()
        .filter(|service| service.state != "running" || service.last_error.is_some())
        .collect();
    if troubled.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::word("SERVICE"),
        Column::word("STATE"),
        Column::word("SINCE"),
        Column::number("RESTARTS"),
        Column::text("LAST ERROR"),
    ]);
    for service in troubled {
        let tint = match service.state.as_str() {
            "running" => Tint::Good,
            "failed" => Tint::Bad,
            _ => Tint::Attention,
        };
        table.push([
            Cell::from(&service.name),
            Cell::new(&service.state, tint),
            Cell::from(span::relative(service.since.unix_seconds(), now)),
            Cell::from(service.restarts.to_string()),
            Cell::from(service.last_error.as_deref().unwrap_or_default()),
        ]);
    }
    table.render(screen)
}

/// Everything that is looked at.
fn subjects(subjects: &[api::WatchSubject], now: i64, screen: Screen) -> String {
    if subjects.is_empty() {
        return String::new();
    }
    // On a narrow screen what was found needs the room.
    let is_roomy = screen.width.is_none_or(|width| width >= ROOMY);
    let mut columns = vec![
        Column::text("WATCHED"),
        Column::word("STATE"),
        Column::word("SINCE"),
        Column::number("ANSWER"),
        Column::number("30 DAYS"),
        Column::text("WHY"),
    ];
    if is_roomy {
        columns.insert(3, Column::word("LOOKED AT"));
    }
    let mut table = Table::new(columns);
    for subject in subjects {
        let tint = match subject.state {
            HealthState::Pass => Tint::Good,
            HealthState::Unknown => Tint::Faint,
            HealthState::Warn => Tint::Attention,
            HealthState::Fail => Tint::Bad,
        };
        let ago = |at: api::Time| span::relative(at.unix_seconds(), now);
        let mut cells = vec![
            Cell::from(&subject.subject),
            Cell::new(subject.state.word(), tint),
            Cell::from(ago(subject.since)),
            Cell::from(output::milliseconds(subject.took_ms)),
            Cell::from(output::share(subject.uptime)),
            Cell::from(&subject.sentence),
        ];
        if is_roomy {
            let seen_at = subject.seen_at.map_or_else(|| "-".to_owned(), ago);
            cells.insert(3, Cell::from(seen_at));
        }
        table.push(cells);
    }
    table.render(screen)
}

#[cfg(test)]
mod tests;
