//! The head that an upstream gets: what was parsed, written anew; never the visitor's bytes.

use std::io::Write;
use std::rc::Rc;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::header;
use memchr::memchr2;
use ondol_model::forwarded::ClientIpHeader;

use super::changes;
use super::changes::Changes;
use super::max_forwards;
use crate::client_auth::is_about_certificate;
use crate::dress::RequestFields;
use crate::headers;
use crate::request_id::ShownId;

const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// What the upstream is told of the visitor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forwarding<'a> {
    /// The visitor's address.
    pub(crate) client: &'a str,
    /// The address of the peer, which differs behind a trusted proxy.
    pub(crate) peer: &'a str,
    /// `http` or `https`, as the visitor used it.
    pub(crate) scheme: &'a str,
    /// The host as the visitor wrote it, with a port if it had one.
    pub(crate) host: &'a str,
    /// Whether the peer's own `X-Forwarded-*` headers are believed.
    pub(crate) peer_is: Peer,
    /// The id of the request.
    pub(crate) id: ShownId<'a>,
    /// The headers that tell of the visitor's certificate, if it has shown one.
    pub(crate) certificate: Option<&'a str>,
    /// What the request came in, and the name of this box, where the app is told of both.
    pub(crate) via: Option<(&'static str, &'a str)>,
}

/// How much a peer is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A visitor: its word about itself is dropped.
    Visitor,
    /// A proxy of `trusted_proxies`: its word is passed on, as far as it stands in the header that it keeps.
    TrustedProxy(ClientIpHeader),
}

/// How the body's end is told to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestFraming {
    /// No body, and no word of one.
    None,
    /// So many bytes; may be 0.
    Length(u64),
    /// By the chunked coding.
    Chunked,
    /// By the chunked coding, with fields after it that the head announces.
    ChunkedWithTrailers,
    /// In records of FastCGI, whose head has its length.
    Records,
}

impl RequestFraming {
    pub(super) fn is_chunked(self) -> bool {
        matches!(self, Self::Chunked | Self::ChunkedWithTrailers)
    }
}

/// The parts of a request that make its head.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestHead<'a> {
    pub(super) method: &'a Method,
    /// Path and query, which may be without their first slash.
    pub(super) target: &'a str,
    pub(super) host: &'a str,
    /// What was taken off the beginning of the path.
    pub(super) prefix: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) framing: RequestFraming,
    /// The protocol to upgrade to, if that is asked for.
    pub(super) upgrade: Option<&'a HeaderValue>,
    pub(super) forwarding: Forwarding<'a>,
    /// What differs from the visitor's own headers; `None` where nothing asks who it is.
    pub(super) changes: Option<&'a Changes>,
    /// Header fields of the owner.
    pub(super) fields: Option<&'a RequestFields>,
}

impl RequestHead<'_> {
    /// Fields of the visitor that are dropped from its trailers as they are from the head.
    pub(super) fn dropped(&self) -> Option<Rc<[Box<str>]>> {
        let dropped = self.changes.map(|changes| Rc::clone(&changes.drop));
        let Some(fields) = self.fields else {
            return dropped;
        };
        let own = fields.own().map(Box::from);
        Some(
            dropped
                .iter()
                .flat_map(|it| it.iter().cloned())
                .chain(own)
                .collect(),
        )
    }
}

/// Fields that are written with another value.
#[derive(Debug, Clone, Copy)]
struct Replaced {
    prefix: bool,
    max_forwards: bool,
}

impl Replaced {
    fn has(self, name: &HeaderName) -> bool {
        (self.prefix && name == FORWARDED_PREFIX)
            || (self.max_forwards && *name == header::MAX_FORWARDS)
    }
}

