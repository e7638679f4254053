//! Accepts on the admin socket, looks at who asks, and keeps every connection within its limits.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_model::limits;
use tokio::net::UnixStream;

use crate::endpoints;
use crate::endpoints::Surface;
use crate::socket::Socket;

/// How long answers that are under way may take once the end is asked for.
const CLOSING: Duration = Duration::from_secs(3);
/// The pause after a failed accept (no descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Answers on the socket until the end is asked for; then finishes the answers under way. A service
/// for a supervisor: the socket outlives a failure of it.
pub async fn serve(socket: Arc<Socket>, surface: Surface, stop: Stop) -> Result<(), Infallible> {
    let owner = rustix::process::geteuid().as_raw();
    let routers = (endpoints::router(surface), endpoints::refusal(owner));
    let mut connections = Group::default();
    while !stop.is_requested() {
        let has_room = connections.len() < limits::ADMIN_CONNECTIONS_MAX;
        tokio::select! {
            () = stop.requested() => {}
            Some(_) = connections.next_end() => {}
            accepted = socket.0.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    let router = if may_ask(&stream, owner) { &routers.0 } else { &routers.1 };
                    let connection = connection(stream, router.clone(), stop.clone());
                    connections.spawn("admin connection", connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin socket could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    connections.close_and_wait(clock::now() + CLOSING).await;
    Ok(())
}

/// Root and the agent's own user; a peer that can't be known may not.
fn may_ask(stream: &UnixStream, owner: u32) -> bool {
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == 0 || peer.uid() == owner)
}

async fn connection(stream: UnixStream, router: Router, stop: Stop) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::ADMIN_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.requested() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client of the admin socket went away early");
    }
}

#[cfg(test)]
pub(crate) mod tests;
