//! What the data plane counted, as the agent is told of it: of sites only what has changed, and now and then all.

use std::collections::BTreeMap;

use ondol_proxy::DataPlane;
use ondol_proxy::ServerState;

use crate::link::Counters;
use crate::link::Link;
use crate::link::LinkError;
use crate::link::Server;
use crate::link::SiteCounts;
use crate::link::Sites;
use crate::link::Up;

/// After so many times everything is told again, so that sites that are gone are forgotten by the agent.
const TIMES_BETWEEN_ALL: u32 = 15;

/// What the agent knows.
#[derive(Debug, Default)]
pub(super) struct Told {
    sites: BTreeMap<Box<str>, ondol_proxy::SiteCounts>,
    /// How often only what had changed was told since everything was.
    times: u32,
    /// Which image of the agent that is.
    agent: u64,
}

impl Told {
    /// Another image of the agent knows nothing.
    pub(super) fn to(&mut self, agent: u64) {
        if self.agent != agent {
            self.agent = agent;
            self.forget();
        }
    }

    /// Has everything told the next time.
    pub(super) fn forget(&mut self) {
        self.sites.clear();
    }

    /// Tells what the agent does not know, unless it is behind with what it was told.
    pub(super) fn tell(&mut self, plane: &DataPlane, link: &mut Link) -> Result<(), LinkError> {
        if link.is_behind() {
            return Ok(());
        }
        let sites = plane.sites();
        let are_all = self.sites.is_empty() || self.times >= TIMES_BETWEEN_ALL;
        let is_news = |(name, counts): &(&_, &_)| are_all || self.sites.get(*name) != Some(*counts);
        let told = sites.iter().filter(is_news);
        let told: BTreeMap<_, _> = told
            .map(|(name, counts)| (name.to_string(), site(*counts)))
            .collect();
        self.times = if are_all { 0 } else { self.times + 1 };
        self.sites = sites;
        if told.is_empty() {
            return Ok(());
        }
        link.send(&Up::Sites(Sites {
            are_all,
            sites: told,
        }))
    }
}

fn site(counts: ondol_proxy::SiteCounts) -> SiteCounts {
    let ondol_proxy::SiteCounts {
        in_flight,
        responses,
        bytes_sent,
        duration_us,
        latency,
    } = counts;
    SiteCounts {
        in_flight,
        responses,
        bytes_sent,
        duration_us,
        latency,
    }
}

/// How the servers behind the sites are.
pub(super) fn servers(plane: &DataPlane) -> Up {
    let servers = plane.servers().into_iter();
    let servers = servers.map(|server| {
        let ServerState {
            address,
            sites,
            requests,
            trouble,
        } = server;
        Server {
            address,
            sites,
            requests,
            trouble,
        }
    });
    Up::Servers {
        servers: servers.collect(),
    }
}

/// What it counted of itself.
pub(super) fn counted(plane: &DataPlane) -> Up {
    let ondol_proxy::Counters {
        connections,
        connections_total,
        http2,
        tunnels,
        passing,
        requests,
        responses,
        bytes_sent,
        handshakes_failed,
        shed,
        glitches,
        strangers,
        passed_through,
        log_lines_dropped,
    } = plane.counters();
    Up::Counters(Counters {
        connections,
        connections_total,
        http2,
        tunnels,
        passing,
        requests,
        responses,
        bytes_sent,
        handshakes_failed,
        shed,
        glitches,
        strangers,
        passed_through,
        log_lines_dropped,
    })
}
