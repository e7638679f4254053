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

use super::exchange;
use super::exchange::Exchange;
use super::forward::connect_failure;
use super::forward::exchange_failure;
use super::forward::silent;
use super::pool::Pool;
use super::request_body::RequestBody;
use super::request_head::RequestFraming;
use super::stream::Leases;
use super::watched::Watched;
use crate::failure::Failure;

/// Servers that are asked at the same time; the others wait for their turn.
const PROBES_MAX: usize = 32;

/// The thread that asks, once there is a server to be asked.
#[derive(Debug, Default)]
pub(crate) struct Prober(OnceLock<watch::Sender<Vec<Arc<Watched>>>>);

impl Prober {
    /// Asks those of the servers that are to be asked, from now on, and no others. Who was asked before is
    /// asked on, and what was found stays.
    pub(crate) fn ask(&self, servers: Vec<Arc<Watched>>) -> io::Result<()> {
        if let Some(asked) = self.0.get() {
            asked.send_replace(servers);
            return Ok(());
        }
        if servers.is_empty() {
            return Ok(());
        }
        let (sender, receiver) = watch::channel(servers);
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
            Err(error) => tracing::error!(%error, "no server is asked whether it is well"),
        })?;
        let _ = self.0.set(sender);
        Ok(())
    }
}

/// Keeps a task for each server, until nobody can change them any more.
async fn attend(mut servers: watch::Receiver<Vec<Arc<Watched>>>) {
    let turns = Rc::new(Semaphore::new(PROBES_MAX));
    let leases = Leases::new(PROBES_MAX);
    let mut asking: Vec<(Arc<Watched>, JoinHandle<()>)> = Vec::new();
    loop {
        let wanted = servers.borrow_and_update().clone();
        asking.retain(|(server, task)| {
            let stays = wanted.iter().any(|one| Arc::ptr_eq(one, server));
            if !stays {
                task.abort();
            }
            stays
        });
        for server in wanted {
            if !asking.iter().any(|(one, _)| Arc::ptr_eq(one, &server)) {
                let asked = ask_on(Arc::clone(&server), Rc::clone(&turns), leases.clone());
                asking.push((server, tasks::spawn_local(asked)));
            }
        }
        if servers.changed().await.is_err() {
            return;
        }
    }
}

/// Asks one server again and again.
async fn ask_on(server: Arc<Watched>, turns: Rc<Semaphore>, leases: Leases) {
    let Some(check) = &server.key().check else {
        return;
    };
    let pool = Pool::new(server.key().upstream.clone(), leases);
    let head = head(check, &pool);
    let mut checked = Checked::default();
    loop {
        let result = {
            let _turn = turns.acquire().await;
            ask(&pool, check, &head).await
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
async fn ask(pool: &Pool, check: &HealthCheck, head: &[u8]) -> Result<u16, Failure> {
    let asked = async {
        let connection = pool.connect(check.timeout).await;
        let connection = connection.map_err(|error| connect_failure(pool, error))?;
        let request = RequestBody::new(
            None,
            RequestFraming::None,
            (0, Patience::default()),
            head.to_vec(),
        );
        let mut exchange = Exchange::new(connection, request);
        match exchange::head(&mut exchange, &Method::GET, check.timeout).await {
            Some(Ok(response)) => Ok(response.status.as_u16()),
            Some(Err(error)) => Err(exchange_failure(pool, error)),
            None => Err(silent(pool)),
        }
    };
    let answered = tokio::time::timeout(check.timeout, asked).await;
    answered.unwrap_or_else(|_| Err(silent(pool)))
}

fn head(check: &HealthCheck, pool: &Pool) -> Vec<u8> {
    let host = check.host.as_deref().unwrap_or(pool.authority());
    let path = &check.path;
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: ondol-health\r\naccept: */*\r\nconnection: close\r\n\r\n"
    )
    .into_bytes()
}
