//! The part of a connection that its I/O, its requests and its worker write to.

use super::Answer;
use super::Ledger;
use super::Order;
use super::Phase;
use super::Speaks;
use super::credit::Credit;
use super::in_flight::InFlight;
use crate::tunnel::Tunnel;
use ondol_model::limits;
use ondol_model::pace::Pace;
use ondol_model::plan::Patience;
use slab::Slab;
use std::cell::Cell;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use tokio::time::Duration;
use tokio::time::Instant;

mod launches;

/// The part of a connection that its I/O, its requests and its worker write to.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    ledger: Rc<Ledger>,
    phase: Cell<Phase>,
    /// When the phase began; in a tunnel, when a byte last moved.
    since: Cell<Instant>,
    speaks: Cell<Speaks>,
    pub(super) requests: RefCell<Slab<InFlight>>,
    /// The request whose task runs, between its beginning and the end of that run (HTTP/2).
    begun: Cell<Option<usize>>,
    /// What is left to an HTTP/2 visitor for frames that ask for nothing.
    credit: Cell<Credit>,
    is_overdrawn: Cell<bool>,
    write_blocked_since: Cell<Option<Instant>>,
    /// How fast the visitor takes what is written, and how slow it may.
    pace: Cell<Pace>,
    patience: Cell<Patience>,
    looked_after: Cell<Instant>,
    /// Bytes of answers that were handed over and are not written yet (HTTP/1.1).
    unwritten: Cell<usize>,
    /// Whether the next bytes to be written are of an answer of ours.
    has_words: Cell<bool>,
    reached_end: Cell<bool>,
    /// Whether a request has come.
    has_asked: Cell<bool>,
    /// Whether a request is being answered that has come whole: the visitor may have nothing more to say.
    is_asked: Cell<bool>,
    /// Since when such a visitor has ended its side, and taken nothing of its answer.
    half_closed_since: Cell<Option<Instant>>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
    tunnel: RefCell<Option<Tunnel>>,
    /// The key of the launch of an app that the tunnel leads to.
    tunnel_to: Cell<Option<u64>>,
}

impl ConnectionState {
    /// A connection that was just accepted.
    pub(crate) fn new(ledger: Rc<Ledger>) -> Self {
        let now = ledger.now();
        Self {
            phase: Cell::new(Phase::Opening),
            since: Cell::new(ondol_base::clock::now()), // Exact: the newest is to be shed last.
            speaks: Cell::new(Speaks::Http1),
            requests: RefCell::default(),
            begun: Cell::new(None),
            credit: Cell::new(Credit::new(now)),
            is_overdrawn: Cell::new(false),
            write_blocked_since: Cell::new(None),
            pace: Cell::default(),
            patience: Cell::default(),
            looked_after: Cell::new(now),
            unwritten: Cell::new(0),
            has_words: Cell::new(false),
            reached_end: Cell::new(false),
            has_asked: Cell::new(false),
            is_asked: Cell::new(false),
            half_closed_since: Cell::new(None),
            order: Cell::new(Order::Serve),
            waker: RefCell::new(None),
            tunnel: RefCell::new(None),
            tunnel_to: Cell::new(None),
            ledger,
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
            Phase::Tunnel => self.since.set(self.ledger.now()),
            Phase::Opening | Phase::Handshake | Phase::Idle | Phase::Head | Phase::Request => {}
        }
    }

    pub(crate) fn reached_end(&self) {
        self.reached_end.set(true);
    }

    /// A request of HTTP/1.1 has come whole. A visitor that ends its side of the connection now may only
    /// have no more requests (`nc -N`), or have left: nobody can tell the two apart.
    pub(crate) fn asked(&self) {
        self.is_asked.set(true);
    }

    /// Whether a request has come.
    pub(crate) fn has_asked(&self) -> bool {
        self.has_asked.get()
    }

