//! The body of an upstream's response, read as the visitor takes it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::time::Instant;
use tokio::time::Sleep;

use super::chunked::ChunkedDecoder;
use super::chunked::Decoded;
use super::exchange::Exchange;
use super::pool::Pool;
use super::request_body::Awaits;
use super::request_body::Progress;
use super::response_head::AfterResponse;
use super::response_head::BodyFraming;

/// What one read of a body may take: four times that of a head, so that a large body costs fewer
/// system calls, and little enough that a slow visitor holds no memory to speak of.
pub(super) const BODY_READ_BYTES: usize = 64 * 1024;

/// A response body on its way. Dropped before its end, it closes its connection, so that the
/// upstream stops working for nobody.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    /// `None` after the end.
    exchange: Option<Exchange>,
    rest: Rest,
    after: AfterResponse,
    pool: Rc<Pool>,
    silence: Silence,
    /// How far the request had come when the upstream was last looked at.
    progress: Progress,
}

/// What is still to come.
#[derive(Debug)]
enum Rest {
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
}

/// Watches the time from one part of a body to the next. The timer is set once and looked at when it
/// ends, not set anew with each part.
#[derive(Debug)]
pub(super) struct Silence {
    max: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl UpstreamBody {
    /// The body of a response with this framing, which must have one.
    pub(super) fn new(
        exchange: Exchange,
        framing: BodyFraming,
        after: AfterResponse,
        pool: Rc<Pool>,
        silence_max: Duration,
    ) -> Self {
        let rest = match framing {
            BodyFraming::None => Rest::Length(0),
            BodyFraming::Length(length) => Rest::Length(length),
            BodyFraming::Chunked => Rest::Chunked(ChunkedDecoder::default()),
            BodyFraming::UntilClose => Rest::UntilClose,
        };
        Self {
            progress: exchange.request.progress(),
            exchange: Some(exchange),
            rest,
            after,
            pool,
            silence: Silence::new(silence_max),
        }
    }

    /// The bytes to come, when they are known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.rest {
            Rest::Length(left) => Some(left),
            Rest::Chunked(_) | Rest::UntilClose => None,
        }
    }

    /// The next part; an error is a body cut short.
    pub(crate) fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match self.take_buffered() {
                Ok(Part::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Part::End(trailers)) => {
                    self.finish();
                    let trailers = (!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers)));
                    return Poll::Ready(trailers);
                }
                Ok(Part::Incomplete) => {}
                Err(error) => return Poll::Ready(Some(Err(self.cut(error)))),
            }
            let read = match self.poll_more(cx) {
                Poll::Ready(read) => read,
                Poll::Pending => {
                    ready!(self.poll_silence(cx));
                    return Poll::Ready(Some(Err(self.cut(io::ErrorKind::TimedOut.into()))));
                }
            };
            self.silence.is_broken();
            match read {
                Ok(0) if matches!(self.rest, Rest::UntilClose) => {
                    self.exchange = None;
                    return Poll::Ready(None);
                }
                Ok(0) => {
                    return Poll::Ready(Some(Err(self.cut(io::ErrorKind::UnexpectedEof.into()))));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(self.cut(error)))),
            }
        }
    }

    /// Ready when the upstream has let its time pass. What it is given or takes of the request breaks
    /// the silence, and while the visitor is to send more of it the silence is not the upstream's.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(exchange) = &self.exchange {
            let progress = exchange.request.progress();
            if progress != self.progress {
                self.progress = progress;
                self.silence.is_broken();
            }
            if progress.awaits == Awaits::Visitor {
                return Poll::Pending; // Its time is kept by the body of the request.
            }
        }
        self.silence.poll(cx)
    }

    fn take_buffered(&mut self) -> io::Result<Part> {
        let Some(exchange) = &mut self.exchange else {
            return Ok(Part::End(HeaderMap::new()));
        };
        let buffer = &mut exchange.read;
        match &mut self.rest {
            Rest::Length(0) => Ok(Part::End(HeaderMap::new())),
            Rest::Length(_) | Rest::UntilClose if buffer.is_empty() => Ok(Part::Incomplete),
            Rest::Length(left) => {
                let here = usize::try_from(*left).map_or(buffer.len(), |n| n.min(buffer.len()));
                *left -= here as u64;
                let data = buffer.split_to(here).freeze();
                if *left == 0 {
                    self.finish();
                }
                Ok(Part::Data(data))
            }
            Rest::UntilClose => Ok(Part::Data(buffer.split().freeze())),
            Rest::Chunked(decoder) => match decoder.decode(buffer) {
                Ok(Decoded::Data(data)) => Ok(Part::Data(data)),
                Ok(Decoded::End(trailers)) => Ok(Part::End(trailers)),
                Ok(Decoded::Incomplete) => Ok(Part::Incomplete),
                Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            },
        }
    }

    /// Sends on what is left of the request, and reads.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(exchange) = &mut self.exchange else {
            return Poll::Ready(Ok(0));
        };
        if exchange.send_on(cx).is_err() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        exchange.poll_read(cx, BODY_READ_BYTES)
    }

    /// Gives the connection back, if it can be used again.
    fn finish(&mut self) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        if self.after == AfterResponse::Keep
            && let Some(connection) = exchange.into_connection()
        {
            self.pool.put(connection, ondol_base::clock::now());
        }
    }

    fn cut(&mut self, error: io::Error) -> io::Error {
        self.exchange = None;
        error
    }
}

/// What the buffer held.
enum Part {
    Data(Bytes),
    End(HeaderMap),
    Incomplete,
}

impl Silence {
    /// One that may last so long.
    pub(super) fn new(max: Duration) -> Self {
        Self {
            max,
            since: None,
            timer: None,
        }
    }

    /// Something has come.
    pub(super) fn is_broken(&mut self) {
        self.since = None;
    }

    /// Ready when nothing has come for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = ondol_base::clock::now();
        let until = *self.since.get_or_insert(now) + self.max;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        while timer.as_mut().poll(cx).is_ready() {
            if now >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}
