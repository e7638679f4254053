//! Forwards a request: picks a connection, sends, and turns what comes back into a response.

use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use http::request::Parts;
use http_body::Body as _;
use hyper::body::Incoming;
use ondol_base::clock;
use ondol_model::health::Trial;
use ondol_model::limits::UPSTREAM_IDLE;
use ondol_model::plan::BodyKind;
use ondol_model::plan::Patience;
use ondol_model::plan::Timeouts;
use tokio::time::Duration;
use tokio::time::Instant;

use super::asking::Asking;
use super::asking::Connected;
use super::attempts::Attempts;
use super::changes::Changes;
use super::connector::VisitorEnds;
use super::exchange::Exchange;
use super::exchange::ExchangeError;
use super::fastcgi::Script;
use super::gather::gather;
use super::pool::Pool;
use super::request_body::SendError;
use super::request_head::Forwarding;
use super::request_head::RequestFraming;
use super::request_head::RequestHead;
use super::response_body::UpstreamBody;
use super::response_head::AfterResponse;
use super::response_head::BodyFraming;
use super::response_head::ResponseHead;
use super::servers::Servers;
use super::stream::UpstreamStream;
use super::upload::Upload;
use super::watched::InFlight;
use crate::body::Body;
use crate::dress::RequestFields;
use crate::failure::Failure;

/// A request that must not be sent twice gets a connection used this recently, or a new one: the
/// upstream is then hardly about to close it.
const UNREPEATABLE_IDLE: Duration = Duration::from_secs(1);

/// A request to forward.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) parts: &'a Parts,
    /// Its path in normal form.
    pub(crate) path: &'a str,
    /// The visitor's address.
    pub(crate) client: IpAddr,
    pub(crate) forwarding: Forwarding<'a>,
    /// For upstreams that are told before anything else.
    pub(crate) visitor: VisitorEnds,
    pub(crate) timeouts: Timeouts,
    /// How large the body may be, and how slow its visitor.
    pub(crate) limits: (u64, Patience),
    /// The protocol to upgrade to, if that is asked for.
    pub(crate) upgrade: Option<HeaderValue>,
    /// What the upstream is told besides, or not.
    pub(crate) changes: Option<&'a Changes>,
    /// Header fields of the owner.
    pub(crate) fields: Option<&'a RequestFields>,
    /// The script that is asked for, where the servers run scripts.
    pub(crate) script: Option<&'a Script>,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Forwarded {
    /// A response.
    Response(Response<Body>),
    /// The upstream speaks another protocol from now on; the stream and what it has already said.
    Tunnel(Response<Body>, UpstreamStream, Bytes),
}

/// The body of a request that is to be forwarded. After [`Failure::Connect`] it is as whole as it was.
#[derive(Debug)]
pub(crate) struct Unsent {
    framing: RequestFraming,
    /// `None` where there is no body, and while it is being sent.
    upload: Option<Upload>,
    is_gathered: bool,
}

impl Unsent {
    pub(crate) fn new(parts: &Parts, body: Incoming) -> Self {
        Self {
            framing: framing(parts, &body),
            upload: (!body.is_end_stream()).then(|| Upload::new(body)),
            is_gathered: false,
        }
    }

    /// Finds out how long the body is, for servers that must know it first.
    pub(crate) async fn gather(&mut self, outgoing: &Outgoing<'_>) -> Result<(), Failure> {
        let is_gathered = std::mem::replace(&mut self.is_gathered, true);
        if let Some(upload) = self.upload.as_mut().filter(|_| !is_gathered) {
            let gathering = gather(upload, self.framing, outgoing.limits);
            self.framing = Box::pin(gathering).await?;
        }
        Ok(())
    }
}

