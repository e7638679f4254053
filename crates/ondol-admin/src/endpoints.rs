//! What each address of the admin socket answers: published values, or the answer to a command.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::Query;
use axum::extract::Request;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use ondol_base::chain::Chain;
use ondol_model::limits;
use ondol_store::EventId;
use ondol_store::EventsQuestion;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch::Receiver;

use crate::api;
use crate::health;
use crate::health::Asker;
use crate::traffic::Traffic;

mod apps;
mod backups;
mod certs;
mod logs;
mod watch;

pub use apps::AppCommand;
pub use apps::AppDeed;
pub use backups::BackupCommand;
pub use backups::BackupDeed;
pub use certs::CertCommand;
pub use watch::WatchCommand;

/// Events in an answer when the question does not say how many.
const EVENTS_DEFAULT: u32 = 50;

/// Something that the agent is to do; it answers once.
#[derive(Debug)]
pub enum Command {
    /// Take up the configuration as it is on disk now.
    Reload {
        /// How that went.
        reply: oneshot::Sender<api::ReloadAnswer>,
    },
    /// Become another binary, in place.
    Upgrade {
        /// The binary; an absolute path.
        file: PathBuf,
        /// Whether that will happen.
        reply: oneshot::Sender<api::UpgradeAnswer>,
    },
}

/// All that the server sees of the agent.
#[derive(Debug, Clone)]
pub struct Surface {
    /// The box at a glance, but for its apps, its backups and how all is.
    pub status: Receiver<Arc<api::Status>>,
    /// The sites.
    pub sites: Receiver<Arc<api::Sites>>,
    /// The certificates.
    pub certs: Receiver<Arc<api::Certs>>,
    /// The root of Ondol's own CA as PEM; `None` while it has signed nothing.
    pub root: Receiver<Option<Arc<str>>>,
    /// The events.
    pub store: ondol_store::Handle,
    /// Where commands go; to be made with [`limits::ADMIN_COMMANDS`].
    pub commands: mpsc::Sender<Command>,
    /// Where commands about certificates go, which never wait for those; to be made with
    /// [`limits::ADMIN_COMMANDS`].
    pub cert_commands: mpsc::Sender<CertCommand>,
    /// The apps.
    pub apps: Receiver<Arc<api::Apps>>,
    /// Where questions about single apps go; to be made with [`limits::ADMIN_COMMANDS`].
    pub app_commands: mpsc::Sender<AppCommand>,
    /// How backups are.
    pub backups: Receiver<Arc<api::Backups>>,
    /// Where questions about backups go; to be made with [`limits::ADMIN_COMMANDS`].
    pub backup_commands: mpsc::Sender<BackupCommand>,
    /// How everything is, what is wrong, and who is told.
    pub watch: Receiver<Arc<api::Watch>>,
    /// Where questions about alarms go; to be made with [`limits::ADMIN_COMMANDS`].
    pub watch_commands: mpsc::Sender<WatchCommand>,
    /// What visitors do.
    pub traffic: Receiver<Arc<Traffic>>,
    /// Why `health.listen` can't be listened on, a sentence each.
    pub health_troubles: Receiver<Arc<Vec<String>>>,
}

/// The addresses, for peers that may ask.
pub(crate) fn router(surface: Surface) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/sites", get(sites))
        .route("/certs", get(all_certs))
        .route("/certs/root", get(root))
        .route("/certs/renew", post(certs::renew))
        .route("/certs/revoke", post(certs::revoke))
        .route("/certs/rekey", post(certs::rekey))
        .route("/certs/persist", post(certs::persist))
        .route("/apps", get(apps::all))
        .route("/apps/{app}", get(apps::one))
        .route("/apps/{app}/follow", get(apps::follow))
        .route("/apps/{app}/logs", get(logs::read))
        .route("/apps/{app}/deploy", post(apps::deploy))
        .route("/apps/{app}/rollback", post(apps::rollback))
        .route("/apps/{app}/restart", post(apps::restart))
        .route("/apps/{app}/stop", post(apps::stop))
        .route("/apps/{app}/start", post(apps::start))
        .route("/apps/{app}/exec", post(apps::exec))
        .route("/backups", get(backups::all))
        .route("/backups/jobs", get(backups::jobs))
        .route("/backups/follow", get(backups::follow))
        .route("/backups/now", post(backups::now))
        .route("/backups/verify", post(backups::verify))
        .route("/backups/prove", post(backups::prove))
        .route("/backups/drill", post(backups::drill))
        .route("/backups/prune", post(backups::prune))
        .route("/backups/repair", post(backups::repair))
        .route("/backups/list", post(backups::list))
        .route("/backups/restore", post(backups::restore))
        .route("/backups/restore/plan", post(backups::plan))
        .route("/backups/kit", post(backups::kit))
        .route("/backups/kit/confirmed", post(backups::kit_confirmed))
        .route("/watch", get(watch::all))
        .route("/alarms", get(watch::alarms))
        .route("/alarms/test", post(watch::test))
        .route("/alarms/ack", post(watch::acknowledge))
        .route("/alarms/silence", post(watch::silence))
        .route("/events", get(events))
        .route("/reload", post(reload))
        .route("/upgrade", post(upgrade))
        .merge(health::routes().layer(Extension(Asker::Owner)))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(limits::ADMIN_BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(in_time))
        .with_state(surface)
}

