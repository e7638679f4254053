//! The listener of `health.listen`: opened and closed as the configuration says, for programs of this machine and for
//! the local network. Nobody from the internet gets an answer, whatever the router forwards.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::limits;
use ondol_model::network::Network;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::Asker;
use crate::Surface;
use crate::endpoints;

/// How often an address is tried again that could not be listened on: another program had it, or it was not there yet.
const AGAIN: Duration = Duration::from_secs(10);
/// The life of a connection. Who scrapes opens another one; who reads nothing is gone.
const LIFE: Duration = Duration::from_secs(60);
/// How long answers that are under way may take once the end is asked for.
const CLOSING: Duration = Duration::from_secs(3);
/// The pause after a failed accept (no descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What the listener needs. Cheap to clone, so that it can be started again.
#[derive(Debug, Clone)]
pub struct HealthDoor {
    plan: watch::Receiver<Arc<Plan>>,
    surface: Surface,
    troubles: watch::Sender<Arc<Vec<String>>>,
}

/// The listeners that are open, and why others are not.
#[derive(Default)]
struct Listeners {
    open: BTreeMap<SocketAddr, TcpListener>,
    failed: BTreeMap<SocketAddr, io::Error>,
}

impl HealthDoor {
    /// A listener for what the plan says; what is wrong with it goes to `troubles`, a sentence each.
    pub fn new(
        plan: watch::Receiver<Arc<Plan>>,
        surface: Surface,
        troubles: watch::Sender<Arc<Vec<String>>>,
    ) -> Self {
        Self {
            plan,
            surface,
            troubles,
        }
    }

    /// Answers until the end is asked for. A service for a supervisor.
    pub async fn serve(mut self, stop: Stop) -> Result<(), Infallible> {
        let router = endpoints::of_health(self.surface.clone());
        let private = Network::parse_several("private").unwrap_or_default();
        let mut listeners = Listeners::default();
        let mut connections = Connections::default();
        let mut again = tokio::time::interval(AGAIN);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_requested() {
            let plan = Arc::clone(&self.plan.borrow_and_update());
            listeners.be(&plan.care.health.listen);
            self.tell(&listeners);
            loop {
                tokio::select! {
                    () = stop.requested() => break,
                    Ok(()) = self.plan.changed() => break,
                    _ = again.tick(), if !listeners.failed.is_empty() => break,
                    () = connections.end_of_one() => {}
                    accepted = std::future::poll_fn(|cx| listeners.poll_accept(cx)) => match accepted {
                        Ok((stream, peer)) => {
                            let token = plan.care.health.token.clone();
                            let peer = peer.ip().to_canonical();
                            let asker = if peer.is_loopback() {
                                Asker::Machine(token)
                            } else if private.iter().any(|network| network.contains(peer)) {
                                Asker::Neighbor(token)
                            } else {
                                tracing::debug!(%peer, "somebody from outside of the local network came to `health.listen`");
                                continue;
                            };
                            let router = router.clone().layer(Extension(asker));
                            connections.admit(peer, connection(stream, router, stop.clone()));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "`health.listen` could not accept a connection");
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                        }
                    },
                }
            }
        }
        drop(listeners);
        connections
            .group
            .close_and_wait(clock::now() + CLOSING)
            .await;
        Ok(())
    }

    fn tell(&self, listeners: &Listeners) {
        let troubles = listeners.failed.iter().map(|(address, error)| {
            format!(
                "Nobody can ask {address} how the box is (`health.listen`), because it can't be listened on: {error}. It \
                 is tried again every {} s; see who has the port (`ss -tlnp`), or name another one.",
                AGAIN.as_secs()
            )
        });
        let troubles: Vec<_> = troubles.collect();
        self.troubles.send_if_modified(|current| {
            let differs = **current != troubles;
            if differs {
                troubles
                    .iter()
                    .for_each(|trouble| tracing::warn!("{trouble}"));
                *current = Arc::new(troubles);
            }
            differs
        });
    }
}

impl Listeners {
    /// Listens on these addresses and no others; those that are open stay.
    fn be(&mut self, wanted: &[SocketAddr]) {
        self.open.retain(|address, _| wanted.contains(address));
        self.failed.clear();
        for address in wanted {
            if self.open.contains_key(address) {
                continue;
            }
            match listen(*address) {
                Ok(listener) => drop(self.open.insert(*address, listener)),
                Err(error) => drop(self.failed.insert(*address, error)),
            }
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        for listener in self.open.values() {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Connections that are open, and of whom.
#[derive(Default)]
struct Connections {
    group: Group,
    /// What each connection of an address holds as long as it is open.
    of: BTreeMap<IpAddr, Arc<()>>,
}

impl Connections {
    /// Takes a connection, unless there are too many, or too many of that address.
    fn admit(&mut self, peer: IpAddr, connection: impl Future<Output = ()> + Send + 'static) {
        self.of.retain(|_, held| Arc::strong_count(held) > 1);
        let held = self.of.entry(peer).or_default();
        if self.group.len() >= limits::HEALTH_CONNECTIONS_MAX
            || Arc::strong_count(held) > limits::HEALTH_CONNECTIONS_PER_ADDRESS_MAX
        {
            return;
        }
        let held = Arc::clone(held);
        self.group.spawn("health connection", async move {
            connection.await;
            drop(held);
        });
    }

    /// Waits for the end of one; forever when there is none.
    async fn end_of_one(&mut self) {
        if self.group.next_end().await.is_none() {
            std::future::pending().await
        }
    }
}

async fn connection(stream: TcpStream, router: Router, stop: Stop) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::ADMIN_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        () = stop.requested() => None,
        () = tokio::time::sleep(LIFE) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            serving.as_mut().graceful_shutdown();
            let finished = tokio::time::timeout(CLOSING, serving).await;
            finished.unwrap_or(Ok(())) // Whoever reads nothing is cut.
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "somebody who asked how the box is went away early");
    }
}
