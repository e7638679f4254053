//! A connection to an upstream, over TCP or a Unix socket.

use std::cell::Cell;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use ondol_model::upstream::Upstream;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio::time::Duration;

/// How long until an upstream whose queue was full is asked again.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// A byte stream to an upstream.
#[derive(Debug)]
pub(crate) struct UpstreamStream {
    transport: Transport,
    /// Given back when the stream is closed, wherever it has gone.
    _lease: Lease,
}

#[derive(Debug)]
enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// How many connections to upstreams a worker has, and may have: one HTTP/2 visitor can cause many.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    taken: Rc<Cell<usize>>,
    max: usize,
}

/// The right to one connection.
#[derive(Debug)]
struct Lease(Rc<Cell<usize>>);

impl Leases {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            taken: Rc::default(),
            max,
        }
    }

    fn take(&self) -> io::Result<Lease> {
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
    /// Connects; names are looked up each time, so that a moved server is found. It may wait for
    /// ever, so the caller sets a time. `QuotaExceeded` when there are as many as there may be.
    pub(crate) async fn connect(upstream: &Upstream, leases: &Leases) -> io::Result<Self> {
        let lease = leases.take()?;
        let transport = match upstream {
            Upstream::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Transport::Tcp(stream)
            }
            Upstream::Unix(path) => loop {
                match UnixStream::connect(path).await {
                    // Unlike TCP, a Unix socket whose queue is full refuses at once.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        tokio::time::sleep(QUEUE_PAUSE).await;
                    }
                    connected => break Transport::Unix(connected?),
                }
            },
        };
        Ok(Self {
            transport,
            _lease: lease,
        })
    }

    /// Whether nothing has arrived on an idle connection: neither its end nor bytes that nobody
    /// asked for. Costs a system call only when something may have.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let mut byte = [0];
        let would_block = |result: io::Result<usize>| {
            result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        match &self.transport {
            Transport::Tcp(stream) => {
                stream.poll_read_ready(&mut cx).is_pending()
                    || would_block(stream.try_read(&mut byte))
            }
            Transport::Unix(stream) => {
                stream.poll_read_ready(&mut cx).is_pending()
                    || would_block(stream.try_read(&mut byte))
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
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
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
