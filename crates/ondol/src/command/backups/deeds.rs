//! `ondol backup now|verify|drill|prune|repair`: what the owner has done about backups.

use std::process::ExitCode;

use ondol_admin::api;
use ondol_admin::client::Client;

use super::credential;
use super::follow::to_the_end;
use crate::cli::BackupNowFlags;
use crate::cli::OnTargetFlags;
use crate::cli::PruneFlags;
use crate::cli::VerifyFlags;

pub(in crate::command) async fn now(
    client: &Client,
    flags: &BackupNowFlags,
) -> anyhow::Result<ExitCode> {
    let BackupNowFlags {
        target,
        databases,
        show,
    } = flags;
    let question = api::BackupQuestion {
        target: target.clone(),
        databases_only: *databases,
    };
    to_the_end(client, &client.back_up(&question).await?, show.format()).await
}

pub(in crate::command) async fn verify(
    client: &Client,
    flags: &VerifyFlags,
) -> anyhow::Result<ExitCode> {
    let VerifyFlags { target, full, show } = flags;
    let question = api::VerifyQuestion {
        target: target.clone(),
        everything: *full,
    };
    to_the_end(client, &client.verify(&question).await?, show.format()).await
}

pub(in crate::command) async fn drill(
    client: &Client,
    flags: &OnTargetFlags,
) -> anyhow::Result<ExitCode> {
    let OnTargetFlags { target, show } = flags;
    let target = target.clone();
    let question = api::BackupTargetQuestion { target };
    to_the_end(client, &client.drill(&question).await?, show.format()).await
}

pub(in crate::command) async fn prune(
    client: &Client,
    flags: &PruneFlags,
) -> anyhow::Result<ExitCode> {
    let PruneFlags { target, with, show } = flags;
    let credential = with.as_deref().map(credential::read).transpose()?;
    let question = api::PruneQuestion {
        target: target.clone(),
        credential,
    };
    to_the_end(client, &client.prune(&question).await?, show.format()).await
}

pub(in crate::command) async fn repair(
    client: &Client,
    flags: &PruneFlags,
) -> anyhow::Result<ExitCode> {
    let PruneFlags { target, with, show } = flags;
    let credential = with.as_deref().map(credential::read).transpose()?;
    let question = api::PruneQuestion {
        target: target.clone(),
        credential,
    };
    to_the_end(client, &client.repair(&question).await?, show.format()).await
}