    /// Whether an end of what the visitor sends is kept back for now, until the answer is written or the
    /// time for it is over.
    pub(crate) fn holds_end(&self) -> bool {
        if self.is_asked.get() && self.half_closed_since.get().is_none() {
            self.half_closed_since.set(Some(self.ledger.now()));
        }
        self.is_asked.get()
    }

    pub(crate) fn has_reached_end(&self) -> bool {
        self.reached_end.get()
    }

    /// Notes so many bytes that the visitor's side has taken.
    pub(crate) fn sent(&self, bytes: usize) {
        self.write_blocked_since.set(None);
        let mut pace = self.pace.get();
        pace.moved(bytes as u64);
        self.pace.set(pace);
        self.wrote(bytes);
        if bytes > 0 && self.half_closed_since.get().is_some() {
            self.half_closed_since.set(Some(self.ledger.now())); // Who has left takes nothing.
        }
        if self.phase.get() == Phase::Tunnel {
            self.since.set(self.ledger.now());
        }
    }

    pub(crate) fn write_blocked(&self) {
        if self.write_blocked_since.get().is_none() {
            self.write_blocked_since.set(Some(self.ledger.now()));
        }
    }

    /// Everything is passed on to another machine as it comes. Whoever pauses a film there takes nothing for a
    /// while; only silence on both sides ends it.
    pub(crate) fn is_passed_on(&self) {
        self.patience.set(Patience {
            send: limits::TUNNEL_IDLE,
            bytes_per_second_min: 0,
            ..Patience::default()
        });
        self.enter(Phase::Tunnel);
    }

    /// Notes that nothing waits to be written.
    pub(crate) fn flushed(&self) {
        self.has_words.set(false);
        self.wrote(usize::MAX);
    }

    /// Of HTTP/1.1 it is known what of its answers was written.
    fn wrote(&self, bytes: usize) {
        let unwritten = self.unwritten.get();
        let written = unwritten.min(bytes);
        if written > 0 {
            self.unwritten.set(unwritten - written);
            self.ledger.take_back(written);
        }
    }

    /// Whether the visitor takes nothing of what is written to it.
    pub(crate) fn is_write_blocked(&self) -> bool {
        self.write_blocked_since.get().is_some()
    }

    /// Notes a request; it has this number until it ends.
    pub(crate) fn request_begins(&self) -> usize {
        self.has_asked.set(true);
        let mut requests = self.requests.borrow_mut();
        if requests.is_empty() {
            self.patience.set(Patience::default());
        }
        let request = requests.insert(InFlight::default());
        self.begun.set(Some(request));
        self.enter(Phase::Request);
        request
    }

    /// Notes that an answer was handed over.
    pub(crate) fn has_words(&self) {
        self.has_words.set(true);
    }

    /// Whether what is written to an HTTP/1.1 visitor now is neither ours nor an upstream's.
    pub(crate) fn is_speechless(&self) -> bool {
        !self.has_words.get() && self.phase.get() != Phase::Tunnel
    }

    /// How slowly the visitor may take the answer, once it is known whose answer it is.
    pub(crate) fn has_patience(&self, request: usize, patience: Patience) {
        if let Some(request) = self.requests.borrow_mut().get_mut(request) {
            request.set_patience(patience);
        }
        // What is written may belong to any of several answers, so the most patient counts.
        let connections = self.patience.get();
        self.patience.set(Patience {
            send: connections.send.max(patience.send),
            ..patience
        });
        if self.speaks.get() == Speaks::Http1 {
            self.patience.set(patience);
        }
    }

    pub(crate) fn request_ends(&self, request: usize, answer: Answer) {
        self.is_asked.set(false);
        if self.half_closed_since.take().is_some() {
            self.wake(); // To see the end that was kept back.
        }
        let mut requests = self.requests.borrow_mut();
        let Some(ended) = requests.try_remove(request) else {
            return;
        };
        self.ledger.take_back(ended.lent);
        if answer == Answer::Whole {
            self.with_credit(Credit::earn_by_answer);
        }
        if requests.is_empty() && self.phase.get() == Phase::Request {
            self.enter(Phase::Idle);
        }
    }

