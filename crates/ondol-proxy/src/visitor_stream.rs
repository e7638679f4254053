//! The bytes of a visitor's connection, plain or TLS, with a note taken of what moves.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::connection::ConnectionState;
use crate::connection::Speaks;
use crate::http2_frames::Frames;

/// A visitor's stream. The connection's state is told what moves, for its time limits.
#[derive(Debug)]
pub(crate) struct VisitorStream {
    transport: Transport,
    /// What somebody else has read without using it.
    ahead: Bytes,
    state: Rc<ConnectionState>,
    /// Of a visitor who speaks HTTP/2.
    frames: Option<Frames>,
    refusal: HypersRefusal,
}

/// The empty page by which hyper refuses a request that it can't read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HypersRefusal {
    /// It has not been said.
    Awaited,
    /// It was not passed on, and neither is the end that follows it.
    HeldBack,
    /// What is written is no longer hyper's.
    Over,
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl VisitorStream {
    pub(crate) fn plain(stream: TcpStream, state: Rc<ConnectionState>) -> Self {
        Self {
            transport: Transport::Plain(stream),
            ahead: Bytes::new(),
            state,
            frames: None,
            refusal: HypersRefusal::Awaited,
        }
    }

    pub(crate) fn tls(stream: TlsStream<TcpStream>, state: Rc<ConnectionState>) -> Self {
        Self {
            transport: Transport::Tls(Box::new(stream)),
            ahead: Bytes::new(),
            frames: (state.speaks() == Speaks::Http2).then(Frames::new),
            refusal: HypersRefusal::Awaited,
            state,
        }
    }

    /// Has these bytes read again, before what follows them: they were the beginning of HTTP/2.
    pub(crate) fn begin_http2(&mut self, bytes: Bytes) {
        self.ahead = bytes;
        self.frames = Some(Frames::new());
    }

    /// Whether hyper's refusal was held back, so that another one may be written from now on.
    pub(crate) fn end_refusal(&mut self) -> bool {
        let refusal = std::mem::replace(&mut self.refusal, HypersRefusal::Over);
        refusal == HypersRefusal::HeldBack
    }

    /// Keeps hyper's refusal to itself. Nothing else that is written begins like that while no answer is
    /// under way.
    fn holds_back(&mut self, bytes: &[u8]) -> bool {
        let is_refusal = self.frames.is_none()
            && self.refusal == HypersRefusal::Awaited
            && self.state.is_speechless()
            && bytes.starts_with(b"HTTP/1.1 4");
        if is_refusal {
            self.refusal = HypersRefusal::HeldBack;
        }
        is_refusal
    }

    fn note_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(count) => self.state.sent(*count.as_ref().unwrap_or(&0)),
            Poll::Pending => self.state.write_blocked(),
        }
        written
    }

    fn note_flush(&self, flushed: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        match &flushed {
            Poll::Ready(_) => {
                self.state.sent(0);
                self.state.flushed();
            }
            Poll::Pending => self.state.write_blocked(),
        }
        flushed
    }

    /// What was read: a visitor who asks for nothing and has no credit left is listened to no more.
    fn note_read(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.state.received();
        let Some(frames) = &mut self.frames else {
            return Ok(());
        };
        let cost = frames.cost(bytes);
        if cost == 0 || self.state.pay(cost) {
            return Ok(());
        }
        Err(io::Error::other("too many frames that ask for nothing"))
    }
}

impl AsyncRead for VisitorStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let count = self.ahead.len().min(buffer.remaining());
            let ahead = self.ahead.split_to(count);
            buffer.put_slice(&ahead);
            return Poll::Ready(self.note_read(&ahead));
        }
        let before = buffer.filled().len();
        let read = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        if read.is_ready() {
            let new = &buffer.filled()[before..];
            if new.is_empty() {
                if matches!(read, Poll::Ready(Ok(()))) && self.state.holds_end() {
                    return Poll::Pending; // The end of the answer wakes the connection.
                }
                self.state.reached_end();
            } else {
                self.note_read(new)?;
            }
        }
        read
    }
}

impl AsyncWrite for VisitorStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.holds_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        self.note_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.first().is_some_and(|first| self.holds_back(first)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        };
        self.note_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.transport {
            Transport::Plain(_) => Poll::Ready(Ok(())),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        };
        self.note_flush(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refusal == HypersRefusal::HeldBack {
            return Poll::Ready(Ok(()));
        }
        let shut = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        };
        self.note_flush(shut)
    }
}
