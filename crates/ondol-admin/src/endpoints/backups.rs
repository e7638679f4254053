//! What the owner asks of backups; who answers knows how.

use axum::Json;
use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use ondol_base::chain::Chain;
use ondol_model::backup::JobKind;
use ondol_store::BackupJobsQuestion;
use serde::Serialize;
use tokio::sync::oneshot;

use super::Surface;
use super::agent_is_ending;
use super::problem;
use super::published;
use super::unreadable;
use super::verdict;
use crate::api;

/// Jobs in an answer when the question does not say how many.
const JOBS_DEFAULT: u32 = 50;

/// Something about backups. Each is answered soon: what takes longer is followed.
#[derive(Debug)]
pub enum BackupCommand {
    /// Have something done.
    Do {
        /// What.
        deed: BackupDeed,
        /// Whether that happens.
        reply: oneshot::Sender<api::BackupAnswer>,
    },
    /// Say what a restore would mean.
    Plan {
        /// Of what.
        question: api::RestoreQuestion,
        /// What it would mean.
        reply: oneshot::Sender<api::RestoreAnswer>,
    },
    /// Say how a job goes on.
    Follow {
        /// Which, and what of it.
        query: api::BackupFollowQuery,
        /// How it goes on, or why nobody knows.
        reply: oneshot::Sender<Result<api::BackupFollowing, String>>,
    },
    /// Say what is needed to have everything back on another machine.
    Kit {
        /// Of which target.
        question: api::KitQuestion,
        /// The kit.
        reply: oneshot::Sender<api::KitAnswer>,
    },
    /// Write down that the owner has the kit.
    KitConfirmed {
        /// Whether it is written down.
        reply: oneshot::Sender<api::KitConfirmedAnswer>,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupDeed {
    /// Take a backup.
    Now(api::BackupQuestion),
    /// Read back, restore and compare.
    Verify(api::VerifyQuestion),
    /// Restore and compare.
    Prove(api::BackupTargetQuestion),
    /// Start the apps on what was restored.
    Drill(api::BackupTargetQuestion),
    /// Remove what is not to be kept.
    Prune(api::PruneQuestion),
    /// Take what is damaged out of the index.
    Repair(api::PruneQuestion),
    /// Say what there is.
    List(api::ListQuestion),
    /// Put something back.
    Restore(api::RestoreQuestion),
}

type Asked<T> = Result<Json<T>, JsonRejection>;

pub(super) async fn all(State(surface): State<Surface>) -> Response {
    published(&surface.backups)
}

pub(super) async fn jobs(
    State(surface): State<Surface>,
    query: Result<Query<api::BackupJobsQuery>, QueryRejection>,
) -> Response {
    let api::BackupJobsQuery {
        target,
        kind,
        limit,
    } = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return problem(rejection.status(), rejection.body_text()),
    };
    let kind = match kind.as_deref().map(|word| (word, JobKind::parse(word))) {
        None => None,
        Some((_, Some(kind))) => Some(kind),
        Some((word, None)) => {
            let known: Vec<_> = JobKind::ALL.into_iter().map(JobKind::word).collect();
            let message = format!(
                "`{word}` is no kind of job: there are {}.",
                known.join(", ")
            );
            return problem(StatusCode::BAD_REQUEST, message);
        }
    };
    let limit = limit.unwrap_or(JOBS_DEFAULT);
    let question = BackupJobsQuestion {
        target,
        kind,
        limit,
    };
    match surface.store.backup_jobs(question).await {
        Ok(recorded) => Json(api::BackupJobs {
            jobs: recorded.into_iter().map(api::BackupJob::from).collect(),
        })
        .into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, Chain(&error).to_string()),
    }
}

pub(super) async fn now(
    State(surface): State<Surface>,
    asked: Asked<api::BackupQuestion>,
) -> Response {
    carry_out(&surface, asked, BackupDeed::Now).await
}

pub(super) async fn verify(
    State(surface): State<Surface>,
    asked: Asked<api::VerifyQuestion>,
) -> Response {
    carry_out(&surface, asked, BackupDeed::Verify).await
}

pub(super) async fn prove(
    State(surface): State<Surface>,
    asked: Asked<api::BackupTargetQuestion>,
) -> Response {
    carry_out(&surface, asked, BackupDeed::Prove).await
}

pub(super) async fn drill(
    State(surface): State<Surface>,
    asked: Asked<api::BackupTargetQuestion>,
) -> Response {
    carry_out(&surface, asked, BackupDeed::Drill).await
}

pub(super) async fn prune(
    State(surface): State<Surface>,
    asked: Asked<api::PruneQuestion>,
) -> Response {
    carry_out(&surface, asked, BackupDeed::Prune).await
}

pub(super) async fn repair(
    State(surface): State<Surface>,
    asked: Asked<api::PruneQuestion>,
) -> Response {
    carry_out(&surface, asked, BackupDeed::Repair).await
}

pub(super) async fn list(
    State(surface): State<Surface>,
    asked: Asked<api::ListQuestion>,
) -> Response {
    carry_out(&surface, asked, BackupDeed::List).await
}

pub(super) async fn restore(
    State(surface): State<Surface>,
    asked: Asked<api::RestoreQuestion>,
) -> Response {
    carry_out(&surface, asked, BackupDeed::Restore).await
}

pub(super) async fn plan(
    State(surface): State<Surface>,
    asked: Asked<api::RestoreQuestion>,
) -> Response {
    let question = match asked {
        Ok(Json(question)) => question,
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    match ask(&surface, |reply| BackupCommand::Plan { question, reply }).await {
        Some(answer) => decided(answer.accepted, answer),
        None => agent_is_ending(),
    }
}

pub(super) async fn follow(
    State(surface): State<Surface>,
    query: Result<Query<api::BackupFollowQuery>, QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return problem(rejection.status(), rejection.body_text()),
    };
    match ask(&surface, |reply| BackupCommand::Follow { query, reply }).await {
        Some(Ok(following)) => Json(following).into_response(),
        Some(Err(why)) => problem(StatusCode::NOT_FOUND, why),
        None => agent_is_ending(),
    }
}

pub(super) async fn kit(
    State(surface): State<Surface>,
    asked: Asked<api::KitQuestion>,
) -> Response {
    let question = match asked {
        Ok(Json(question)) => question,
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    match ask(&surface, |reply| BackupCommand::Kit { question, reply }).await {
        Some(answer) => decided(answer.accepted, answer),
        None => agent_is_ending(),
    }
}

pub(super) async fn kit_confirmed(State(surface): State<Surface>) -> Response {
    match ask(&surface, |reply| BackupCommand::KitConfirmed { reply }).await {
        Some(answer) => decided(answer.accepted, answer),
        None => agent_is_ending(),
    }
}

async fn carry_out<T>(
    surface: &Surface,
    asked: Asked<T>,
    deed: impl FnOnce(T) -> BackupDeed,
) -> Response {
    let deed = match asked {
        Ok(Json(question)) => deed(question),
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    match ask(surface, |reply| BackupCommand::Do { deed, reply }).await {
        Some(answer) => decided(answer.accepted, answer),
        None => agent_is_ending(),
    }
}

fn decided(accepted: bool, answer: impl Serialize) -> Response {
    (verdict(accepted), Json(answer)).into_response()
}

/// Passes a command on and waits for its answer; `None` when the agent takes none any more.
async fn ask<T>(
    surface: &Surface,
    command: impl FnOnce(oneshot::Sender<T>) -> BackupCommand,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    surface.backup_commands.send(command(reply)).await.ok()?;
    answer.await.ok()
}
