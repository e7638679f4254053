//! One request and the head of its response on one stream.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::RecvStream;
use h2::SendStream;
use h2::client::ResponseFuture;
use http::HeaderMap;
use http::Method;
use ondol_base::clock;
use ondol_model::plan::Patience;
use ondol_model::upstream::Upstream;

use super::Http2Body;
use super::SEND_BUFFER_BYTES;
use super::Slot;
use super::head;
use crate::body::Body;
use crate::upstream::exchange::ExchangeError;
use crate::upstream::request_body::Awaits;
use crate::upstream::request_body::Progress;
use crate::upstream::request_body::SendError;
use crate::upstream::request_body::TRAILER_BYTES_MAX;
use crate::upstream::request_head;
use crate::upstream::request_head::RequestHead;
use crate::upstream::response_head::BodyFraming;
use crate::upstream::response_head::ResponseHead;
use crate::upstream::stall::Stall;
use crate::upstream::upload::Kept;
use crate::upstream::upload::Upload;

/// A request being sent, and the stream that it is sent on.
#[derive(Debug)]
pub(in crate::upstream) struct Http2Exchange {
    slot: Slot,
    state: State,
    sending: Sending,
    /// The body of the response, once there is one.
    received: Option<RecvStream>,
    /// Whether the upstream has not looked at the request.
    is_unprocessed: bool,
}

#[derive(Debug)]
enum State {
    /// Waits for a stream.
    Queued(Box<http::Request<()>>),
    Asked(ResponseFuture),
    /// The head could not be made.
    Unfit(Option<io::Error>),
}

/// What is left of a request to send.
#[derive(Debug)]
pub(super) struct Sending {
    /// `None` before there is one, and after the end.
    stream: Option<SendStream<Bytes>>,
    /// Held until the answer begins: all of it may have to be sent on another connection.
    upload: Option<Upload>,
    /// `None` when not all that was read of it is kept.
    kept: Option<Kept>,
    /// Fields that do not come after the body either.
    dropped: Option<Rc<[Box<str>]>>,
    allowance: u64,
    chunk: Bytes,
    stall: Stall,
    bytes_sent: u64,
    has_begun: bool,
}

impl Http2Exchange {
    /// A request of Ondol's own, without a body.
    pub(in crate::upstream) fn bare(slot: Slot, request: http::Request<()>) -> Self {
        let state = State::Queued(Box::new(request));
        Self::begin(slot, state, None, (0, Patience::default()))
    }

    /// A request to this upstream, with a body if there is one.
    pub(in crate::upstream) fn new(
        slot: Slot,
        upstream: &Upstream,
        head: &RequestHead<'_>,
        upload: Option<Upload>,
        limits: (u64, Patience),
    ) -> Self {
        let scheme = if upstream.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let state = match head::request(head, scheme) {
            Ok(request) => State::Queued(Box::new(request)),
            Err(error) => State::Unfit(Some(error)),
        };
        let mut exchange = Self::begin(slot, state, upload, limits);
        if exchange.sending.upload.is_some() {
            exchange.sending.dropped = head.dropped();
        }
        exchange
    }

    fn begin(
        slot: Slot,
        state: State,
        upload: Option<Upload>,
        (bytes_max, patience): (u64, Patience),
    ) -> Self {
        let sending = Sending {
            stream: None,
            upload,
            kept: Some(Kept::new(SEND_BUFFER_BYTES)),
            dropped: None,
            allowance: bytes_max,
            chunk: Bytes::new(),
            stall: Stall::new(patience),
            bytes_sent: 0,
            has_begun: false,
        };
        Self {
            slot,
            state,
            sending,
            received: None,
            is_unprocessed: false,
        }
    }

    /// Whether the upstream can't have acted on any of it, and the whole body can be had again.
    pub(in crate::upstream) fn is_untouched(&self) -> bool {
        self.is_unprocessed && self.sending.kept.is_some()
    }

    /// The body, for another try; only for a request that is untouched, or has none.
    pub(in crate::upstream) fn into_upload(self) -> Option<Upload> {
        let Sending { upload, kept, .. } = self.sending;
        Some(upload?.again(kept?))
    }

