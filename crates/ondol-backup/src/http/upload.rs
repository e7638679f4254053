//! The body of a request: bytes that are there already, sent in pieces.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::SizeHint;

use crate::target::Pace;

/// A piece: hyper copies each whole before TLS takes any of it.
const PIECE_BYTES: usize = 64 * 1024;

/// See the file's own words.
#[derive(Debug)]
pub(super) struct Upload {
    parts: VecDeque<Bytes>,
    left: u64,
    pace: Option<Arc<Pace>>,
    progress: Progress,
}

/// How far a body is sent.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<AtomicBool>);

impl Progress {
    /// Whether the connection has taken all of it.
    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Upload {
    pub(super) fn new(parts: &[Bytes], pace: Option<Arc<Pace>>) -> (Self, Progress) {
        let parts: VecDeque<_> = parts
            .iter()
            .filter(|part| !part.is_empty())
            .cloned()
            .collect();
        let left = parts.iter().map(|part| part.len() as u64).sum();
        let progress = Progress(Arc::new(AtomicBool::new(left == 0)));
        let upload = Self {
            parts,
            left,
            pace,
            progress: progress.clone(),
        };
        (upload, progress)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(part) = self.parts.front_mut() else {
            return Poll::Ready(None);
        };
        let piece = part.split_to(part.len().min(PIECE_BYTES));
        if part.is_empty() {
            self.parts.pop_front();
        }
        if let Some(pace) = &self.pace {
            // The thread that asks is the one that waits here, and it has nothing else to do.
            pace.up(piece.len());
        }
        self.left -= piece.len() as u64;
        self.progress.0.store(self.left == 0, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
