//! What apps write; who answers knows where that is.

use axum::extract::Path;
use axum::extract::Query;
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::response::Response;

use super::AppCommand;
use super::Surface;
use super::apps::found;
use super::problem;
use crate::api;

pub(super) async fn read(
    State(surface): State<Surface>,
    Path(app): Path<String>,
    query: Result<Query<api::LogsQuery>, QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return problem(rejection.status(), rejection.body_text()),
    };
    found(&surface, |reply| AppCommand::Logs { app, query, reply }).await
}