    /// The body of the response; what is left of the request goes on while it is passed on.
    pub(in crate::upstream) fn into_body(
        self,
        framing: BodyFraming,
        silence_max: Duration,
    ) -> Body {
        let length = match framing {
            BodyFraming::None => return Body::Empty,
            BodyFraming::Length(length) => Some(length),
            BodyFraming::Chunked | BodyFraming::UntilClose => None,
        };
        let Some(received) = self.received else {
            return Body::Empty;
        };
        let body = Http2Body::new(self.slot, self.sending, received, length, silence_max);
        Body::UpstreamHttp2(Box::new(body))
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
        let head = std::future::poll_fn(|cx| {
            if let Poll::Ready(head) = self.poll_head(cx, method) {
                return Poll::Ready(Some(head));
            }
            let progress = self.sending.progress();
            if seen.replace(progress).is_some_and(|seen| seen != progress) {
                deadline.as_mut().reset(clock::now() + timeout);
            }
            if progress.awaits == Awaits::Visitor {
                return Poll::Pending; // Its time is kept by the body.
            }
            deadline.as_mut().poll(cx).map(|()| None)
        });
        let head = head.await;
        if head.is_none() {
            // Perhaps nobody is at the other end any more.
            self.slot.retire_connection();
        }
        head
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        if let Err(error) = ready!(self.poll_asked(cx)) {
            return Poll::Ready(Err(error));
        }
        if let Err(error) = self.sending.send_on(cx) {
            return Poll::Ready(Err(ExchangeError::Send(error)));
        }
        let State::Asked(response) = &mut self.state else {
            return Poll::Pending;
        };
        let response = match ready!(Pin::new(response).poll(cx)) {
            Ok(response) => response,
            Err(error) => return Poll::Ready(Err(self.failed(error))),
        };
        self.sending.answer_begins();
        let (parts, received) = response.into_parts();
        let is_ended = received.is_end_stream();
        self.received = Some(received);
        let head = head::response(parts, method, is_ended);
        Poll::Ready(head.map_err(ExchangeError::Broken))
    }

    /// Ready when the head of the request has been handed over.
    fn poll_asked(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ExchangeError>> {
        match &mut self.state {
            State::Asked(_) => return Poll::Ready(Ok(())),
            State::Unfit(error) => {
                let error = error.take();
                let error = error.unwrap_or_else(|| io::ErrorKind::InvalidData.into());
                return Poll::Ready(Err(ExchangeError::Broken(error)));
            }
            State::Queued(_) => {}
        }
        if let Err(error) = ready!(self.slot.send.poll_ready(cx)) {
            return Poll::Ready(Err(self.not_begun(error)));
        }
        let State::Queued(request) = std::mem::replace(&mut self.state, State::Unfit(None)) else {
            return Poll::Pending;
        };
        let is_whole = self.sending.upload.is_none();
        match self.slot.send.send_request(*request, is_whole) {
            Ok((response, stream)) => {
                self.state = State::Asked(response);
                self.sending.stream = (!is_whole).then_some(stream);
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(self.not_begun(error))),
        }
    }

    fn not_begun(&mut self, error: h2::Error) -> ExchangeError {
        self.slot.retire_connection();
        self.is_unprocessed = true;
        ExchangeError::ClosedUnanswered(io::Error::other(error))
    }

    /// What an upstream refuses, or leaves behind when it ends a connection, it has not acted on
    /// (RFC 9113 §8.7); when the connection is lost that is not known.
    fn failed(&mut self, error: h2::Error) -> ExchangeError {
        let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        let is_left = error.is_go_away() && error.reason() == Some(Reason::NO_ERROR);
        self.is_unprocessed = error.is_remote() && (is_refused || is_left);
        if !error.is_reset() {
            self.slot.retire_connection();
        }
        if self.is_unprocessed || error.is_io() {
            ExchangeError::ClosedUnanswered(io::Error::other(error))
        } else {
            ExchangeError::Broken(io::Error::other(error))
        }
    }
}

impl Sending {
    pub(super) fn progress(&self) -> Progress {
        let is_idle = self.stream.is_some() && self.chunk.is_empty() && self.has_begun;
        let awaits = if is_idle {
            Awaits::Visitor
        } else {
            Awaits::Upstream
        };
        Progress::new(self.bytes_sent, awaits)
    }

