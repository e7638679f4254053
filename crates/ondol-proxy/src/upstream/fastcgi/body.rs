//! The body of a script's response, read as the visitor takes it.

use std::io;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use ondol_base::clock;

use super::exchange::FastCgiExchange;
use super::records::Read;
use crate::upstream::request_body::Awaits;
use crate::upstream::request_body::Progress;
use crate::upstream::response_body::BODY_READ_BYTES;
use crate::upstream::response_body::Silence;

/// A response body on its way. Dropped before its end, it closes its connection.
#[derive(Debug)]
pub(crate) struct FastCgiBody {
    /// `None` after the end.
    exchange: Option<FastCgiExchange>,
    /// The bytes to come, when they are known.
    left: Option<u64>,
    /// What was found wrong already, behind what came before it.
    broken: Option<io::Error>,
    silence: Silence,
    /// How far the request had come when the upstream was last looked at.
    progress: Progress,
}

impl FastCgiBody {
    pub(super) fn new(
        exchange: FastCgiExchange,
        length: Option<u64>,
        broken: Option<io::Error>,
        silence_max: Duration,
    ) -> Self {
        Self {
            progress: exchange.exchange.request.progress(),
            exchange: Some(exchange),
            left: length,
            broken,
            silence: Silence::new(silence_max),
        }
    }

    /// The bytes to come, when they are known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.exchange {
            Some(_) => self.left,
            None => Some(0),
        }
    }

    /// The next part; an error is a body cut short.
    pub(crate) fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = self.poll(cx);
        if let Poll::Ready(Some(Err(_))) = polled {
            self.exchange = None;
        }
        polled
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            let Some(exchange) = &mut self.exchange else {
                return Poll::Ready(None);
            };
            if !exchange.output.is_empty() {
                let part = exchange.output.split().freeze();
                if let Some(part) = self.passed_on(part) {
                    return Poll::Ready(Some(Ok(Frame::data(part))));
                }
                continue;
            }
            if let Some(error) = self.broken.take() {
                return Poll::Ready(Some(Err(error)));
            }
            if exchange.is_ended {
                return Poll::Ready(self.end().err().map(Err));
            }
            match exchange.reader.read(&mut exchange.exchange.read) {
                Ok(Read::Output(part)) => {
                    if let Some(part) = self.passed_on(part) {
                        return Poll::Ready(Some(Ok(Frame::data(part))));
                    }
                }
                Ok(Read::Message(part)) => exchange.messages.add(&part),
                Ok(Read::End) => exchange.is_ended = true,
                Ok(Read::Incomplete) => {
                    if let Err(error) = ready!(self.poll_more(cx)) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// What of a part the visitor is to get; `None` where the answer has been longer than it said, of which
    /// nothing more is passed on.
    fn passed_on(&mut self, mut part: Bytes) -> Option<Bytes> {
        let Some(left) = &mut self.left else {
            return Some(part);
        };
        if let Ok(left) = usize::try_from(*left) {
            part.truncate(left);
        }
        *left -= part.len() as u64;
        if *left == 0 {
            self.look_for_end();
        }
        (!part.is_empty()).then_some(part)
    }

    /// The visitor takes no more than was announced, so nobody asks again: what has come by now decides
    /// whether the connection can be used again.
    fn look_for_end(&mut self) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        loop {
            match exchange.reader.read(&mut exchange.exchange.read) {
                Ok(Read::Output(_)) => {}
                Ok(Read::Message(part)) => exchange.messages.add(&part),
                Ok(Read::End) => {
                    let _ = self.end(); // Nothing is missing.
                    return;
                }
                Ok(Read::Incomplete) | Err(_) => return,
            }
        }
    }

    /// The request has ended: whether the answer is whole.
    fn end(&mut self) -> io::Result<()> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(exchange) = self.exchange.take() {
            exchange.put_back(clock::now());
        }
        Ok(())
    }

    /// Sends on what is left of the request, and reads. A connection that ends before the request does is an
    /// error: nobody knows how much was to come.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(exchange) = &mut self.exchange else {
            return Poll::Ready(Ok(()));
        };
        if exchange.exchange.send_on(cx).is_err() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match exchange.exchange.poll_read(cx, BODY_READ_BYTES) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(read) => {
                self.silence.is_broken();
                Poll::Ready(read.map(drop))
            }
            Poll::Pending => {
                ready!(self.poll_silence(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    /// Ready when the upstream has let its time pass; see the body of HTTP/1.1.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(exchange) = &self.exchange {
            let progress = exchange.exchange.request.progress();
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
