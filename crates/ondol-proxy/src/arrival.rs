//! Who comes, by which scheme, and to which site.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::HeaderValue;
use http::Version;
use http::header;
use http::request::Parts;
use ondol_model::forwarded;
use ondol_model::forwarded::ClientIpHeader;
use ondol_model::forwarded::Hop;
use ondol_model::plan::Scheme;
use ondol_model::route::Found;

use crate::client_auth::Guard;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::upstream::Peer;
use crate::upstream::VisitorEnds;
use crate::view::View;
use crate::visit::Visit;

/// What a line of a header stands for that is no text: no proxy tells anything by it.
const UNREADABLE: &str = "?";

/// The one host that was asked for, as the visitor wrote it (RFC 9112 §3.2, RFC 9113 §8.3.1).
pub(crate) fn host_text(parts: &Parts) -> Result<&str, Failure> {
    let mut fields = parts.headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(Failure::Malformed("it has several hosts"));
    }
    let field = match field.map(HeaderValue::to_str) {
        Some(Err(_)) => return Err(Failure::Malformed("its host is none")),
        Some(Ok(text)) => Some(text),
        None => None,
    };
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    match (authority, field) {
        (Some(authority), Some(field)) if !authority.eq_ignore_ascii_case(field) => {
            Err(Failure::Malformed("its target and its host differ"))
        }
        (Some(_), None) if parts.version == Version::HTTP_11 => {
            Err(Failure::Malformed("it has no host"))
        }
        (Some(authority), _) => Ok(authority),
        (None, Some(field)) => Ok(field),
        (None, None) if parts.version == Version::HTTP_10 => Err(Failure::UnknownHost),
        (None, None) => Err(Failure::Malformed("it has no host")),
    }
}

/// The site of a host. On TLS the certificate that was shown for the name asked for must cover it,
/// because the visitor has checked that one (RFC 9110 §15.5.20); who asked for no name has checked none.
pub(crate) fn find_site(visit: &Visit, host: &str) -> Result<Found, Failure> {
    let connection = &visit.connection;
    let found = visit.view.snapshot.routing.find(host);
    if connection.scheme == Scheme::Http {
        let found = found.ok_or(Failure::UnknownHost)?;
        // A proxy that ends TLS has asked the visitor for no certificate that could be looked at here.
        let is_guarded = visit.view.guard(found.site.0).is_some();
        if is_guarded && visit.visitor.scheme == Scheme::Https {
            return Err(Failure::Misdirected);
        }
        return Ok(found);
    }
    let found = found
        .filter(|found| visit.view.site(found.site.0).has_tls())
        .ok_or(Failure::Misdirected)?;
    let is_covered = match connection.server_name.as_deref() {
        None => true,
        Some(asked_for) if asked_for == host => true,
        Some(asked_for) => visit.view.snapshot.certificates.covers(asked_for, host),
    };
    let guard = visit.view.guard(found.site.0);
    if is_covered && is_same_guard(guard, connection.guard.as_ref()) {
        Ok(found)
    } else {
        Err(Failure::Misdirected)
    }
}

/// Whoever was asked for a certificate by one site has shown it to no other, and nobody gets to a site that
/// asks for one without having been asked by it.
fn is_same_guard(wanted: Option<&Arc<Guard>>, passed: Option<&Arc<Guard>>) -> bool {
    match (wanted, passed) {
        (None, None) => true,
        (Some(wanted), Some(passed)) => Arc::ptr_eq(wanted, passed),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// What is known of the visitor before it has asked for anything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor {
    /// Its address, where a trusted proxy tells it; `None` means that of the connection.
    pub(crate) address: Option<IpAddr>,
    /// How it came, which a trusted proxy may know better: who has come by HTTPS to it would be redirected
    /// for ever.
    pub(crate) scheme: Scheme,
    /// Whether the peer is believed about that.
    pub(crate) peer_is: Peer,
}

/// Who comes, and how.
pub(crate) fn visitor(connection: &Connection, view: &View, headers: &HeaderMap) -> Visitor {
    let mut visitor = Visitor {
        address: None,
        scheme: connection.scheme,
        peer_is: Peer::Visitor,
    };
    if !connection.is_trusted(view) {
        return visitor;
    }
    let header = view.snapshot.plan.listen.client_ip_header;
    let trusts = |address| view.trusts(address);
    let told = match header {
        ClientIpHeader::XForwardedFor => {
            let hops = lines(headers, "x-forwarded-for").flat_map(forwarded::x_forwarded_for);
            let mut schemes = lines(headers, "x-forwarded-proto");
            Hop {
                scheme: schemes.next().and_then(forwarded::x_forwarded_proto),
                ..forwarded::visitor(hops, trusts)
            }
        }
        ClientIpHeader::Forwarded => {
            let hops = lines(headers, "forwarded").flat_map(forwarded::forwarded);
            forwarded::visitor(hops, trusts)
        }
    };
    visitor.address = told.address;
    visitor.scheme = told.scheme.unwrap_or(connection.scheme);
    visitor.peer_is = Peer::TrustedProxy(header);
    visitor
}

/// The lines of a header, the last first. One that is no text is taken for one that tells nothing.
fn lines<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().rev();
    lines.map(|line| line.to_str().unwrap_or(UNREADABLE))
}

/// Both ends of the visitor's connection, as upstreams are told that ask for it. The port of a visitor
/// behind a trusted proxy is not known.
pub(crate) fn ends(visit: &Visit) -> VisitorEnds {
    let connection = &visit.connection;
    let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let client = visit.client();
    VisitorEnds {
        from: if client == connection.peer.ip() {
            connection.peer
        } else {
            SocketAddr::new(client, 0)
        },
        to: connection.local.unwrap_or(unknown),
    }
}
