//! What a data plane counts. Each worker writes its own; anyone may add them up.

use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::worker::Worker;

mod sites;

pub(crate) use sites::SiteCounters;
pub use sites::SiteCounts;
pub(crate) use sites::SitesCounted;

/// A number that one thread writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Not an atomic addition: only the owning thread writes, and a locked instruction is not free.
    pub(crate) fn add(&self, more: u64) {
        self.0
            .store(self.0.load(Relaxed).wrapping_add(more), Relaxed);
    }

    pub(crate) fn subtract(&self, less: u64) {
        self.0
            .store(self.0.load(Relaxed).wrapping_sub(less), Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One worker's counters, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct WorkerCounters {
    pub(crate) connections: Counter,
    pub(crate) connections_total: Counter,
    pub(crate) http2: Counter,
    pub(crate) tunnels: Counter,
    pub(crate) passing: Counter,
    pub(crate) requests: Counter,
    pub(crate) responses: [Counter; 5],
    pub(crate) bytes_sent: Counter,
    pub(crate) handshakes_failed: Counter,
    pub(crate) shed: Counter,
    pub(crate) glitches: Counter,
    pub(crate) strangers: Counter,
    pub(crate) passed_through: Counter,
    /// When the worker last looked after its things, in microseconds of the monotonic clock.
    pub(crate) ticked_us: Counter,
    pub(crate) sites: SitesCounted,
}

/// Counts something that is open until it ends, however it does.
pub(crate) struct Open {
    worker: Rc<Worker>,
    counter: fn(&WorkerCounters) -> &Counter,
}

impl Open {
    pub(crate) fn new(worker: &Rc<Worker>, counter: fn(&WorkerCounters) -> &Counter) -> Self {
        counter(&worker.counters).add(1);
        Self {
            worker: Rc::clone(worker),
            counter,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        (self.counter)(&self.worker.counters).subtract(1);
    }
}

/// What a data plane has counted since it started, and what is open now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections open now.
    pub connections: u64,
    /// Connections accepted so far.
    pub connections_total: u64,
    /// Those of `connections` that speak HTTP/2.
    pub http2: u64,
    /// Those of `connections` that pass bytes on: tunnels (WebSockets), and what is passed on to another machine.
    pub tunnels: u64,
    /// Those of `tunnels` that are passed on to another machine.
    pub passing: u64,
    /// Requests begun so far.
    pub requests: u64,
    /// Responses ended so far, by class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub responses: [u64; 5],
    /// Bytes of response bodies sent so far.
    pub bytes_sent: u64,
    /// TLS handshakes that did not succeed.
    pub handshakes_failed: u64,
    /// Connections closed to make room for others.
    pub shed: u64,
    /// HTTP/2 connections closed because their visitors sent too much that asks for nothing.
    pub glitches: u64,
    /// Connections closed for want of a PROXY header, or of trust in who sent it.
    pub strangers: u64,
    /// TLS connections passed on to another machine so far.
    pub passed_through: u64,
    /// Access log lines that were dropped because the log could not be written.
    pub log_lines_dropped: u64,
}

impl Counters {
    pub(crate) fn add(&mut self, worker: &WorkerCounters) {
        self.connections += worker.connections.value();
        self.connections_total += worker.connections_total.value();
        self.http2 += worker.http2.value();
        self.tunnels += worker.tunnels.value();
        self.passing += worker.passing.value();
        self.requests += worker.requests.value();
        for (sum, counter) in self.responses.iter_mut().zip(&worker.responses) {
            *sum += counter.value();
        }
        self.bytes_sent += worker.bytes_sent.value();
        self.handshakes_failed += worker.handshakes_failed.value();
        self.shed += worker.shed.value();
        self.glitches += worker.glitches.value();
        self.strangers += worker.strangers.value();
        self.passed_through += worker.passed_through.value();
    }
}
