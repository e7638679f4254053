//! What all workers know of one server: how much it has to do, and whether it is well.
//!
//! Requests are counted across workers: each sees its own visitors alone, and several would find the
//! same server free. A request only loads and adds numbers here; locks are for requests that failed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use ondol_base::clock;
use ondol_model::health;
use ondol_model::health::Fails;
use ondol_model::health::Health;
use ondol_model::health::News;
use ondol_model::health::Standing;
use ondol_model::health::Trial;
use ondol_model::health::microseconds;
use ondol_model::plan::Failing;
use ondol_model::plan::HealthCheck;
use ondol_model::upstream::Upstream;

/// What tells a watched server from others. The same server, looked after differently, is another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct WatchKey {
    pub(crate) upstream: Upstream,
    pub(crate) failing: Failing,
    pub(crate) check: Option<HealthCheck>,
}

/// A server that is watched.
#[derive(Debug)]
pub(crate) struct Watched {
    key: WatchKey,
    label: Box<str>,
    in_flight: AtomicU32,
    /// Until when it is left out because requests failed; 0 when it is not.
    out_until: AtomicU64,
    /// When it was last found well again; 0 for never.
    back_at: AtomicU64,
    /// Set when health checks say so.
    is_down: AtomicBool,
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    fails: Fails,
    /// Why it was last found not to be well.
    reason: String,
    news: News,
}

/// Every watched server of the data plane. One is known as long as something uses it, so a reload
/// that leaves it as it is does not make it forgotten.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<HashMap<WatchKey, Weak<Watched>>>>);

/// A request that a server has. It is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    server: Arc<Watched>,
    /// Whether what becomes of it decides if the server is used again.
    decides: bool,
}

impl Watch {
    /// The one that is known by this key.
    pub(crate) fn server(&self, key: &WatchKey) -> Arc<Watched> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = known.get(key).and_then(Weak::upgrade) {
            return server;
        }
        known.retain(|_, server| server.strong_count() > 0);
        let server = Arc::new(Watched::new(key.clone()));
        known.insert(key.clone(), Arc::downgrade(&server));
        server
    }
}

impl Watched {
    fn new(key: WatchKey) -> Self {
        Self {
            label: key.upstream.to_string().into_boxed_str(),
            key,
            in_flight: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
            back_at: AtomicU64::new(0),
            is_down: AtomicBool::new(false),
            recent: Mutex::default(),
        }
    }

    /// The server as the configuration has it.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn key(&self) -> &WatchKey {
        &self.key
    }

    /// The requests that it has.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// What may be sent to it.
    pub(crate) fn standing(&self, now: u64, trial: Trial) -> Standing {
        if self.is_down.load(Relaxed) {
            return Standing::Out;
        }
        let out_until = self.out_until.load(Relaxed);
        health::standing(out_until, now, trial, &self.key.failing)
    }

    /// What it counts among others.
    pub(crate) fn share(&self, weight: u8, now: u64) -> u32 {
        let back_for = match self.back_at.load(Relaxed) {
            0 => None,
            at => Some(now.saturating_sub(at)),
        };
        health::share(weight, back_for, self.key.failing.slow_start)
    }

    /// Whether it gets its share of the requests.
    pub(crate) fn health(&self) -> Health {
        let is_out = self.is_down.load(Relaxed) || self.out_until.load(Relaxed) > 0;
        if is_out { Health::Down } else { Health::Up }
    }

    /// Why it was last found not to be well.
    pub(super) fn reason(&self) -> String {
        self.recent().reason.clone()
    }

    /// What its owner is to be told now: how it is, and why it was last found not to be well.
    pub(super) fn news(&self, now: u64) -> Option<(Health, String)> {
        let health = self.health();
        let mut recent = self.recent();
        let is_due = recent.news.is_due(health, now);
        is_due.then(|| (health, recent.reason.clone()))
    }

    /// A request for it, among those of others.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.count(false)
    }

    /// A request that tries a server that is out, since there is no better one.
    pub(super) fn begin_at_all(self: &Arc<Self>) -> InFlight {
        self.count(true)
    }

    /// The one request that tries a server that is due; `None` when another one does.
    pub(super) fn begin_trial(self: &Arc<Self>, now: u64) -> Option<InFlight> {
        let until = self.out_until.load(Relaxed);
        if until == 0 {
            return None;
        }
        let next = now.saturating_add(microseconds(self.key.failing.out));
        let is_mine = self
            .out_until
            .compare_exchange(until, next, Relaxed, Relaxed)
            .is_ok();
        is_mine.then(|| self.count(true))
    }

    /// What health checks have found last.
    pub(super) fn checked_health(&self) -> Health {
        match self.is_down.load(Relaxed) {
            true => Health::Down,
            false => Health::Up,
        }
    }

    /// Takes what health checks have found.
    pub(crate) fn checked(&self, health: Health, reason: &str) {
        match health {
            Health::Down => {
                reason.clone_into(&mut self.recent().reason);
                self.is_down.store(true, Relaxed);
            }
            Health::Up if self.is_down.swap(false, Relaxed) => {
                self.back_at.store(clock::monotonic_us(), Relaxed);
            }
            Health::Up => {}
        }
    }

    fn count(self: &Arc<Self>, decides: bool) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight {
            server: Arc::clone(self),
            decides,
        }
    }

    fn failed(&self, decides: bool, reason: String) {
        let now = clock::monotonic_us();
        let failing = &self.key.failing;
        let mut recent = self.recent();
        recent.reason = reason;
        if decides || recent.fails.add(now, failing) {
            let until = now.saturating_add(microseconds(failing.out));
            self.out_until.store(until, Relaxed);
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight {
    /// The server has answered as it should.
    pub(super) fn succeeded(&mut self) {
        if !std::mem::take(&mut self.decides) {
            return;
        }
        let server = &self.server;
        if server.out_until.swap(0, Relaxed) > 0 {
            server.back_at.store(clock::monotonic_us(), Relaxed);
        }
    }

    /// The server could not be reached, or did not answer as it should.
    pub(super) fn failed(&mut self, reason: impl FnOnce() -> String) {
        if self.server.key.failing.max_fails > 0 {
            let decides = std::mem::take(&mut self.decides);
            self.server.failed(decides, reason());
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.server.in_flight.fetch_sub(1, Relaxed);
        // A visitor who left has decided nothing: the next one tries. Nothing is 0 but a server that is in.
        if self.decides && self.server.out_until.load(Relaxed) > 0 {
            let now = clock::monotonic_us().max(1);
            self.server.out_until.fetch_min(now, Relaxed);
        }
    }
}
