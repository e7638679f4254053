//! All connections of a worker: who is let in, who is overdue, who goes first when room is needed.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::rc::Rc;

use ondol_model::limits;
use slab::Slab;
use tokio::time::Duration;
use tokio::time::Instant;

use crate::connection::ConnectionState;
use crate::connection::Ledger;
use crate::connection::Order;
use crate::connection::Phase;

/// A draining worker closes a connection that has been idle for this long: a visitor who was about to
/// send a request has done so by then, and been told to come again.
const DRAIN_IDLE: Duration = Duration::from_secs(2);
/// A part of an answer that was handed over this recently may just be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// Which part of the connections that could be closed is, when there is no room left.
const SHED_SHARE: usize = 16;

/// The connections of a worker.
#[derive(Debug)]
pub(crate) struct Connections {
    open: RefCell<Slab<Rc<ConnectionState>>>,
    per_address: RefCell<HashMap<IpAddr, usize>>,
    max: usize,
    per_address_max: usize,
    /// When loans were last called in, and how much was lent then.
    called_in: Cell<(Option<Instant>, usize)>,
}

/// A connection's place among the others, to be given back by [`Connections::leave`].
#[derive(Debug)]
pub(crate) struct Place {
    key: usize,
    /// Whose connections it counts among; `None` for those of a trusted proxy, which has many visitors.
    address: Option<IpAddr>,
}

impl Connections {
    pub(crate) fn new(max: usize, per_address_max: usize) -> Self {
        Self {
            open: RefCell::default(),
            per_address: RefCell::default(),
            max,
            per_address_max,
            called_in: Cell::default(),
        }
    }

    /// Whether there are as many as there may be. Those that were told to end are on their way out, though
    /// their tasks run only after all are let in who come at once: nobody else need go for these.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.max && self.len() - self.leaving() >= self.max
    }

    fn leaving(&self) -> usize {
        let open = self.open.borrow();
        open.iter().filter(|(_, state)| state.is_to_close()).count()
    }

    /// As many as there may be.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Gives a connection its place, unless its address has as many as one may have; those without an
    /// address are not counted.
    pub(crate) fn admit(&self, peer: Option<IpAddr>, state: &Rc<ConnectionState>) -> Option<Place> {
        let address = peer.map(network_of);
        if !address.is_none_or(|address| self.count_one_more(address)) {
            return None;
        }
        let key = self.open.borrow_mut().insert(Rc::clone(state));
        Some(Place { key, address })
    }

    /// Counts a connection of a proxy among those of its visitor, who is known now; `false` when the
    /// visitor has as many as one may have.
    pub(crate) fn count_visitor(&self, place: &mut Place, visitor: IpAddr) -> bool {
        let address = network_of(visitor);
        let has_room = self.count_one_more(address);
        if has_room {
            place.address = Some(address);
        }
        has_room
    }

    fn count_one_more(&self, address: IpAddr) -> bool {
        let mut per_address = self.per_address.borrow_mut();
        let count = per_address.entry(address).or_default();
        let has_room = *count < self.per_address_max;
        *count += usize::from(has_room);
        has_room
    }

    pub(crate) fn leave(&self, place: &Place) {
        self.open.borrow_mut().try_remove(place.key);
        let Some(address) = place.address else {
            return;
        };
        let mut per_address = self.per_address.borrow_mut();
        if let Some(count) = per_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                per_address.remove(&address);
            }
        }
    }

    /// Ends what is over its time; while draining, what is idle too.
    pub(crate) fn look_after(&self, now: Instant, order: Order) {
        for state in self.snapshot() {
            let rests = now.duration_since(state.since()) > DRAIN_IDLE;
            if let Some(order) = state.look_after(now) {
                state.tell(order);
            } else if rests && order == Order::Finish {
                match state.phase() {
                    Phase::Opening => state.tell(Order::Close), // It has asked for nothing.
                    Phase::Idle => state.tell(Order::Finish),
                    Phase::Handshake | Phase::Head | Phase::Request | Phase::Tunnel => {}
                }
            }
        }
    }

    /// Tells those that can say goodbye without a race (HTTP/2) to do so.
    pub(crate) fn begin_drain(&self) {
        for state in self.snapshot().iter().filter(|state| state.says_goodbye()) {
            state.tell(Order::Finish);
        }
    }

    pub(crate) fn close_all(&self) {
        self.snapshot()
            .iter()
            .for_each(|state| state.tell(Order::Close));
    }

    /// Ends what is with the launch of an app, by its key.
    pub(crate) fn cut_launch(&self, key: u64) {
        self.snapshot()
            .iter()
            .for_each(|state| state.cut_launch(key));
    }

    /// Closes some of the connections on which nobody waits for an answer, those first on which nothing
    /// has happened for longest: who is slow to say something must not keep others out. Returns how many.
    pub(crate) fn shed(&self) -> u64 {
        let mut waiting = self.snapshot();
        waiting.retain(|state| {
            matches!(state.phase(), Phase::Idle | Phase::Opening)
                && !state.is_write_blocked() // The end of an answer may still be on its way.
                && !state.is_to_close()
        });
        waiting.sort_by_key(|state| state.since());
        waiting.truncate(waiting.len().div_ceil(SHED_SHARE));
        waiting.iter().for_each(|state| state.tell(Order::Close));
        waiting.len() as u64
    }

    /// Cuts answers that were not taken, those first that were handed over first, until what is left is
    /// well below the limit. What is just on its way is spared, unless it is twice too much.
    pub(crate) fn call_in(&self, ledger: &Ledger) {
        let (now, lent) = (ledger.now(), ledger.lent());
        if lent <= limits::LENT_BYTES_MAX {
            return;
        }
        let (last, then) = self.called_in.get();
        let is_checked = last == Some(now) && lent < then + limits::LENT_BYTES_MAX / 4;
        if is_checked {
            return;
        }
        self.called_in.set((Some(now), lent));
        let spared = if lent > 2 * limits::LENT_BYTES_MAX {
            Duration::ZERO
        } else {
            ON_ITS_WAY
        };
        let states = self.snapshot();
        let mut loans: Vec<_> = states.iter().flat_map(|state| state.loans()).collect();
        loans.retain(|(since, _)| now.saturating_duration_since(*since) >= spared);
        loans.sort_by_key(|(since, _)| *since);
        let mut left = lent.saturating_sub(limits::LENT_BYTES_MAX / 4 * 3);
        let mut sum = 0;
        let until = loans.iter().find_map(|(since, bytes)| {
            sum += bytes;
            (sum >= left).then_some(*since)
        });
        let Some(until) = until.or(loans.last().map(|(since, _)| *since)) else {
            return;
        };
        for state in states {
            state.call_in(until, &mut left);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.borrow().is_empty()
    }

    /// A copy, because a connection that is told to end may leave at once.
    fn snapshot(&self) -> Vec<Rc<ConnectionState>> {
        self.open
            .borrow()
            .iter()
            .map(|(_, state)| Rc::clone(state))
            .collect()
    }
}

/// Whose connections are counted together: a version 6 visitor has a whole /64 to itself.
pub(crate) fn network_of(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests;
