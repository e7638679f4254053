//! Asks a server about a request before that is forwarded: a GET without a body, in its visitor's name.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use http::HeaderMap;
use http::Method;
use http::Response;
use http::StatusCode;
use http::Uri;
use ondol_base::clock;
use ondol_model::limits::UPSTREAM_IDLE;
use ondol_model::plan::Patience;
use ondol_model::plan::Timeouts;

use super::asking::Asking;
use super::asking::Connected;
use super::changes::Changes;
use super::exchange::ExchangeError;
use super::forward;
use super::pool::Pool;
use super::request_head::Forwarding;
use super::request_head::RequestFraming;
use super::request_head::RequestHead;
use super::response_body::UpstreamBody;
use super::response_head::ResponseHead;
use crate::body::Body;
use crate::failure::Failure;

/// What a server is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) uri: &'a Uri,
    /// Those of the visitor.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) changes: &'a Changes,
    pub(crate) forwarding: Forwarding<'a>,
    pub(crate) timeouts: Timeouts,
}

/// The answer. A connection that its server closed just as it was used is replaced by a new one.
pub(crate) async fn ask(
    pool: &Rc<Pool>,
    question: Question<'_>,
) -> Result<Response<Body>, Failure> {
    let Question {
        uri,
        headers,
        changes,
        forwarding,
        timeouts,
    } = question;
    let head = RequestHead {
        method: &Method::GET,
        target: uri.path_and_query().map_or("/", |target| target.as_str()),
        host: forwarding.host,
        prefix: None,
        headers,
        framing: RequestFraming::None,
        upgrade: None,
        forwarding,
        changes: Some(changes),
        fields: None,
    };
    let mut idle = pool.take(clock::now(), UPSTREAM_IDLE);
    let mut is_first = true;
    loop {
        let was_idle = idle.is_some();
        let connected = match idle.take() {
            Some(connection) => Connected::Http1(connection),
            None => {
                let connecting = forward::connect(pool, timeouts.connect, None).await;
                connecting.map_err(|error| forward::connect_failure(pool, error))?
            }
        };
        let is_reused = std::mem::take(&mut is_first) && (was_idle || connected.is_reused());
        let limits = (0, Patience::default());
        let mut asking = Asking::begin(connected, pool, &head, None, None, limits);
        match asking.head(&Method::GET, timeouts.response).await {
            Some(Ok(head)) => return answer(asking, head, pool, timeouts.response).await,
            Some(Err(ExchangeError::ClosedUnanswered(_))) if is_reused => {}
            Some(Err(error)) => return Err(forward::exchange_failure(pool, error)),
            None => {
                return Err(Failure::Silent {
                    upstream: pool.label().to_owned(),
                });
            }
        }
    }
}

async fn answer(
    asking: Asking,
    head: ResponseHead,
    pool: &Rc<Pool>,
    silence_max: Duration,
) -> Result<Response<Body>, Failure> {
    let ResponseHead {
        status,
        headers,
        framing,
        after,
        upgrade: _,
    } = head;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let cause = "it switched to a protocol that was not asked for";
        let source = io::Error::new(io::ErrorKind::InvalidData, cause);
        return Err(Failure::Broken {
            upstream: pool.label().to_owned(),
            source,
        });
    }
    let exchange = match asking {
        Asking::Http1(exchange) => exchange,
        Asking::Http2(exchange) => {
            let mut response = Response::new(exchange.into_body(framing, silence_max));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            return Ok(response);
        }
        Asking::FastCgi(exchange) => {
            let body = exchange.into_body(framing, silence_max, clock::now());
            let mut response = Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            return Ok(response);
        }
    };
    let mut body = UpstreamBody::new(exchange, framing, after, Rc::clone(pool), silence_max);
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if body.remaining() == Some(0) {
        // Nobody polls what is at its end, and the connection would not go back to its pool.
        std::future::poll_fn(|cx| body.poll_part(cx).map(drop)).await;
    } else {
        *response.body_mut() = Body::Upstream(Box::new(body));
    }
    Ok(response)
}
