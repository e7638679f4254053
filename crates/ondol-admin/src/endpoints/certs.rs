//! What the owner asks for about certificates; who answers knows how, and never waits for an issuer.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::oneshot;

use super::Surface;
use super::agent_is_ending;
use super::problem;
use super::unreadable;
use super::verdict;
use crate::api;

/// Something that is to happen to certificates. Each is answered at once: with what happens now, or why not.
#[derive(Debug)]
pub enum CertCommand {
    /// Get new ones now.
    Renew {
        /// Which.
        question: api::RenewQuestion,
        /// Whether that happens.
        reply: oneshot::Sender<api::RenewAnswer>,
    },
    /// Revoke one, after another has taken its place.
    Revoke {
        /// Which, and why.
        question: api::RevokeQuestion,
        /// Whether that happens.
        reply: oneshot::Sender<api::CertAnswer>,
    },
    /// Give the account at an issuer a new key.
    Rekey {
        /// Which.
        question: api::RekeyQuestion,
        /// Whether that happens.
        reply: oneshot::Sender<api::CertAnswer>,
    },
    /// Say which record makes the owner of a name known for good.
    Persist {
        /// Which name.
        question: api::PersistQuestion,
        /// The record.
        reply: oneshot::Sender<api::CertAnswer>,
    },
}

type Asked<T> = Result<Json<T>, JsonRejection>;

pub(super) async fn renew(
    State(surface): State<Surface>,
    asked: Asked<api::RenewQuestion>,
) -> Response {
    if let Ok(Json(question)) = &asked
        && question.names.is_empty() != question.all
    {
        let message = "Name the certificates in `names`, or ask for `all` of them, and not both.";
        return problem(StatusCode::BAD_REQUEST, message);
    }
    let command = |question, reply| CertCommand::Renew { question, reply };
    pass_on(&surface, asked, command, |answer| answer.accepted).await
}

pub(super) async fn revoke(
    State(surface): State<Surface>,
    asked: Asked<api::RevokeQuestion>,
) -> Response {
    let command = |question, reply| CertCommand::Revoke { question, reply };
    pass_on(&surface, asked, command, |answer| answer.accepted).await
}

pub(super) async fn rekey(
    State(surface): State<Surface>,
    asked: Asked<api::RekeyQuestion>,
) -> Response {
    let command = |question, reply| CertCommand::Rekey { question, reply };
    pass_on(&surface, asked, command, |answer| answer.accepted).await
}

pub(super) async fn persist(
    State(surface): State<Surface>,
    asked: Asked<api::PersistQuestion>,
) -> Response {
    let command = |question, reply| CertCommand::Persist { question, reply };
    pass_on(&surface, asked, command, |answer| answer.accepted).await
}

/// Passes a question on as a command, and its answer back.
async fn pass_on<Q, A: Serialize>(
    surface: &Surface,
    asked: Asked<Q>,
    command: impl FnOnce(Q, oneshot::Sender<A>) -> CertCommand,
    accepted: impl FnOnce(&A) -> bool,
) -> Response {
    let question = match asked {
        Ok(Json(question)) => question,
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    let (reply, answer) = oneshot::channel();
    if let Err(_ending) = surface.cert_commands.send(command(question, reply)).await {
        return agent_is_ending();
    }
    match answer.await {
        Ok(answer) => (verdict(accepted(&answer)), Json(answer)).into_response(),
        Err(_dropped) => agent_is_ending(),
    }
}
