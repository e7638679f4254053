//! The body of a response: nothing, bytes in memory, a file, or what an upstream sends.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http_body::Frame;
use http_body::SizeHint;

use crate::dress::EncodedBody;
use crate::files::FileBody;
use crate::upstream::FastCgiBody;
use crate::upstream::Http2Body;
use crate::upstream::UpstreamBody;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Body {
    /// No bytes.
    Empty,
    /// All bytes at once.
    Full(Bytes),
    /// A part of a file.
    File(FileBody),
    /// What an upstream sends.
    Upstream(Box<UpstreamBody>),
    /// Another body, made smaller.
    Encoded(Box<EncodedBody>),
    /// What an upstream sends by HTTP/2.
    UpstreamHttp2(Box<Http2Body>),
    /// What a script says.
    FastCgi(Box<FastCgiBody>),
}

/// Why a body ended early; the visitor sees a connection cut short, never a clean end.
pub(crate) type BodyError = std::io::Error;

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::File(file) => file
                .poll_data(cx)
                .map(|data| data.map(|data| data.map(Frame::data))),
            Self::Upstream(body) => body.poll_part(cx),
            Self::Encoded(body) => body.poll_part(cx),
            Self::UpstreamHttp2(body) => body.poll_part(cx),
            Self::FastCgi(body) => body.poll_part(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::File(file) => file.remaining() == 0,
            Self::Upstream(body) => body.remaining() == Some(0),
            Self::Encoded(body) => body.is_end(),
            Self::UpstreamHttp2(body) => body.is_ended(),
            Self::FastCgi(body) => body.remaining() == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::File(file) => SizeHint::with_exact(file.remaining()),
            Self::Upstream(body) => body
                .remaining()
                .map_or_else(SizeHint::new, SizeHint::with_exact),
            Self::Encoded(_) => SizeHint::new(),
            Self::UpstreamHttp2(body) => body
                .remaining()
                .map_or_else(SizeHint::new, SizeHint::with_exact),
            Self::FastCgi(body) => body
                .remaining()
                .map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}
