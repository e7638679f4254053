//! The connections to one upstream, of one worker: how a request gets a stream on one of them.

use std::cell::Cell;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use bytes::Bytes;
use h2::client;
use h2::client::SendRequest;
use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::limits::RESPONSE_HEAD_BYTES_MAX;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::CONNECTION_WINDOW_BYTES;
use super::CONNECTIONS_MAX;
use super::IDLE;
use super::SEND_BUFFER_BYTES;
use super::STREAM_WINDOW_BYTES;
use super::STREAMS_MAX;
use crate::upstream::stream::UpstreamStream;

/// The connections to one upstream.
#[derive(Debug)]
pub(in crate::upstream) struct Connections {
    open: RefCell<Vec<Connection>>,
    /// One is made at a time: requests that come together share it.
    making: Semaphore,
}

/// The right to one stream.
#[derive(Debug)]
pub(in crate::upstream) struct Slot {
    pub(super) send: SendRequest<Bytes>,
    state: Rc<State>,
    /// Whether the connection was there before.
    pub(in crate::upstream) is_reused: bool,
}

#[derive(Debug)]
struct Connection {
    send: SendRequest<Bytes>,
    state: Rc<State>,
}

#[derive(Debug)]
struct State {
    streams: Cell<usize>,
    /// Set when it has ended, is about to, or is not to be trusted.
    is_closed: Cell<bool>,
    used: Cell<Instant>,
}

impl Connections {
    pub(in crate::upstream) fn new() -> Self {
        Self {
            open: RefCell::default(),
            making: Semaphore::new(1),
        }
    }

    /// A stream on a connection that is there, or that `connect` makes. It may wait for ever, so the caller
    /// sets a time.
    pub(in crate::upstream) async fn slot<F>(&self, connect: impl FnOnce() -> F) -> io::Result<Slot>
    where
        F: Future<Output = io::Result<UpstreamStream>>,
    {
        if let Some(slot) = self.free() {
            return Ok(slot);
        }
        let _making = self.making.acquire().await.map_err(io::Error::other)?;
        if let Some(slot) = self.free() {
            return Ok(slot);
        }
        let connection = open(connect().await?).await?;
        let slot = connection.slot(false);
        self.open.borrow_mut().push(connection);
        Ok(slot)
    }

    /// Ends what is idle.
    pub(in crate::upstream) fn close_idle(&self) {
        let is_busy = |connection: &Connection| connection.state.streams.get() > 0;
        self.open.borrow_mut().retain(is_busy);
    }

    /// Ends what has been idle for too long, and forgets what has ended.
    pub(in crate::upstream) fn thin_out(&self, now: Instant) {
        self.open.borrow_mut().retain(|connection| {
            let state = &connection.state;
            let is_fresh = now.saturating_duration_since(state.used.get()) < IDLE;
            !state.is_closed.get() && (state.streams.get() > 0 || is_fresh)
        });
    }

    pub(in crate::upstream) fn is_empty(&self) -> bool {
        self.open.borrow().is_empty()
    }

    /// A stream on the first connection that has room, so that those at the end become idle. With as many
    /// connections as there may be, one on the least busy of them.
    fn free(&self) -> Option<Slot> {
        let mut open = self.open.borrow_mut();
        open.retain_mut(Connection::takes_requests);
        let with_room = open.iter().find(|connection| connection.has_room());
        let least_busy = || {
            let busy = open
                .iter()
                .min_by_key(|connection| connection.state.streams.get());
            busy.filter(|_| open.len() >= CONNECTIONS_MAX)
        };
        let connection = with_room.or_else(least_busy)?;
        Some(connection.slot(true))
    }
}

impl Connection {
    /// Not when it has ended, nor when the upstream has said goodbye: what it has begun it still answers.
    fn takes_requests(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        !self.state.is_closed.get() && !matches!(self.send.poll_ready(&mut cx), Poll::Ready(Err(_)))
    }

    fn has_room(&self) -> bool {
        let max = self.send.current_max_send_streams().min(STREAMS_MAX);
        self.state.streams.get() < max
    }

    fn slot(&self, is_reused: bool) -> Slot {
        let streams = &self.state.streams;
        streams.set(streams.get() + 1);
        Slot {
            send: self.send.clone(),
            state: Rc::clone(&self.state),
            is_reused,
        }
    }
}

impl Slot {
    /// Has no further request sent on the connection.
    pub(super) fn retire_connection(&self) {
        self.state.is_closed.set(true);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let streams = &self.state.streams;
        streams.set(streams.get().saturating_sub(1));
        self.state.used.set(clock::now());
    }
}

/// Agrees with the upstream on a connection, and has a task drive it until it ends.
async fn open(stream: UpstreamStream) -> io::Result<Connection> {
    let head_bytes_max = u32::try_from(RESPONSE_HEAD_BYTES_MAX).unwrap_or(u32::MAX);
    let (send, driven) = client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(head_bytes_max)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .initial_max_send_streams(STREAMS_MAX)
        .handshake::<_, Bytes>(stream)
        .await
        .map_err(io::Error::other)?;
    let state = Rc::new(State {
        streams: Cell::new(0),
        is_closed: Cell::new(false),
        used: Cell::new(clock::now()),
    });
    let ended = Rc::clone(&state);
    // The connection ends by itself when nobody can send on it any more and its streams have ended.
    drop(tasks::spawn_local(async move {
        let _ = driven.await; // Each of its streams says why.
        ended.is_closed.set(true);
    }));
    Ok(Connection { send, state })
}
