//! The servers of a route, as one worker uses them.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::Uri;
use ondol_base::clock;
use ondol_model::balance;
use ondol_model::balance::Balance;
use ondol_model::balance::Candidate;
use ondol_model::health::Standing;
use ondol_model::health::Trial;
use ondol_model::plan::Proxy;
use ondol_model::plan::Retry;
use ondol_model::plan::Via;

use super::pool::Pool;
use super::sent;
use super::sent::Sent;
use super::sent::Target;
use super::watched::InFlight;
use super::watched::Watch;
use super::watched::WatchKey;
use super::watched::Watched;
use crate::failure::Failure;

/// A pool for each server, and how one is chosen.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(super) pools: Vec<Rc<Pool>>,
    /// `None` where there is one server, and nothing to choose.
    pub(super) sharing: Option<Sharing>,
    /// `None` where servers get what the visitor asked for.
    sent: Option<Box<Sent>>,
    via: Via,
}

/// How several servers share the requests.
#[derive(Debug)]
pub(crate) struct Sharing {
    pub(super) retry: Retry,
    balance: Balance,
    /// With their weights, in the order of the plan.
    servers: Vec<(Arc<Watched>, u8)>,
    /// Kept, because turns go on from one request to the next.
    candidates: RefCell<Vec<Candidate>>,
}

/// Servers by their place in the plan: there are never more than 64.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried(u64);

impl Servers {
    /// The servers of a plan, with these pools in the same order.
    pub(crate) fn new(proxy: &Proxy, pools: Vec<Rc<Pool>>, watch: &Watch) -> Self {
        let sharing = (pools.len() > 1).then(|| Sharing::new(proxy, watch));
        Self {
            pools,
            sharing,
            sent: Sent::of(proxy),
            via: proxy.via,
        }
    }

    /// The target that they get, of a request with this path in normal form.
    pub(super) fn target<'a>(&'a self, uri: &'a Uri, path: &str) -> Result<Target<'a>, Failure> {
        match &self.sent {
            None => Ok(Target::Part(sent::original(uri))),
            Some(sent) => sent.target(uri, path),
        }
    }

    /// The host that one of them gets.
    pub(super) fn host<'a>(&'a self, visitors: &'a str, pool: &'a Pool) -> &'a str {
        match &self.sent {
            None => visitors,
            Some(sent) => sent.host(visitors, pool),
        }
    }

    /// Closes what is idle of their connections.
    pub(crate) fn close_idle(&self) {
        self.pools.iter().for_each(|pool| pool.close_idle());
    }

    /// Whether they are told in `Via` what the request came through.
    pub(crate) fn tells_via(&self) -> bool {
        self.via == Via::Told
    }
}

/// The servers of a proxy whose health matters, or is asked for.
pub(crate) fn watched(proxy: &Proxy, watch: &Watch) -> Vec<Arc<Watched>> {
    if proxy.servers.len() < 2 && proxy.health.is_none() {
        return Vec::new();
    }
    let key = |upstream: &ondol_model::upstream::Upstream| WatchKey {
        upstream: upstream.clone(),
        failing: proxy.failing.clone(),
        check: proxy.health.as_deref().cloned(),
    };
    let servers = proxy.upstreams();
    servers
        .map(|upstream| watch.server(&key(upstream)))
        .collect()
}

impl Sharing {
    fn new(proxy: &Proxy, watch: &Watch) -> Self {
        let weights = proxy.servers.iter().map(|server| server.weight);
        let servers: Vec<_> = watched(proxy, watch).into_iter().zip(weights).collect();
        let candidates = servers.iter().map(|(server, _)| Candidate {
            key: balance::server_key(server.label()),
            weight: 0,
            in_flight: 0,
            credit: 0,
        });
        Self {
            retry: proxy.retry.clone(),
            balance: proxy.balance,
            candidates: RefCell::new(candidates.collect()),
            servers,
        }
    }

    /// Whether an answer of this status is a failure of its server.
    pub(super) fn is_failure(&self, status: u16) -> bool {
        let server = self.servers.first();
        server.is_some_and(|(server, _)| server.key().failing.statuses.contains(&status))
    }

    /// A server that was not tried: one that is due, else one that is in, else any. A server that is
    /// out may still answer, and its visitor has nothing to lose. `None` when all were tried.
    pub(super) fn choose(
        &self,
        client: IpAddr,
        tried: Tried,
        trial: Trial,
    ) -> Option<(usize, InFlight)> {
        let now = clock::monotonic_us();
        let mut candidates = self.candidates.borrow_mut();
        let mut due = None;
        for (index, (server, weight)) in self.servers.iter().enumerate() {
            let candidate = &mut candidates[index];
            candidate.in_flight = server.in_flight();
            candidate.weight = match server.standing(now, trial) {
                _ if tried.has(index) => 0,
                Standing::In => server.share(*weight, now),
                Standing::Due => {
                    due.get_or_insert(index);
                    0
                }
                Standing::Out => 0,
            };
        }
        if let Some(index) = due
            && let Some(in_flight) = self.servers[index].0.begin_trial(now)
        {
            return Some((index, in_flight));
        }
        let key = balance::client_key(client);
        if let Some(index) = balance::choose(self.balance, &mut candidates, key) {
            return Some((index, self.servers[index].0.begin()));
        }
        for (index, (_, weight)) in self.servers.iter().enumerate() {
            let weight = u32::from(*weight);
            candidates[index].weight = if tried.has(index) { 0 } else { weight };
        }
        let index = balance::choose(self.balance, &mut candidates, key)?;
        Some((index, self.servers[index].0.begin_at_all()))
    }
}

impl Tried {
    pub(super) fn add(&mut self, index: usize) {
        self.0 |= Self::bit(index);
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn has(self, index: usize) -> bool {
        self.0 & Self::bit(index) != 0
    }

    fn bit(index: usize) -> u64 {
        const { assert!(ondol_model::limits::SERVERS_MAX <= 64) };
        1 << (index % 64)
    }
}