    /// The upstream has begun its answer, and is not asked again.
    fn answer_begins(&mut self) {
        self.stall.answer_begins();
        self.kept = None;
        if self.stream.is_none() {
            self.upload = None;
        }
    }

    /// Sends what there is of the body. That the upstream takes no more is not an error yet: it may have
    /// answered without reading all.
    pub(super) fn send_on(&mut self, cx: &mut Context<'_>) -> Result<(), SendError> {
        if self.stream.is_none() {
            return Ok(());
        }
        match self.poll_send(cx) {
            Poll::Ready(Err(SendError::Upstream(_)) | Ok(())) => {
                self.stream = None;
                self.chunk = Bytes::new();
                Ok(())
            }
            Poll::Ready(Err(error)) => {
                if let Some(stream) = &mut self.stream {
                    stream.send_reset(Reason::CANCEL); // Never a clean end.
                }
                Err(error)
            }
            Poll::Pending => Ok(()),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let (Some(stream), Some(upload)) = (&mut self.stream, &mut self.upload) else {
            return Poll::Ready(Ok(()));
        };
        self.has_begun = true;
        loop {
            while !self.chunk.is_empty() {
                let room = ready!(poll_room(cx, stream, self.chunk.len()))?;
                let part = self.chunk.split_to(room.min(self.chunk.len()));
                self.bytes_sent += part.len() as u64;
                stream.send_data(part, false).map_err(taken_no_more)?;
            }
            match upload.poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let bytes = frame.data_ref().map_or(0, Bytes::len);
                    if self.stall.received(bytes) {
                        return Poll::Ready(Err(SendError::VisitorStalled));
                    }
                    match frame.into_data() {
                        Ok(data) => {
                            let left = self.allowance.checked_sub(data.len() as u64);
                            self.allowance = left.ok_or(SendError::TooLarge)?;
                            self.kept = self.kept.take().and_then(|kept| kept.with(&data));
                            self.chunk = data;
                        }
                        Err(other) => {
                            if let Ok(trailers) = other.into_trailers() {
                                self.kept = None;
                                let dropped = self.dropped.as_deref().unwrap_or_default();
                                let trailers = passed_on(&trailers, dropped)?;
                                let sent = stream.send_trailers(trailers);
                                return Poll::Ready(sent.map_err(taken_no_more));
                            }
                        }
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(SendError::Visitor(error)));
                }
                Poll::Ready(None) => {
                    let sent = stream.send_data(Bytes::new(), true);
                    return Poll::Ready(sent.map_err(taken_no_more));
                }
                Poll::Pending => {
                    ready!(self.stall.poll_over(cx));
                    return Poll::Ready(Err(SendError::VisitorStalled));
                }
            }
        }
    }
}

/// Ready when the upstream takes so many bytes, or fewer.
fn poll_room(
    cx: &mut Context<'_>,
    stream: &mut SendStream<Bytes>,
    wanted: usize,
) -> Poll<Result<usize, SendError>> {
    stream.reserve_capacity(wanted);
    while stream.capacity() == 0 {
        match ready!(stream.poll_capacity(cx)) {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Poll::Ready(Err(taken_no_more(error))),
            None => {
                let closed = io::Error::from(io::ErrorKind::BrokenPipe);
                return Poll::Ready(Err(SendError::Upstream(closed)));
            }
        }
    }
    Poll::Ready(Ok(stream.capacity()))
}

fn passed_on(trailers: &HeaderMap, dropped: &[Box<str>]) -> Result<HeaderMap, SendError> {
    let mut kept = HeaderMap::with_capacity(trailers.len());
    let mut bytes = 0;
    for (name, value) in trailers {
        if request_head::may_trail(name.as_str(), dropped) {
            bytes += name.as_str().len() + value.len();
            kept.append(name.clone(), value.clone());
        }
    }
    if bytes > TRAILER_BYTES_MAX {
        return Err(SendError::TooLarge);
    }
    Ok(kept)
}

fn taken_no_more(error: h2::Error) -> SendError {
    SendError::Upstream(io::Error::other(error))
}
