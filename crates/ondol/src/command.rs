//! The verbs of the command line that end by themselves. Those that need the agent ask it over its socket.

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use ondol_admin::client::Client;
use ondol_admin::client::ClientError;

use crate::cli::AlarmCommand;
use crate::cli::BackupCommand;
use crate::cli::CertsCommand;
use crate::cli::CertsFlags;
use crate::cli::OnApp;
use crate::cli::RestoreFlags;
use crate::cli::Show;
use crate::folders::Folders;

pub(crate) mod alarms;
mod apps;
pub(crate) mod backups;
mod certs;
pub(crate) mod check;
pub(crate) mod completions;
mod consent;
pub(crate) mod demo;
mod events;
pub(crate) mod exec;
pub(crate) mod logs;
pub(crate) mod password;
pub(crate) mod recover;
pub(crate) mod reload;
pub(crate) mod schema;
mod sites;
mod spinner;
pub(crate) mod status;
pub(crate) mod upgrade;
pub(crate) mod version;

/// Refused, or failed.
const FAILED: u8 = 1;
/// Nobody answers on the admin socket.
const NO_AGENT: u8 = 3;

/// Whether nobody reads on (`| head`), which is no error of a command that prints.
pub(crate) fn is_closed_output(error: &anyhow::Error) -> bool {
    // A lost agent is an error of the client, with its own words, and not meant.
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The exit code that goes with an error; see `ondol --help`.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::NoAgent { .. }) => ExitCode::from(NO_AGENT),
        Some(_) | None => ExitCode::from(FAILED),
    }
}

/// What to do about an error, where that is not in its own words.
pub(crate) fn hint(error: &anyhow::Error) -> Option<&'static str> {
    match error.downcast_ref::<ClientError>()? {
        ClientError::NoAgent { .. } => Some(
            "Start it with `systemctl start ondol` or `ondol run`; one that runs in other folders is asked with --runtime.",
        ),
        ClientError::Denied { .. }
        | ClientError::Connect { .. }
        | ClientError::Lost(_)
        | ClientError::Answer(_)
        | ClientError::Late
        | ClientError::Refused { .. }
        | ClientError::Malformed(_) => None,
    }
}

/// Asks the agent of these folders, on a runtime of its own.
pub(crate) fn ask<T>(
    folders: &Folders,
    question: impl AsyncFnOnce(Client) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("could not start the runtime")?;
    runtime.block_on(question(Client::new(folders.admin_socket())))
}

/// The verbs that ask for a value and print it.
pub(crate) fn show(what: &Show, folders: &Folders) -> anyhow::Result<ExitCode> {
    ask(folders, async |client| {
        match what {
            Show::Status(flags) => status::run(&client, flags).await?,
            Show::Sites(flags) => sites::run(&client, flags.format()).await?,
            Show::Apps(flags) => apps::run(&client, folders, flags).await?,
            Show::Backups(flags) => backups::run(&client, flags.format()).await?,
            Show::Certs(flags) => return about_certs(&client, flags).await,
            Show::Events(flags) => events::run(&client, flags).await?,
            Show::Logs(flags) => logs::run(&client, flags).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The verbs that have something done with an app, and follow it.
pub(crate) fn on_app(what: &OnApp, folders: &Folders) -> anyhow::Result<ExitCode> {
    ask(folders, async |client| match what {
        OnApp::Deploy(flags) => apps::deeds::deploy(&client, flags).await,
        OnApp::Rollback(flags) => apps::deeds::rollback(&client, flags).await,
        OnApp::Restart(flags) => apps::deeds::restart(&client, flags).await,
        OnApp::Stop(flags) => apps::deeds::stop(&client, flags).await,
        OnApp::Start(flags) => apps::deeds::start(&client, flags).await,
    })
}

/// The verbs about backups.
pub(crate) fn backup(what: &BackupCommand, folders: &Folders) -> anyhow::Result<ExitCode> {
    ask(folders, async |client| match what {
        BackupCommand::Now(flags) => backups::deeds::now(&client, flags).await,
        BackupCommand::List(flags) => backups::list::list(&client, flags).await,
        BackupCommand::Browse(flags) => backups::list::browse(&client, flags).await,
        BackupCommand::Verify(flags) => backups::deeds::verify(&client, flags).await,
        BackupCommand::Drill(flags) => backups::deeds::drill(&client, flags).await,
        BackupCommand::Prune(flags) => backups::deeds::prune(&client, flags).await,
        BackupCommand::Repair(flags) => backups::deeds::repair(&client, flags).await,
        BackupCommand::Kit(flags) => backups::kit::run(&client, flags).await,
    })
}

/// The verbs about alarms.
pub(crate) fn alarm(what: &AlarmCommand, folders: &Folders) -> anyhow::Result<ExitCode> {
    ask(folders, async |client| alarms::run(&client, what).await)
}

/// Puts something back.
pub(crate) fn restore(flags: &RestoreFlags, folders: &Folders) -> anyhow::Result<ExitCode> {
    ask(folders, async |client| {
        backups::restore::run(&client, flags).await
    })
}

async fn about_certs(client: &Client, flags: &CertsFlags) -> anyhow::Result<ExitCode> {
    let CertsFlags { name, show, what } = flags;
    match (what, name) {
        (None, None) => certs::run(client, show.format()).await?,
        (None, Some(name)) => certs::detail(client, name, show.format()).await?,
        (Some(CertsCommand::Root), _) => certs::root(client).await?,
        (Some(CertsCommand::Renew(flags)), _) => {
            return certs::requests::renew(client, flags).await;
        }
        (Some(CertsCommand::Revoke(flags)), _) => {
            return certs::requests::revoke(client, flags).await;
        }
        (Some(CertsCommand::Rekey(flags)), _) => {
            return certs::requests::rekey(client, flags).await;
        }
        (Some(CertsCommand::Persist(flags)), _) => {
            return certs::requests::persist(client, flags).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}
