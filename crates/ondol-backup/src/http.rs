//! Requests of jobs: each call blocks until its answer is there whole. HTTP/1.1 over connections that are kept, with a
//! limit on everything. It follows no redirect, and knows nothing of what is asked but that it may be asked twice.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::StatusCode;
use http::header;
use ondol_base::clock;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use self::connection::Broken;
use self::connection::Connection;
use self::connection::Expected;
use self::upload::Upload;
use crate::target::Pace;
use crate::target::TargetError;
use crate::target::Trouble;

mod connect;
mod connection;
mod origin;
mod patient;
mod roots;
mod upload;

pub(crate) use origin::Origin;

/// Connections at a time; who needs one more waits. A line that is slow with so many is not faster with more.
const CONNECTIONS_MAX: usize = 16;
/// How long a connection may lie idle and be used again; servers end theirs after some 5 to 75 seconds.
const IDLE_MAX: Duration = Duration::from_secs(15);
const USER_AGENT: &str = concat!("ondol/", env!("CARGO_PKG_VERSION"));

/// One server, asked by one thread or many.
pub(crate) struct Http {
    origin: Origin,
    tls: Option<TlsConnector>,
    waits: Waits,
    /// Connections whose last answer has come whole.
    idle: Mutex<Vec<Connection>>,
    slots: Semaphore,
    /// How fast bodies may come and go.
    pace: OnceLock<Arc<Pace>>,
    /// Where sockets and timers are watched: one thread of its own. `None` only while this is dropped.
    runtime: Option<Runtime>,
}

/// How long nothing may happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// From the question for the address to the end of the TLS handshake.
    pub(crate) connect: Duration,
    /// Between any two bytes of a request and its answer.
    pub(crate) stall: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            // Buckets far away take their time with the first byte, most of all after many bytes were sent.
            stall: Duration::from_secs(60),
        }
    }
}

/// A request.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// With its query, encoded.
    pub(crate) path: &'a str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a [Bytes],
    /// The longest answer that is taken.
    pub(crate) answer_bytes_max: u64,
}

/// An answer that has come whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header field, where it is there and a text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Http {
    /// A client of this server, which is not asked yet. Blocks on the disk, where authorities are read.
    pub(crate) fn new(origin: Origin) -> Result<Self, TargetError> {
        let tls = if origin.is_secure() {
            Some(roots::connector()?)
        } else {
            None
        };
        Self::with(origin, tls, Waits::default())
    }

    pub(crate) fn with(
        origin: Origin,
        tls: Option<TlsConnector>,
        waits: Waits,
    ) -> Result<Self, TargetError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(CONNECTIONS_MAX) // For lookups of names.
            .thread_name("http")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| {
            TargetError::new(
                Trouble::Other,
                format!("no thread could be started: {error}"),
            )
        })?;
        Ok(Self {
            origin,
            tls,
            waits,
            idle: Mutex::default(),
            slots: Semaphore::new(CONNECTIONS_MAX),
            pace: OnceLock::new(),
            runtime: Some(runtime),
        })
    }

    /// The server.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Sends and takes bodies no faster than this from now on. The first one counts.
    pub(crate) fn keep_to(&self, pace: &Arc<Pace>) {
        let _ = self.pace.set(Arc::clone(pace));
    }

    /// Sends a request and waits for its answer, whatever its status is.
    pub(crate) fn send(&self, ask: &Ask<'_>) -> Result<Answer, TargetError> {
        let Some(runtime) = &self.runtime else {
            return Err(TargetError::new(Trouble::Other, "the client has ended"));
        };
        runtime.block_on(async {
            // It is never closed.
            let _slot = self.slots.acquire().await;
            // What is asked is large as a future.
            Box::pin(self.ask(ask)).await
        })
    }

    async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, TargetError> {
        loop {
            let (mut connection, is_new) = match self.take_idle() {
                Some(connection) => (connection, false),
                None => (self.connect().await?, true),
            };
            let (request, progress) = self.request(ask)?;
            let expected = Expected {
                bytes_max: ask.answer_bytes_max,
                pace: self.pace.get().map(|pace| &**pace),
            };
            match connection.exchange(request, expected).await {
                Ok(answer) => {
                    if progress.is_whole() && connection.may_be_kept(&answer) {
                        self.keep(connection);
                    }
                    return Ok(answer);
                }
                // A server may end a connection while it lies idle, which is only seen when it is used again. The
                // others are as old; nothing is asked twice on a new one.
                Err(Broken::Unanswered(_)) if !is_new => self.idle().clear(),
                Err(Broken::Unanswered(what) | Broken::Amid(what)) => {
                    return Err(unreachable(what));
                }
                Err(Broken::Wrong(what)) => {
                    let what = format!("the server {what}");
                    return Err(TargetError::new(Trouble::Wrong, what));
                }
            }
        }
    }

    fn request(&self, ask: &Ask<'_>) -> Result<(Request<Upload>, upload::Progress), TargetError> {
        let (upload, progress) = Upload::new(ask.body, self.pace.get().cloned());
        let request = Request::builder().method(&ask.method).uri(ask.path);
        let mut request = request.body(upload).map_err(|error| {
            TargetError::new(
                Trouble::Other,
                format!("`{}` is no path: {error}", ask.path),
            )
        })?;
        let headers = request.headers_mut();
        headers.extend(ask.headers.clone());
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, self.origin.host_field().clone());
        }
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        // What is stored is wanted as it is stored.
        let as_it_is = HeaderValue::from_static("identity");
        headers.insert(header::ACCEPT_ENCODING, as_it_is);
        Ok((request, progress))
    }

    async fn connect(&self) -> Result<Connection, TargetError> {
        let connected = connect::connect(&self.origin, self.tls.as_ref(), self.waits);
        match timeout(self.waits.connect, connected).await {
            Ok(connection) => connection,
            Err(_) => Err(unreachable(format!(
                "could not be connected to within {} s",
                self.waits.connect.as_secs()
            ))),
        }
    }

    fn take_idle(&self) -> Option<Connection> {
        let now = clock::now();
        let mut idle = self.idle();
        idle.retain(|connection| now.duration_since(connection.used_at()) < IDLE_MAX);
        idle.pop()
    }

    fn keep(&self, connection: Connection) {
        self.idle().push(connection);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreachable(what: impl fmt::Display) -> TargetError {
    TargetError::new(Trouble::Unreachable, format!("the server {what}"))
}

impl Drop for Http {
    fn drop(&mut self) {
        self.idle().clear();
        if let Some(runtime) = self.runtime.take() {
            // A lookup that hangs is left to itself.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("origin", &self.origin)
            .field("waits", &self.waits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
