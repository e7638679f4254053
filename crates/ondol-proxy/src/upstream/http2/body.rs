//! The body of a response on a stream, read as the visitor takes it.

use std::io;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use http_body::Frame;

use super::Slot;
use super::exchange::Sending;
use super::head;
use crate::upstream::request_body::Awaits;
use crate::upstream::request_body::Progress;
use crate::upstream::response_body::Silence;

/// A response body on its way. Dropped before its end, it resets its stream, so that the upstream stops
/// working for nobody.
#[derive(Debug)]
pub(crate) struct Http2Body {
    /// `None` after the end.
    parts: Option<Parts>,
    /// The bytes to come, when they are known.
    left: Option<u64>,
    silence: Silence,
    /// How far the request had come when the upstream was last looked at.
    progress: Progress,
}

#[derive(Debug)]
struct Parts {
    received: RecvStream,
    /// The request may still be on its way.
    sending: Sending,
    /// Given back with the stream.
    _slot: Slot,
}

impl Http2Body {
    pub(super) fn new(
        slot: Slot,
        sending: Sending,
        received: RecvStream,
        length: Option<u64>,
        silence_max: Duration,
    ) -> Self {
        Self {
            progress: sending.progress(),
            parts: Some(Parts {
                received,
                sending,
                _slot: slot,
            }),
            left: length,
            silence: Silence::new(silence_max),
        }
    }

    /// The bytes to come, when they are known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.left
    }

    /// Whether nothing more comes, not even trailers.
    pub(crate) fn is_ended(&self) -> bool {
        self.parts.is_none()
    }

    /// The next part; an error is a body cut short.
    pub(crate) fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(parts) = &mut self.parts else {
            return Poll::Ready(None);
        };
        match parts.poll_part(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.silence.is_broken();
                if let (Some(left), Some(data)) = (&mut self.left, frame.data_ref()) {
                    *left = left.saturating_sub(data.len() as u64);
                }
                if frame.is_trailers() {
                    self.parts = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => {
                self.parts = None;
                Poll::Ready(ended)
            }
            Poll::Pending => {
                ready!(self.poll_silence(cx));
                self.parts = None;
                Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
            }
        }
    }

    /// Ready when the upstream has let its time pass; see the body of HTTP/1.1.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(parts) = &self.parts {
            let progress = parts.sending.progress();
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
}

impl Parts {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.sending.send_on(cx).is_err() {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        match ready!(self.received.poll_data(cx)) {
            Some(Ok(data)) => {
                // The visitor's side takes one part at a time, so the upstream may send as much again.
                let released = self.received.flow_control().release_capacity(data.len());
                let frame = released.map(|()| Frame::data(data));
                Poll::Ready(Some(frame.map_err(io::Error::other)))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(io::Error::other(error)))),
            None => match ready!(self.received.poll_trailers(cx)) {
                Ok(Some(trailers)) => {
                    let trailers = head::response_trailers(trailers);
                    Poll::Ready(Some(Ok(Frame::trailers(trailers))))
                }
                Ok(None) => Poll::Ready(None),
                Err(error) => Poll::Ready(Some(Err(io::Error::other(error)))),
            },
        }
    }
}
