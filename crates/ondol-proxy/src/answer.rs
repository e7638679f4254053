//! A request's way, phase by phase. Every failure becomes a page in one place.

use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;

use http::HeaderValue;
use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use http::Version;
use http::header;
use http::request::Parts;
use http_body::Body as _;
use hyper::body::Incoming;
use ondol_model::limits::HEADERS_MAX;
use ondol_model::limits::TARGET_BYTES_MAX;
use ondol_model::path;
use ondol_model::plan::AliasAnswer;
use ondol_model::plan::Scheme;
use ondol_model::route::FoundBy;

use crate::body::Body;
use crate::connection::Connection;
use crate::connection::Order;
use crate::error_page::Wants;
use crate::error_page::error_page;
use crate::failure::Failure;
use crate::files::FileRequest;
use crate::headers;
use crate::redirect;
use crate::request_id::RequestId;
use crate::respond;
use crate::tunnel::Tunnel;
use crate::upstream;
use crate::upstream::Forwarded;
use crate::upstream::Forwarding;
use crate::upstream::Outgoing;
use crate::upstream::Peer;
use crate::view::Answers;
use crate::visit::Visit;
use crate::visit::Visited;

/// The methods that are not refused everywhere.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Answers a request, whatever happens.
pub(crate) async fn answer(
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Visited>, Infallible> {
    let (parts, body) = request.into_parts();
    let mut visit = Visit::begin(connection, &parts);
    let mut response = match phases(&mut visit, &parts, body).await {
        Ok(response) => response,
        Err(failure) => {
            visit.failed(&failure);
            failure_page(&failure, visit.id, &parts)
        }
    };
    say_goodbye(&visit, &parts, &mut response);
    Ok(visit.finish(response))
}

fn failure_page(failure: &Failure, id: RequestId, parts: &Parts) -> Response<Body> {
    let mut page = error_page(failure.status(), id, Wants::of(&parts.headers));
    if let Failure::MethodNotAllowed(methods) = failure {
        page.headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    if failure.ends_connection() && parts.version < Version::HTTP_2 {
        page.headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if parts.method == Method::HEAD {
        // hyper leaves the body of an HTTP/2 answer to us.
        let length = HeaderValue::from(page.body().size_hint().lower());
        page.headers_mut().insert(header::CONTENT_LENGTH, length);
        *page.body_mut() = Body::Empty;
    }
    page
}

async fn phases(
    visit: &mut Visit,
    parts: &Parts,
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    check_form(parts)?;
    let (client, peer_is) = client(visit, parts);
    visit.client = client;
    let host_text = host_text(parts)?;
    let (host, port) =
        ondol_model::host::authority(host_text).ok_or(Failure::Malformed("its host is none"))?;

    let site_index = find_site(visit, &host)?;
    let view = Rc::clone(&visit.view);
    let site = view.site(site_index.site.0);
    visit.site = Some(site_index.site.0);
    if let Some(response) = to_https_or_main_name(visit, site_index.by, (&host, port), parts)? {
        return Ok(response);
    }
    if parts.method == Method::OPTIONS && parts.uri.path() == "*" {
        return Ok(methods_of_server());
    }
    if body.size_hint().lower() > site.body_bytes_max {
        return Err(Failure::BodyTooLarge);
    }

    let path = path::normalize(parts.uri.path()).ok_or(Failure::Malformed("its path is none"))?;
    let (route, target) = view
        .route(site_index.site.0, &path)
        .ok_or(Failure::NotFound)?;
    match target {
        Answers::Files(root) => {
            let path = route.path.rest(&path);
            let request = FileRequest {
                method: &parts.method,
                headers: &parts.headers,
                path,
                original: &parts.uri,
            };
            root.answer(request).await
        }
        Answers::Proxy(pools, turn) => {
            let connection = Rc::clone(&visit.connection);
            let client = client.map(|client| client.to_string());
            let outgoing = Outgoing {
                parts,
                body,
                forwarding: Forwarding {
                    client: client.as_deref().unwrap_or(&connection.peer_text),
                    peer: &connection.peer_text,
                    scheme: connection.scheme.word(),
                    host: host_text,
                    peer_is,
                    id: visit.id,
                },
                timeouts: site.timeouts,
                body_bytes_max: site.body_bytes_max,
                upgrade: upgrade(parts),
            };
            match upstream::forward(pools, turn, outgoing, &mut visit.asked).await? {
                Forwarded::Response(response) => Ok(response),
                Forwarded::Tunnel(response, upstream, from_upstream) => {
                    connection.state.open_tunnel(Tunnel {
                        upstream,
                        from_upstream,
                    });
                    Ok(response)
                }
            }
        }
        Answers::Redirect(to) => redirect::answer(to, &parts.uri),
        Answers::Respond(with) => Ok(respond::answer(with, &parts.method)),
    }
}

/// What this server can do, whatever the path (RFC 9110 §9.3.7).
fn methods_of_server() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(METHODS));
    response
}

/// What no target is asked about.
fn check_form(parts: &Parts) -> Result<(), Failure> {
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES_MAX {
        return Err(Failure::TargetTooLong);
    }
    let is_authority = parts.uri.scheme().is_none() && parts.uri.authority().is_some();
    if is_authority && parts.method != Method::CONNECT {
        return Err(Failure::Malformed("its target is none"));
    }
    if parts.headers.len() > HEADERS_MAX {
        return Err(Failure::TooManyHeaders); // Of HTTP/2: hyper counts those of HTTP/1.1 itself.
    }
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(Failure::MethodNotAllowed(METHODS));
    }
    Ok(())
}