/// Forwards to one of the servers. When it can't be reached, or breaks off before it answers what may be
/// sent twice, another one is asked.
pub(crate) async fn forward(
    servers: &Servers,
    outgoing: &Outgoing<'_>,
    unsent: &mut Unsent,
    asked: &mut Option<Asked>,
) -> Result<Forwarded, Failure> {
    // Used where it lies: a copy would be a part of this future, which is moved about.
    let Outgoing {
        parts,
        path,
        client,
        ref forwarding,
        visitor,
        timeouts,
        limits,
        ref upgrade,
        changes,
        fields,
        script,
    } = *outgoing;
    let target = servers.target(&parts.uri, path)?;
    let mut head = RequestHead {
        method: &parts.method,
        target: target.text(),
        host: forwarding.host,
        prefix: target.prefix(),
        headers: &parts.headers,
        framing: unsent.framing,
        upgrade: upgrade.as_ref(),
        forwarding: *forwarding,
        changes,
        fields,
    };
    let repeatable = is_idempotent(&parts.method) && unsent.framing == RequestFraming::None;
    let script = script.map(|script| (script, visitor));
    let (usual, trial) = ways(repeatable);
    let mut origin = usual;
    let mut attempts = Attempts::begin(servers, client, trial).ok_or(Failure::NotFound)?;
    loop {
        let (connected, is_reused) = connection(&mut attempts, origin, timeouts, visitor).await?;
        let pool = attempts.pool();
        let since = clock::now();
        *asked = Some(Asked::new(pool, since));
        head.host = servers.host(forwarding.host, pool);
        let mut asking =
            Asking::begin(connected, pool, &head, script, unsent.upload.take(), limits);
        let failure = match asking.head(&parts.method, timeouts.until_head()).await {
            Some(Ok(response)) if repeatable && attempts.refuse(response.status.as_u16()) => {
                origin = usual;
                continue;
            }
            Some(Ok(response)) => {
                let now = clock::now();
                let in_flight = attempts.answered(response.status.as_u16());
                *asked = Some(Asked::new(pool, since).answered(now, in_flight));
                return finish(asking, response, pool, timeouts, upgrade.as_ref(), now);
            }
            // The upstream closed an idle connection just as it was used: RFC 9112 §9.3.1.
            Some(Err(ExchangeError::ClosedUnanswered(_)))
                if is_reused && (repeatable || asking.is_untouched()) =>
            {
                unsent.upload = asking.into_upload();
                origin = Origin::New;
                continue;
            }
            Some(Err(error)) => exchange_failure(pool, error),
            None => silent(pool),
        };
        let may_go_on = repeatable || asking.is_untouched();
        if !attempts.failed(&failure) || !may_go_on || !attempts.retry() {
            return Err(failure);
        }
        unsent.upload = asking.into_upload();
        origin = usual;
    }
}

/// Where a connection may come from, and what a trial costs, by whether a request may be sent twice.
fn ways(repeatable: bool) -> (Origin, Trial) {
    match repeatable {
        true => (Origin::Idle(UPSTREAM_IDLE), Trial::Harmless),
        false => (Origin::Idle(UNREPEATABLE_IDLE), Trial::Costly),
    }
}

/// Which upstream was asked, and how long it took to begin its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) pool: Rc<Pool>,
    since: Instant,
    answered: Option<Instant>,
    /// Counts the request where several share them.
    pub(crate) in_flight: Option<InFlight>,
}

impl Asked {
    fn new(pool: &Rc<Pool>, since: Instant) -> Self {
        Self {
            pool: Rc::clone(pool),
            since,
            answered: None,
            in_flight: None,
        }
    }

    fn answered(self, now: Instant, in_flight: Option<InFlight>) -> Self {
        Self {
            answered: Some(now),
            in_flight,
            ..self
        }
    }

    pub(crate) fn microseconds(&self) -> Option<u64> {
        let took = self.answered?.duration_since(self.since);
        Some(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
    }
}

/// Where a connection may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The pool, if it was used within this time, else a new one.
    Idle(Duration),
    /// A new one.
    New,
}

/// A connection to the server whose turn it is, or to the next one that can be reached; and whether
/// it was used before.
async fn connection(
    attempts: &mut Attempts<'_>,
    origin: Origin,
    timeouts: Timeouts,
    visitor: VisitorEnds,
) -> Result<(Connected, bool), Failure> {
    loop {
        let pool = attempts.pool();
        if let Origin::Idle(idle_max) = origin
            && let Some(connection) = pool.take(clock::now(), idle_max)
        {
            return Ok((Connected::Http1(connection), true));
        }
        // Boxed, because it is rare and larger than all the rest of a request.
        let connecting = Box::pin(connect(pool, timeouts.connect, Some(visitor)));
        let failure = match connecting.await {
            Ok(connected) => {
                // One that a second try gets is new to it.
                let is_reused = origin != Origin::New && connected.is_reused();
                return Ok((connected, is_reused));
            }
            Err(error) => connect_failure(pool, error),
        };
        if !attempts.failed(&failure) || !attempts.choose() {
            return Err(failure);
        }
    }
}

/// A new connection, or a stream of HTTP/2, which may be on one that is there.
pub(super) async fn connect(
    pool: &Pool,
    timeout: Duration,
    visitor: Option<VisitorEnds>,
) -> io::Result<Connected> {
    if let Some(slot) = pool.stream(timeout).await {
        return slot.map(Connected::Http2);
    }
    let connection = pool.connect(timeout, visitor).await;
    connection.map(Connected::Http1)
}

/// Turns a head and what follows it into a response.
fn finish(
    asking: Asking,
    head: ResponseHead,
    pool: &Rc<Pool>,
    timeouts: Timeouts,
    asked_for: Option<&HeaderValue>,
    now: Instant,
) -> Result<Forwarded, Failure> {
    let ResponseHead {
        status,
        headers,
        framing,
        after,
        upgrade,
    } = head;
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let exchange = match asking {
        Asking::Http1(exchange) => exchange,
        Asking::FastCgi(exchange) => {
            let silence_max = timeouts.between_parts(body_kind(response.headers()));
            *response.body_mut() = exchange.into_body(framing, silence_max, now);
            return Ok(Forwarded::Response(response));
        }
        Asking::Http2(exchange) => {
            let silence_max = timeouts.between_parts(body_kind(response.headers()));
            *response.body_mut() = exchange.into_body(framing, silence_max);
            return Ok(Forwarded::Response(response));
        }
    };
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return switch(exchange, response, pool, upgrade, asked_for);
    }
    let silence_max = || timeouts.between_parts(body_kind(response.headers()));
    let body = body(exchange, framing, after, pool, silence_max, now);
    *response.body_mut() = body;
    Ok(Forwarded::Response(response))
}

