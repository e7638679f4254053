//! How everything is, and what the owner asks about alarms; who answers knows how.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::IntoResponse;
use axum::response::Response;
use tokio::sync::oneshot;

use super::Surface;
use super::agent_is_ending;
use super::problem;
use super::published;
use super::unreadable;
use super::verdict;
use crate::api;

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
