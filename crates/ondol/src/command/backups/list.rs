//! `ondol backup list|browse`: what there is at a target, as the target itself says.

use std::process::ExitCode;

use ondol_admin::api;
use ondol_admin::api::Backup;
use ondol_admin::client::Client;
use ondol_base::clock;

use super::follow;
use super::follow::Ends;
use super::follow::Followed;
use crate::cli::BackupListFlags;
use crate::cli::BrowseFlags;
use crate::command::status;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::since;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// Lists the backups of a target.
pub(in crate::command) async fn list(
    client: &Client,
    flags: &BackupListFlags,
) -> anyhow::Result<ExitCode> {
    let BackupListFlags {
        target,
        at,
        limit,
        show,
    } = flags;
    let zone = client.status().await?.timezone;
    let at = at
        .as_deref()
        .map(|at| moment(at, zone.as_deref()))
        .transpose()?;
    let question = api::ListQuestion {
        target: target.clone(),
        ..api::ListQuestion::default()
    };
    let mut end = match answered(client, &question, show.format()).await? {
        Ok(end) => end,
        Err(code) => return Ok(code),
    };
    let in_time = |backup: &Backup| at.is_none_or(|at| backup.began_at.unix_seconds() <= at);
    end.found.backups.retain(in_time);
    if show.format() == Format::Json {
        output::print_json(&end)?;
        return Ok(ExitCode::SUCCESS);
    }
    let screen = Screen::of_standard_output();
    output::print(&render(&end, *limit, zone.as_deref(), screen))?;
    Ok(ExitCode::SUCCESS)
}

/// Lists what is in a folder of a backup.
pub(in crate::command) async fn browse(
    client: &Client,
    flags: &BrowseFlags,
) -> anyhow::Result<ExitCode> {
    let BrowseFlags {
        run,
        path,
        target,
        show,
    } = flags;
    let question = api::ListQuestion {
        target: target.clone(),
        run: Some(run.clone()),
        path: Some(path.clone()),
    };
    let end = match answered(client, &question, show.format()).await? {
        Ok(end) => end,
        Err(code) => return Ok(code),
    };
    match show.format() {
        Format::Json => output::print_json(&end.found.names)?,
        Format::Human if end.found.names.is_empty() => output::print("There is nothing in it.\n")?,
        Format::Human => {
            // Names are others' words: one with a line break in it is one name still.
            let visible =
                |name: &String| format!("{}\n", name.replace(char::is_control, "\u{fffd}"));
            let names = end.found.names.iter().map(visible);
            output::print(&names.collect::<String>())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A moment as it was typed, in seconds since the Unix epoch.
pub(super) fn moment(typed: &str, zone: Option<&str>) -> anyhow::Result<i64> {
    let now = clock::unix_seconds();
    since::parse(typed, now, zone).map_err(|why| anyhow::anyhow!("--at: {why}"))
}

/// What was found, or the exit code of what was said.
async fn answered(
    client: &Client,
    question: &api::ListQuestion,
    format: Format,
) -> anyhow::Result<Result<api::BackupEnd, ExitCode>> {
    let answer = client.list_backups(question).await?;
    let Some(job) = answer.job.filter(|_| answer.accepted) else {
        return follow::refused(&answer.message, format).map(Err);
    };
    let mut ends = match follow::follow(client, job, Ends::Kept).await? {
        Followed::Over(ends) => ends,
        Followed::Left => return follow::left().map(Err),
    };
    match ends.pop() {
        Some(end) if end.good => Ok(Ok(end)),
        Some(end) => {
            let why = format!("{}: {}", end.target, end.message);
            follow::refused(&why, format).map(Err)
        }
        None => follow::refused("nobody answered", format).map(Err),
    }
}

fn render(end: &api::BackupEnd, limit: usize, zone: Option<&str>, screen: Screen) -> String {
    let backups = &end.found.backups;
    let mut text = if backups.is_empty() {
        format!("There is no backup at {}.\n", end.target)
    } else {
        table(&backups[..backups.len().min(limit)], zone, screen)
    };
    if let older @ 1.. = backups.len().saturating_sub(limit) {
        let older = output::counted(older as u64, "older one");
        text.extend([&older, " at ", &end.target, ": -n shows more.\n"]);
    }
    if !end.found.faults.is_empty() {
        text.push('\n');
    }
    for fault in &end.found.faults {
        text.push_str(&status::marked(fault, screen));
    }
    text
}

fn table(backups: &[Backup], zone: Option<&str>, screen: Screen) -> String {
    let mut table = Table::new([
        Column::word("RUN"),
        Column::word("TAKEN"),
        Column::word("OF"),
        Column::word("STATE"),
        Column::number("FILES"),
        Column::number("SIZE"),
        Column::number("NEW"),
        Column::text("DATABASES"),
    ]);
    for backup in backups {
        let sum = |of: fn(&api::BackupPart) -> u64| backup.parts.iter().map(of).sum::<u64>();
        let of = match backup.kind.as_str() {
            "full" => "everything",
            other => other,
        };
        let state = if backup.good {
            Cell::new("good", Tint::Good)
        } else {
            Cell::new("incomplete", Tint::Bad)
        };
        let databases = backup
            .databases
            .iter()
            .map(|database| database.name.as_str());
        let databases: Vec<_> = databases.collect();
        table.push([
            Cell::new(&backup.run, Tint::Strong),
            Cell::from(clock::minute_in(zone, backup.began_at.unix_seconds())),
            Cell::from(of),
            state,
            Cell::from(output::grouped(sum(|part| part.files))),
            Cell::from(output::bytes(sum(|part| part.bytes))),
            Cell::from(output::bytes(sum(|part| part.added))),
            Cell::from(databases.join(", ")),
        ]);
    }
    table.render(screen)
}
