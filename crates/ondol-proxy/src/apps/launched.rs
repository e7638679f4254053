//! A launch of an app as one worker sees it: where it is, and who is with it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use http::Response;
use ondol_model::app::Launch;
use ondol_model::upstream::Address;

use super::room::LetIn;
use super::tally::LaunchCounters;
use crate::body::Body;
use crate::failure::Failure;
use crate::upstream::Servers;

/// A launch.
#[derive(Debug)]
pub(crate) struct Launched {
    /// Its number, for people.
    pub(super) launch: Launch,
    /// What tells it from all other launches that this worker has known, of whatever app.
    pub(super) key: u64,
    pub(super) counters: Arc<LaunchCounters>,
    pub(super) course: Cell<Course>,
}

/// What becomes of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// It gets what is new.
    Current,
    /// It finishes what it has.
    Retiring,
    /// What it still has is cut.
    Cut,
}

/// A launch that answers, and where.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) launched: Rc<Launched>,
    /// Where its instances listen, in their order.
    pub(crate) addresses: Box<[Address]>,
    /// The same, to be asked in HTTP.
    pub(crate) servers: Servers,
}

/// A request that an app has. It is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct InApp {
    ready: Rc<Ready>,
    /// Of one who has waited, until its answer begins.
    let_in: Option<LetIn>,
    is_counted: bool,
    has_failed: bool,
}

/// A tunnel to an app. It is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct InAppTunnel(Rc<Launched>);

impl Launched {
    /// Whether what it has is to end now.
    pub(crate) fn is_cut(&self) -> bool {
        self.course.get() == Course::Cut
    }

    /// What tells it from others in the notes of a connection.
    pub(crate) fn key(&self) -> u64 {
        self.key
    }
}

impl InApp {
    pub(super) fn begin(ready: &Rc<Ready>, let_in: Option<LetIn>) -> Self {
        let counters = &ready.launched.counters;
        counters.in_flight.add(1);
        Self {
            ready: Rc::clone(ready),
            let_in,
            is_counted: false,
            has_failed: false,
        }
    }

    /// Notes how the app has answered; the next of those who wait may have its turn.
    pub(crate) fn has_answered(&mut self, answer: &Result<Response<Body>, Failure>) {
        self.let_in = None;
        self.count();
        let is_failure = match answer {
            Ok(response) => response.status().is_server_error(),
            Err(failure) => failure.is_upstreams(),
        };
        if is_failure {
            self.fail();
        }
    }

    /// Has neither it nor its failure counted: the box itself asks, which keeps no app awake and decides about no
    /// release.
    pub(super) fn is_no_visitors(&mut self) {
        self.is_counted = true;
        self.has_failed = true;
    }

    /// Has it not counted after all, because the app never saw it.
    pub(super) fn was_not_reached(mut self) {
        self.is_counted = true;
    }

    /// Notes that the app broke off in the middle of its answer.
    pub(crate) fn has_broken_off(&mut self) {
        if !self.is_cut() {
            self.fail();
        }
    }

    /// Whether the request ends because its launch does.
    pub(crate) fn is_cut(&self) -> bool {
        self.ready.launched.is_cut()
    }

    /// Has a tunnel counted that the request becomes.
    pub(crate) fn tunnel(&self) -> InAppTunnel {
        let launched = Rc::clone(&self.ready.launched);
        launched.counters.tunnels.add(1);
        InAppTunnel(launched)
    }

    fn count(&mut self) {
        if !std::mem::replace(&mut self.is_counted, true) {
            self.ready.launched.counters.requests.add(1);
        }
    }

    fn fail(&mut self) {
        if !std::mem::replace(&mut self.has_failed, true) {
            self.ready.launched.counters.failed.add(1);
        }
    }
}

impl Drop for InApp {
    fn drop(&mut self) {
        self.count();
        let launched = &self.ready.launched;
        launched.counters.in_flight.subtract(1);
        if launched.course.get() != Course::Current {
            self.ready.servers.close_idle(); // A server that is to end may wait for it.
        }
    }
}

impl InAppTunnel {
    /// The launch that it leads to.
    pub(crate) fn launched(&self) -> &Launched {
        &self.0
    }
}

impl Drop for InAppTunnel {
    fn drop(&mut self) {
        self.0.counters.tunnels.subtract(1);
    }
}
