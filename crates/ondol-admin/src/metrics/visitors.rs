//! Numbers about visitors: connections, and the requests of each site.

use ondol_model::latency;

use super::exposition::Exposition;
use super::exposition::Kind;
use crate::traffic::OpenConnections;
use crate::traffic::SiteTraffic;
use crate::traffic::Traffic;

/// What requests for hosts that nobody serves are called by, as nginx calls a server of no name.
const NOWHERE: &str = "_";
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

pub(super) fn write(to: &mut Exposition, traffic: &Traffic) {
    connections(to, traffic);
    requests(to, traffic);
}

fn connections(to: &mut Exposition, traffic: &Traffic) {
    let OpenConnections {
        http1,
        http2,
        tunnels,
        passthrough,
    } = traffic.open;
    let help = "Connections of visitors that are open, by what they speak.";
    let mut family = to.family(Kind::Gauge, "connections", help);
    for (kind, count) in [
        ("http1", http1),
        ("http2", http2),
        ("tunnel", tunnels),
        ("passthrough", passthrough),
    ] {
        family.sample(&[("kind", kind)], count);
    }
    for (name, help, count) in [
        (
            "connections_accepted",
            "Connections of visitors that were accepted.",
            traffic.accepted,
        ),
        (
            "connections_passed_through",
            "TLS connections that were passed on to another machine.",
            traffic.passed_through,
        ),
        (
            "connections_shed",
            "Connections that were closed to make room for others.",
            traffic.shed,
        ),
        (
            "connections_flooding",
            "HTTP/2 connections that were closed because their visitors sent too much that asks for nothing.",
            traffic.floods,
        ),
        (
            "connections_untrusted",
            "Connections that were closed for want of a PROXY header, or of trust in who sent it.",
            traffic.strangers,
        ),
        (
            "tls_handshakes_failed",
            "TLS handshakes that did not succeed.",
            traffic.handshakes_failed,
        ),
        (
            "access_log_lines_dropped",
            "Lines of access logs that were lost, because the disk was full or too slow.",
            traffic.log_lines_dropped,
        ),
    ] {
        to.single(Kind::Counter, name, help, count);
    }
}

fn requests(to: &mut Exposition, traffic: &Traffic) {
    let sites = || traffic.sites.iter().map(|(name, site)| (shown(name), site));
    let help = "Requests that have ended, by the class of their answer; of visitors who left before, as 4xx.";
    let mut family = to.family(Kind::Counter, "http_requests", help);
    for (name, SiteTraffic { responses, .. }) in sites() {
        for (class, count) in CLASSES.iter().zip(responses) {
            family.sample(&[("site", name), ("class", class)], *count);
        }
    }
    let help = "Requests under way.";
    let mut family = to.family(Kind::Gauge, "http_requests_in_flight", help);
    for (name, site) in sites() {
        family.sample(&[("site", name)], site.in_flight);
    }
    let help = "Bytes of bodies of answers.";
    let mut family = to.family(Kind::Counter, "http_response_body_bytes", help);
    for (name, site) in sites() {
        family.sample(&[("site", name)], site.bytes_sent);
    }
    let help = "How long requests took, from their head to the last byte of the answer.";
    let mut family = to.family(Kind::Histogram, "http_request_duration_seconds", help);
    for (name, site) in sites() {
        let labels = [("site", name)];
        family.histogram(
            &labels,
            &latency::BOUNDS_US,
            &site.latency,
            site.duration_us,
        );
    }
}

fn shown(name: &str) -> &str {
    if name.is_empty() { NOWHERE } else { name }
}
