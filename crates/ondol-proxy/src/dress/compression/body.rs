//! A body that is made smaller as the visitor takes it.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Buf;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Body as _;
use http_body::Frame;

use super::encoder::Encoder;
use super::encoder::Then;
use crate::body::Body;
use crate::body::BodyError;

/// What goes into an encoder at a time.
const PIECE_BYTES: usize = 16 * 1024;
/// What goes in before others on this thread have their turn: about half a millisecond of the slowest.
const TURN_BYTES: usize = 64 * 1024;
/// What comes out is sent on when it is this much.
const PART_BYTES: usize = 16 * 1024;

/// A body on its way through an encoder. It holds one part of either side, and what the encoder does.
#[derive(Debug)]
pub(crate) struct EncodedBody {
    source: Body,
    encoder: Encoder,
    /// What came of the source, and has not gone in.
    input: Bytes,
    /// What came out, and has not been sent on.
    output: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// What may go in before it is the turn of others.
    turn: usize,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    /// All that went in has come out.
    Flushed,
    /// Something is inside of the encoder.
    Filled,
    /// The source has ended, and all has come out.
    Encoded,
    /// Nothing comes any more.
    End,
}

impl EncodedBody {
    pub(super) fn new(source: Body, encoder: Encoder) -> Self {
        Self {
            source,
            encoder,
            input: Bytes::new(),
            output: Vec::new(),
            trailers: None,
            turn: TURN_BYTES,
            at: At::Flushed,
        }
    }

    /// Whether nothing comes any more.
    pub(crate) fn is_end(&self) -> bool {
        self.at == At::End
    }

    /// The next part. What the encoder holds comes out as soon as the source has nothing more for now, so
    /// that a page which its app sends bit by bit arrives bit by bit.
    pub(crate) fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.poll(cx);
        match &polled {
            // Parts are taken one after another until there is none for now: a turn is all of that.
            Poll::Pending => self.turn = TURN_BYTES,
            Poll::Ready(None | Some(Err(_))) => self.at = At::End,
            Poll::Ready(Some(Ok(_))) => {}
        }
        polled
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if self.output.len() >= PART_BYTES || self.at >= At::Encoded {
                return Poll::Ready(self.take());
            }
            if !self.input.is_empty() {
                if self.turn == 0 {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let size = self.encode_piece()?;
                self.turn = self.turn.saturating_sub(size);
                continue;
            }
            match Pin::new(&mut self.source).poll_frame(cx) {
                Poll::Ready(Some(frame)) => self.put(frame?),
                Poll::Ready(None) => {
                    self.encoder.write(&[], Then::End, &mut self.output)?;
                    self.at = At::Encoded;
                }
                Poll::Pending => {
                    if self.at == At::Filled {
                        self.encoder.write(&[], Then::Pause, &mut self.output)?;
                        self.at = At::Flushed;
                    }
                    if self.output.is_empty() {
                        return Poll::Pending;
                    }
                    return Poll::Ready(self.take());
                }
            }
        }
    }

    fn put(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => self.input = data,
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
    }

    /// Gives a piece to the encoder; returns its size.
    fn encode_piece(&mut self) -> Result<usize, BodyError> {
        let size = self.input.len().min(PIECE_BYTES);
        let piece = &self.input[..size];
        self.encoder.write(piece, Then::More, &mut self.output)?;
        self.input.advance(size);
        self.at = At::Filled;
        Ok(size)
    }

    /// What came out, or the trailers after all of it.
    fn take(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        if !self.output.is_empty() {
            let output = std::mem::take(&mut self.output);
            if self.at == At::Encoded && self.trailers.is_none() {
                self.at = At::End;
            }
            return Some(Ok(Frame::data(Bytes::from(output))));
        }
        let trailers = self.trailers.take()?;
        self.at = At::End;
        Some(Ok(Frame::trailers(trailers)))
    }
}

#[cfg(test)]
mod tests;
