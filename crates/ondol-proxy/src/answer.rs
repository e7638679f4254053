//! A request's way, phase by phase. Every failure becomes a page in one place.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

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
use ondol_model::plan::RequestIdHeader;
use ondol_model::plan::Rules;
use ondol_model::plan::Scheme;
use ondol_model::route::FoundBy;

use crate::apps;
use crate::apps::AppTrouble;
use crate::apps::InApp;
use crate::apps::Launched;
use crate::apps::Room;
use crate::arrival;
use crate::body::Body;
use crate::challenges;
use crate::connection::Connection;
use crate::connection::Order;
use crate::dress;
use crate::error_page;
use crate::failure::Failure;
use crate::files::FileRequest;
use crate::gate;
use crate::headers;
use crate::own;
use crate::php;
use crate::php::Php;
use crate::redirect;
use crate::request_id;
use crate::request_id::ShownId;
use crate::respond;
use crate::tunnel::Tunnel;
use crate::tunnel::TunnelKind;
use crate::upstream;
use crate::upstream::Forwarded;
use crate::upstream::Forwarding;
use crate::upstream::Outgoing;
use crate::upstream::Peer;
use crate::upstream::Servers;
use crate::upstream::Unsent;
use crate::via;
use crate::view::Answers;
use crate::view::RouteIndex;
use crate::visit::Visit;
use crate::visit::Visited;