/// Appends the head to a buffer.
pub(super) fn encode(head: &RequestHead<'_>, buffer: &mut Vec<u8>) {
    let RequestHead {
        method,
        target,
        host,
        prefix,
        headers,
        framing,
        upgrade,
        forwarding,
        changes,
        fields,
    } = *head;
    // `http://host?query` has no path (RFC 9112 §3.2.1).
    let slash = if target.starts_with('/') { "" } else { "/" };
    put(
        buffer,
        &[
            method.as_str(),
            " ",
            slash,
            target,
            " HTTP/1.1\r\nhost: ",
            host,
            "\r\n",
        ],
    );
    let forwards_left = max_forwards::left(method, headers);
    let replaced = Replaced {
        prefix: prefix.is_some(),
        max_forwards: forwards_left.is_some(),
    };
    encode_passed_on(
        headers,
        forwarding.peer_is,
        (replaced, fields),
        changes,
        buffer,
    );
    encode_forwarding((headers, changes), &forwarding, buffer);
    for (name, value) in changes.into_iter().flat_map(|changes| &changes.add) {
        put_field(buffer, name.as_str(), value.as_bytes());
    }
    if let Some(left) = forwards_left {
        put(buffer, &["max-forwards: "]);
        put_number(buffer, left.saturating_sub(1));
        put(buffer, &["\r\n"]);
    }
    if let Some(prefix) = prefix {
        encode_prefix(headers, forwarding.peer_is, prefix, buffer);
    }
    match framing {
        RequestFraming::None | RequestFraming::Records => {}
        RequestFraming::Length(length) => {
            put(buffer, &["content-length: "]);
            put_number(buffer, length);
            put(buffer, &["\r\n"]);
        }
        RequestFraming::Chunked => put(buffer, &["transfer-encoding: chunked\r\n"]),
        RequestFraming::ChunkedWithTrailers => {
            put(buffer, &["transfer-encoding: chunked\r\n"]);
            for announced in headers.get_all(header::TRAILER) {
                put_field(buffer, "trailer", announced.as_bytes());
            }
        }
    }
    encode_options(headers, upgrade, buffer);
    put(buffer, &["\r\n"]);
}

fn encode_passed_on(
    headers: &HeaderMap,
    peer_is: Peer,
    (replaced, fields): (Replaced, Option<&RequestFields>),
    changes: Option<&Changes>,
    buffer: &mut Vec<u8>,
) {
    let nominates_some = headers.get_all(header::CONNECTION).iter().any(|list| {
        !list.as_bytes().eq_ignore_ascii_case(b"keep-alive") && list.as_bytes() != b"close"
    });
    let mut cookies = false;
    for (name, value) in headers {
        if stays_behind(name.as_str(), peer_is) {
            continue;
        }
        if changes.is_some_and(|changes| changes.drops(name.as_str())) {
            continue;
        }
        if nominates_some && headers::nominates(headers, name) {
            continue;
        }
        if fields.is_some_and(|fields| fields.drops(name)) {
            continue;
        }
        if *name == header::COOKIE {
            if !cookies {
                encode_cookies(headers, buffer);
            }
            cookies = true;
            continue;
        }
        if replaced.has(name) {
            continue;
        }
        put_field(buffer, name.as_str(), value.as_bytes());
    }
    for (name, value) in fields.iter().flat_map(|fields| fields.added(headers)) {
        put_field(buffer, name.as_str(), value.as_bytes());
    }
}

/// What concerns this connection alone, which `Connection` must name (RFC 9110 §7.6.1).
fn encode_options(headers: &HeaderMap, upgrade: Option<&HeaderValue>, buffer: &mut Vec<u8>) {
    let takes_trailers = headers
        .get_all(header::TE)
        .iter()
        .any(|list| headers::has_token(list, "trailers"));
    match (takes_trailers, upgrade) {
        (true, None) => put(buffer, &["te: trailers\r\nconnection: te\r\n"]),
        (true, Some(_)) => put(buffer, &["te: trailers\r\nconnection: te, upgrade\r\n"]),
        (false, Some(_)) => put(buffer, &["connection: upgrade\r\n"]),
        (false, None) => {}
    }
    if let Some(protocol) = upgrade {
        put_field(buffer, "upgrade", protocol.as_bytes());
    }
}

/// Appends the fields that may follow a body, without those that are dropped from its head.
pub(super) fn encode_trailers(trailers: &HeaderMap, dropped: &[Box<str>], buffer: &mut Vec<u8>) {
    for (name, value) in trailers {
        if may_trail(name.as_str(), dropped) {
            put_field(buffer, name.as_str(), value.as_bytes());
        }
    }
}

/// What an app reads before the body must not come after it, where nobody has looked at it: framing,
/// conditions, who asks, and what the body is (RFC 9110 §6.5.1).
pub(super) fn may_trail(name: &str, dropped: &[Box<str>]) -> bool {
    let is_of_head = name.starts_with("content-")
        || name.starts_with("if-")
        || matches!(
            name,
            "authorization" | "cookie" | "range" | "cache-control" | "max-forwards" | "early-data"
        );
    !is_of_head && !stays_behind(name, Peer::Visitor) && !changes::has(dropped, name)
}

