//! A tunnel to an app that Ondol runs: when the app is stopped it ends, and who speaks WebSocket is told why, so
//! that it comes again at once, as browsers' scripts do.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::io::ReadBuf;
use tokio::io::copy_bidirectional_with_sizes;

use super::BUFFER_BYTES;
use super::Ended;
use super::TunnelKind;
use super::frames::Frames;
use crate::apps::InAppTunnel;
use crate::upstream::UpstreamStream;
use crate::visitor_stream::VisitorStream;

/// A whole close frame: the server restarts (1012, IANA's registry of RFC 6455 §7.4).
const SERVICE_RESTART: [u8; 4] = [0x88, 2, 0x03, 0xF4];
/// How long the end of a frame is waited for that is on its way when the tunnel is cut, and how long the close
/// frame may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Passes bytes until both sides have ended, or the app is stopped.
pub(super) async fn run(
    (mut visitor, mut upstream): (VisitorStream, UpstreamStream),
    from_upstream: &[u8],
    in_app: InAppTunnel,
    kind: TunnelKind,
) -> io::Result<Ended> {
    let frames = Cell::new(Frames::default());
    {
        let mut observed = Observed {
            stream: &mut visitor,
            frames: &frames,
        };
        observed.write_all(from_upstream).await?;
        observed.flush().await?;
        let copying = pin!(copy_bidirectional_with_sizes(
            &mut observed,
            &mut upstream,
            BUFFER_BYTES,
            BUFFER_BYTES
        ));
        if until_cut(copying, &in_app, || can_end(kind, frames.get())).await? == Reached::Its {
            return Ok(Ended::ByItself);
        }
    }
    drop((upstream, in_app));
    let frames = frames.get();
    if kind == TunnelKind::WebSocket && frames.is_between() && !frames.has_closed() {
        let saying = async {
            visitor.write_all(&SERVICE_RESTART).await?;
            visitor.flush().await
        };
        let _ = tokio::time::timeout(LAST_WORDS, saying).await; // It may have left.
    }
    Ok(Ended::WithApp(visitor))
}

/// Which end a tunnel has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    Its,
    TheApps,
}

/// Passes bytes until they end, or the app is stopped and `can_end` says that a frame is over, or that takes
/// too long.
async fn until_cut<C: Future<Output = io::Result<(u64, u64)>>>(
    mut copying: Pin<&mut C>,
    in_app: &InAppTunnel,
    can_end: impl Fn() -> bool,
) -> io::Result<Reached> {
    let mut patience = None;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(ended) = copying.as_mut().poll(cx) {
            return Poll::Ready(ended.map(|_| Reached::Its));
        }
        // Whoever stops the app wakes the connection, and this with it.
        if !in_app.launched().is_cut() {
            return Poll::Pending;
        }
        let patience = patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_WORDS)));
        if can_end() || patience.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(Reached::TheApps));
        }
        Poll::Pending
    })
    .await
}

fn can_end(kind: TunnelKind, frames: Frames) -> bool {
    match kind {
        TunnelKind::WebSocket => frames.is_between(),
        TunnelKind::Other => true,
    }
}

/// A visitor whose side is looked at as it is written to.
struct Observed<'a> {
    stream: &'a mut VisitorStream,
    frames: &'a Cell<Frames>,
}

impl AsyncRead for Observed<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Observed<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            let mut frames = self.frames.get();
            frames.pass(&bytes[..*count]);
            self.frames.set(frames);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}
