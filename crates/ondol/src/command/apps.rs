//! `ondol apps`: every app, how it is, and what it uses; what needs its owner stands below.

use std::collections::BTreeMap;

use ondol_admin::api::App;
use ondol_admin::api::AppState;
use ondol_admin::api::Apps;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::cli::AppFlags;
use crate::cli::AppsCommand;
use crate::cli::AppsFlags;
use crate::command::status;
use crate::folders::Folders;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

mod course;
pub(super) mod deeds;
mod detail;
mod follow;
mod git;
mod plain;

/// Asks and prints.
pub(super) async fn run(
    client: &Client,
    folders: &Folders,
    flags: &AppsFlags,
) -> anyhow::Result<()> {
    let AppsFlags { name, show, what } = flags;
    if let Some(AppsCommand::Git(AppFlags { app, show })) = what {
        return git::run(client, folders, app, show.format()).await;
    }
    if let Some(name) = name {
        return detail::run(client, name, show.format()).await;
    }
    let apps = client.apps().await?;
    match show.format() {
        Format::Json => output::print_json(&apps),
        Format::Human => {
            let screen = Screen::of_standard_output();
            Ok(output::print(&render(
                &apps,
                clock::unix_seconds(),
                screen,
            ))?)
        }
    }
}

fn render(apps: &Apps, now: i64, screen: Screen) -> String {
    let apps = &apps.apps;
    if apps.is_empty() {
        return "The configuration has no apps.\n".to_owned();
    }
    let mut table = Table::new([
        Column::word("APP"),
        Column::word("STATE"),
        Column::word("RELEASE"),
        Column::word("SINCE"),
        Column::number("RESTARTS"),
        Column::number("MEMORY"),
        Column::number("CPU"),
        Column::number("REQUESTS"),
    ]);
    for app in apps {
        table.push([
            Cell::new(&app.name, Tint::Strong),
            state(app),
            Cell::from(release(app)),
            Cell::from(span::relative(app.since.unix_seconds(), now)),
            restarts(app),
            Cell::from(memory(app.memory)),
            Cell::from(cpu(app.cpu_percent)),
            Cell::from(output::grouped(app.requests)),
        ]);
    }
    let mut text = table.render(screen);
    let sentences = sentences(apps);
    if !sentences.is_empty() {
        text.push('\n');
    }
    for sentence in sentences {
        text.push_str(&status::marked(&sentence, screen));
    }
    text
}

/// How each app is, for those who look at the whole box.
pub(super) fn short(apps: &[App], now: i64, screen: Screen) -> String {
    if apps.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::word("APP"),
        Column::word("STATE"),
        Column::word("RELEASE"),
        Column::word("SINCE"),
        Column::number("REQUESTS"),
        Column::text("SITES"),
    ]);
    for app in apps {
        table.push([
            Cell::from(&app.name),
            state(app),
            Cell::from(release(app)),
            Cell::from(span::relative(app.since.unix_seconds(), now)),
            Cell::from(output::grouped(app.requests)),
            Cell::from(app.sites.join(", ")),
        ]);
    }
    table.render(screen)
}

/// What the owner should know, each once; what is so for several apps names them all.
fn sentences(apps: &[App]) -> Vec<String> {
    let notes = apps.iter().filter_map(trouble);
    let mut unenforced: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for app in apps {
        for sentence in &app.unenforced {
            unenforced.entry(sentence).or_default().push(&app.name);
        }
    }
    let unenforced = unenforced
        .into_iter()
        .map(|(sentence, names)| format!("{}: {sentence}", names.join(", ")));
    notes.chain(unenforced).collect()
}

/// The sentence about an app that its owner should see.
pub(super) fn trouble(app: &App) -> Option<String> {
    let note = app.note.trim();
    match app.state {
        _ if note.is_empty() => None,
        AppState::Deploying | AppState::Watching => None,
        AppState::Starting if app.restarts == 0 => None,
        _ if note.contains(&app.name) => Some(note.to_owned()),
        _ => Some(format!("{}: {note}", app.name)),
    }
}

fn state(app: &App) -> Cell {
    let tint = match app.state {
        AppState::Running => Tint::Good,
        AppState::Starting | AppState::Deploying | AppState::Watching => Tint::Attention,
        AppState::Asleep | AppState::Stopped => Tint::Faint,
        AppState::Failed => Tint::Bad,
    };
    Cell::new(app.state.word(), tint)
}

fn release(app: &App) -> String {
    match (app.release, app.launch) {
        (Some(number), _) => number.to_string(),
        (None, Some(_)) => "its folder".to_owned(),
        (None, None) => "-".to_owned(),
    }
}

fn restarts(app: &App) -> Cell {
    let tint = if app.restarts > 0 {
        Tint::Attention
    } else {
        Tint::Plain
    };
    Cell::new(output::grouped(app.restarts), tint)
}

/// What stands before the lines of a log that belong to it.
fn in_short(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default();
    let announced = first
        .strip_suffix(':')
        .and_then(|first| first.rsplit_once(". "));
    announced.map_or(first, |(before, _the_lines)| before)
}

fn memory(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), output::bytes)
}

fn cpu(percent: Option<f64>) -> String {
    percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.1} %"))
}

#[cfg(test)]
pub(super) mod tests;
