//! Several parts of a file in one answer (RFC 9110 §14.6).

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::hash::Hasher;
use std::hash::RandomState;

use bytes::Bytes;
use http::HeaderValue;

use super::body::Piece;
use super::range::Range;

/// The pieces of such a body, and its `Content-Type`.
#[derive(Debug)]
pub(super) struct Multipart {
    pub(super) content_type: HeaderValue,
    pub(super) pieces: VecDeque<Piece>,
}

impl Multipart {
    /// Of a file of this type and size; `piece` gives the bytes of a range.
    pub(super) fn new(
        ranges: &[Range],
        content_type: &HeaderValue,
        size: u64,
        mut piece: impl FnMut(Range) -> Piece,
    ) -> Self {
        let boundary = boundary();
        let part_type = content_type.to_str().unwrap_or("application/octet-stream");
        let mut pieces = VecDeque::with_capacity(ranges.len() * 2 + 1);
        let mut before = "";
        for range in ranges {
            let Range { first, last } = *range;
            let head = format!(
                "{before}--{boundary}\r\nContent-Type: {part_type}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n"
            );
            pieces.push_back(Piece::Ready(Bytes::from(head)));
            pieces.push_back(piece(*range));
            before = "\r\n";
        }
        let end = format!("\r\n--{boundary}--\r\n");
        pieces.push_back(Piece::Ready(Bytes::from(end)));
        let content_type = format!("multipart/byteranges; boundary={boundary}");
        Self {
            content_type: HeaderValue::try_from(content_type)
                .unwrap_or(HeaderValue::from_static("multipart/byteranges")),
            pieces,
        }
    }

    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::length).sum()
    }
}

/// What no file has in it by chance: the standard library's keys for hash maps are random.
fn boundary() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
