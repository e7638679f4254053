//! The body of a request as its visitor sends it, which another try begins anew.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http_body::Body as _;
use http_body::Frame;
use hyper::body::Incoming;

/// A body, and what was read of it for a try that came to nothing.
#[derive(Debug)]
pub(super) struct Upload {
    read: VecDeque<Bytes>,
    incoming: Incoming,
}

/// What was read of a body, as long as all of it is here: so much may be sent again.
#[derive(Debug)]
pub(super) struct Kept {
    parts: VecDeque<Bytes>,
    room: usize,
}

impl Upload {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self {
            read: VecDeque::new(),
            incoming,
        }
    }

    /// A part that was taken and comes again next; an empty one is none.
    pub(super) fn put_back(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.read.push_front(part);
        }
    }

    /// The whole of it once more.
    pub(super) fn again(mut self, kept: Kept) -> Self {
        for part in kept.parts.into_iter().rev() {
            self.read.push_front(part);
        }
        self
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.read.pop_front() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None => Pin::new(&mut self.incoming).poll_frame(cx),
        }
    }
}

impl Kept {
    /// Nothing yet, of a body of which so many bytes are kept at most.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            parts: VecDeque::new(),
            room: bytes_max,
        }
    }

    /// With another part; `None` when that is too much.
    pub(super) fn with(mut self, part: &Bytes) -> Option<Self> {
        self.room = self.room.checked_sub(part.len())?;
        self.parts.push_back(part.clone());
        Some(self)
    }
}
