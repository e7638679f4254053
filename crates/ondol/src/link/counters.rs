//! What data planes count, of themselves and of each site.

use std::collections::BTreeMap;

use ondol_model::latency;
use serde::Deserialize;
use serde::Serialize;

/// What a data plane counted since its start, and what is open in it now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counters {
    /// Open now.
    pub(crate) connections: u64,
    /// Accepted so far.
    pub(crate) connections_total: u64,
    /// Open now; each is one of `connections`.
    pub(crate) http2: u64,
    /// Open now; each is one of `connections`.
    pub(crate) tunnels: u64,
    /// Passed on to other machines now; each is one of `tunnels`.
    pub(crate) passing: u64,
    pub(crate) requests: u64,
    /// By class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub(crate) responses: [u64; 5],
    pub(crate) bytes_sent: u64,
    pub(crate) handshakes_failed: u64,
    pub(crate) shed: u64,
    pub(crate) glitches: u64,
    pub(crate) strangers: u64,
    pub(crate) passed_through: u64,
    pub(crate) log_lines_dropped: u64,
}

impl Counters {
    /// With what another data plane counted.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let responses = std::array::from_fn(|class| self.responses[class] + other.responses[class]);
        Self {
            connections: self.connections + other.connections,
            connections_total: self.connections_total + other.connections_total,
            http2: self.http2 + other.http2,
            tunnels: self.tunnels + other.tunnels,
            passing: self.passing + other.passing,
            requests: self.requests + other.requests,
            responses,
            bytes_sent: self.bytes_sent + other.bytes_sent,
            handshakes_failed: self.handshakes_failed + other.handshakes_failed,
            shed: self.shed + other.shed,
            glitches: self.glitches + other.glitches,
            strangers: self.strangers + other.strangers,
            passed_through: self.passed_through + other.passed_through,
            log_lines_dropped: self.log_lines_dropped + other.log_lines_dropped,
        }
    }

    /// Without what ends with the process.
    pub(crate) fn retired(self) -> Self {
        Self {
            connections: 0,
            http2: 0,
            tunnels: 0,
            passing: 0,
            ..self
        }
    }
}

/// What a data plane counted of sites.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sites {
    /// Whether these are all sites there are; otherwise those that have changed since the last such value.
    pub(crate) are_all: bool,
    /// By their main names; what was for no site is by the empty one.
    pub(crate) sites: BTreeMap<String, SiteCounts>,
}

/// What a data plane counted of a site since its start, and what is under way in it now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SiteCounts {
    /// Under way now.
    pub(crate) in_flight: u64,
    /// By class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub(crate) responses: [u64; 5],
    pub(crate) bytes_sent: u64,
    /// How long all took together.
    pub(crate) duration_us: u64,
    /// How many took how long; see [`latency::class`].
    pub(crate) latency: [u64; latency::CLASSES],
}

impl SiteCounts {
    /// With what another data plane counted.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            in_flight: self.in_flight + other.in_flight,
            responses: std::array::from_fn(|class| self.responses[class] + other.responses[class]),
            bytes_sent: self.bytes_sent + other.bytes_sent,
            duration_us: self.duration_us + other.duration_us,
            latency: std::array::from_fn(|class| self.latency[class] + other.latency[class]),
        }
    }

    /// Without what ends with the process.
    pub(crate) fn retired(self) -> Self {
        Self {
            in_flight: 0,
            ..self
        }
    }
}
