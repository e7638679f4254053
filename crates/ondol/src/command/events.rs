//! `ondol events`: what happened on the box, the newest last, next to the prompt.

use ondol_admin::api::Event;
use ondol_admin::api::Events;
use ondol_admin::api::EventsQuery;
use ondol_admin::api::Time;
use ondol_admin::client::Client;
use ondol_base::clock;
use ondol_model::event::EventKind;

use crate::cli::EventsFlags;
use crate::near;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::since;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// Events older than this many seconds are shown with their date: two days.
const DATED: i64 = 2 * 24 * 3_600;
/// Of a long message: what happened, what to do, what was tried, and what announces the lines below.
const FIRST_LINES: usize = 4;
/// Of a long message: where a program says last what hurt it.
const LAST_LINES: usize = 8;

/// Asks and prints. The JSON is as the API has it, the newest first.
pub(crate) async fn run(client: &Client, flags: &EventsFlags) -> anyhow::Result<()> {
    let EventsFlags {
        show,
        limit,
        before,
        subject,
        kind,
        since,
    } = flags;
    let now = clock::unix_seconds();
    let format = show.format();
    let zone = match (format, since) {
        (Format::Json, None) => None, // Nothing is told in it.
        (Format::Json | Format::Human, _) => client.status().await?.timezone,
    };
    let zone = zone.as_deref();
    let since = since.as_deref().map(|text| since::parse(text, now, zone));
    let query = EventsQuery {
        limit: Some(*limit),
        before: *before,
        subject: subject.clone(),
        kind: kind.as_deref().map(known).transpose()?,
        since: since
            .transpose()
            .map_err(anyhow::Error::msg)?
            .map(Time::from_unix_seconds),
    };
    let is_filtered = query.subject.is_some() || query.kind.is_some() || query.since.is_some();
    let events = client.events(query).await?;
    match format {
        Format::Json => output::print_json(&events),
        Format::Human if events.events.is_empty() && is_filtered => {
            Ok(output::print("Nothing like that has happened.\n")?)
        }
        Format::Human => {
            let screen = Screen::of_standard_output();
            Ok(output::print(&render(&events, now, zone, screen))?)
        }
    }
}

/// A word of a kind, or the first words of several.
fn known(kind: &str) -> anyhow::Result<String> {
    let words = || EventKind::ALL.into_iter().map(EventKind::word);
    let is_first = |word: &str| {
        let rest = word.strip_prefix(kind);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if words().any(is_first) {
        return Ok(kind.to_owned());
    }
    let words: Vec<_> = words().collect();
    anyhow::bail!(
        "{}",
        near::unknown("kind of event", kind, words.iter().copied())
    )
}

fn render(events: &Events, now: i64, zone: Option<&str>, screen: Screen) -> String {
    if events.events.is_empty() {
        return "Nothing has happened.\n".to_owned();
    }
    let mut table = Table::new([
        Column::word("WHEN"),
        Column::word("KIND"),
        Column::text("WHAT HAPPENED"),
    ]);
    for event in events.events.iter().rev() {
        table.push([
            Cell::from(when(event, now, zone)),
            Cell::new(&event.kind, tint(&event.kind)),
            Cell::from(what(event)),
        ]);
    }
    table.render(screen)
}

/// The sentence, after what it is about unless it says that itself.
fn what(event: &Event) -> String {
    let message = shortened(&event.message);
    if event.message.contains(&event.subject) {
        message
    } else {
        format!("{}: {message}", event.subject)
    }
}

/// A message with the lines of a log below it would hide the others: its beginning and its end stay.
fn shortened(message: &str) -> String {
    let lines: Vec<_> = message.lines().collect();
    let Some(left_out @ 1..) = lines.len().checked_sub(FIRST_LINES + LAST_LINES + 1) else {
        return message.to_owned();
    };
    let gap = format!("… {} more: --json has them", left_out + 1);
    let (first, rest) = lines.split_at(FIRST_LINES);
    let last = &rest[rest.len() - LAST_LINES..];
    [first, &[&gap], last].concat().join("\n")
}

fn when(event: &Event, now: i64, zone: Option<&str>) -> String {
    let at = event.at.unix_seconds();
    if now - at > DATED {
        clock::minute_in(zone, at)
    } else {
        span::relative(at, now)
    }
}

fn tint(word: &str) -> Tint {
    let Some(kind) = EventKind::parse(word) else {
        return Tint::Plain;
    };
    match kind {
        EventKind::Started
        | EventKind::Reloaded
        | EventKind::GenerationReady
        | EventKind::Upgraded
        | EventKind::CertificateObtained
        | EventKind::CertificateRenewed
        | EventKind::AppDeployed
        | EventKind::AppRecovered
        | EventKind::BackupTaken
        | EventKind::BackupProven
        | EventKind::IncidentClosed
        | EventKind::BackupRestored => Tint::Good,
        EventKind::Stopped
        | EventKind::Certificate
        | EventKind::CertificateRevoked
        | EventKind::Alarm
        | EventKind::App => Tint::Plain,
        EventKind::Refused
        | EventKind::UpgradeRefused
        | EventKind::CertificateFailed
        | EventKind::AccessLog
        | EventKind::Descriptors
        | EventKind::Listener
        | EventKind::Flood
        | EventKind::Upstream
        | EventKind::AppDeployFailed
        | EventKind::AppRolledBack
        | EventKind::AppRestarted
        | EventKind::AppCron
        | EventKind::Back
        | EventKind::Power
        | EventKind::Backup => Tint::Attention,
        EventKind::LastGood
        | EventKind::GenerationLost
        | EventKind::GenerationFailed
        | EventKind::CertificateExpiring
        | EventKind::AppFailed
        | EventKind::BackupFailed
        | EventKind::IncidentOpened
        | EventKind::BackupProofFailed => Tint::Bad,
    }
}

#[cfg(test)]
mod tests;
