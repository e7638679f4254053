//! `ondol apps APP`: all that is known of one app.

use ondol_admin::api::App;
use ondol_admin::api::AppCron;
use ondol_admin::api::AppCronRun;
use ondol_admin::api::AppDetail;
use ondol_admin::api::AppInstance;
use ondol_admin::api::AppLaunch;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::command::status;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// Asks and prints.
pub(super) async fn run(client: &Client, name: &str, format: Format) -> anyhow::Result<()> {
    let detail = client.app(name).await?;
    match format {
        Format::Json => output::print_json(&detail),
        Format::Human => {
            let screen = Screen::of_standard_output();
            Ok(output::print(&render(
                &detail,
                clock::unix_seconds(),
                screen,
            ))?)
        }
    }
}

fn render(detail: &AppDetail, now: i64, screen: Screen) -> String {
    let AppDetail {
        app,
        launches,
        last_cron_runs,
        cron_runs,
    } = detail;
    let mut text = overview(app, now, screen);
    let tables = [
        processes(app, now, screen),
        history(launches, now, screen),
        cron(&app.cron, last_cron_runs, now, screen),
        cron_history(cron_runs, now, screen),
    ];
    for table in tables.into_iter().flatten() {
        text.push('\n');
        text.push_str(&table);
    }
    let sentences: Vec<_> = super::trouble(app)
        .into_iter()
        .chain(app.unenforced.iter().cloned())
        .collect();
    if !sentences.is_empty() {
        text.push('\n');
    }
    for sentence in sentences {
        text.push_str(&status::marked(&sentence, screen));
    }
    text
}

fn overview(app: &App, now: i64, screen: Screen) -> String {
    let mut text = format!("{}\n", screen.tinted(&app.name, Tint::Strong));
    let since = span::relative(app.since.unix_seconds(), now);
    let mut lines = vec![("state", format!("{}, since {since}", app.state.word()))];
    if !app.sites.is_empty() {
        lines.push(("answers", app.sites.join(", ")));
    }
    if !app.runs.is_empty() {
        lines.push(("runs", runs(app)));
    }
    lines.push(("release", release(app)));
    lines.push(("requests", requests(app)));
    if app.memory.is_some() || app.cpu_percent.is_some() {
        let (memory, cpu) = (super::memory(app.memory), super::cpu(app.cpu_percent));
        lines.push(("uses", format!("{memory} of memory, {cpu} of a processor")));
    }
    for (label, value) in lines {
        text.push_str(&status::labeled(label, &value, screen));
    }
    text
}

fn runs(app: &App) -> String {
    let runs = app.runs.iter();
    let mut lines: Vec<_> = runs
        .map(|run| format!("{}: {}", run.process, run.command))
        .collect();
    if app.runs_found {
        lines.push("(found in its files: `run` in the configuration says otherwise)".to_owned());
    }
    lines.join("\n")
}

fn release(app: &App) -> String {
    let launch = app
        .launch
        .map_or_else(String::new, |launch| format!(" (launch {launch})"));
    let others: Vec<_> = app
        .releases
        .iter()
        .filter(|number| Some(**number) != app.release)
        .map(u64::to_string)
        .collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!("; kept: {}", others.join(", "))
    };
    format!("{}{launch}{others}", super::release(app))
}

fn requests(app: &App) -> String {
    let parts = [
        (app.failed, "failed"),
        (app.in_flight, "under way"),
        (app.tunnels, "open WebSockets"),
        (app.held, "waiting"),
    ];
    let all = format!("{} of this launch", output::grouped(app.requests));
    let some = parts.into_iter().filter(|(number, _)| *number > 0);
    let some = some.map(|(number, word)| format!("{} {word}", output::grouped(number)));
    let words: Vec<_> = std::iter::once(all).chain(some).collect();
    words.join(", ")
}

