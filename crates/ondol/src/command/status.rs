//! `ondol status`: the box at a glance, the trouble last, where the eye is.

use ondol_admin::api;
use ondol_admin::api::GenerationState;
use ondol_admin::api::Status;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::command::apps;
use crate::command::backups;
use crate::command::certs::problems;
use crate::command::certs::problems::Tries;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// The words in front of the lines of the first paragraph are padded to this.
const LABEL_WIDTH: usize = 15;

/// So many sentences about certificates are shown.
const PROBLEMS_MAX: usize = 10;

/// Asks and prints.
pub(crate) async fn run(client: &Client, format: Format) -> anyhow::Result<()> {
    let status = client.status().await?;
    match format {
        Format::Json => output::print_json(&status),
        Format::Human => {
            let screen = Screen::of_standard_output();
            Ok(output::print(&render(
                &status,
                clock::unix_seconds(),
                screen,
            ))?)
        }
    }
}

fn render(status: &Status, now: i64, screen: Screen) -> String {
    let mut text = overview(status, now, screen);
    text.push('\n');
    text.push_str(&generations(status, now, screen));
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

/// A line of a first paragraph.
pub(crate) fn labeled(label: &str, value: &str, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    let label = format!("{label:LABEL_WIDTH$}");
    hanging(&label, Tint::Faint, value, width, screen)
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

/// What is wrong with certificates; of very many, only some.
fn certificate_problems(status: &Status, now: i64) -> Vec<String> {
    let mut sentences = problems::sentences(&status.certificate_problems, Tries::Told, now);
    if let Some(more @ 1..) = sentences.len().checked_sub(PROBLEMS_MAX) {
        sentences.truncate(PROBLEMS_MAX);
        sentences.push(format!(
            "{more} more like these about certificates: `ondol certs` shows all."
        ));
    }
    sentences
}

fn other_warnings(status: &Status) -> Vec<String> {
    let mut warnings = status.warnings.clone();
    if status.on_last_good {
        let reason = status
            .on_last_good_reason
            .as_deref()
            .unwrap_or("it is broken");
        warnings.push(format!(
            "The last good configuration is served instead of {}: {reason}",
            status.configuration
        ));
    }
    if status.log_lines_dropped > 0 {
        let lines = output::counted(status.log_lines_dropped, "line");
        warnings.push(format!(
            "The access log lacks {lines} since the start: the disk was full or too slow (`ondol events` says more)."
        ));
    }
    warnings
}

/// A sentence that the owner should not miss.
pub(crate) fn marked(sentence: &str, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    hanging("! ", Tint::Attention, sentence, width, screen)
}

/// A label and a text whose further lines begin under its first.
fn hanging(label: &str, tint: Tint, text: &str, width: usize, screen: Screen) -> String {
    let indent = label.len();
    let mut shown = screen.tinted(label, tint);
    let lines = text
        .lines()
        .flat_map(|line| table::wrap(line, width.saturating_sub(indent).max(indent)));
    for (index, line) in lines.enumerate() {
        if index > 0 {
            shown.push('\n');
            shown.extend(std::iter::repeat_n(' ', indent));
        }
        shown.push_str(&line);
    }
    shown.push('\n');
    shown
}

#[cfg(test)]
pub(super) mod tests;
