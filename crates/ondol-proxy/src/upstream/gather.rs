//! The body of a request for a script, as far as it is gathered before that is asked.
//!
//! A script is told the length of its body first, so one of unknown length must be here whole. And who runs
//! scripts has few processes: a visitor who is slow with a form holds none of them. What is larger goes on as it
//! comes, by then from a visitor who is quick enough.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use bytes::BytesMut;
use ondol_model::limits::GATHERED_BYTES_MAX;
use ondol_model::limits::GATHERED_PER_REQUEST_BYTES_MAX;
use ondol_model::plan::Patience;

use super::request_body::SendError;
use super::request_head::RequestFraming;
use super::stall::Stall;
use super::upload::Upload;
use crate::failure::Failure;

/// What all workers have gathered now.
static GATHERED: AtomicUsize = AtomicUsize::new(0);

/// A part of the memory for bodies, given back when dropped.
#[derive(Debug, Default)]
struct Share(usize);

/// Gathers what may be gathered of a body, and says how its length is told then.
pub(super) async fn gather(
    upload: &mut Upload,
    framing: RequestFraming,
    (bytes_max, patience): (u64, Patience),
) -> Result<RequestFraming, Failure> {
    let mut gathering = Gathering {
        stall: Stall::new(patience),
        bytes: BytesMut::new(),
        share: Share::default(),
        bytes_max,
    };
    let whole = std::future::poll_fn(|cx| gathering.poll(cx, upload)).await;
    let whole = whole.map_err(|error| match error {
        SendError::Visitor(source) => Failure::VisitorGone(source),
        SendError::VisitorStalled => Failure::VisitorStalled,
        SendError::TooLarge | SendError::Upstream(_) => Failure::BodyTooLarge,
    })?;
    let length = gathering.bytes.len() as u64;
    upload.put_back(gathering.into_bytes());
    match (framing, whole) {
        (RequestFraming::Length(_), _) => Ok(framing),
        (_, Whole::Is) => Ok(RequestFraming::Length(length)),
        (_, Whole::IsNot) => Err(Failure::LengthUnknown),
    }
}

/// Whether all of a body is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Is,
    IsNot,
}

#[derive(Debug)]
struct Gathering {
    stall: Stall,
    bytes: BytesMut,
    share: Share,
    bytes_max: u64,
}

impl Gathering {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        upload: &mut Upload,
    ) -> Poll<Result<Whole, SendError>> {
        loop {
            let data = match upload.poll_frame(cx) {
                Poll::Ready(None) => return Poll::Ready(Ok(Whole::Is)),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(SendError::Visitor(error)));
                }
                Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Poll::Pending => {
                    ready!(self.stall.poll_over(cx));
                    return Poll::Ready(Err(SendError::VisitorStalled));
                }
            };
            if self.stall.received(data.len()) {
                return Poll::Ready(Err(SendError::VisitorStalled));
            }
            let length = self.bytes.len() + data.len();
            if length as u64 > self.bytes_max {
                return Poll::Ready(Err(SendError::TooLarge));
            }
            if length > GATHERED_PER_REQUEST_BYTES_MAX || !self.share.grow(data.len()) {
                upload.put_back(data);
                return Poll::Ready(Ok(Whole::IsNot));
            }
            self.bytes.extend_from_slice(&data);
        }
    }

    fn into_bytes(self) -> Bytes {
        let Self { bytes, share, .. } = self;
        Bytes::from_owner(Gathered {
            bytes,
            _share: share,
        })
    }
}

/// A body with its share of the memory.
struct Gathered {
    bytes: BytesMut,
    _share: Share,
}

impl AsRef<[u8]> for Gathered {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Share {
    /// Takes so much more; false when that is not there.
    fn grow(&mut self, bytes: usize) -> bool {
        if GATHERED.fetch_add(bytes, Relaxed) + bytes > GATHERED_BYTES_MAX {
            GATHERED.fetch_sub(bytes, Relaxed);
            return false;
        }
        self.0 += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        GATHERED.fetch_sub(self.0, Relaxed);
    }
}