fn processes(app: &App, now: i64, screen: Screen) -> Option<String> {
    if app.instances.is_empty() {
        return None;
    }
    let mut table = Table::new([
        Column::word("PROCESS"),
        Column::word("STATE"),
        Column::number("PID"),
        Column::number("LAUNCH"),
        Column::word("SINCE"),
        Column::number("MEMORY"),
        Column::number("CPU"),
        Column::number("TASKS"),
    ]);
    for instance in &app.instances {
        let AppInstance {
            name,
            launch,
            pid,
            since,
            ready,
            memory,
            cpu_percent,
            tasks,
        } = instance;
        let (state, tint) = match (pid, ready) {
            (Some(_), true) => ("ready", Tint::Good),
            (Some(_), false) => ("starting", Tint::Attention),
            (None, _) => ("waits", Tint::Bad),
        };
        let or_none = |number: Option<u32>| number.map_or("-".to_owned(), |it| it.to_string());
        table.push([
            Cell::new(name, Tint::Strong),
            Cell::new(state, tint),
            Cell::from(or_none(*pid)),
            Cell::from(launch.to_string()),
            Cell::from(span::relative(since.unix_seconds(), now)),
            Cell::from(super::memory(*memory)),
            Cell::from(super::cpu(*cpu_percent)),
            Cell::from(or_none(*tasks)),
        ]);
    }
    Some(table.render(screen))
}

fn history(launches: &[AppLaunch], now: i64, screen: Screen) -> Option<String> {
    if launches.is_empty() {
        return None;
    }
    let mut table = Table::new([
        Column::number("LAUNCH"),
        Column::word("WHY"),
        Column::word("RELEASE"),
        Column::word("BEGAN"),
        Column::word("OUTCOME"),
        Column::text("MORE"),
    ]);
    for launch in launches {
        let release = launch.release.map_or("-".to_owned(), |it| it.to_string());
        table.push([
            Cell::from(launch.launch.to_string()),
            Cell::from(&launch.kind),
            Cell::from(release),
            Cell::from(span::relative(launch.began_at.unix_seconds(), now)),
            outcome(launch),
            Cell::from(more(launch)),
        ]);
    }
    Some(table.render(screen))
}

fn outcome(launch: &AppLaunch) -> Cell {
    match launch.outcome.as_deref() {
        None => Cell::new(&launch.step, Tint::Attention),
        Some("done") => Cell::new("done", Tint::Good),
        Some(word @ ("failed" | "rolled-back")) => Cell::new(word, Tint::Bad),
        Some(word) => Cell::new(word, Tint::Faint),
    }
}

/// Why it ended so, or where it came from.
fn more(launch: &AppLaunch) -> String {
    let reason = super::in_short(&launch.reason);
    match (reason.is_empty(), launch.source.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!("from {}", launch.source),
        (false, _) => reason.to_owned(),
    }
}

/// The lines, with what is next, and how it went last.
fn cron(lines: &[AppCron], last: &[AppCronRun], now: i64, screen: Screen) -> Option<String> {
    if lines.is_empty() {
        return None;
    }
    let mut table = Table::new([
        Column::text("CRON"),
        Column::word("NEXT"),
        Column::word("LAST"),
        Column::word("OUTCOME"),
    ]);
    for AppCron { line, next } in lines {
        let next = next.map_or("never".to_owned(), |at| {
            span::relative(at.unix_seconds(), now)
        });
        let last = last.iter().find(|run| run.line == *line);
        let when = last.map_or("-".to_owned(), |run| {
            span::relative(run.due_at.unix_seconds(), now)
        });
        table.push([
            Cell::new(line, Tint::Strong),
            Cell::from(next),
            Cell::from(when),
            last.map_or(Cell::from(""), run_outcome),
        ]);
    }
    Some(table.render(screen))
}

fn cron_history(runs: &[AppCronRun], now: i64, screen: Screen) -> Option<String> {
    if runs.is_empty() {
        return None;
    }
    let mut table = Table::new([
        Column::word("DUE"),
        Column::text("RUN OF"),
        Column::word("TOOK"),
        Column::word("OUTCOME"),
        Column::text("MORE"),
    ]);
    for run in runs {
        let took = match (run.began_at, run.ended_at) {
            (Some(began), Some(ended)) => {
                span::span(ended.unix_seconds().abs_diff(began.unix_seconds()))
            }
            _ => "-".to_owned(),
        };
        table.push([
            Cell::from(span::relative(run.due_at.unix_seconds(), now)),
            Cell::from(&run.line),
            Cell::from(took),
            run_outcome(run),
            Cell::from(super::in_short(&run.message)),
        ]);
    }
    Some(table.render(screen))
}

fn run_outcome(run: &AppCronRun) -> Cell {
    match run.outcome.as_deref() {
        None => Cell::new("runs", Tint::Attention),
        Some("done") => Cell::new("done", Tint::Good),
        Some(word @ ("failed" | "timed-out")) => Cell::new(word, Tint::Bad),
        Some(word) => Cell::new(word, Tint::Faint),
    }
}

#[cfg(test)]
mod tests;