fn body_kind(headers: &HeaderMap) -> BodyKind {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    match kind {
        Some(kind)
            if kind.starts_with(b"text/event-stream") || kind.starts_with(b"application/grpc") =>
        {
            BodyKind::Events
        }
        Some(_) | None => BodyKind::Other,
    }
}

/// A body that has arrived whole goes on in one piece, and its connection back to the pool at once.
fn body(
    mut exchange: Exchange,
    framing: BodyFraming,
    after: AfterResponse,
    pool: &Rc<Pool>,
    silence_max: impl Fn() -> Duration,
    now: Instant,
) -> Body {
    let here = match framing {
        BodyFraming::None => Some(0),
        BodyFraming::Length(length) => usize::try_from(length)
            .ok()
            .filter(|length| *length <= exchange.read.len()),
        BodyFraming::Chunked | BodyFraming::UntilClose => None,
    };
    let is_whole = exchange.request.is_sent();
    let Some(here) = here.filter(|_| is_whole) else {
        let pool = Rc::clone(pool);
        return Body::Upstream(Box::new(UpstreamBody::new(
            exchange,
            framing,
            after,
            pool,
            silence_max(),
        )));
    };
    let bytes = exchange.read.split_to(here).freeze();
    if after == AfterResponse::Keep
        && let Some(connection) = exchange.into_connection()
    {
        pool.put(connection, now);
    }
    if bytes.is_empty() {
        Body::Empty
    } else {
        Body::Full(bytes)
    }
}

/// The protocol must be the one that was asked for; otherwise what follows could be read as
/// something else by either side (RFC 9110 §7.8).
fn switch(
    exchange: Exchange,
    mut response: Response<Body>,
    pool: &Pool,
    upgrade: Option<HeaderValue>,
    asked_for: Option<&HeaderValue>,
) -> Result<Forwarded, Failure> {
    let fits = |to: &HeaderValue, from: &HeaderValue| {
        from.to_str().is_ok_and(|from| {
            from.split(',')
                .any(|one| one.trim().as_bytes().eq_ignore_ascii_case(to.as_bytes()))
        })
    };
    match (upgrade, asked_for) {
        (Some(to), Some(from)) if fits(&to, from) && exchange.request.is_sent() => {
            let headers = response.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, to);
            let Exchange { stream, read, .. } = exchange;
            Ok(Forwarded::Tunnel(response, stream, read.freeze()))
        }
        _ => {
            let cause = "it switched to a protocol that was not asked for";
            Err(broken(
                pool,
                io::Error::new(io::ErrorKind::InvalidData, cause),
            ))
        }
    }
}

/// How the end of the body is told to the upstream.
pub(super) fn framing(parts: &Parts, body: &Incoming) -> RequestFraming {
    let expects_body = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
    match body.size_hint().exact() {
        Some(0) if expects_body => RequestFraming::Length(0),
        Some(0) => RequestFraming::None,
        Some(length) => RequestFraming::Length(length),
        None if body.is_end_stream() => RequestFraming::None,
        None if parts.headers.contains_key(header::TRAILER) => RequestFraming::ChunkedWithTrailers,
        None => RequestFraming::Chunked,
    }
}

/// RFC 9110 §9.2.2.
fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}

pub(super) fn connect_failure(pool: &Pool, source: io::Error) -> Failure {
    let upstream = pool.label().to_owned();
    match source.kind() {
        io::ErrorKind::TimedOut => silent(pool),
        io::ErrorKind::QuotaExceeded => Failure::Crowded { upstream },
        _ => Failure::Connect { upstream, source },
    }
}

pub(super) fn exchange_failure(pool: &Pool, error: ExchangeError) -> Failure {
    match error {
        ExchangeError::Send(SendError::TooLarge) => Failure::BodyTooLarge,
        ExchangeError::Send(SendError::VisitorStalled) => Failure::VisitorStalled,
        ExchangeError::Send(SendError::Visitor(source)) => Failure::VisitorGone(source),
        ExchangeError::Send(SendError::Upstream(source))
        | ExchangeError::ClosedUnanswered(source)
        | ExchangeError::Broken(source) => broken(pool, source),
    }
}

pub(super) fn silent(pool: &Pool) -> Failure {
    Failure::Silent {
        upstream: pool.label().to_owned(),
    }
}

fn broken(pool: &Pool, source: io::Error) -> Failure {
    Failure::Broken {
        upstream: pool.label().to_owned(),
        source,
    }
}