/// The one host that was asked for, as the visitor wrote it (RFC 9112 §3.2, RFC 9113 §8.3.1).
fn host_text(parts: &Parts) -> Result<&str, Failure> {
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
fn find_site(visit: &Visit, host: &str) -> Result<ondol_model::route::Found, Failure> {
    let connection = &visit.connection;
    let found = visit.view.snapshot.routing.find(host);
    if connection.scheme == Scheme::Http {
        return found.ok_or(Failure::UnknownHost);
    }
    let found = found
        .filter(|found| visit.view.site(found.site.0).scheme == Scheme::Https)
        .ok_or(Failure::Misdirected)?;
    let is_covered = match connection.server_name.as_deref() {
        None => true,
        Some(asked_for) if asked_for == host => true,
        Some(asked_for) => visit.view.snapshot.certificates.covers(asked_for, host),
    };
    if is_covered {
        Ok(found)
    } else {
        Err(Failure::Misdirected)
    }
}

/// One hop to HTTPS and the main name, where the site wants either.
fn to_https_or_main_name(
    visit: &Visit,
    by: FoundBy,
    (host, port): (&str, Option<u16>),
    parts: &Parts,
) -> Result<Option<Response<Body>>, Failure> {
    let Some(site) = visit.site.map(|site| visit.view.site(site)) else {
        return Ok(None);
    };
    let scheme = visitor_scheme(visit, parts);
    let wants_https = site.scheme == Scheme::Https && scheme == Scheme::Http;
    let wants_name = by == FoundBy::Alias && site.alias_answer == AliasAnswer::Redirect;
    if !wants_https && !wants_name {
        return Ok(None);
    }
    let name = match site.name.exact() {
        Some(name) if wants_name => name.as_str(),
        _ => host,
    };
    let port = if wants_https {
        visit.connection.worker.https_port
    } else {
        port
    };
    let scheme = if wants_https { Scheme::Https } else { scheme };
    redirect::to_site(scheme, name, port, &parts.uri).map(Some)
}

/// How the visitor came, which a trusted proxy may know better: who has come by HTTPS to it would be
/// redirected for ever.
fn visitor_scheme(visit: &Visit, parts: &Parts) -> Scheme {
    let connection = &visit.connection;
    let says_https = |proto: &HeaderValue| proto.as_bytes().eq_ignore_ascii_case(b"https");
    let proto = parts.headers.get("x-forwarded-proto");
    if proto.is_some_and(says_https) && visit.view.trusts(connection.peer.ip()) {
        Scheme::Https
    } else {
        connection.scheme
    }
}

/// The visitor's address where a trusted proxy tells it, read from the right: the first that is not
/// itself a trusted proxy.
fn client(visit: &Visit, parts: &Parts) -> (Option<IpAddr>, Peer) {
    let peer = visit.connection.peer.ip();
    if !visit.view.trusts(peer) {
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

/// The protocol that the visitor wants to upgrade to. HTTP/2 itself is not tunneled: behind it any
/// request could be hidden.
fn upgrade(parts: &Parts) -> Option<HeaderValue> {
    let wants = parts.version == Version::HTTP_11
        && parts
            .headers
            .get_all(header::CONNECTION)
            .iter()
            .any(|c| headers::has_token(c, "upgrade"));
    let protocol = parts.headers.get(header::UPGRADE)?;
    (wants && !headers::has_token(protocol, "h2c")).then(|| protocol.clone())
}

/// A connection that is to end says so with its next answer, so that the visitor opens another one
/// before it sends more (HTTP/2 has GOAWAY for that).
fn say_goodbye(visit: &Visit, parts: &Parts, response: &mut Response<Body>) {
    let is_draining = visit.connection.worker.order.get() != Order::Serve;
    if is_draining && parts.version < Version::HTTP_2 && response.status().as_u16() != 101 {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
