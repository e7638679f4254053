//! What machines ask to know how the box is, in the words that they expect.
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 `ok`: the agent answers. Nothing is looked at |
//! | `/readyz` `?verbose` `?exclude=CHECK` | 200, or 503 where the box can't serve: one line for each check, as Kubernetes has it |
//! | `/readyz/SITE` | the same for one site: its certificate, its servers or app, its check |
//! | `/health` | `application/health+json` (draft-inadarei-api-health-check-06): `pass` and `warn` are 200, `fail` is 503 |
//! | `/metrics` | numbers; see `metrics.rs` |
//!
//! They are on the admin socket and on `health.listen`. Who asks decides how much is told (`health/asker.rs`): names and
//! numbers are for the owner's own programs, everybody else gets the status alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::extract::Path;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;

use crate::Surface;
use crate::metrics;

mod asker;
mod door;
mod readiness;
mod report;

pub(crate) use asker::Asker;
pub use door::HealthDoor;

use asker::Trust;
use readiness::Check;

/// An answer that those between may keep for as long: a page that is asked by many asks the box once.
const KEPT: HeaderValue = HeaderValue::from_static("max-age=5");
const KEPT_BY_NOBODY: HeaderValue = HeaderValue::from_static("no-store");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HEALTH_JSON: HeaderValue = HeaderValue::from_static("application/health+json");

/// The addresses; an [`Asker`] must be among the request's extensions.
pub(crate) fn routes() -> Router<Surface> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/readyz/{site}", get(site_ready))
        .route("/health", get(health))
        .route("/metrics", get(numbers))
}

async fn live() -> Response {
    plain(StatusCode::OK, "ok\n")
}

async fn ready(
    State(surface): State<Surface>,
    Extension(asker): Extension<Asker>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::read(query.as_deref().unwrap_or_default());
    let checks = readiness::of_box(&surface).await;
    answer_checks("readyz", checks, asked, asker.trust(&headers).await)
}

async fn site_ready(
    State(surface): State<Surface>,
    Path(site): Path<String>,
    Extension(asker): Extension<Asker>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::read(query.as_deref().unwrap_or_default());
    match readiness::of_site(&surface, &site) {
        Some(checks) => answer_checks("readyz", checks, asked, asker.trust(&headers).await),
        None => plain(StatusCode::NOT_FOUND, "no site has this name\n"),
    }
}

async fn health(
    State(surface): State<Surface>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Response {
    let trust = asker.trust(&headers).await;
    let checks = readiness::of_box(&surface).await;
    let watch = Arc::clone(&surface.watch.borrow());
    let status = report::overall(&checks, &watch);
    let body = match trust {
        Trust::Full => report::full(status, &surface.status.borrow(), &checks, &watch),
        Trust::Status => report::status_alone(status),
    };
    let fields = [
        (header::CONTENT_TYPE, HEALTH_JSON),
        (header::CACHE_CONTROL, KEPT),
        (header::VARY, HeaderValue::from_static("authorization")),
    ];
    (report::status_code(status), fields, body).into_response()
}

async fn numbers(
    State(surface): State<Surface>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Response {
    match asker.trust(&headers).await {
        Trust::Full => metrics::answer(&surface, &headers),
        Trust::Status => asker.refusal(),
    }
}

/// What is asked for behind the `?`.
#[derive(Debug, Default)]
struct Asked {
    is_verbose: bool,
    excluded: BTreeSet<String>,
}

impl Asked {
    /// Reads `verbose&exclude=store`; what else stands there is nobody's business.
    fn read(query: &str) -> Self {
        let mut asked = Self::default();
        for parameter in query.split('&') {
            match parameter.split_once('=') {
                None if parameter == "verbose" => asked.is_verbose = true,
                Some(("verbose", value)) => asked.is_verbose = !matches!(value, "0" | "false"),
                Some(("exclude", names)) => {
                    asked.excluded.extend(names.split(',').map(str::to_owned));
                }
                Some(_) | None => {}
            }
        }
        asked
    }
}

/// As Kubernetes answers: one line for each check where it is asked for or one fails, and a status for machines.
fn answer_checks(what: &str, checks: Vec<Check>, asked: Asked, trust: Trust) -> Response {
    let is_excluded = |check: &Check| asked.excluded.contains(check.name);
    let fails = |check: &Check| check.trouble.is_some() && !is_excluded(check);
    let is_ready = !checks.iter().any(fails);
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    if trust == Trust::Status || (is_ready && !asked.is_verbose) {
        let word = if is_ready { "ok\n" } else { "not ready\n" };
        return plain(status, word);
    }
    let lines = checks.iter().map(|check| {
        let name = check.name;
        match &check.trouble {
            _ if is_excluded(check) => format!("[+]{name} excluded: ok\n"),
            None => format!("[+]{name} ok\n"),
            Some(trouble) => format!("[-]{name} failed: {trouble}\n"),
        }
    });
    let known = |name: &&String| checks.iter().any(|check| check.name == name.as_str());
    let unknown = asked.excluded.iter().filter(|name| !known(name));
    let warnings = unknown.map(|name| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        format!("warn: there is no check `{name}` to be excluded\n")
    });
    let word = if is_ready { "passed" } else { "failed" };
    let end = std::iter::once(format!("{what} check {word}\n"));
    let text: String = lines.chain(warnings).chain(end).collect();
    plain(status, text)
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    let fields = [
        (header::CONTENT_TYPE, TEXT),
        (header::CACHE_CONTROL, KEPT_BY_NOBODY),
    ];
    (status, fields, text.into()).into_response()
}

#[cfg(test)]
mod tests;
