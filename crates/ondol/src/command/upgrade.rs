//! `ondol upgrade FILE`: has the agent become another program, and waits until that one answers.

use std::io;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use ondol_admin::api;
use ondol_admin::client::Client;
use ondol_base::clock;
use ondol_model::event::EventKind;

use crate::cli::UpgradeFlags;
use crate::command::ask;
use crate::folders::Folders;

/// The next program has to boot and to start a data plane within this time, or the previous one comes back.
const TAKE_OVER: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);

/// Asks, waits, and prints the versions; a refusal is exit code 1.
pub(crate) fn run(flags: &UpgradeFlags, folders: &Folders) -> anyhow::Result<ExitCode> {
    let file = std::path::absolute(&flags.file).context("the file has no path")?;
    let file = file.to_str().context("the path of the file is not UTF-8")?;
    ask(folders, async |client| upgrade(&client, file).await)
}

async fn upgrade(client: &Client, file: &str) -> anyhow::Result<ExitCode> {
    let before = client.status().await?;
    let last_event = newest(client).await?;
    let answer = client.upgrade(file).await?;
    if !answer.accepted {
        let message = answer.message.trim_end();
        writeln!(
            io::stderr().lock(),
            "ondol: {message}\n\nNothing changed: Ondol {} goes on.",
            before.version
        )?;
        return Ok(ExitCode::FAILURE);
    }
    writeln!(io::stderr().lock(), "Tried and installed; taking over …")?;
    let outcome = outcome_after(client, last_event.as_ref()).await?;
    let after = client.status().await?;
    if outcome.kind != EventKind::Upgraded.word() {
        writeln!(io::stderr().lock(), "ondol: {}", outcome.message)?;
        return Ok(ExitCode::FAILURE);
    }
    writeln!(
        io::stdout().lock(),
        "{} → {}\n{}",
        before.version,
        after.version,
        answer.message
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Waits for the event that says how it went.
async fn outcome_after(client: &Client, last: Option<&api::Event>) -> anyhow::Result<api::Event> {
    let deadline = clock::now() + TAKE_OVER;
    let words = [EventKind::Upgraded, EventKind::UpgradeRefused].map(EventKind::word);
    while clock::now() < deadline {
        // The agent is between two programs: an answer that fails is asked for again.
        let query = api::EventsQuery::default();
        let events = client
            .events(query)
            .await
            .map_or_else(|_| Vec::new(), |answer| answer.events);
        let mut new = since(events, last).into_iter();
        if let Some(event) = new.find(|event| words.contains(&event.kind.as_str())) {
            return Ok(event);
        }
        tokio::time::sleep(POLL).await;
    }
    anyhow::bail!(
        "the new program does not answer; what became of it is in the agent's log (`journalctl -u ondol`)"
    )
}

/// The events that are newer than the last one known. A box that keeps them in memory has forgotten that
/// one, and counts from the beginning: then all are new.
fn since(events: Vec<api::Event>, last: Option<&api::Event>) -> Vec<api::Event> {
    let Some(last) = last.filter(|last| events.contains(last)) else {
        return events;
    };
    let new = events.into_iter().filter(|event| event.id > last.id);
    new.collect()
}

async fn newest(client: &Client) -> anyhow::Result<Option<api::Event>> {
    let query = api::EventsQuery {
        limit: Some(1),
        ..api::EventsQuery::default()
    };
    Ok(client.events(query).await?.events.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: i64, message: &str) -> api::Event {
        api::Event {
            id,
            at: api::Time::from_unix_seconds(0),
            kind: String::new(),
            subject: String::new(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn only_what_is_new_tells_how_it_went() {
        let events = vec![event(2, "b"), event(1, "a")];
        let ids = |last: Option<&api::Event>| {
            let new = since(events.clone(), last).into_iter();
            new.map(|event| event.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(Some(&event(1, "a"))), [2]);
        assert_eq!(ids(Some(&event(2, "b"))), [0; 0]);
        assert_eq!(ids(None), [2, 1]);
        for forgotten in [event(1, "before"), event(9, "before")] {
            assert_eq!(ids(Some(&forgotten)), [2, 1]);
        }
    }
}
