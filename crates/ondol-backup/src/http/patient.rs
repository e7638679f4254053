//! A stream on which something has to happen now and then.

use std::fmt;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use ondol_base::clock;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::time::Instant;
use tokio::time::Sleep;

/// A stream that fails when it is waited for, and no byte has come or gone for too long.
pub(super) struct Patient<S> {
    stream: S,
    limit: Duration,
    /// When a byte came or went.
    moved_at: Instant,
    timer: Pin<Box<Sleep>>,
    /// The peer takes nothing any more. What it said before can still be read: often why.
    is_deaf: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Patient<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        let moved_at = clock::now();
        Self {
            stream,
            limit,
            moved_at,
            timer: Box::pin(tokio::time::sleep_until(moved_at + limit)),
            is_deaf: false,
        }
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let until = self.moved_at + self.limit;
            if until <= clock::now() {
                let seconds = self.limit.as_secs();
                let what = format!("nothing moved for {seconds} s");
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, what));
            }
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) => {
                self.moved_at = clock::now();
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(_)) => {
                // Who answers in the middle of a request and hangs up is heard: reading goes on, and finds its end.
                self.is_deaf = true;
                self.poll_stall(cx).map(Err)
            }
            Poll::Pending => self.poll_stall(cx).map(Err),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(done) => {
                self.moved_at = clock::now();
                Poll::Ready(done)
            }
            Poll::Pending => self.poll_stall(cx).map(Err),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_deaf {
            return self.poll_stall(cx).map(Err);
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_deaf {
            return self.poll_stall(cx).map(Err);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // How the end of a connection is taken changes nothing.
        let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        Poll::Ready(Ok(()))
    }
}

impl<S> fmt::Debug for Patient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patient")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_waited_for_and_a_dead_one_is_not() {
        let (stream, mut peer) = tokio::io::duplex(16);
        let mut stream = Patient::new(stream, LIMIT);
        let mut byte = [0];
        for _ in 0..10 {
            let slowly = async {
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
                peer.write_all(b"x").await.unwrap();
            };
            let (read, ()) = tokio::join!(stream.read_exact(&mut byte), slowly);
            read.unwrap();
        }
        let before = clock::now();
        let error = stream.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(clock::now() - before, LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_slowly_is_waited_for_too() {
        let (stream, mut peer) = tokio::io::duplex(1);
        let mut stream = Patient::new(stream, LIMIT);
        let slowly = async {
            for _ in 0..10 {
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
                peer.read_exact(&mut [0]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&[b'x'; 11]), slowly);
        written.unwrap();
        let error = stream.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
