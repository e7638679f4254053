//! What is said before and after.

use std::fmt::Write as _;
use std::time::Duration;

use ondol_backup::StorageAccess;
use ondol_backup::kit::Kit;
use ondol_base::clock;

use super::choice::Choice;
use super::course::Course;
use super::course::Outcome;
use super::ground::Ground;
use super::journal::Journal;
use crate::output;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// Of when the data is, and what there is.
pub(super) fn overview(
    kit: &Kit,
    choice: &Choice,
    ground: &Ground,
    journal: Option<&Journal>,
) -> String {
    let screen = Screen::of_standard_output();
    let (files, bytes) = choice.size();
    let manifest = &choice.manifest;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "The box {} as of {}, from {}:",
        screen.tinted(&manifest.of.name, Tint::Strong),
        moment(manifest.began_at),
        place(kit)
    );
    let _ = writeln!(
        text,
        "{}, {}, {}, {} ({})\n",
        output::counted(manifest.sites.len() as u64, "site"),
        output::counted(manifest.apps.len() as u64, "app"),
        output::counted(choice.databases.len() as u64, "database"),
        output::counted(files, "file"),
        output::bytes(bytes)
    );
    text.push_str(&sites(choice).render(screen));
    text.push('\n');
    for (from, to) in &ground.named {
        let _ = writeln!(text, "{} comes back as {}", from.display(), to.display());
    }
    if ground.folders.config != manifest.configuration {
        let config = ground.folders.config.display();
        let _ = writeln!(text, "The configuration comes back as {config}");
    }
    if ground.folders.state != manifest.state {
        let state = ground.folders.state.display();
        let _ = writeln!(text, "The state comes back in {state}");
    }
    if let Some(journal) = journal {
        let began = moment(journal.began_at);
        let _ = writeln!(text, "This was begun {began}, and goes on where it was.");
    }
    text
}

fn sites(choice: &Choice) -> Table {
    let columns = [
        Column::text("SITE"),
        Column::word("FILES OF"),
        Column::word("DATABASES OF"),
    ];
    let mut table = Table::new(columns);
    for site in choice.sites() {
        let cell = |at: Option<i64>| match at {
            Some(at) => Cell::new(moment(at), Tint::Plain),
            None => Cell::new("-", Tint::Faint),
        };
        table.push([
            Cell::new(&site.name, Tint::Strong),
            cell(site.files),
            cell(site.databases),
        ]);
    }
    table
}

fn moment(at: i64) -> String {
    let now = clock::unix_seconds();
    format!(
        "{} ({})",
        clock::minute_in(None, at),
        span::relative(at, now)
    )
}

fn place(kit: &Kit) -> String {
    match &kit.target.storage {
        StorageAccess::Local { path, .. } => path.display().to_string(),
        StorageAccess::S3 {
            endpoint, bucket, ..
        } => format!("{bucket} at {endpoint}"),
        StorageAccess::Rest { url, .. } => url.clone(),
        StorageAccess::Sftp { host, path, .. } => format!("{host}:{path}"),
    }
}

/// What came of it.
pub(super) fn end(
    course: &Course,
    outcome: Result<&Outcome, &anyhow::Error>,
    took: Duration,
) -> anyhow::Result<()> {
    for problem in &course.problems {
        output::tell(&format!("! {problem}"))?;
    }
    let Ok(outcome) = outcome else {
        return Ok(()); // The error says it.
    };
    let mut text = String::new();
    let name = &course.choice.manifest.of.name;
    let seconds = took.as_secs();
    match outcome {
        Outcome::Whole => {
            let _ = writeln!(text, "{name} is back, after {}:\n", span::span(seconds));
        }
        // One problem, and nothing runs: it is that.
        Outcome::Partial
            if course.start_agent && course.started.is_none() && course.problems.len() == 1 =>
        {
            let _ = writeln!(
                text,
                "All of {name} is back, after {}, but it does not run yet. See to what is said above, and run the same \
                 command again: it starts Ondol, and restores nothing twice.\n",
                span::span(seconds)
            );
        }
        Outcome::Partial => {
            let _ = writeln!(
                text,
                "{name} is back in part, after {}. See to what is said above, and run the same command again: it goes \
                 on with what is missing.\n",
                span::span(seconds)
            );
        }
    }
    text.push_str(&sites(&course.choice).render(Screen::of_standard_output()));
    text.push('\n');
    for kept in &course.journal.kept {
        let kept = kept.display();
        let _ = writeln!(text, "What was here before is kept as {kept}");
    }
    match &course.started {
        Some(_) => text.push_str(
            "Look at it with `ondol status` and `ondol apps`. If this machine has another address, the names of the \
             sites must lead to it. Make a new kit: `ondol backup kit`\n",
        ),
        None if course.start_agent => {} // Why is said above.
        None => text.push_str("Nothing was started: `systemctl start ondol` or `ondol run` does that.\n"),
    }
    output::print(&text)?;
    Ok(())
}
