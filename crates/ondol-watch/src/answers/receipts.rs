//! Receipts of Pushover: asked again and again, until somebody has answered or it does not ring any more. Who answered by
//! another channel has answered for all, so that the ringing ends too.

use std::convert::Infallible;
use std::time::Duration;

use http::HeaderMap;
use http::Method;
use ondol_base::clock;
use ondol_base::https::Ask;
use ondol_model::plan::Value;
use serde::Deserialize;
use serde_json::json;

use super::patience::Patience;
use crate::channel::Receipt;
use crate::channel::SendFailure;
use crate::channel::SendFailureKind;
use crate::channel::pushover;
use crate::channel::receiver::Receiver;
use crate::ground::Ground;
use crate::value;

/// Between two looks; the service allows one each 5 s.
const INTERVAL: Duration = Duration::from_secs(10);
/// Of more receipts than these, the oldest are not asked any more.
const RECEIPTS_MAX: usize = 32;
/// For so long a receipt is of use: a message rings for three hours.
const USEFUL_S: i64 = 4 * 60 * 60;
/// What the facts about receipts begin with; their number follows.
const FACT: &str = "pushover-receipt ";

/// A receipt as it is kept.
#[derive(Debug, Clone, Deserialize)]
struct Kept {
    #[serde(skip)]
    id: String,
    person: String,
    incident: Option<i64>,
    at: i64,
}

#[derive(Deserialize)]
struct Asked {
    status: i64,
    #[serde(default)]
    acknowledged: i64,
    #[serde(default)]
    expired: i64,
}

/// How a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ringing {
    Still,
    Answered,
    Over,
}

/// Keeps a receipt, to be asked.
pub(super) async fn keep(ground: &Ground, person: &str, receipt: Receipt) {
    let kept = json!({
        "person": person,
        "incident": receipt.incident,
        "at": clock::unix_seconds(),
    });
    let name = format!("{FACT}{}", receipt.id);
    super::remember(ground, &name, &kept.to_string()).await;
}

/// Asks without end.
pub(super) async fn read(ground: Ground, api: String, token: Value) -> Infallible {
    let mut patience = Patience::new(&ground, "Pushover");
    loop {
        let asked = ask_all(&ground, &api, &token).await;
        patience.after(asked).await;
        tokio::time::sleep(INTERVAL).await;
    }
}

pub(super) async fn ask_all(ground: &Ground, api: &str, token: &Value) -> Result<(), SendFailure> {
    let facts = ground.store.watch_facts(FACT).await.unwrap_or_default();
    if facts.is_empty() {
        return Ok(());
    }
    let mut receipts: Vec<_> = facts.iter().filter_map(understood).collect();
    receipts.sort_by_key(|receipt| std::cmp::Reverse(receipt.at));
    let now = clock::unix_seconds();
    let is_useful = |receipt: &Kept| (receipt.at - now).abs() < USEFUL_S;
    let (useful, _): (Vec<_>, Vec<_>) = receipts.into_iter().partition(is_useful);
    let asked: Vec<_> = useful.into_iter().take(RECEIPTS_MAX).collect();
    for name in facts.keys() {
        let is_asked = |receipt: &Kept| name.strip_prefix(FACT) == Some(&receipt.id);
        if !asked.iter().any(is_asked) {
            super::remember(ground, name, "").await;
        }
    }
    let token = value::read(token).await.map_err(SendFailure::refused)?;
    let receiver = Receiver::open("Pushover", api, &[&token], pushover::ADVICE).await?;
    for receipt in asked {
        match ask(&receiver, api, &token, &receipt).await? {
            Ringing::Still if !is_settled(ground, &receipt).await => continue,
            Ringing::Still => cancel(&receiver, api, &token, &receipt).await?,
            Ringing::Answered => super::tell(ground, &receipt.person, receipt.incident).await,
            Ringing::Over => {}
        }
        super::remember(ground, &format!("{FACT}{}", receipt.id), "").await;
    }
    Ok(())
}

async fn ask(
    receiver: &Receiver,
    api: &str,
    token: &str,
    receipt: &Kept,
) -> Result<Ringing, SendFailure> {
    let url = format!("{api}/1/receipts/{}.json?token={token}", receipt.id);
    let answer = receiver.ask(Ask::new(Method::GET, url)).await?;
    match receiver.taken(&answer) {
        Ok(()) => {}
        // One that nobody knows any more.
        Err(failure) if failure.kind == SendFailureKind::Refused && answer.status == 404 => {
            return Ok(Ringing::Over);
        }
        Err(failure) => return Err(failure),
    }
    let asked = receiver.json::<Asked>(&answer)?;
    Ok(match (asked.status, asked.acknowledged, asked.expired) {
        (1, 1, _) => Ringing::Answered,
        (1, _, 1) => Ringing::Over,
        (1, _, _) => Ringing::Still,
        _ => return Err(receiver.strange(&answer)),
    })
}

/// Whether nobody needs to be woken any more. While that can't be known, it rings on.
async fn is_settled(ground: &Ground, receipt: &Kept) -> bool {
    let Some(incident) = receipt.incident else {
        return false;
    };
    let settled = ground.store.is_incident_settled(incident).await;
    settled.unwrap_or(false)
}

/// Ends the ringing: somebody else answered, or it is well again.
async fn cancel(
    receiver: &Receiver,
    api: &str,
    token: &str,
    receipt: &Kept,
) -> Result<(), SendFailure> {
    let url = format!("{api}/1/receipts/{}/cancel.json", receipt.id);
    let body = json!({ "token": token }).to_string();
    let answer = receiver.post(&url, HeaderMap::new(), body).await?;
    receiver.taken(&answer)
}

fn understood((name, value): (&String, &String)) -> Option<Kept> {
    let id = name.strip_prefix(FACT)?;
    let mut kept = serde_json::from_str::<Kept>(value).ok()?;
    id.clone_into(&mut kept.id);
    Some(kept)
}