/// The addresses of `health.listen`; who asks must be among a request's extensions.
pub(crate) fn of_health(surface: Surface) -> Router {
    health::routes()
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(limits::ADMIN_BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(in_time))
        .with_state(surface)
}

/// The only answer to peers that may not ask.
pub(crate) fn refusal(owner: u32) -> Router {
    Router::new().fallback(async move || {
        let message = format!("Only root and the user of the agent (uid {owner}) may ask it.");
        problem(StatusCode::FORBIDDEN, message)
    })
}

async fn status(State(surface): State<Surface>) -> Response {
    let status = Arc::clone(&surface.status.borrow());
    let apps = surface.apps.borrow().apps.clone();
    let backups = Arc::clone(&surface.backups.borrow());
    let watch = Arc::clone(&surface.watch.borrow());
    let mut warnings = status.warnings.clone();
    warnings.extend(surface.health_troubles.borrow().iter().cloned());
    Json(api::Status {
        apps,
        backups: (*backups).clone(),
        watch: (*watch).clone(),
        warnings,
        ..(*status).clone()
    })
    .into_response()
}

async fn sites(State(surface): State<Surface>) -> Response {
    let sites = Arc::clone(&surface.sites.borrow());
    let watch = Arc::clone(&surface.watch.borrow());
    Json(watch::with_health(&sites, &watch)).into_response()
}

async fn all_certs(State(surface): State<Surface>) -> Response {
    published(&surface.certs)
}

async fn root(State(surface): State<Surface>) -> Response {
    let Some(pem) = surface.root.borrow().clone() else {
        let message = "Ondol's own CA has signed nothing yet, so it has no root: no site needs it.";
        return problem(StatusCode::NOT_FOUND, message);
    };
    let content_type = [(header::CONTENT_TYPE, "application/x-pem-file")];
    (content_type, pem.to_string()).into_response()
}

async fn events(
    State(surface): State<Surface>,
    query: Result<Query<api::EventsQuery>, QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return problem(rejection.status(), rejection.body_text()),
    };
    let api::EventsQuery {
        limit,
        before,
        subject,
        kind,
        since,
    } = query;
    let question = EventsQuestion {
        limit: limit.unwrap_or(EVENTS_DEFAULT),
        before: before.map(EventId),
        subject,
        kind,
        since_ms: since.map(|since| since.unix_seconds().saturating_mul(1_000)),
    };
    match surface.store.find_events(question).await {
        Ok(recorded) => Json(api::Events {
            events: recorded.into_iter().map(api::Event::from).collect(),
        })
        .into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, Chain(&error).to_string()),
    }
}

async fn reload(State(surface): State<Surface>) -> Response {
    match ask(&surface, |reply| Command::Reload { reply }).await {
        Some(answer) => (verdict(answer.accepted), Json(answer)).into_response(),
        None => agent_is_ending(),
    }
}

async fn upgrade(
    State(surface): State<Surface>,
    question: Result<Json<api::UpgradeQuestion>, JsonRejection>,
) -> Response {
    let file = match question {
        Ok(Json(api::UpgradeQuestion { file })) => PathBuf::from(file),
        Err(rejection) => return problem(unreadable(&rejection), rejection.body_text()),
    };
    if !file.is_absolute() {
        let message = format!(
            "The new binary must be an absolute path, and `{}` is not.",
            file.display()
        );
        return problem(StatusCode::BAD_REQUEST, message);
    }
    match ask(&surface, |reply| Command::Upgrade { file, reply }).await {
        Some(answer) => (verdict(answer.accepted), Json(answer)).into_response(),
        None => agent_is_ending(),
    }
}

async fn nothing_here() -> Response {
    problem(StatusCode::NOT_FOUND, "There is nothing at this address.")
}

async fn wrong_method() -> Response {
    let message = "This address does not take this method.";
    problem(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// Keeps a question from waiting forever for a busy agent.
async fn in_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(limits::ADMIN_ANSWER, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        let message = "The agent did not answer in time; what was asked may still happen.";
        problem(StatusCode::GATEWAY_TIMEOUT, message)
    })
}

/// Passes a command on and waits for its answer; `None` when the agent takes none any more.
async fn ask<T>(
    surface: &Surface,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    surface.commands.send(command(reply)).await.ok()?;
    answer.await.ok()
}

fn published<T: Serialize>(value: &Receiver<Arc<T>>) -> Response {
    let value = Arc::clone(&value.borrow());
    Json(&*value).into_response()
}

fn verdict(accepted: bool) -> StatusCode {
    if accepted {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    }
}

/// 422 is the status of a command that was read and refused, so an unreadable one gets 400.
fn unreadable(rejection: &JsonRejection) -> StatusCode {
    match rejection.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    }
}

fn agent_is_ending() -> Response {
    let message = "The agent is ending and takes no commands.";
    problem(StatusCode::SERVICE_UNAVAILABLE, message)
}

fn problem(status: StatusCode, message: impl Into<String>) -> Response {
    let message = message.into();
    (status, Json(api::Problem { message })).into_response()
}
