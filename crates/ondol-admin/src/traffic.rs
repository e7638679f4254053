//! What visitors do: numbers that the data planes counted since the agent's start, and what is open now.

use std::collections::BTreeMap;

use ondol_model::latency;

/// What visitors do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that are open, by what they speak.
    pub open: OpenConnections,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Of those, the ones that were passed on to another machine.
    pub passed_through: u64,
    /// Closed to make room for others.
    pub shed: u64,
    /// Closed because their visitors sent too much that asks for nothing.
    pub floods: u64,
    /// Closed for want of a PROXY header, or of trust in who sent it.
    pub strangers: u64,
    /// TLS handshakes that did not succeed.
    pub handshakes_failed: u64,
    /// Lines of access logs that were lost.
    pub log_lines_dropped: u64,
    /// Data planes that ended without being told to.
    pub generations_lost: u64,
    /// What was counted of each site, by its main name; what was for no site is by the empty one.
    pub sites: BTreeMap<String, SiteTraffic>,
}

/// Connections that are open, by what they speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenConnections {
    /// HTTP/1.1, or a handshake that is not over.
    pub http1: u64,
    /// HTTP/2.
    pub http2: u64,
    /// WebSockets and other upgrades.
    pub tunnels: u64,
    /// Passed on to another machine.
    pub passthrough: u64,
}

/// What was counted of a site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteTraffic {
    /// Requests under way.
    pub in_flight: u64,
    /// Requests that have ended, by the class of their answer: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub responses: [u64; 5],
    /// Bytes of bodies of answers.
    pub bytes_sent: u64,
    /// How long all took together, in microseconds.
    pub duration_us: u64,
    /// How many took how long, by [`latency::class`].
    pub latency: [u64; latency::CLASSES],
}
