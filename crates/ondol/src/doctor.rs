//! `ondol doctor`: goes through the whole box and says what is wrong and what to do, the worst first. It works without an
//! agent; that is then the first finding.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use ondol_admin::api::Status;
use ondol_admin::client::Client;
use ondol_admin::client::ClientError;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::Plan;

use crate::cli::DoctorFlags;
use crate::configuration::Configuration;
use crate::folders::Folders;
use crate::last_good;
use crate::listeners;
use crate::listeners::ListenerKey;
use crate::output;
use crate::output::Format;
use crate::output::Screen;

mod alarms;
mod backups;
mod configuration;
mod disks;
mod finding;
mod folders;
mod machine;
mod power;
mod reached;
mod running;
mod screen;
mod upstreams;

use finding::Finding;
use finding::Report;
use finding::Weight;

/// Goes through everything, and prints what it found. Exit code 1 when something is wrong.
pub(crate) fn run(flags: &DoctorFlags, folders: &Folders) -> anyhow::Result<ExitCode> {
    let report = crate::command::ask(folders, async |client| {
        Ok(examine(&client, flags, folders).await)
    })?;
    match flags.show.format() {
        Format::Json => output::print_json(&report)?,
        Format::Human => {
            let screen = Screen::of_standard_output();
            output::print(&screen::render(&report, screen))?;
        }
    }
    Ok(if report.is_wrong() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn examine(client: &Client, flags: &DoctorFlags, folders: &Folders) -> Report {
    let now = clock::unix_seconds();
    let mut report = Report::default();
    let status = match client.status().await {
        Ok(status) => Some(status),
        Err(error) => {
            report.found("agent", vec![unanswered(&error)]);
            None
        }
    };
    let held = |plan: &Plan| held(plan, status.as_ref());
    let (read, findings) = configuration::look(folders, held, now);
    report.found("configuration", findings);
    let plan = read.or_else(|| served_last(folders));
    report.found("folders", folders::look(folders));
    machine::look(Path::new("/"), now, status.as_ref(), &mut report);
    if let Some(plan) = &plan {
        report.found("disk", disks::look(plan, folders));
        report.found("upstream", upstreams::look(plan).await);
        report.found("power", power::look(Path::new("/"), &plan.care.power));
    }
    match &status {
        Some(status) => {
            running::look(status, now, &mut report);
            report.found("backup", backups::look(&status.backups));
            let heartbeat = plan.as_ref().map(|plan| &plan.care.alarms);
            report.found("alarms", alarms::look(&status.watch, heartbeat, now));
            let has_people = !status.watch.people.is_empty();
            if has_people && !flags.no_mail {
                report.found("messages", reached::look(client).await);
            }
        }
        None => report.skipped(
            "what only a running agent knows: sites, certificates of issuers, apps, backups, and whether people are reached",
        ),
    }
    report.sort();
    report
}

/// Why nobody answers, which is worse than all else.
fn unanswered(error: &ClientError) -> Finding {
    let problem = format!("{}.", Chain(error));
    match error {
        ClientError::NoAgent { .. } => Finding::bad(
            problem,
            "Start it with `systemctl start ondol` (or `ondol run`); `journalctl -u ondol -n 50` says why it ended. \
             One that runs in other folders is asked with --runtime.",
        ),
        ClientError::Denied { .. } => Finding::bad(problem, "Run `sudo ondol doctor`."),
        ClientError::Connect { .. }
        | ClientError::Lost(_)
        | ClientError::Answer(_)
        | ClientError::Late
        | ClientError::Refused { .. }
        | ClientError::Malformed(_) => Finding::bad(
            problem,
            "`journalctl -u ondol -n 50` says what it is doing; `systemctl restart ondol` starts it anew.",
        ),
    }
}

/// The addresses that the agent listens on; another program's are not among them.
fn held(plan: &Plan, status: Option<&Status>) -> BTreeSet<ListenerKey> {
    let listeners = status.into_iter().flat_map(|status| &status.listeners);
    let ports: BTreeSet<u16> = listeners
        .filter_map(|listener| listener.address.rsplit_once(':')?.1.parse().ok())
        .collect();
    let keys = listeners::keys(&plan.listen);
    keys.filter(|key| ports.contains(&key.address.address.port()))
        .collect()
}

/// What was served last, where the file can't be read now.
fn served_last(folders: &Folders) -> Option<std::sync::Arc<Plan>> {
    let copy = last_good::read(&folders.last_good()).ok().flatten()?;
    Some(Configuration::accept(copy.sources).ok()?.plan)
}

#[cfg(test)]
mod tests;
