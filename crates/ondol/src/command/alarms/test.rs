//! `ondol alarm test`: sends, and follows each message until it has arrived or it is known why not.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use ondol_admin::api::AlarmMessage;
use ondol_admin::api::AlarmTestQuestion;
use ondol_admin::api::Alarms;
use ondol_admin::api::AlarmsQuery;
use ondol_admin::client::Client;
use ondol_base::clock;
use serde::Serialize;

use crate::cli::AlarmTestFlags;
use crate::command::spinner::Spinner;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// How often it is looked what has become of the messages.
const LOOK: Duration = Duration::from_millis(250);
/// After this nobody watches any more; those that wait are still sent.
const PATIENCE: Duration = Duration::from_secs(90);
/// A message that failed and is tried again within so many seconds is waited for.
const NEAR: i64 = 20;
/// So many messages are looked through for those of the test: others may be sent meanwhile.
const LOOKED_THROUGH: u32 = 1_000;

/// What has become of the messages of a test.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tested {
    /// Each message, by its person and channel.
    pub(crate) messages: Vec<Fate>,
    /// How many could not be written down, and so can't be followed; they are sent all the same.
    pub(crate) not_followed: usize,
}

/// What has become of a message.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fate {
    pub(crate) person: String,
    pub(crate) channel: String,
    /// After how many milliseconds its receiver had taken it; `None` when that did not happen.
    pub(crate) took_ms: Option<u64>,
    /// Why not, as a sentence.
    pub(crate) why_not: Option<String>,
}

/// Sends, waits and prints.
pub(super) async fn run(client: &Client, flags: &AlarmTestFlags) -> anyhow::Result<ExitCode> {
    let AlarmTestFlags { person, show } = flags;
    let tested = send(client, person.clone()).await?;
    match show.format() {
        Format::Json => output::print_json(&tested)?,
        Format::Human => {
            output::print(&render(&tested, Screen::of_standard_output()))?;
        }
    }
    Ok(if unreached(&tested).is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Has messages sent and follows them. A refusal is an error.
pub(crate) async fn send(client: &Client, person: Option<String>) -> anyhow::Result<Tested> {
    let began = clock::now();
    let answer = client.test_alarm(&AlarmTestQuestion { person }).await?;
    if !answer.accepted {
        anyhow::bail!("{}", answer.message);
    }
    let (written, unwritten): (Vec<i64>, Vec<i64>) =
        answer.messages.into_iter().partition(|id| *id > 0);
    let wanted: BTreeSet<_> = written.into_iter().collect();
    let mut fates = BTreeMap::new();
    let mut spinner = Spinner::new();
    while fates.len() < wanted.len() {
        let query = AlarmsQuery {
            all: true,
            limit: Some(LOOKED_THROUGH),
        };
        let Alarms { messages, .. } = client.alarms(query).await?;
        let waited = clock::now() - began;
        for message in messages {
            if wanted.contains(&message.id)
                && !fates.contains_key(&message.id)
                && let Some(fate) = judge(&message, clock::unix_seconds(), waited)
            {
                fates.insert(message.id, fate);
            }
        }
        if waited > PATIENCE + LOOK {
            break; // A message that is not even in the outbox is not waited for.
        }
        let (there, all) = (fates.len(), wanted.len());
        if there < all {
            let text = format!("{there} of {all} messages are done with");
            spinner.during(&text, tokio::time::sleep(LOOK)).await;
        }
    }
    let not_followed = unwritten.len() + wanted.len() - fates.len();
    let mut messages: Vec<_> = fates.into_values().collect();
    messages.sort_by(|a: &Fate, b| (&a.person, &a.channel).cmp(&(&b.person, &b.channel)));
    Ok(Tested {
        messages,
        not_followed,
    })
}

/// What has become of a message so long after it was asked for; `None` while that is open.
fn judge(message: &AlarmMessage, now: i64, waited: Duration) -> Option<Fate> {
    let fate = |took_ms, why_not| Fate {
        person: message.person.clone(),
        channel: message.channel.clone(),
        took_ms,
        why_not,
    };
    let error = message.error.as_deref().map(full_stop);
    match (message.outcome.as_deref(), message.next_at) {
        // One that was put together with others has gone with them.
        (Some("delivered" | "folded"), _) => {
            let took = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            Some(fate(Some(took), None))
        }
        (Some(_), _) => {
            let why = error.unwrap_or_else(|| "It is not sent any more.".to_owned());
            Some(fate(None, Some(why)))
        }
        (None, next) => {
            let next = next.map(ondol_admin::api::Time::unix_seconds);
            let is_near = next.is_none_or(|next| next - now <= NEAR);
            let again = next.map_or_else(String::new, |next| match next - now {
                ..=0 => " It is tried again now.".to_owned(),
                _ => format!(" It is tried again {}.", span::relative(next, now)),
            });
            match error {
                Some(error) if !is_near || waited >= PATIENCE => {
                    Some(fate(None, Some(format!("{error}{again}"))))
                }
                None if waited >= PATIENCE => {
                    let seconds = PATIENCE.as_secs();
                    let why = format!("Its receiver did not take it within {seconds} s.{again}");
                    Some(fate(None, Some(why)))
                }
                Some(_) | None => None,
            }
        }
    }
}

/// Those whom no message has reached.
fn unreached(tested: &Tested) -> BTreeSet<&str> {
    let reached: BTreeSet<_> = tested
        .messages
        .iter()
        .filter(|fate| fate.took_ms.is_some())
        .map(|fate| fate.person.as_str())
        .collect();
    let all = tested.messages.iter().map(|fate| fate.person.as_str());
    all.filter(|person| !reached.contains(person)).collect()
}

fn render(tested: &Tested, screen: Screen) -> String {
    let mut table = Table::new([
        Column::word("PERSON"),
        Column::word("CHANNEL"),
        Column::word("ARRIVED"),
        Column::text("WHY NOT"),
    ]);
    for fate in &tested.messages {
        let arrived = match fate.took_ms {
            Some(took) => Cell::new(format!("after {}", length(took)), Tint::Good),
            None => Cell::new("no", Tint::Bad),
        };
        table.push([
            Cell::new(&fate.person, Tint::Strong),
            Cell::from(&fate.channel),
            arrived,
            Cell::from(fate.why_not.as_deref().unwrap_or_default()),
        ]);
    }
    let mut text = String::new();
    if !tested.messages.is_empty() {
        text = table.render(screen);
    }
    if tested.not_followed > 0 {
        let messages = output::counted(tested.not_followed as u64, "message");
        let why = " could not be followed: look where they should arrive. A full disk is the usual reason.\n";
        text.extend([messages.as_str(), why]);
    }
    let unreached: Vec<_> = unreached(tested).into_iter().collect();
    if !unreached.is_empty() {
        let names = unreached.join(", ");
        let sentence = format!("Not reached at all: {names}.");
        text.extend([&screen.tinted(&sentence, Tint::Bad), "\n"]);
    }
    text
}

/// `0.4 s`, `12 s`.
fn length(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        more => format!("{} s", more / 1_000),
    }
}

fn full_stop(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

#[cfg(test)]
mod tests;
