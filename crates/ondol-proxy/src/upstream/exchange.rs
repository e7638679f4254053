//! One request and its response on one connection.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::BytesMut;
use http::Method;
use http::StatusCode;
use ondol_base::clock;
use ondol_model::limits::READ_BYTES;
use tokio::io::AsyncReadExt;

use super::pool::UpstreamConnection;
use super::request_body::Awaits;
use super::request_body::RequestBody;
use super::request_body::SendError;
use super::response_head;
use super::response_head::ResponseHead;
use super::stream::UpstreamStream;

/// Interim responses (1xx) before the final one; more is an attack or a loop.
const INTERIM_MAX: u8 = 16;

/// Why there is no response.
#[derive(Debug)]
pub(super) enum ExchangeError {
    /// The visitor's side of it failed.
    Send(SendError),
    /// The upstream closed the connection before the first byte of a response.
    ClosedUnanswered(io::Error),
    /// The upstream broke the protocol, or off in the middle.
    Broken(io::Error),
}

/// A request being sent, and the connection it is sent on.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) stream: UpstreamStream,
    /// What was read and not yet used.
    pub(super) read: BytesMut,
    pub(super) request: RequestBody,
    /// Set when the upstream takes no more of the request; its answer may still come.
    send_failed: Option<io::Error>,
    interim: u8,
}

impl Exchange {
    pub(super) fn new(connection: UpstreamConnection, request: RequestBody) -> Self {
        let UpstreamConnection {
            stream,
            read,
            write: _,
        } = connection;
        Self {
            stream,
            read,
            request,
            send_failed: None,
            interim: 0,
        }
    }

    /// The connection, for the next exchange; `None` when something of this one is left.
    pub(super) fn into_connection(self) -> Option<UpstreamConnection> {
        let Self {
            stream,
            read,
            request,
            send_failed,
            interim: _,
        } = self;
        let is_clean = request.is_sent() && read.is_empty() && send_failed.is_none();
        is_clean.then(|| UpstreamConnection {
            stream,
            read,
            write: request.into_buffer(),
        })
    }

    /// Why there is nothing more to read.
    pub(super) fn why_closed(&mut self) -> io::Error {
        let cause = self.send_failed.take();
        cause.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Sends on while waiting for the head of the response.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        if let Err(error) = self.send_on(cx) {
            return Poll::Ready(Err(ExchangeError::Send(error)));
        }
        loop {
            if let Some(head) = self.take_head(method)? {
                return Poll::Ready(Ok(head));
            }
            let had_nothing = self.read.is_empty() && self.interim == 0;
            match ready!(self.poll_read(cx, READ_BYTES)) {
                Ok(0) if had_nothing => {
                    let cause = self.why_closed();
                    return Poll::Ready(Err(ExchangeError::ClosedUnanswered(cause)));
                }
                Ok(0) => {
                    let cause = io::ErrorKind::UnexpectedEof.into();
                    return Poll::Ready(Err(ExchangeError::Broken(cause)));
                }
                Ok(_) => {}
                Err(error) if had_nothing => {
                    return Poll::Ready(Err(ExchangeError::ClosedUnanswered(error)));
                }
                Err(error) => return Poll::Ready(Err(ExchangeError::Broken(error))),
            }
        }
    }

    /// Sends what there is of the request. That the upstream takes no more is not an error yet: it
    /// may have answered without reading all.
    pub(super) fn send_on(&mut self, cx: &mut Context<'_>) -> Result<(), SendError> {
        if self.send_failed.is_some() || self.request.is_sent() {
            return Ok(());
        }
        match self.request.poll_send(cx, &mut self.stream) {
            Poll::Ready(Err(SendError::Upstream(error))) => {
                self.send_failed = Some(error);
                Ok(())
            }
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Reads once into the buffer; 0 is the end of the connection.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        bytes: usize,
    ) -> Poll<io::Result<usize>> {
        // Part of the buffer may still be held by an answer that is being written, and would have to be
        // left behind; so it is used up first.
        if self.read.capacity() - self.read.len() < bytes / 4 {
            self.read.reserve(bytes);
        }
        // `read_buf` keeps nothing between polls, so it can be made anew for each.
        pin!(self.stream.read_buf(&mut self.read)).poll(cx)
    }

    /// The final head, if it has arrived. Interim ones are passed over: hyper's server (1.12) sends none but
    /// its own 100, so they can't be forwarded yet.
    fn take_head(&mut self, method: &Method) -> Result<Option<ResponseHead>, ExchangeError> {
        let broken = |error: response_head::HeadError| {
            ExchangeError::Broken(io::Error::new(io::ErrorKind::InvalidData, error))
        };
        while !self.read.is_empty() {
            let Some(head) = response_head::take(&mut self.read, method).map_err(broken)? else {
                return Ok(None);
            };
            let is_final =
                !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS;
            if is_final {
                self.request.answer_begins();
                return Ok(Some(head));
            }
            self.interim += 1;
            if self.interim > INTERIM_MAX {
                let error =
                    io::Error::new(io::ErrorKind::InvalidData, "too many interim responses");
                return Err(ExchangeError::Broken(error));
            }
        }
        Ok(None)
    }
}

/// The head, or `None` when the upstream lets the time pass: that since it was last given, or took,
/// a part of the request.
pub(super) async fn head(
    exchange: &mut Exchange,
    method: &Method,
    timeout: std::time::Duration,
) -> Option<Result<ResponseHead, ExchangeError>> {
    let mut deadline = pin!(tokio::time::sleep(timeout));
    let mut seen = None;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(head) = exchange.poll_head(cx, method) {
            return Poll::Ready(Some(head));
        }
        let progress = exchange.request.progress();
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
