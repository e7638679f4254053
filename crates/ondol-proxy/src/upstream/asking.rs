//! One request and the head of its response, whatever version of HTTP they go by, or FastCGI.

use std::rc::Rc;
use std::time::Duration;

use http::Method;
use ondol_model::plan::Patience;

use super::connector::VisitorEnds;
use super::exchange;
use super::exchange::Exchange;
use super::exchange::ExchangeError;
use super::fastcgi::FastCgiExchange;
use super::fastcgi::Script;
use super::http2::Http2Exchange;
use super::http2::Slot;
use super::pool::Pool;
use super::pool::UpstreamConnection;
use super::request_body::RequestBody;
use super::request_head;
use super::request_head::RequestHead;
use super::response_head::ResponseHead;
use super::upload::Upload;

/// What a request is sent on.
#[derive(Debug)]
pub(super) enum Connected {
    Http1(UpstreamConnection),
    Http2(Slot),
}

/// A request being sent.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the common one, and no request of it is to pay for an allocation"
)]
#[derive(Debug)]
pub(super) enum Asking {
    Http1(Exchange),
    Http2(Box<Http2Exchange>),
    FastCgi(Box<FastCgiExchange>),
}

impl Asking {
    pub(super) fn begin(
        connected: Connected,
        pool: &Rc<Pool>,
        head: &RequestHead<'_>,
        script: Option<(&Script, VisitorEnds)>,
        body: Option<Upload>,
        limits: (u64, Patience),
    ) -> Self {
        match (connected, script) {
            (Connected::Http1(connection), Some(script)) => {
                let exchange = FastCgiExchange::new(connection, pool, head, script, body, limits);
                Self::FastCgi(Box::new(exchange))
            }
            (Connected::Http1(mut connection), None) => {
                let mut buffer = std::mem::take(&mut connection.write);
                request_head::encode(head, &mut buffer);
                let request = RequestBody::new(body, head.framing, limits, buffer).behind(head);
                Self::Http1(Exchange::new(connection, request))
            }
            (Connected::Http2(slot), _) => {
                let upstream = pool.upstream();
                let exchange = Http2Exchange::new(slot, upstream, head, body, limits);
                Self::Http2(Box::new(exchange))
            }
        }
    }

    /// The head, or `None` when the upstream lets the time pass.
    pub(super) async fn head(
        &mut self,
        method: &Method,
        timeout: Duration,
    ) -> Option<Result<ResponseHead, ExchangeError>> {
        match self {
            Self::Http1(exchange) => exchange::head(exchange, method, timeout).await,
            Self::Http2(exchange) => Box::pin(exchange.head(method, timeout)).await,
            Self::FastCgi(exchange) => Box::pin(exchange.head(method, timeout)).await,
        }
    }

    /// Whether the upstream can't have acted on any of it, and the whole body can be had again.
    pub(super) fn is_untouched(&self) -> bool {
        match self {
            Self::Http1(exchange) => exchange.request.is_untouched(),
            Self::Http2(exchange) => exchange.is_untouched(),
            Self::FastCgi(exchange) => exchange.is_untouched(),
        }
    }

    /// The body, for another try; only for a request that is untouched, or has none.
    pub(super) fn into_upload(self) -> Option<Upload> {
        match self {
            Self::Http1(exchange) => exchange.request.into_upload(),
            Self::Http2(exchange) => exchange.into_upload(),
            Self::FastCgi(exchange) => exchange.into_upload(),
        }
    }
}

impl Connected {
    /// Whether the connection was there before.
    pub(super) fn is_reused(&self) -> bool {
        match self {
            Self::Http1(_) => false,
            Self::Http2(slot) => slot.is_reused,
        }
    }
}