    /// Notes that a part of an answer was handed over; see [`Self::asked_for_more`].
    pub(crate) fn gave(&self, request: usize, bytes: usize) {
        self.ledger.lend(bytes);
        if self.speaks.get() == Speaks::Http1 {
            self.has_words.set(true);
            self.unwritten.set(self.unwritten.get() + bytes);
        } else if let Some(request) = self.requests.borrow_mut().get_mut(request) {
            request.gave(bytes, self.ledger.now());
            self.with_credit(|credit| credit.earn_by_part(bytes));
        }
    }

    /// The next part of that answer is asked for.
    pub(crate) fn asked_for_more(&self, request: usize) {
        if let Some(request) = self.requests.borrow_mut().get_mut(request) {
            self.ledger.take_back(request.took(self.ledger.now()));
        }
    }

    /// Whether the answer was cut because the visitor took it too slowly.
    pub(crate) fn is_cut(&self, request: usize) -> bool {
        let requests = self.requests.borrow();
        requests.get(request).is_some_and(|request| request.is_cut)
    }

    /// Polls the task of an HTTP/2 stream, whose request has the number `request` once it has begun. Done
    /// as well when the stream is to end alone: what is dropped unfinished is reset.
    pub(crate) fn poll_stream(
        &self,
        cx: &mut Context<'_>,
        request: &mut Option<usize>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<()> {
        if request.is_some_and(|request| self.is_cut(request)) {
            return Poll::Ready(());
        }
        self.begun.set(None);
        let polled = poll(cx);
        *request = request.or(self.begun.take());
        if polled.is_pending()
            && let Some(request) = request
            && let Some(request) = self.requests.borrow_mut().get_mut(*request)
        {
            request.is_waited_for_by(cx.waker());
        }
        polled
    }

    /// Pays for frames that an HTTP/2 visitor sent; false when it has no credit left.
    pub(crate) fn pay(&self, cost: u32) -> bool {
        let mut credit = self.credit.get();
        let paid = credit.spend(cost, self.ledger.now());
        self.credit.set(credit);
        self.is_overdrawn.set(!paid);
        paid
    }

    /// Whether the connection ends because its visitor sent too many frames that ask for nothing.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.is_overdrawn.get()
    }

    /// What of answers the visitor was given and has not taken: since when, and how many bytes.
    pub(crate) fn loans(&self) -> Vec<(Instant, usize)> {
        let requests = self.requests.borrow();
        let given = requests.iter().filter(|(_, request)| !request.is_cut);
        let given = given.filter_map(|(_, request)| Some((request.given?, request.lent)));
        given.chain(self.unwritten_loan()).collect()
    }

    /// Ends the answers with loans that are as old as `until`, while `bytes` are still to be given back.
    pub(crate) fn call_in(&self, until: Instant, bytes: &mut usize) {
        self.cut(|request| {
            let is_due = *bytes > 0 && request.given.is_some_and(|since| since <= until);
            *bytes = bytes.saturating_sub(if is_due { request.lent } else { 0 });
            is_due
        });
        if *bytes > 0
            && let Some((_, lent)) = self.unwritten_loan().filter(|(since, _)| *since <= until)
        {
            *bytes = bytes.saturating_sub(lent);
            self.cut(|_| true);
            self.tell(Order::Close);
        }
    }

    /// Of HTTP/1.1, while the visitor takes nothing of what is written.
    fn unwritten_loan(&self) -> Option<(Instant, usize)> {
        let since = self.write_blocked_since.get()?;
        (self.unwritten.get() > 0 && !self.is_to_close()).then(|| (since, self.unwritten.get()))
    }

    /// Leaves a tunnel to be entered once the response that agrees to it has been written.
    pub(crate) fn open_tunnel(&self, tunnel: Tunnel) {
        let in_app = tunnel.in_app.as_ref();
        self.tunnel_to.set(in_app.map(|it| it.launched().key()));
        *self.tunnel.borrow_mut() = Some(tunnel);
    }

