//! What people answer by the channels that they were told by: who answers looks after it.
//!
//! Only those who are told are listened to. Nothing is decided here: an answer is told to the desk.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::join_all;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::plan::Care;
use ondol_model::plan::Channel;
use tokio::sync::watch;

use crate::channel::Receipt;
use crate::channel::pushover;
use crate::channel::telegram;
use crate::ground::Ground;
use crate::ground::Seen;

mod ntfy_topic;
mod patience;
mod receipts;
mod telegram_chats;
mod words;

/// Where services are asked.
#[derive(Debug, Clone)]
struct Services {
    telegram: String,
    pushover: String,
}

/// What reads answers from one source, and goes on doing so.
type Reader = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// Asks from now on whether a message was answered, for as long as that is of any use.
pub(crate) async fn expect(ground: &Ground, person: &str, receipt: Receipt) {
    receipts::keep(ground, person, receipt).await;
}

/// Reads answers until told to stop.
pub(crate) async fn run(ground: Ground, stop: Stop) -> Result<(), Infallible> {
    let services = Services {
        telegram: telegram::API.to_owned(),
        pushover: pushover::API.to_owned(),
    };
    run_at(ground, services, stop).await
}

async fn run_at(ground: Ground, services: Services, stop: Stop) -> Result<(), Infallible> {
    let mut plan = ground.plan.clone();
    loop {
        let care = plan.borrow_and_update().care.clone();
        tokio::select! {
            () = stop.requested() => return Ok(()),
            () = changed(&mut plan, &care) => {}
            _ = join_all(readers(&ground, &services, &care)) => {}
        }
    }
}

/// Returns when somebody else is told, or in another way.
async fn changed(plan: &mut watch::Receiver<Arc<Plan>>, care: &Care) {
    loop {
        if plan.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        if plan.borrow_and_update().care != *care {
            return;
        }
    }
}

/// One reader for each source that somebody can answer by, and one that never returns where there is none.
fn readers(ground: &Ground, services: &Services, care: &Care) -> Vec<Reader> {
    let mut readers: Vec<Reader> = vec![Box::pin(std::future::pending())];
    if let Some(chats) = telegram_chats::Chats::of(care) {
        let api = services.telegram.clone();
        readers.push(Box::pin(telegram_chats::read(ground.clone(), api, chats)));
    }
    let is_pushover = |channel: &Channel| matches!(channel, Channel::Pushover(_));
    let mut channels = care.people.iter().flat_map(|person| &person.channels);
    if let Some(token) = &care.alarms.pushover
        && channels.any(is_pushover)
    {
        let (api, token) = (services.pushover.clone(), token.clone());
        readers.push(Box::pin(receipts::read(ground.clone(), api, token)));
    }
    for person in &care.people {
        for (name, channel) in person.channel_names() {
            if let Channel::Ntfy(topic) = channel {
                let who = ntfy_topic::Who {
                    person: person.name.0.clone(),
                    channel: name,
                };
                let (ground, topic) = (ground.clone(), topic.clone());
                readers.push(Box::pin(ntfy_topic::read(ground, who, topic)));
            }
        }
    }
    readers
}

/// Tells the desk of an answer. Nobody is there any more when the service ends.
async fn tell(ground: &Ground, person: &str, incident: Option<i64>) {
    let answer = Seen::Answer {
        person: person.to_owned(),
        incident,
    };
    let _ = ground.seen.send(answer).await;
}

/// What was remembered by a name. A store in trouble says so elsewhere; then nothing is remembered.
async fn remembered(ground: &Ground, name: &str) -> Option<String> {
    ground.store.watch_fact(name).await.ok().flatten()
}

async fn remember(ground: &Ground, name: &str, value: &str) {
    // What is read a second time after a restart is told a second time, which changes nothing.
    let _ = ground.store.set_watch_fact(name, value).await;
}

#[cfg(test)]
mod tests;
