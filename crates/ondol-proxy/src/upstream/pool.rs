//! Idle connections to one upstream, of one worker.

use std::cell::Cell;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use bytes::BytesMut;
use ondol_model::limits::READ_BYTES;
use ondol_model::limits::UPSTREAM_IDLE;
use ondol_model::limits::UPSTREAM_IDLE_CONNECTIONS_MAX;
use ondol_model::upstream::HttpVersion;
use ondol_model::upstream::KeptConnections;
use ondol_model::upstream::Upstream;
use tokio::time::Duration;
use tokio::time::Instant;

use super::connector::Connector;
use super::connector::VisitorEnds;
use super::http2;
use super::stream::UpstreamStream;

/// A connection with its buffers, which are used again with it.
#[derive(Debug)]
pub(crate) struct UpstreamConnection {
    pub(super) stream: UpstreamStream,
    /// What was read and not yet used.
    pub(super) read: BytesMut,
    /// Scratch space for heads.
    pub(super) write: Vec<u8>,
}

/// The idle connections to one upstream. The most recently used is taken first, so that a pool
/// shrinks to what is needed.
#[derive(Debug)]
pub(crate) struct Pool {
    upstream: Upstream,
    label: Box<str>,
    connector: Connector,
    idle: RefCell<Vec<(UpstreamConnection, Instant)>>,
    /// Those of HTTP/2, where the upstream is asked in it.
    http2: Option<http2::Connections>,
    /// Connections of FastCGI that are in use and will be kept.
    keeping: Rc<Cell<usize>>,
}

/// The leave to keep a connection of FastCGI after its request.
#[derive(Debug)]
pub(super) struct Keeping(Rc<Cell<usize>>);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Pool {
    pub(crate) fn new(upstream: Upstream, connector: Connector) -> Self {
        let label = upstream.to_string().into_boxed_str();
        let http2 = match upstream.http {
            HttpVersion::One | HttpVersion::FastCgi(_) => None,
            HttpVersion::Two => Some(http2::Connections::new()),
        };
        Self {
            http2,
            keeping: Rc::default(),
            upstream,
            label,
            connector,
            idle: RefCell::default(),
        }
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// The upstream as the configuration has it.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Its host, and its port where that is not the usual one: some servers know themselves without it alone.
    /// A Unix socket has neither.
    pub(super) fn authority(&self) -> &str {
        let Some((_, authority)) = self.label.split_once("://") else {
            return "localhost";
        };
        let usual = if self.upstream.tls.is_some() {
            ":443"
        } else {
            ":80"
        };
        authority.strip_suffix(usual).unwrap_or(authority)
    }

    /// An idle connection, no longer idle than `idle_max`, that its upstream has not closed.
    pub(super) fn take(&self, now: Instant, idle_max: Duration) -> Option<UpstreamConnection> {
        let mut idle = self.idle.borrow_mut();
        while let Some((mut connection, since)) = idle.pop() {
            if now.duration_since(since) > idle_max {
                idle.push((connection, since)); // For a request that can be repeated.
                return None;
            }
            if connection.stream.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection on which an exchange has ended cleanly.
    pub(super) fn put(&self, connection: UpstreamConnection, now: Instant) {
        if !self.upstream.is_shared() {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        if idle.len() < UPSTREAM_IDLE_CONNECTIONS_MAX {
            idle.push((connection, now));
        }
    }

    /// The leave to keep the connection of a request of FastCGI, if there are not enough already.
    pub(super) fn keeping(&self) -> Option<Keeping> {
        let HttpVersion::FastCgi(KeptConnections(max)) = self.upstream.http else {
            return None;
        };
        let kept = self.keeping.get() + self.idle.borrow().len();
        (kept < usize::from(max)).then(|| {
            self.keeping.set(self.keeping.get() + 1);
            Keeping(Rc::clone(&self.keeping))
        })
    }

    /// Makes a connection, for this visitor.
    pub(super) async fn connect(
        &self,
        timeout: Duration,
        visitor: Option<VisitorEnds>,
    ) -> io::Result<UpstreamConnection> {
        let connecting = self.connector.connect(&self.upstream, visitor);
        let stream = tokio::time::timeout(timeout, connecting)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let read = BytesMut::with_capacity(READ_BYTES);
        Ok(UpstreamConnection {
            stream,
            read,
            write: Vec::with_capacity(1024),
        })
    }

    /// A stream of HTTP/2; `None` for an upstream that is not asked in it.
    pub(super) async fn stream(&self, timeout: Duration) -> Option<io::Result<http2::Slot>> {
        let connections = self.http2.as_ref()?;
        let connect = || self.connector.connect(&self.upstream, None);
        let slot = Box::pin(tokio::time::timeout(timeout, connections.slot(connect)));
        let in_time = slot.await;
        Some(in_time.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
    }

    /// Closes what is idle.
    pub(crate) fn close_idle(&self) {
        if let Some(connections) = &self.http2 {
            connections.close_idle();
        }
        self.idle.borrow_mut().clear();
    }

    /// Closes what has been idle for too long.
    pub(crate) fn thin_out(&self, now: Instant) {
        if let Some(connections) = &self.http2 {
            connections.thin_out(now);
        }
        self.idle.borrow_mut().retain_mut(|(connection, since)| {
            now.duration_since(*since) < UPSTREAM_IDLE && connection.stream.is_quiet()
        });
    }

    /// Whether no connection is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty()
            && self.http2.as_ref().is_none_or(http2::Connections::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_without_its_usual_port() {
        for (address, expected) in [
            ("http://nas.local", "nas.local"),
            ("http://nas.local:443", "nas.local:443"),
            ("https://nas.local:443", "nas.local"),
            ("https://nas.local:80", "nas.local:80"),
            ("h2c://[::80]", "[::80]"),
            ("https://[::443]:8443", "[::443]:8443"),
            ("unix:/run/app.sock", "localhost"),
        ] {
            let upstream = Upstream::parse(address).expect("an upstream");
            let pool = Pool::new(upstream, Connector::new(1));
            assert_eq!(pool.authority(), expected, "{address}");
        }
    }
}
