//! `ondol alarm`: whether people can be reached, what they were told, and how they are left in peace.

use std::process::ExitCode;

use ondol_admin::api;
use ondol_admin::client::Client;

use crate::cli::AckFlags;
use crate::cli::AlarmCommand;
use crate::cli::SilenceFlags;
use crate::output;
use crate::output::Format;

mod list;
pub(crate) mod test;

/// Does what was asked for.
pub(super) async fn run(client: &Client, what: &AlarmCommand) -> anyhow::Result<ExitCode> {
    match what {
        AlarmCommand::Test(flags) => test::run(client, flags).await,
        AlarmCommand::List(flags) => list::run(client, flags).await,
        AlarmCommand::Ack(flags) => acknowledge(client, flags).await,
        AlarmCommand::Silence(flags) => silence(client, flags).await,
    }
}

async fn acknowledge(client: &Client, flags: &AckFlags) -> anyhow::Result<ExitCode> {
    let AckFlags { incident, by, show } = flags;
    let question = api::AlarmAckQuestion {
        incident: *incident,
        by: by.clone(),
    };
    told(&client.acknowledge(&question).await?, show.format())
}

async fn silence(client: &Client, flags: &SilenceFlags) -> anyhow::Result<ExitCode> {
    let SilenceFlags {
        subject,
        seconds,
        off: _,
        show,
    } = flags;
    let question = api::AlarmSilenceQuestion {
        subject: subject.clone(),
        seconds: seconds.unwrap_or(0), // Without a time it is to end.
    };
    told(&client.silence(&question).await?, show.format())
}

fn told(answer: &api::AlarmAnswer, format: Format) -> anyhow::Result<ExitCode> {
    match format {
        Format::Json => output::print_json(answer)?,
        Format::Human if answer.accepted => output::print(&format!("{}\n", answer.message))?,
        Format::Human => anyhow::bail!("{}", answer.message),
    }
    Ok(if answer.accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
