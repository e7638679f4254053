//! One request and the head of its response on one connection.

use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::BytesMut;
use http::Method;
use ondol_base::clock;
use ondol_model::limits::READ_BYTES;
use ondol_model::plan::Patience;
use tokio::time::Instant;

use super::END_OF_INPUT;
use super::body::FastCgiBody;
use super::messages::Messages;
use super::params;
use super::records;
use super::records::After;
use super::records::Read;
use super::records::Reader;
use super::script::Script;
use crate::body::Body;
use crate::upstream::connector::VisitorEnds;
use crate::upstream::exchange::Exchange;
use crate::upstream::exchange::ExchangeError;
use crate::upstream::pool::Keeping;
use crate::upstream::pool::Pool;
use crate::upstream::pool::UpstreamConnection;
use crate::upstream::request_body::Awaits;
use crate::upstream::request_body::RequestBody;
use crate::upstream::request_head::RequestFraming;
use crate::upstream::request_head::RequestHead;
use crate::upstream::response_head;
use crate::upstream::response_head::BodyFraming;
use crate::upstream::response_head::ResponseHead;
use crate::upstream::upload::Upload;

/// A request being sent, and the connection it is sent on. Dropped before the end, it closes the connection, so
/// that no script runs on for nobody.
#[derive(Debug)]
pub(in crate::upstream) struct FastCgiExchange {
    pub(super) exchange: Exchange,
    pub(super) reader: Reader,
    /// What has come of the answer and was not taken yet.
    pub(super) output: BytesMut,
    pub(super) messages: Messages,
    /// Whether the request has ended well.
    pub(super) is_ended: bool,
    pub(super) pool: Rc<Pool>,
    /// The leave to keep the connection.
    keeping: Option<Keeping>,
}

impl FastCgiExchange {
    /// A request for a script, with a body if there is one.
    pub(in crate::upstream) fn new(
        mut connection: UpstreamConnection,
        pool: &Rc<Pool>,
        head: &RequestHead<'_>,
        (script, visitor): (&Script, VisitorEnds),
        upload: Option<Upload>,
        limits: (u64, Patience),
    ) -> Self {
        let keeping = pool.keeping();
        let after = match keeping {
            Some(_) => After::Keep,
            None => After::Close,
        };
        let mut buffer = std::mem::take(&mut connection.write);
        records::begin(after, &mut buffer, |buffer| {
            params::encode(head, (script, visitor), buffer);
        });
        if upload.is_none() {
            buffer.extend_from_slice(END_OF_INPUT);
        }
        let request = RequestBody::new(upload, RequestFraming::Records, limits, buffer);
        Self {
            exchange: Exchange::new(connection, request),
            reader: Reader::default(),
            output: BytesMut::new(),
            messages: Messages::of(pool),
            is_ended: false,
            pool: Rc::clone(pool),
            keeping,
        }
    }

    /// Whether the upstream can't have acted on any of it.
    pub(in crate::upstream) fn is_untouched(&self) -> bool {
        self.exchange.request.is_untouched()
    }

    /// The body, for another try; only for a request that is untouched, or has none.
    pub(in crate::upstream) fn into_upload(self) -> Option<Upload> {
        self.exchange.request.into_upload()
    }

    /// The head, or `None` when the upstream lets the time pass: that since it was last given, or took,
    /// a part of the request.
    pub(in crate::upstream) async fn head(
        &mut self,
        method: &Method,
        timeout: Duration,
    ) -> Option<Result<ResponseHead, ExchangeError>> {
        let mut deadline = pin!(tokio::time::sleep(timeout));
        let mut seen = None;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(head) = self.poll_head(cx, method) {
                return Poll::Ready(Some(head));
            }
            let progress = self.exchange.request.progress();
            if seen.replace(progress).is_some_and(|seen| seen != progress) {
                deadline.as_mut().reset(clock::now() + timeout);
            }
            if progress.awaits == Awaits::Visitor {
                return Poll::Pending; // Its time is kept by the body.
            }
            deadline.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        if let Err(error) = self.exchange.send_on(cx) {
            return Poll::Ready(Err(ExchangeError::Send(error)));
        }
        let broken = |error: io::Error| Poll::Ready(Err(ExchangeError::Broken(error)));
        loop {
            match self.take_head(method) {
                Ok(None) => {}
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Err(error) => return broken(error),
            }
            let had_nothing = self.exchange.read.is_empty() && self.has_nothing();
            let error = match ready!(self.exchange.poll_read(cx, READ_BYTES)) {
                Ok(0) if had_nothing => self.exchange.why_closed(),
                Ok(0) => io::ErrorKind::UnexpectedEof.into(),
                Ok(_) => continue,
                Err(error) => error,
            };
            if had_nothing {
                return Poll::Ready(Err(ExchangeError::ClosedUnanswered(error)));
            }
            return broken(error);
        }
    }

    fn has_nothing(&self) -> bool {
        self.output.is_empty() && self.reader.is_before_all() && self.messages.is_empty()
    }

    fn take_head(&mut self, method: &Method) -> io::Result<Option<ResponseHead>> {
        loop {
            let head = response_head::take_cgi(&mut self.output, method);
            if let Some(head) = head.map_err(invalid)? {
                self.exchange.request.answer_begins();
                return Ok(Some(head));
            }
            match self.reader.read(&mut self.exchange.read)? {
                Read::Output(part) => self.output.extend_from_slice(&part),
                Read::Message(part) => self.messages.add(&part),
                Read::End => return Err(invalid("the script ended without an answer")),
                Read::Incomplete => return Ok(None),
            }
        }
    }

    /// The body of the response. One that has arrived whole goes on in one piece, and its connection back to
    /// the pool at once.
    pub(in crate::upstream) fn into_body(
        mut self,
        framing: BodyFraming,
        silence_max: Duration,
        now: Instant,
    ) -> Body {
        let broken = self.take_arrived().err();
        let length = match framing {
            BodyFraming::None => {
                if broken.is_none() && self.is_ended {
                    self.put_back(now);
                }
                return Body::Empty;
            }
            BodyFraming::Length(length) => Some(length),
            BodyFraming::Chunked | BodyFraming::UntilClose => None,
        };
        let here = self.output.len() as u64;
        let is_whole = broken.is_none() && self.is_ended && length.is_none_or(|it| it <= here);
        if !is_whole {
            let body = FastCgiBody::new(self, length, broken, silence_max);
            return Body::FastCgi(Box::new(body));
        }
        let mut bytes = std::mem::take(&mut self.output);
        if let Some(length) = length.and_then(|length| usize::try_from(length).ok()) {
            bytes.truncate(length);
        }
        self.put_back(now);
        if bytes.is_empty() {
            Body::Empty
        } else {
            Body::Full(bytes.freeze())
        }
    }

    /// Takes what is in the buffer already.
    fn take_arrived(&mut self) -> io::Result<()> {
        while !self.is_ended {
            match self.reader.read(&mut self.exchange.read)? {
                Read::Output(part) => self.output.extend_from_slice(&part),
                Read::Message(part) => self.messages.add(&part),
                Read::End => self.is_ended = true,
                Read::Incomplete => break,
            }
        }
        Ok(())
    }

    /// Gives the connection back after the end, if it can be used again.
    pub(super) fn put_back(mut self, now: Instant) {
        let pool = Rc::clone(&self.pool);
        if self.keeping.take().is_some()
            && let Some(connection) = self.exchange.into_connection()
        {
            pool.put(connection, now);
        }
    }
}

pub(super) fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
