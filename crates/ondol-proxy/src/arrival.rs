//! Who comes, by which scheme, and to which site.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;
use http::Version;
use http::header;
use http::request::Parts;
use ondol_model::plan::Scheme;
use ondol_model::route::Found;

use crate::client_auth::Guard;
use crate::failure::Failure;
use crate::upstream::Peer;
use crate::visit::Visit;

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
pub(crate) fn find_site(visit: &Visit, host: &str, parts: &Parts) -> Result<Found, Failure> {
    let connection = &visit.connection;
    let found = visit.view.snapshot.routing.find(host);
    if connection.scheme == Scheme::Http {
        let found = found.ok_or(Failure::UnknownHost)?;
        // A proxy that ends TLS has asked the visitor for no certificate that could be looked at here.
        let is_guarded = visit.view.guard(found.site.0).is_some();
        if is_guarded && visitor_scheme(visit, parts) == Scheme::Https {
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

/// How the visitor came, which a trusted proxy may know better: who has come by HTTPS to it would be
/// redirected for ever.
pub(crate) fn visitor_scheme(visit: &Visit, parts: &Parts) -> Scheme {
    let connection = &visit.connection;
    let says_https = |proto: &HeaderValue| proto.as_bytes().eq_ignore_ascii_case(b"https");
    let proto = parts.headers.get("x-forwarded-proto");
    if proto.is_some_and(says_https) && connection.is_trusted(&visit.view) {
        Scheme::Https
    } else {
        connection.scheme
    }
}

/// The visitor's address where a trusted proxy tells it, read from the right: the first that is not
/// itself a trusted proxy.
pub(crate) fn client(visit: &Visit, parts: &Parts) -> (Option<IpAddr>, Peer) {
    if !visit.connection.is_trusted(&visit.view) {
        return (None, Peer::Visitor);
    }
    let chain = parts.headers.get_all("x-forwarded-for").iter().rev();
    let hops = chain
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.rsplit(','));
    let mut client = None;
    for hop in hops {
        let Ok(address) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        client = Some(address);
        if !visit.view.trusts(address) {
            break;
        }
    }
    (client, Peer::TrustedProxy)
}
