//! A connection to an upstream, over TCP, a Unix socket or TLS.

use std::cell::Cell;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio_rustls::client::TlsStream;

/// A byte stream to an upstream.
#[derive(Debug)]
pub(crate) struct UpstreamStream {
    transport: Transport,
    /// Given back when the stream is closed, wherever it has gone.
    _lease: Lease,
}

/// What carries the bytes.
#[derive(Debug)]
pub(super) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How many connections to upstreams a worker has, and may have: one HTTP/2 visitor can cause many.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    taken: Rc<Cell<usize>>,
    max: usize,
}

/// The right to one connection.
#[derive(Debug)]
pub(super) struct Lease(Rc<Cell<usize>>);

impl Leases {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            taken: Rc::default(),
            max,
        }
    }

    /// `QuotaExceeded` when there are as many as there may be.
    pub(super) fn take(&self) -> io::Result<Lease> {
        if self.taken.get() >= self.max {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.taken.set(self.taken.get() + 1);
        Ok(Lease(Rc::clone(&self.taken)))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl UpstreamStream {
    /// A stream that counts as one connection until it is closed.
    pub(super) fn new(transport: Transport, lease: Lease) -> Self {
        Self {
            transport,
            _lease: lease,
        }
    }

    #[cfg(test)]
    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Whether nothing has arrived on an idle connection: neither its end nor bytes that nobody
    /// asked for. Costs a system call only when something may have.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let mut byte = [0];
        let would_block = |result: io::Result<usize>| {
            result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        match &mut self.transport {
            Transport::Tcp(stream) => {
                stream.poll_read_ready(&mut cx).is_pending()
                    || would_block(stream.try_read(&mut byte))
            }
            Transport::Unix(stream) => {
                stream.poll_read_ready(&mut cx).is_pending()
                    || would_block(stream.try_read(&mut byte))
            }
            // What TLS itself says, such as a ticket for the next connection, is not asked for either.
            Transport::Tls(stream) => {
                let mut buffer = ReadBuf::new(&mut byte);
                Pin::new(stream)
                    .poll_read(&mut cx, &mut buffer)
                    .is_pending()
            }
        }
    }
}

impl AsyncRead for UpstreamStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Transport::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for UpstreamStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Transport::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(_) | Transport::Unix(_) => Poll::Ready(Ok(())),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_closed_makes_room_for_another() {
        let leases = Leases::new(1);
        let first = leases.take().expect("room for one");
        let refused = leases.take().expect_err("no room for two");
        assert_eq!(refused.kind(), io::ErrorKind::QuotaExceeded);
        drop(first);
        assert!(leases.take().is_ok());
    }
}
