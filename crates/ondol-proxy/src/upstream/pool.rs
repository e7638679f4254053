//! Idle connections to one upstream, of one worker.

use std::cell::RefCell;
use std::io;

use bytes::BytesMut;
use ondol_model::limits::READ_BYTES;
use ondol_model::limits::UPSTREAM_IDLE;
use ondol_model::limits::UPSTREAM_IDLE_CONNECTIONS_MAX;
use ondol_model::upstream::Upstream;
use tokio::time::Duration;
use tokio::time::Instant;

use super::stream::Leases;
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
    leases: Leases,
    idle: RefCell<Vec<(UpstreamConnection, Instant)>>,
}

impl Pool {
    pub(crate) fn new(upstream: Upstream, leases: Leases) -> Self {
        let label = upstream.to_string().into_boxed_str();
        Self {
            upstream,
            label,
            leases,
            idle: RefCell::default(),
        }
    }

    /// The upstream as the configuration has it.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Its host and port; a Unix socket has none.
    pub(super) fn authority(&self) -> &str {
        let parts = self.label.split_once("://");
        parts.map_or("localhost", |(_, authority)| authority)
    }

    /// An idle connection, no longer idle than `idle_max`, that its upstream has not closed.
    pub(super) fn take(&self, now: Instant, idle_max: Duration) -> Option<UpstreamConnection> {
        let mut idle = self.idle.borrow_mut();
        while let Some((connection, since)) = idle.pop() {
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
        let mut idle = self.idle.borrow_mut();
        if idle.len() < UPSTREAM_IDLE_CONNECTIONS_MAX {
            idle.push((connection, now));
        }
    }

    /// Makes a connection.
    pub(super) async fn connect(&self, timeout: Duration) -> io::Result<UpstreamConnection> {
        let connecting = UpstreamStream::connect(&self.upstream, &self.leases);
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

    /// Closes what is idle.
    pub(crate) fn close_idle(&self) {
        self.idle.borrow_mut().clear();
    }

    /// Closes what has been idle for too long.
    pub(crate) fn thin_out(&self, now: Instant) {
        self.idle.borrow_mut().retain(|(connection, since)| {
            now.duration_since(*since) < UPSTREAM_IDLE && connection.stream.is_quiet()
        });
    }

    /// Whether no connection is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty()
    }
}