/// The methods that are not refused everywhere.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Answers a request, whatever happens.
///
/// The future is moved about by hyper, so its size is a cost of each request: what is rare is boxed.
pub(crate) fn answer(
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Visited>, Infallible>> {
    let (parts, body) = request.into_parts();
    answer_parts(connection, parts, body)
}

async fn answer_parts(
    connection: Rc<Connection>,
    parts: Parts,
    body: Incoming,
) -> Result<Response<Visited>, Infallible> {
    let mut visit = Visit::begin(connection, &parts);
    if let Some(mut response) = challenges::answer(&mut visit, &parts) {
        say_goodbye(&visit, &parts, &mut response);
        return Ok(visit.finish(response));
    }
    let mut response = match phases(&mut visit, &parts, body).await {
        Ok(response) => error_page::in_place_of(response, &visit, &parts).await,
        Err(failure) => {
            visit.failed(&failure);
            failure_page(&failure, &visit, &parts).await
        }
    };
    gate::pass_cookies(&visit, &mut response);
    tell_id(&visit, &mut response);
    dress::dress(&visit, &parts, &mut response);
    say_goodbye(&visit, &parts, &mut response);
    Ok(visit.finish(response))
}

async fn failure_page(failure: &Failure, visit: &Visit, parts: &Parts) -> Response<Body> {
    let mut page = error_page::page(failure.topic(), visit, parts).await;
    if let Failure::MethodNotAllowed(methods) = failure {
        page.headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    if let Failure::Refused(refusal) = failure {
        refusal.explain(page.headers_mut());
    }
    if let Failure::App(trouble) = failure
        && let Some(seconds) = trouble.retry_after()
    {
        page.headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if failure.ends_connection() && parts.version < Version::HTTP_2 {
        page.headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    page
}

async fn phases(
    visit: &mut Visit,
    parts: &Parts,
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    check_form(parts)?;
    if visit.visitor.peer_is != Peer::Visitor {
        visit.given_id = request_id::given(&parts.headers);
    }
    let (host, port) = ondol_model::host::authority(arrival::host_text(parts)?)
        .ok_or(Failure::Malformed("its host is none"))?;
    let found = arrival::find_site(visit, &host)?;
    visit.is_for(found.site.0);
    if let Some(answering) = own::asked(visit, found.site.0, parts) {
        return Box::pin(own::answer(answering, visit, &parts.method, body)).await;
    }
    if let Some(response) = to_https_or_main_name(visit, found.by, (&host, port), parts)? {
        return Ok(response);
    }
    if parts.method == Method::OPTIONS && parts.uri.path() == "*" {
        return Ok(methods_of_server());
    }
    let view = Rc::clone(&visit.view);
    let path = path::normalize(parts.uri.path()).ok_or(Failure::Malformed("its path is none"))?;
    if let Some(moved) = view.moved(found.site.0, &path) {
        return redirect::moved(moved, &path, &parts.uri);
    }
    let at = view
        .find_route(found.site.0, &path)
        .ok_or(Failure::NotFound)?;
    if !view.is_clear(at, parts.uri.path(), &path) {
        return Err(Failure::Malformed(
            "its path can be read as another route's",
        ));
    }
    visit.route = Some(at);
    visit.wait_as(view.route(at).rules.patience);
    if let Some(gate) = view.gate(at)
        && let Some(answer) = gate.check(visit, parts).await?
    {
        return Ok(answer);
    }
    if body.size_hint().lower() > view.route(at).rules.body_bytes_max {
        return Err(Failure::BodyTooLarge);
    }
    target(visit, at, &path, parts, body).await
}

/// Asks what the route leads to.
async fn target(
    visit: &mut Visit,
    at: RouteIndex,
    path: &str,
    parts: &Parts,
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    let view = Rc::clone(&visit.view);
    let route = view.route(at);
    let restored = visit.dress().and_then(|dress| dress.restored(parts));
    let parts = restored.as_deref().unwrap_or(parts);
    match view.answers(at) {
        Answers::Files(root) => {
            let request = FileRequest {
                method: &parts.method,
                headers: &parts.headers,
                path: route.base.rest(path),
                original: &parts.uri,
            };
            root.answer(request).await
        }
        Answers::Proxy(servers) => {
            proxy(visit, (servers, None), &route.rules, (parts, path), body).await
        }
        Answers::App(room) => app(visit, room, &route.rules, (parts, path), body).await,
        Answers::Php(php) => Box::pin(script(visit, php, at, (parts, path), body)).await,
        Answers::Redirect(to) => redirect::answer(to, &parts.uri),
        Answers::Respond(with) => respond::answer(with, &parts.method).await,
    }
}

/// Asks an app that Ondol runs. One that can't be reached, because it just ended, is asked again where it is next.
async fn app(
    visit: &mut Visit,
    room: &Rc<Room>,
    rules: &Rules,
    request: (&Parts, &str),
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    let mut body = Unsent::new(request.0, body);
    let mut retrying = None;
    loop {
        let ready = apps::enter(visit, room, &request.0.method).await?;
        let servers = (&ready.servers, Some(&*ready.launched));
        let answer = ask(visit, servers, rules, request, &mut body).await;
        if !apps::tries_again(visit, (room, &ready), &answer, &mut retrying).await {
            return answer;
        }
    }
}

async fn script(
    visit: &mut Visit,
    php: &Php,
    at: RouteIndex,
    (parts, path): (&Parts, &str),
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    let view = Rc::clone(&visit.view);
    let route = view.route(at);
    let request = FileRequest {
        method: &parts.method,
        headers: &parts.headers,
        path: route.base.rest(path),
        original: &parts.uri,
    };
    let user = visit.admitted.as_ref().and_then(|it| it.user.as_deref());
    match php.find(request, (parts, &route.base), user).await? {
        php::Found::Answer(response) => return Ok(response),
        php::Found::Script(script) => visit.script = Some(script),
    }
    match &php.via {
        php::Via::Servers(servers) => {
            proxy(visit, (servers, None), &route.rules, (parts, path), body).await
        }
        php::Via::Pool(pool) => {
            let mut body = Unsent::new(parts, body);
            let mut retrying = None;
            loop {
                let ready = apps::enter(visit, &pool.room, &parts.method).await?;
                let servers = pool.servers(&ready, &visit.connection.worker.pools);
                let servers = (&*servers, Some(&*ready.launched));
                let answer = ask(visit, servers, &route.rules, (parts, path), &mut body).await;
                let of = (&pool.room, &ready);
                if !apps::tries_again(visit, of, &answer, &mut retrying).await {
                    return answer;
                }
            }
        }
    }
}

async fn proxy(
    visit: &mut Visit,
    servers: (&Servers, Option<&Launched>),
    rules: &Rules,
    request: (&Parts, &str),
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    let mut body = Unsent::new(request.0, body);
    ask(visit, servers, rules, request, &mut body).await
}

async fn ask(
    visit: &mut Visit,
    (servers, launched): (&Servers, Option<&Launched>),
    rules: &Rules,
    (parts, path): (&Parts, &str),
    body: &mut Unsent,
) -> Result<Response<Body>, Failure> {
    if upstream::forwards_left(&parts.method, &parts.headers) == Some(0) {
        return Ok(methods_of_server());
    }
    let connection = Rc::clone(&visit.connection);
    let given_id = visit.given_id.clone();
    let via = &connection.worker.via;
    via.check(&parts.headers)?;
    let client = visit.visitor.address.map(|client| client.to_string());
    let fields = visit
        .dress()
        .and_then(|dress| dress.request_fields(visit, parts));
    let outgoing = Outgoing {
        parts,
        path,
        client: visit.visitor.address.unwrap_or(connection.peer.ip()),
        forwarding: Forwarding {
            client: client.as_deref().unwrap_or(&connection.peer_text),
            peer: &connection.peer_text,
            scheme: visit.visitor.scheme.word(),
            host: arrival::host_text(parts)?,
            peer_is: visit.visitor.peer_is,
            id: ShownId::new(given_id.as_ref(), visit.id),
            certificate: connection.client.as_ref().map(|client| &*client.headers),
            via: servers
                .tells_via()
                .then(|| (via::version(parts.version), via.name())),
        },
        visitor: arrival::ends(visit),
        timeouts: rules.timeouts,
        limits: (rules.body_bytes_max, rules.patience),
        upgrade: upgrade(parts),
        changes: visit.admitted.as_ref().map(|admitted| &admitted.changes),
        fields: fields.as_ref(),
        script: visit.script.as_deref(),
    };
    if outgoing.script.is_some() {
        body.gather(&outgoing).await?;
    }
    let forwarded = {
        let mut forwarding = pin!(upstream::forward(
            servers,
            &outgoing,
            body,
            &mut visit.asked
        ));
        std::future::poll_fn(|cx| match launched {
            Some(launched) if launched.is_cut() => Poll::Ready(Err(Failure::App(AppTrouble::Cut))),
            Some(_) | None => forwarding.as_mut().poll(cx),
        })
        .await?
    };
    match forwarded {
        Forwarded::Response(response) => Ok(response),
        Forwarded::Tunnel(response, upstream, from_upstream) => {
            connection.state.open_tunnel(Tunnel {
                upstream,
                from_upstream,
                in_flight: visit
                    .asked
                    .as_mut()
                    .and_then(|asked| asked.in_flight.take()),
                in_app: visit.app.as_ref().map(InApp::tunnel),
                kind: TunnelKind::of(&response),
            });
            Ok(response)
        }
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
pub(crate) fn check_form(parts: &Parts) -> Result<(), Failure> {
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
    if parts.version == Version::HTTP_2 && parts.headers.values().any(headers::is_padded) {
        return Err(Failure::Malformed("a value begins or ends with a space")); // RFC 9113 §8.2.1
    }
    // hyper reads any list that ends in `chunked`; the codings before it would be passed on as content.
    let mut codings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    if !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(Failure::UnknownCoding);
    }
    let mut expected = parts.headers.get_all(header::EXPECT).iter();
    if !expected.all(|it| it.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Failure::Expectation);
    }
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(Failure::MethodNotAllowed(METHODS));
    }
    Ok(())
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
    let scheme = visit.visitor.scheme;
    let wants_https = site.leads_to_https() && scheme == Scheme::Http;
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

/// The protocol that the visitor wants to upgrade to. HTTP/2 itself is not tunneled: behind it any
/// request could be hidden.
pub(crate) fn upgrade(parts: &Parts) -> Option<HeaderValue> {
    let wants = parts.version == Version::HTTP_11
        && parts
            .headers
            .get_all(header::CONNECTION)
            .iter()
            .any(|c| headers::has_token(c, "upgrade"));
    let protocol = parts.headers.get(header::UPGRADE)?;
    (wants && !headers::has_token(protocol, "h2c")).then(|| protocol.clone())
}

/// The id of the request, where the site or the route wants visitors to have it.
fn tell_id(visit: &Visit, response: &mut Response<Body>) {
    let route = visit.route.map(|at| &visit.view.route(at).rules);
    let site = || visit.site.map(|site| &visit.view.site(site).rules);
    let is_told = |rules: &Rules| rules.request_id == RequestIdHeader::Present;
    if route.or_else(site).is_some_and(is_told)
        && let Some(id) = visit.shown_id().header()
    {
        response.headers_mut().insert(request_id::X_REQUEST_ID, id);
    }
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
