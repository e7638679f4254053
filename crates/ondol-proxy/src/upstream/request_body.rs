//! Sends a request to an upstream: its head, then its body as the visitor sends it.

use std::io;
use std::io::IoSlice;
use std::io::Write;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Buf;
use bytes::Bytes;
use http::HeaderMap;
use ondol_model::plan::Patience;
use tokio::io::AsyncWrite;

use super::fastcgi;
use super::request_head;
use super::request_head::RequestFraming;
use super::request_head::RequestHead;
use super::stall::Stall;
use super::stream::UpstreamStream;
use super::upload::Upload;

/// The largest trailer section, and the most fields of it; as of a response.
pub(super) const TRAILER_BYTES_MAX: usize = 8 * 1024;
const TRAILERS_MAX: usize = 32;

/// Why the request could not be sent whole.
#[derive(Debug)]
pub(super) enum SendError {
    /// The visitor left, or broke the coding of the body.
    Visitor(hyper::Error),
    /// The visitor sent nothing for too long, or too little.
    VisitorStalled,
    /// The body is larger than the site allows.
    TooLarge,
    /// The upstream takes no more. It may have answered already.
    Upstream(io::Error),
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    bytes_sent: u64,
    pub(super) awaits: Awaits,
}

impl Progress {
    pub(super) fn new(bytes_sent: u64, awaits: Awaits) -> Self {
        Self { bytes_sent, awaits }
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaits {
    /// The visitor is to send more of the body.
    Visitor,
    /// The upstream is to take what there is, or to answer.
    Upstream,
}

/// A request on its way: bytes to write, and where more come from.
#[derive(Debug)]
pub(super) struct RequestBody {
    upload: Option<Upload>,
    framing: RequestFraming,
    /// Fields that do not come after the body either; see [`RequestHead::dropped`].
    dropped: Option<Rc<[Box<str>]>>,
    /// Bytes that the site still allows.
    allowance: u64,
    /// The head, or the size line of a chunk, from `written` on.
    prefix: Vec<u8>,
    written: usize,
    chunk: Bytes,
    suffix: &'static [u8],
    /// Whether what was written has left this process: TLS keeps what its connection does not take.
    is_flushed: bool,
    stall: Stall,
    bytes_sent: u64,
}

impl RequestBody {
    /// A request whose encoded head is `head`, with a body if there is one.
    pub(super) fn new(
        upload: Option<Upload>,
        framing: RequestFraming,
        (bytes_max, patience): (u64, Patience),
        head: Vec<u8>,
    ) -> Self {
        Self {
            upload,
            framing,
            dropped: None,
            allowance: bytes_max,
            prefix: head,
            written: 0,
            chunk: Bytes::new(),
            suffix: b"",
            is_flushed: false,
            stall: Stall::new(patience),
            bytes_sent: 0,
        }
    }

    /// The same without the fields that this head drops.
    pub(super) fn behind(mut self, head: &RequestHead<'_>) -> Self {
        if self.framing == RequestFraming::ChunkedWithTrailers {
            self.dropped = head.dropped();
        }
        self
    }

    /// Whether all has been written.
    pub(super) fn is_sent(&self) -> bool {
        self.upload.is_none() && !self.has_staged() && self.is_flushed
    }

    /// Whether the upstream can't have seen any of it.
    pub(super) fn is_untouched(&self) -> bool {
        self.bytes_sent == 0
    }

    pub(super) fn progress(&self) -> Progress {
        let awaits = if self.upload.is_some() && !self.has_staged() && self.is_flushed {
            Awaits::Visitor
        } else {
            Awaits::Upstream
        };
        Progress {
            bytes_sent: self.bytes_sent,
            awaits,
        }
    }

    /// The upstream has begun its answer.
    pub(super) fn answer_begins(&mut self) {
        self.stall.answer_begins();
    }

    /// The body, for another try; only for a request that is untouched, or has none.
    pub(super) fn into_upload(self) -> Option<Upload> {
        self.upload
    }

    /// The buffer of the head, to be used again; for a request that is sent.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.prefix
    }

    /// Writes what there is; ready when all of it has been written.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut UpstreamStream,
    ) -> Poll<Result<(), SendError>> {
        loop {
            while self.has_staged() {
                ready!(self.poll_write_staged(cx, stream)).map_err(SendError::Upstream)?;
            }
            if !self.is_flushed {
                ready!(Pin::new(&mut *stream).poll_flush(cx)).map_err(SendError::Upstream)?;
                self.is_flushed = true;
            }
            let Some(upload) = &mut self.upload else {
                return Poll::Ready(Ok(()));
            };
            match upload.poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let bytes = frame.data_ref().map_or(0, Bytes::len);
                    if self.stall.received(bytes) {
                        return Poll::Ready(Err(SendError::VisitorStalled));
                    }
                    match frame.into_data() {
                        Ok(mut data) => {
                            if self.framing == RequestFraming::Records {
                                upload.put_back(data.split_off(record_bytes(&data)));
                            }
                            self.stage(data)?;
                        }
                        Err(other) => {
                            if let Ok(trailers) = other.into_trailers() {
                                self.stage_trailers(&trailers)?;
                            }
                        }
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(SendError::Visitor(error)));
                }
                Poll::Ready(None) => self.stage_end(),
                Poll::Pending => {
                    ready!(self.stall.poll_over(cx));
                    return Poll::Ready(Err(SendError::VisitorStalled));
                }
            }
        }
    }

    fn stage(&mut self, data: Bytes) -> Result<(), SendError> {
        let length = data.len() as u64;
        self.allowance = self
            .allowance
            .checked_sub(length)
            .ok_or(SendError::TooLarge)?;
        if self.framing.is_chunked() && !data.is_empty() {
            let written = write!(self.prefix, "{length:x}\r\n");
            debug_assert!(written.is_ok(), "a vector takes all bytes");
            self.suffix = b"\r\n";
        }
        if self.framing == RequestFraming::Records && !data.is_empty() {
            let header = fastcgi::input_header(data.len());
            self.prefix.extend_from_slice(&header);
        }
        self.chunk = data;
        Ok(())
    }

    fn stage_end(&mut self) {
        self.upload = None;
        self.suffix = match self.framing {
            RequestFraming::None | RequestFraming::Length(_) => b"",
            RequestFraming::Chunked | RequestFraming::ChunkedWithTrailers => b"0\r\n\r\n",
            RequestFraming::Records => fastcgi::END_OF_INPUT,
        };
    }

    /// The end of the body with what follows it; trailers that were not announced are dropped.
    fn stage_trailers(&mut self, trailers: &HeaderMap) -> Result<(), SendError> {
        if self.framing != RequestFraming::ChunkedWithTrailers {
            return Ok(());
        }
        self.upload = None;
        self.prefix.extend_from_slice(b"0\r\n");
        let dropped = self.dropped.as_deref().unwrap_or_default();
        request_head::encode_trailers(trailers, dropped, &mut self.prefix);
        let is_too_large = self.prefix.len() > TRAILER_BYTES_MAX || trailers.len() > TRAILERS_MAX;
        self.prefix.extend_from_slice(b"\r\n");
        if is_too_large {
            return Err(SendError::TooLarge);
        }
        Ok(())
    }

    fn has_staged(&self) -> bool {
        self.written < self.prefix.len() || !self.chunk.is_empty() || !self.suffix.is_empty()
    }

    fn poll_write_staged(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut UpstreamStream,
    ) -> Poll<io::Result<()>> {
        let prefix = &self.prefix[self.written..];
        let stream = Pin::new(stream);
        let count = if self.chunk.is_empty() && self.suffix.is_empty() {
            ready!(stream.poll_write(cx, prefix))?
        } else {
            let slices = [prefix, &self.chunk, self.suffix].map(IoSlice::new);
            ready!(stream.poll_write_vectored(cx, &slices))?
        };
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.is_flushed = false;
        self.bytes_sent += count as u64;
        self.consume(count);
        Poll::Ready(Ok(()))
    }

    fn consume(&mut self, count: usize) {
        let of_prefix = count.min(self.prefix.len() - self.written);
        self.written += of_prefix;
        if self.written == self.prefix.len() {
            self.prefix.clear();
            self.written = 0;
        }
        let of_chunk = (count - of_prefix).min(self.chunk.len());
        self.chunk.advance(of_chunk);
        self.suffix = &self.suffix[count - of_prefix - of_chunk..];
    }
}

/// How much of a part fits into one record.
fn record_bytes(part: &Bytes) -> usize {
    part.len().min(fastcgi::RECORD_BYTES_MAX)
}
