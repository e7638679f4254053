//! What the owner asks of apps; who answers knows how.

use axum::Json;
use axum::extract::Path;
use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::oneshot;

use super::Surface;
use super::agent_is_ending;
use super::problem;
use super::published;
use super::unreadable;
use super::verdict;
use crate::api;

/// Something about one app, by its name as it was typed. Each is answered soon: what takes longer is followed.
#[derive(Debug)]
pub enum AppCommand {
    /// Do something with it.
    Do {
        /// Which.
        app: String,
        /// What.
        deed: AppDeed,
        /// Whether that happens.
        reply: oneshot::Sender<api::AppAnswer>,
    },
    /// Say what a command of the owner's needs to run as it does.
    Exec {
        /// Which.
        app: String,
        /// The command.
        question: api::ExecQuestion,
        /// What it needs.
        reply: oneshot::Sender<api::ExecAnswer>,
    },
    /// Say how a launch goes on.
    Follow {
        /// Which.
        app: String,
        /// Which launch, and what of it.
        query: api::FollowQuery,
        /// How it goes on, or why nobody knows.
        reply: oneshot::Sender<Result<api::Following, String>>,
    },
    /// Say what it wrote.
    Logs {
        /// Which.
        app: String,
        /// Which lines.
        query: api::LogsQuery,
        /// The lines, or why there are none.
        reply: oneshot::Sender<Result<api::Logs, String>>,
    },
    /// Say all that is known of it.
    Show {
        /// Which.
        app: String,
        /// All of it, or why there is nothing.
        reply: oneshot::Sender<Result<api::AppDetail, String>>,
    },
}

/// What is to be done with an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppDeed {
    /// Make a release and launch it.
    Deploy(api::DeployQuestion),
    /// Launch an earlier release.
    Rollback(api::RollbackQuestion),
    /// Launch the same release anew.
    Restart,
    /// Stop it until it is started again.
    Stop,
    /// Start it.
    Start,
}

type Asked<T> = Result<Json<T>, JsonRejection>;

pub(super) async fn all(State(surface): State<Surface>) -> Response {
    published(&surface.apps)
}

pub(super) async fn one(State(surface): State<Surface>, Path(app): Path<String>) -> Response {
    found(&surface, |reply| AppCommand::Show { app, reply }).await
}

pub(super) async fn follow(
    State(surface): State<Surface>,
    Path(app): Path<String>,
    query: Result<Query<api::FollowQuery>, QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return problem(rejection.status(), rejection.body_text()),
    };
    let command = |reply| AppCommand::Follow { app, query, reply };
    found(&surface, command).await
}

pub(super) async fn deploy(
    State(surface): State<Surface>,
    Path(app): Path<String>,
    asked: Asked<api::DeployQuestion>,
) -> Response {
    match asked {
        Ok(Json(question)) => carry_out(&surface, app, AppDeed::Deploy(question)).await,
        Err(rejection) => problem(unreadable(&rejection), rejection.body_text()),
    }
}

pub(super) async fn rollback(
    State(surface): State<Surface>,
    Path(app): Path<String>,
    asked: Asked<api::RollbackQuestion>,
) -> Response {
    match asked {
        Ok(Json(question)) => carry_out(&surface, app, AppDeed::Rollback(question)).await,
        Err(rejection) => problem(unreadable(&rejection), rejection.body_text()),
    }
}

pub(super) async fn restart(State(surface): State<Surface>, Path(app): Path<String>) -> Response {
    carry_out(&surface, app, AppDeed::Restart).await
}

pub(super) async fn stop(State(surface): State<Surface>, Path(app): Path<String>) -> Response {
    carry_out(&surface, app, AppDeed::Stop).await
}

pub(super) async fn start(State(surface): State<Surface>, Path(app): Path<String>) -> Response {
    carry_out(&surface, app, AppDeed::Start).await
}

pub(super) async fn exec(
    State(surface): State<Surface>,
    Path(app): Path<String>,
    asked: Asked<api::ExecQuestion>,
) -> Response {
    let question = match asked {
        Ok(Json(question)) => question,
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    if question.command.is_empty() {
        return problem(StatusCode::BAD_REQUEST, "`command` names no program.");
    }
    let command = |reply| AppCommand::Exec {
        app,
        question,
        reply,
    };
    match ask(&surface, command).await {
        Some(answer) => decided(answer.accepted, answer),
        None => agent_is_ending(),
    }
}

async fn carry_out(surface: &Surface, app: String, deed: AppDeed) -> Response {
    match ask(surface, |reply| AppCommand::Do { app, deed, reply }).await {
        Some(answer) => decided(answer.accepted, answer),
        None => agent_is_ending(),
    }
}

/// What is known of an app; 404 where nothing is.
pub(super) async fn found<T: Serialize>(
    surface: &Surface,
    command: impl FnOnce(oneshot::Sender<Result<T, String>>) -> AppCommand,
) -> Response {
    match ask(surface, command).await {
        Some(Ok(answer)) => Json(answer).into_response(),
        Some(Err(why)) => problem(StatusCode::NOT_FOUND, why),
        None => agent_is_ending(),
    }
}

fn decided(accepted: bool, answer: impl Serialize) -> Response {
    (verdict(accepted), Json(answer)).into_response()
}

/// Passes a command on and waits for its answer; `None` when the agent takes none any more.
async fn ask<T>(
    surface: &Surface,
    command: impl FnOnce(oneshot::Sender<T>) -> AppCommand,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    surface.app_commands.send(command(reply)).await.ok()?;
    answer.await.ok()
}
