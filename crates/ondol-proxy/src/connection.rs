//! One connection of a visitor: its phases, their time limits, and how it is told to end.
//!
//! A connection has no timer of its own. The worker looks at all of them at each of its ticks and tells
//! those that are overdue; the request path only writes down what happens.

use std::cell::Cell;
use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use ondol_model::limits;
use ondol_model::plan::Scheme;
use slab::Slab;
use tokio::time::Duration;
use tokio::time::Instant;

use crate::tunnel::Tunnel;
use crate::worker::Worker;

/// What the request path knows of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) state: Rc<ConnectionState>,
    pub(crate) peer: SocketAddr,
    /// The peer's address as text, made once.
    pub(crate) peer_text: Box<str>,
    pub(crate) scheme: Scheme,
    /// The version of TLS; `None` on plain HTTP.
    pub(crate) tls_version: Option<rustls::ProtocolVersion>,
    /// The name that the TLS handshake asked for, in canonical form.
    pub(crate) server_name: Option<Box<str>>,
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing has been received.
    Opening,
    /// The TLS handshake has begun.
    Handshake,
    /// Between two requests.
    Idle,
    /// Inside the head of a request.
    Head,
    /// At least one request is being answered.
    Request,
    /// Upgraded: bytes are passed both ways.
    Tunnel,
}

/// What a connection is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Carry on.
    Serve,
    /// End after what is in flight.
    Finish,
    /// End now.
    Close,
}

/// How a connection's HTTP version tells bytes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// Bytes between requests are the head of the next one.
    Http1,
    /// Bytes may be frames that ask for nothing.
    Http2,
}

/// The part of a connection that its I/O, its requests and its worker write to.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    clock: Rc<Cell<Instant>>,
    phase: Cell<Phase>,
    /// When the phase began; in a tunnel, when a byte last moved.
    since: Cell<Instant>,
    speaks: Cell<Speaks>,
    in_flight: Cell<u32>,
    write_blocked_since: Cell<Option<Instant>>,
    /// Since when parts of answers have been with the protocol, which takes no more: an HTTP/2 visitor
    /// may keep the window of one stream shut while the connection lives.
    untaken: RefCell<Slab<Instant>>,
    reached_end: Cell<bool>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
    tunnel: RefCell<Option<Tunnel>>,
}

impl ConnectionState {
    /// A connection that was just accepted; `clock` is the worker's, exact to a fraction of a second.
    pub(crate) fn new(clock: Rc<Cell<Instant>>) -> Self {
        Self {
            phase: Cell::new(Phase::Opening),
            since: Cell::new(ondol_base::clock::now()), // Exact: the newest is to be shed last.
            speaks: Cell::new(Speaks::Http1),
            in_flight: Cell::new(0),
            write_blocked_since: Cell::new(None),
            untaken: RefCell::default(),
            reached_end: Cell::new(false),
            order: Cell::new(Order::Serve),
            waker: RefCell::new(None),
            tunnel: RefCell::new(None),
            clock,
        }
    }

    pub(crate) fn handshake_begins(&self) {
        self.phase.set(Phase::Handshake); // Its time runs from the connection's beginning.
    }

    pub(crate) fn handshake_done(&self, speaks: Speaks) {
        self.speaks.set(speaks);
        self.enter(Phase::Idle);
    }

    pub(crate) fn received(&self) {
        match self.phase.get() {
            Phase::Opening | Phase::Idle if self.speaks.get() == Speaks::Http1 => {
                self.enter(Phase::Head);
            }
            Phase::Tunnel => self.since.set(self.clock.get()),
            Phase::Opening | Phase::Handshake | Phase::Idle | Phase::Head | Phase::Request => {}
        }
    }

    pub(crate) fn reached_end(&self) {
        self.reached_end.set(true);
    }

    pub(crate) fn has_reached_end(&self) -> bool {
        self.reached_end.get()
    }

    pub(crate) fn sent(&self) {
        self.write_blocked_since.set(None);
        if self.phase.get() == Phase::Tunnel {
            self.since.set(self.clock.get());
        }
    }

    pub(crate) fn write_blocked(&self) {
        if self.write_blocked_since.get().is_none() {
            self.write_blocked_since.set(Some(self.clock.get()));
        }
    }

    /// Notes that a part of an answer was handed over and more is to come; see [`Self::asked_for_more`].
    pub(crate) fn gave(&self) -> usize {
        self.untaken.borrow_mut().insert(self.clock.get())
    }

    /// The next part of that answer is asked for, or it has ended.
    pub(crate) fn asked_for_more(&self, given: usize) {
        self.untaken.borrow_mut().try_remove(given);
    }

    /// Whether the visitor takes nothing of what is written to it.
    pub(crate) fn is_write_blocked(&self) -> bool {
        self.write_blocked_since.get().is_some()
    }

    pub(crate) fn request_begins(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
        self.enter(Phase::Request);
    }

    pub(crate) fn request_ends(&self) {
        let left = self.in_flight.get().saturating_sub(1);
        self.in_flight.set(left);
        if left == 0 && self.phase.get() == Phase::Request {
            self.enter(Phase::Idle);
        }
    }

    /// Leaves a tunnel to be entered once the response that agrees to it has been written.
    pub(crate) fn open_tunnel(&self, tunnel: Tunnel) {
        *self.tunnel.borrow_mut() = Some(tunnel);
    }

    pub(crate) fn take_tunnel(&self) -> Option<Tunnel> {
        let tunnel = self.tunnel.borrow_mut().take();
        if tunnel.is_some() {
            self.enter(Phase::Tunnel);
        }
        tunnel
    }

    /// Whether the protocol has a way to end that loses no request (GOAWAY).
    pub(crate) fn says_goodbye(&self) -> bool {
        self.speaks.get() == Speaks::Http2
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Since when the phase has lasted.
    pub(crate) fn since(&self) -> Instant {
        self.since.get()
    }

    /// Whether the connection is over one of its time limits.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let lasts = |since: Instant| now.duration_since(since) > limits::STALL;
        let stalled = self.write_blocked_since.get().is_some_and(lasts)
            || self.untaken.borrow().iter().any(|(_, since)| lasts(*since));
        let phase_max = match self.phase.get() {
            Phase::Opening | Phase::Handshake => limits::HANDSHAKE,
            Phase::Idle => limits::IDLE,
            Phase::Head => limits::HEAD,
            Phase::Request => Duration::MAX, // Upstreams and bodies have time limits of their own.
            Phase::Tunnel => limits::TUNNEL_IDLE,
        };
        stalled || now.duration_since(self.since.get()) > phase_max
    }

    /// Tells the connection what to do; it hears at once.
    pub(crate) fn tell(&self, order: Order) {
        self.order.set(order);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Whether it has been told to end now, which takes its task a moment.
    pub(crate) fn is_to_close(&self) -> bool {
        self.order.get() == Order::Close
    }

    /// What the connection has been told. The task that polls with `cx` is woken by the next order.
    pub(crate) fn poll_order(&self, cx: &Context<'_>) -> Order {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
        self.order.get()
    }

    /// Runs a future until it is done, or the connection is told to close: then `None`.
    pub(crate) async fn until_closed<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| match self.poll_order(cx) {
            Order::Close => Poll::Ready(None),
            Order::Serve | Order::Finish => Pin::as_mut(&mut future).poll(cx).map(Some),
        })
        .await
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.clock.get());
    }
}

#[cfg(test)]
mod tests;
