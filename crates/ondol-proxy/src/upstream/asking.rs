//! One request and the head of its response, whatever version of HTTP they go by.

use std::time::Duration;

use http::Method;
use ondol_model::plan::Patience;
use ondol_model::upstream::Upstream;

use super::exchange;
use super::exchange::Exchange;
use super::exchange::ExchangeError;
use super::http2::Http2Exchange;
use super::http2::Slot;
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
}

impl Asking {
    pub(super) fn begin(
        connected: Connected,
        upstream: &Upstream,
        head: &RequestHead<'_>,
        body: Option<Upload>,
        limits: (u64, Patience),
    ) -> Self {
        match connected {
            Connected::Http1(mut connection) => {
                let mut buffer = std::mem::take(&mut connection.write);
                request_head::encode(head, &mut buffer);
                let request = RequestBody::new(body, head.framing, limits, buffer).behind(head);
                Self::Http1(Exchange::new(connection, request))
            }
            Connected::Http2(slot) => {
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
        }
    }

    /// Whether the upstream can't have acted on any of it, and the whole body can be had again.
    pub(super) fn is_untouched(&self) -> bool {
        match self {
            Self::Http1(exchange) => exchange.request.is_untouched(),
            Self::Http2(exchange) => exchange.is_untouched(),
        }
    }

    /// The body, for another try; only for a request that is untouched, or has none.
    pub(super) fn into_upload(self) -> Option<Upload> {
        match self {
            Self::Http1(exchange) => exchange.request.into_upload(),
            Self::Http2(exchange) => exchange.into_upload(),
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