/// HTTP/2 may split a cookie into crumbs; HTTP/1 has one field (RFC 9113 §8.2.3).
fn encode_cookies(headers: &HeaderMap, buffer: &mut Vec<u8>) {
    put(buffer, &["cookie: "]);
    for (index, crumb) in headers.get_all(header::COOKIE).iter().enumerate() {
        if index > 0 {
            put(buffer, &["; "]);
        }
        buffer.extend_from_slice(crumb.as_bytes());
    }
    put(buffer, &["\r\n"]);
}

/// Apps behind CGI and its heirs (WSGI, Rack, PHP) can't tell `_` and `.` from `-`: with `Remote_User` a
/// visitor would speak where `Remote-User` is believed. So such names stay behind, as they do with nginx.
fn stays_behind(name: &str, peer_is: Peer) -> bool {
    is_our_own(name, peer_is)
        || headers::is_hop_by_hop(name)
        || memchr2(b'_', b'.', name.as_bytes()).is_some()
}

/// What is written by this module, or must not come from a visitor: framing, `Expect` (answered
/// here), `Proxy` (CVE-2016-5385), and what only a trusted proxy may say.
fn is_our_own(name: &str, peer_is: Peer) -> bool {
    match name {
        "host" | "content-length" | "expect" | "proxy" => true,
        "x-forwarded-for" | "x-forwarded-proto" | "x-real-ip" | "x-request-id" => true,
        "forwarded" => peer_is != Peer::TrustedProxy(ClientIpHeader::Forwarded),
        "x-forwarded-host" | "x-forwarded-port" | "x-forwarded-server" | "x-forwarded-prefix" => {
            peer_is != Peer::TrustedProxy(ClientIpHeader::XForwardedFor)
        }
        name => is_about_certificate(name),
    }
}

fn encode_forwarding(
    (headers, changes): (&HeaderMap, Option<&Changes>),
    forwarding: &Forwarding<'_>,
    buffer: &mut Vec<u8>,
) {
    let Forwarding {
        client,
        peer,
        scheme,
        host,
        peer_is,
        id,
        certificate,
        via,
    } = *forwarding;
    put(buffer, &["x-forwarded-for: "]);
    match peer_is {
        Peer::TrustedProxy(ClientIpHeader::XForwardedFor) => {
            for chain in headers.get_all("x-forwarded-for") {
                buffer.extend_from_slice(chain.as_bytes());
                put(buffer, &[", "]);
            }
        }
        Peer::TrustedProxy(ClientIpHeader::Forwarded) if client != peer => {
            put(buffer, &[client, ", "]);
        }
        Peer::TrustedProxy(ClientIpHeader::Forwarded) | Peer::Visitor => {}
    }
    put(buffer, &[peer, "\r\nx-real-ip: ", client]);
    put(buffer, &["\r\nx-forwarded-proto: ", scheme, "\r\n"]);
    let is_kept = peer_is == Peer::TrustedProxy(ClientIpHeader::XForwardedFor)
        && headers.contains_key(FORWARDED_HOST)
        && !changes.is_some_and(|changes| changes.drops(FORWARDED_HOST));
    if !is_kept {
        put(buffer, &[FORWARDED_HOST, ": ", host, "\r\n"]);
    }
    put(buffer, &["x-request-id: "]);
    id.put(buffer);
    put(buffer, &["\r\n", certificate.unwrap_or_default()]);
    if let Some((version, name)) = via {
        put(buffer, &["via: ", version, " ", name, "\r\n"]);
    }
}

/// A prefix that a trusted proxy has taken off comes before ours.
fn encode_prefix(headers: &HeaderMap, peer_is: Peer, prefix: &str, buffer: &mut Vec<u8>) {
    put(buffer, &[FORWARDED_PREFIX, ": "]);
    if peer_is == Peer::TrustedProxy(ClientIpHeader::XForwardedFor)
        && let Some(before) = headers.get(FORWARDED_PREFIX)
    {
        buffer.extend_from_slice(before.as_bytes().trim_ascii_end());
        while buffer.last() == Some(&b'/') {
            buffer.pop();
        }
    }
    put(buffer, &[prefix, "\r\n"]);
}

fn put_field(buffer: &mut Vec<u8>, name: &str, value: &[u8]) {
    put(buffer, &[name, ": "]);
    buffer.extend_from_slice(value);
    put(buffer, &["\r\n"]);
}

fn put(buffer: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        buffer.extend_from_slice(text.as_bytes());
    }
}

fn put_number(buffer: &mut Vec<u8>, number: u64) {
    let written = write!(buffer, "{number}");
    debug_assert!(written.is_ok(), "a vector takes all bytes");
}

#[cfg(test)]
mod tests;
