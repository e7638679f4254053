//! Asks servers whether they are well: on one thread for all workers and sites, each server once.

use std::hash::BuildHasher;
use std::hash::Hasher;
use std::hash::RandomState;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::OnceLock;

use http::Method;
use ondol_base::chain::Chain;
use ondol_base::tasks;
use ondol_model::health;
use ondol_model::health::Checked;
use ondol_model::health::Health;
use ondol_model::plan::HealthCheck;
use ondol_model::plan::Patience;
use tokio::runtime::Builder;
use tokio::runtime::LocalOptions;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::asking::Asking;
use super::asking::Connected;
use super::connector::Connector;
use super::exchange::Exchange;
use super::forward::connect;
use super::forward::connect_failure;
use super::forward::exchange_failure;
use super::forward::silent;
use super::http2::Http2Exchange;
use super::pool::Pool;
use super::request_body::RequestBody;
use super::request_head::RequestFraming;
use super::tls::UpstreamTls;
use super::watched::Watched;
use crate::failure::Failure;

/// Servers that are asked at the same time; the others wait for their turn.
const PROBES_MAX: usize = 32;
/// Twice as many: those that have been left take a moment to end.
const CONNECTIONS_MAX: usize = 2 * PROBES_MAX;
const USER_AGENT: &str = "ondol-health";

/// The thread that asks, once there is a server to be asked.
#[derive(Debug, Default)]
pub(crate) struct Prober(OnceLock<watch::Sender<Probed>>);

/// Which servers are asked, and how TLS is spoken to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Probed {
    pub(crate) servers: Vec<Arc<Watched>>,
    pub(crate) tls: Arc<UpstreamTls>,
}

impl Prober {
    /// Asks those of the servers that are to be asked, from now on, and no others. Who was asked before is
    /// asked on, and what was found stays.
    pub(crate) fn ask(&self, wanted: Probed) -> io::Result<()> {
        if let Some(asked) = self.0.get() {
            asked.send_replace(wanted);
            return Ok(());
        }
        if wanted.servers.is_empty() {
            return Ok(());
        }
        let (sender, receiver) = watch::channel(wanted);
        let runtime = || {
            Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default())
        };
        tasks::spawn_thread("health", move || match runtime() {
            Ok(runtime) => {
                runtime.block_on(attend(receiver));
                runtime.shutdown_background(); // A name that is being looked up may take its time.
            }
            Err(error) => {
                tracing::error!(%error, "the health checks could not be started: all servers count as up, and those that fail are left out as visitors meet it. SIGUSR2 starts this data plane anew")
            }
        })?;
        let _ = self.0.set(sender);
        Ok(())
    }
}

/// Keeps a task for each server, until nobody can change them any more.
async fn attend(mut asked: watch::Receiver<Probed>) {
    let turns = Rc::new(Semaphore::new(PROBES_MAX));
    let connector = Connector::new(CONNECTIONS_MAX);
    let mut asking: Vec<(Arc<Watched>, JoinHandle<()>)> = Vec::new();
    loop {
        let Probed {
            servers: wanted,
            tls,
        } = asked.borrow_and_update().clone();
        connector.replace_tls(&tls);
        asking.retain(|(server, task)| {
            let stays = wanted.iter().any(|one| Arc::ptr_eq(one, server));
            if !stays {
                task.abort();
            }
            stays
        });
        for server in wanted {
            if !asking.iter().any(|(one, _)| Arc::ptr_eq(one, &server)) {
                let asked_on = ask_on(Arc::clone(&server), Rc::clone(&turns), connector.clone());
                asking.push((server, tasks::spawn_local(asked_on)));
            }
        }
        if asked.changed().await.is_err() {
            return;
        }
    }
}

/// Asks one server again and again.
async fn ask_on(server: Arc<Watched>, turns: Rc<Semaphore>, connector: Connector) {
    let Some(check) = &server.key().check else {
        return;
    };
    let pool = Pool::new(server.key().upstream.clone(), connector);
    // A request that outlasted its plan keeps what was found under that, and a later plan takes it up.
    let mut checked = Checked::from(server.checked_health());
    loop {
        let result = {
            let _turn = turns.acquire().await;
            let result = ask(&pool, check).await;
            pool.close_idle(); // One of HTTP/2 would stay, and say nothing of those that visitors need.
            result
        };
        let (health, reason) = match result {
            Ok(status) if check.accepts(status) => (Health::Up, String::new()),
            Ok(status) => (
                Health::Down,
                format!("its health check got status {status}"),
            ),
            Err(failure) => (
                Health::Down,
                format!("its health check failed: {}", Chain(&failure)),
            ),
        };
        let before = checked.health();
        checked = checked.after(health, check);
        if checked.health() != before {
            server.checked(checked.health(), &reason);
        }
        let random = RandomState::new().build_hasher().finish();
        tokio::time::sleep(health::pause(check, random)).await;
    }
}

/// Asks once, on a connection of its own, and does not read what follows the head.
async fn ask(pool: &Pool, check: &HealthCheck) -> Result<u16, Failure> {
    let asked = async {
        let connected = connect(pool, check.timeout, None).await;
        let connected = connected.map_err(|error| connect_failure(pool, error))?;
        let mut asking = asking(connected, pool, check)?;
        match asking.head(&Method::GET, check.timeout).await {
            Some(Ok(response)) => Ok(response.status.as_u16()),
            Some(Err(error)) => Err(exchange_failure(pool, error)),
            None => Err(silent(pool)),
        }
    };
    let answered = tokio::time::timeout(check.timeout, asked).await;
    answered.unwrap_or_else(|_| Err(silent(pool)))
}

fn asking(connected: Connected, pool: &Pool, check: &HealthCheck) -> Result<Asking, Failure> {
    match connected {
        Connected::Http1(connection) => {
            let limits = (0, Patience::default());
            let request = RequestBody::new(None, RequestFraming::None, limits, head(check, pool));
            Ok(Asking::Http1(Exchange::new(connection, request)))
        }
        Connected::Http2(slot) => {
            let scheme = match pool.upstream().tls {
                Some(_) => "https",
                None => "http",
            };
            let host = check.host.as_deref().unwrap_or(pool.authority());
            let request = http::Request::get(format!("{scheme}://{host}{}", check.path))
                .version(http::Version::HTTP_2)
                .header(http::header::USER_AGENT, USER_AGENT)
                .header(http::header::ACCEPT, "*/*")
                .body(());
            let request = request.map_err(|_| Failure::Malformed("the health check is none"))?;
            let exchange = Http2Exchange::bare(slot, request);
            Ok(Asking::Http2(Box::new(exchange)))
        }
    }
}

fn head(check: &HealthCheck, pool: &Pool) -> Vec<u8> {
    let host = check.host.as_deref().unwrap_or(pool.authority());
    let path = &check.path;
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {USER_AGENT}\r\naccept: */*\r\nconnection: close\r\n\r\n"
    )
    .into_bytes()
}
