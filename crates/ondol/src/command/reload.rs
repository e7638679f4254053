//! `ondol reload`: has the agent take up the changed configuration, and says what came of it.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use ondol_admin::api;

use crate::command::ask;
use crate::folders::Folders;

/// Asks, and prints the answer; a refusal is exit code 1.
pub(crate) fn run(folders: &Folders) -> anyhow::Result<ExitCode> {
    let answer = ask(folders, async |client| Ok(client.reload().await?))?;
    if answer.accepted {
        writeln!(io::stdout().lock(), "{}", accepted(&answer))?;
        return Ok(ExitCode::SUCCESS);
    }
    let revision = answer.revision;
    let mistakes = answer.mistakes.trim_end();
    writeln!(
        io::stderr().lock(),
        "{mistakes}\n\nNothing changed: configuration {revision} is served on."
    )?;
    Ok(ExitCode::FAILURE)
}

fn accepted(answer: &api::ReloadAnswer) -> String {
    let api::Changes {
        added,
        removed,
        changed,
        apps,
        listeners,
        backup,
        care,
        settings,
    } = &answer.changes;
    let named = [
        ("+", added),
        ("-", removed),
        ("~", changed),
        ("+ app", &apps.added),
        ("- app", &apps.removed),
        ("~ app", &apps.changed),
    ];
    let mut lines: Vec<String> = named
        .iter()
        .flat_map(|(sign, names)| names.iter().map(move |name| format!("  {sign} {name}")))
        .collect();
    if *listeners {
        lines.push("  ~ addresses to listen on".to_owned());
    }
    if *backup {
        lines.push("  ~ backups".to_owned());
    }
    if *care {
        lines.push("  ~ health and alarms".to_owned());
    }
    if *settings {
        lines.push("  ~ settings of the box".to_owned());
    }
    let api::ReloadAnswer {
        revision, took_ms, ..
    } = answer;
    if lines.is_empty() {
        return format!("Nothing changed: configuration {revision} says what was served before.");
    }
    let how = match apps.added.is_empty() && apps.changed.is_empty() {
        true => "",
        false => " `ondol apps` shows how the apps take it up.",
    };
    lines.push(format!(
        "Configuration {revision} is served, after {took_ms} ms.{how}"
    ));
    lines.join("\n")
}
