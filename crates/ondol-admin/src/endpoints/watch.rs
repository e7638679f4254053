//! How everything is, and what the owner asks about alarms; who answers knows how.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use ondol_base::chain::Chain;
use ondol_model::limits;
use ondol_store::Handle;
use ondol_store::StoreError;
use tokio::sync::oneshot;

use super::Surface;
use super::agent_is_ending;
use super::problem;
use super::published;
use super::unreadable;
use super::verdict;
use crate::api;

/// Incidents and messages in an answer when the question does not say how many.
const ALARMS_DEFAULT: u32 = 50;

/// Something about alarms. Each is answered soon: whether a message arrives is followed.
#[derive(Debug)]
pub enum WatchCommand {
    /// Send people a message, to see whether it arrives.
    Test {
        /// Whom.
        question: api::AlarmTestQuestion,
        /// The messages.
        reply: oneshot::Sender<api::AlarmTestAnswer>,
    },
    /// Write down that somebody looks after an incident.
    Acknowledge {
        /// Which, and who.
        question: api::AlarmAckQuestion,
        /// What was done.
        reply: oneshot::Sender<api::AlarmAnswer>,
    },
    /// Tell nobody of something for a while.
    Silence {
        /// Of what, and for how long.
        question: api::AlarmSilenceQuestion,
        /// What was done.
        reply: oneshot::Sender<api::AlarmAnswer>,
    },
}

type Asked<T> = Result<Json<T>, JsonRejection>;

pub(super) async fn all(State(surface): State<Surface>) -> Response {
    published(&surface.watch)
}

/// The sites, each with how it is.
pub(super) fn with_health(sites: &api::Sites, watch: &api::Watch) -> api::Sites {
    let health: BTreeMap<_, _> = watch
        .subjects
        .iter()
        .filter(|subject| subject.kind == "site")
        .map(|subject| (subject.name.as_str(), subject))
        .collect();
    let mut sites = sites.clone();
    for site in &mut sites.sites {
        let subject = health.get(site.name.as_str());
        site.health = subject.map(|subject| api::SiteHealth {
            state: subject.state,
            since: subject.since,
            sentence: subject.sentence.clone(),
            took_ms: subject.took_ms,
            uptime: subject.uptime,
        });
    }
    sites
}

pub(super) async fn alarms(
    State(surface): State<Surface>,
    query: Result<Query<api::AlarmsQuery>, QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return problem(rejection.status(), rejection.body_text()),
    };
    let open = surface.watch.borrow().incidents.clone();
    match recorded(&surface.store, open, query).await {
        Ok(alarms) => Json(alarms).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, Chain(&error).to_string()),
    }
}

/// What is open as those who watch say; what is over, and the messages, as they are written down.
async fn recorded(
    store: &Handle,
    open: Vec<api::Incident>,
    query: api::AlarmsQuery,
) -> Result<api::Alarms, StoreError> {
    let api::AlarmsQuery { all, limit } = query;
    let limit = limit.unwrap_or(ALARMS_DEFAULT);
    let limit = limit.min(limits::MESSAGES_PER_ANSWER_MAX);
    let mut incidents = open;
    let messages = if all {
        let recorded = store.incidents(limit).await?;
        for incident in recorded.into_iter().filter(|it| it.ended_at.is_some()) {
            let told = store.told(incident.id).await?;
            incidents.push(api::Incident::new(incident, told));
        }
        store.messages(limit).await?
    } else {
        let mut waiting = store.waiting_messages().await?;
        waiting.reverse();
        waiting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        waiting
    };
    let messages = messages.into_iter().map(api::AlarmMessage::from).collect();
    Ok(api::Alarms {
        incidents,
        messages,
    })
}

pub(super) async fn test(
    State(surface): State<Surface>,
    asked: Asked<api::AlarmTestQuestion>,
) -> Response {
    let question = match asked {
        Ok(Json(question)) => question,
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    match ask(&surface, |reply| WatchCommand::Test { question, reply }).await {
        Some(answer) => (verdict(answer.accepted), Json(answer)).into_response(),
        None => agent_is_ending(),
    }
}

pub(super) async fn acknowledge(
    State(surface): State<Surface>,
    asked: Asked<api::AlarmAckQuestion>,
) -> Response {
    let question = match asked {
        Ok(Json(question)) => question,
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    match ask(&surface, |reply| WatchCommand::Acknowledge {
        question,
        reply,
    })
    .await
    {
        Some(answer) => (verdict(answer.accepted), Json(answer)).into_response(),
        None => agent_is_ending(),
    }
}

pub(super) async fn silence(
    State(surface): State<Surface>,
    asked: Asked<api::AlarmSilenceQuestion>,
) -> Response {
    let question = match asked {
        Ok(Json(question)) => question,
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    match ask(&surface, |reply| WatchCommand::Silence { question, reply }).await {
        Some(answer) => (verdict(answer.accepted), Json(answer)).into_response(),
        None => agent_is_ending(),
    }
}

/// Passes a command on and waits for its answer; `None` when the agent takes none any more.
async fn ask<T>(
    surface: &Surface,
    command: impl FnOnce(oneshot::Sender<T>) -> WatchCommand,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    surface.watch_commands.send(command(reply)).await.ok()?;
    answer.await.ok()
}