    pub(crate) fn take_tunnel(&self) -> Option<Tunnel> {
        let tunnel = self.tunnel.borrow_mut().take();
        if tunnel.is_some() {
            self.enter(Phase::Tunnel);
        }
        tunnel
    }

    pub(crate) fn speaks(&self) -> Speaks {
        self.speaks.get()
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

    /// Looks after its time limits: cuts the answers that are taken too slowly, and says what the
    /// connection itself is to be told, if anything.
    pub(crate) fn look_after(&self, now: Instant) -> Option<Order> {
        let elapsed = now.saturating_duration_since(self.looked_after.replace(now));
        if self.is_write_blocked() {
            let mut requests = self.requests.borrow_mut();
            requests
                .iter_mut()
                .for_each(|(_, request)| request.pause(elapsed));
        } else if self.speaks.get() == Speaks::Http2 {
            self.cut(|request| request.is_too_slow(now, elapsed));
        }
        if self.takes_too_slowly(now, elapsed) {
            self.cut(|_| true); // The log says why they end.
            return Some(Order::Close);
        }
        if self.half_closed_for(now) > limits::HALF_CLOSED {
            return Some(Order::Close);
        }
        let lasts = now.saturating_duration_since(self.since.get());
        let (max, order) = match self.phase.get() {
            Phase::Opening | Phase::Handshake => (limits::HANDSHAKE, Order::Close),
            Phase::Idle if self.is_finishing() => (limits::IDLE + limits::STALL, Order::Close),
            Phase::Idle => (limits::IDLE, Order::Finish),
            Phase::Head => (limits::HEAD, Order::Close),
            Phase::Request => return None, // Upstreams and bodies have time limits of their own.
            Phase::Tunnel => (limits::TUNNEL_IDLE, Order::Close),
        };
        (lasts > max).then_some(order)
    }

    fn half_closed_for(&self, now: Instant) -> Duration {
        let since = self.half_closed_since.get().unwrap_or(now);
        now.saturating_duration_since(since)
    }

    /// Whether it is ending and can't: an HTTP/2 visitor keeps the window of a stream shut whose answer
    /// has ended for us. (What HTTP/1.1 has left to write is looked after as it is written.)
    fn is_finishing(&self) -> bool {
        self.order.get() == Order::Finish && self.speaks.get() == Speaks::Http2
    }

    fn takes_too_slowly(&self, now: Instant, elapsed: Duration) -> bool {
        let Some(since) = self.write_blocked_since.get() else {
            return false;
        };
        let blocked = now.saturating_duration_since(since);
        let patience = self.patience.get();
        let mut pace = self.pace.get();
        let is_slow = pace.waited(elapsed, patience.send, patience.bytes_per_second_min);
        self.pace.set(pace);
        is_slow || blocked > patience.send
    }

    fn cut(&self, mut is_due: impl FnMut(&mut InFlight) -> bool) {
        for (_, request) in self.requests.borrow_mut().iter_mut() {
            if !request.is_cut && is_due(request) {
                request.cut();
            }
        }
    }

    fn with_credit(&self, earn: impl FnOnce(&mut Credit)) {
        let mut credit = self.credit.get();
        earn(&mut credit);
        self.credit.set(credit);
    }

    /// Tells the connection what to do; it hears at once.
    pub(crate) fn tell(&self, order: Order) {
        self.order.set(order);
        self.wake();
    }

    fn wake(&self) {
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
    pub(crate) async fn until_closed<F: Future>(
        &self,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        std::future::poll_fn(|cx| match self.poll_order(cx) {
            Order::Close => Poll::Ready(None),
            Order::Serve | Order::Finish => future.as_mut().poll(cx).map(Some),
        })
        .await
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.ledger.now());
    }
}

impl Drop for ConnectionState {
    fn drop(&mut self) {
        self.flushed();
    }
}

#[cfg(test)]
mod tests;
