//! What data planes say about the requests of apps.

use std::collections::BTreeMap;

use crate::app::AppName;
use crate::app::Launch;

/// What all data planes say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The sequence of the endpoints that every data plane acts by, those that drain too; a value of before is
    /// met by no request any more.
    pub applied: u64,
    /// By app: by launch.
    pub apps: BTreeMap<AppName, BTreeMap<Launch, LaunchTraffic>>,
    /// Requests that wait for an app now, by app; those with none are missing.
    pub held: BTreeMap<AppName, u32>,
}

/// The requests of one launch. Totals count from the first request to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaunchTraffic {
    /// Requests that it has now; a response whose body still flows counts.
    pub in_flight: u32,
    /// Tunnels (WebSockets) that it has now.
    pub tunnels: u32,
    /// Requests so far.
    pub requests: u64,
    /// Those of them that failed for its visitors by its fault: answered with 5xx, or not at all.
    pub failed: u64,
}

impl LaunchTraffic {
    /// Whether nothing of it is under way.
    pub fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.tunnels == 0
    }

    /// With what another data plane says of the same launch.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            in_flight: self.in_flight + other.in_flight,
            tunnels: self.tunnels + other.tunnels,
            requests: self.requests + other.requests,
            failed: self.failed + other.failed,
        }
    }
}
