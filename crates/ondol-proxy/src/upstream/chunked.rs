//! The chunked transfer coding (RFC 9112 §7.1), read strictly: what is ambiguous is an error.

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::header;

use crate::headers;

/// The longest chunk size line, extensions included.
const SIZE_LINE_BYTES_MAX: usize = 256;
/// The largest trailer section.
const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// The most trailer fields.
const TRAILERS_MAX: usize = 32;

/// A decoder's place in the coding.
#[derive(Debug, Default)]
pub(super) enum ChunkedDecoder {
    /// Before a chunk's size.
    #[default]
    Size,
    /// Inside a chunk.
    Data { left: u64 },
    /// After a chunk's bytes, before its line end.
    DataEnd,
    /// After the last chunk.
    Trailers,
    /// After the trailers.
    Done,
}

/// What the buffer held.
#[derive(Debug)]
pub(super) enum Decoded {
    /// Bytes of the body.
    Data(Bytes),
    /// The end of the body; trailers may be empty.
    End(HeaderMap),
    /// More must be read first.
    Incomplete,
}

/// The coding is broken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunked coding is broken: {0}")]
pub(super) struct ChunkError(&'static str);

impl ChunkedDecoder {
    /// Takes the next part of the body out of the buffer.
    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, ChunkError> {
        loop {
            match self {
                Self::Size => match size_line(buffer)? {
                    None => return Ok(Decoded::Incomplete),
                    Some(0) => *self = Self::Trailers,
                    Some(left) => *self = Self::Data { left },
                },
                Self::Data { left } => {
                    if buffer.is_empty() {
                        return Ok(Decoded::Incomplete);
                    }
                    let here = usize::try_from(*left).map_or(buffer.len(), |n| n.min(buffer.len()));
                    *left -= here as u64;
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Ok(Decoded::Data(buffer.split_to(here).freeze()));
                }
                Self::DataEnd => match buffer.get(..2) {
                    None => return Ok(Decoded::Incomplete),
                    Some(b"\r\n") => {
                        buffer.advance(2);
                        *self = Self::Size;
                    }
                    Some(_) => return Err(ChunkError("a chunk is longer than its size")),
                },
                Self::Trailers => {
                    let Some(trailers) = trailers(buffer)? else {
                        return Ok(Decoded::Incomplete);
                    };
                    *self = Self::Done;
                    return Ok(Decoded::End(trailers));
                }
                Self::Done => return Ok(Decoded::End(HeaderMap::new())),
            }
        }
    }
}

fn size_line(buffer: &mut BytesMut) -> Result<Option<u64>, ChunkError> {
    let Some(end) = memchr::memchr(b'\n', buffer) else {
        let too_long = buffer.len() > SIZE_LINE_BYTES_MAX;
        return if too_long {
            Err(ChunkError("a size line is too long"))
        } else {
            Ok(None)
        };
    };
    if end > SIZE_LINE_BYTES_MAX {
        return Err(ChunkError("a size line is too long"));
    }
    let line = buffer.split_to(end + 1);
    let line = line
        .strip_suffix(b"\r\n")
        .ok_or(ChunkError("a bare line feed"))?;
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = size.trim_ascii_end();
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(ChunkError("a size is not hexadecimal"));
    }
    if line.contains(&b'\r') {
        return Err(ChunkError("a bare carriage return"));
    }
    let digits =
        std::str::from_utf8(digits).map_err(|_| ChunkError("a size is not hexadecimal"))?;
    u64::from_str_radix(digits, 16)
        .map(Some)
        .map_err(|_| ChunkError("a size is too large"))
}

fn trailers(buffer: &mut BytesMut) -> Result<Option<HeaderMap>, ChunkError> {
    if buffer.starts_with(b"\r\n") {
        buffer.advance(2);
        return Ok(Some(HeaderMap::new()));
    }
    let mut fields = [httparse::EMPTY_HEADER; TRAILERS_MAX];
    let parsed = httparse::parse_headers(buffer, &mut fields);
    match parsed.map_err(|_| ChunkError("a trailer is broken"))? {
        httparse::Status::Partial if buffer.len() > TRAILER_BYTES_MAX => {
            Err(ChunkError("the trailers are too large"))
        }
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete((length, _)) if has_bare_line_end(&buffer[..length]) => {
            Err(ChunkError("a bare line end in the trailers"))
        }
        httparse::Status::Complete((length, fields)) => {
            let mut map = HeaderMap::with_capacity(fields.len());
            for field in fields {
                let name = HeaderName::from_bytes(field.name.as_bytes());
                let value = HeaderValue::from_bytes(field.value);
                let (Ok(name), Ok(value)) = (name, value) else {
                    return Err(ChunkError("a trailer is broken"));
                };
                // It would concern a connection that it is not about (RFC 9110 §6.5.1).
                if !headers::is_hop_by_hop(name.as_str()) && name != header::CONTENT_LENGTH {
                    map.append(name, value);
                }
            }
            buffer.advance(length);
            Ok(Some(map))
        }
    }
}

/// The two characters of a line end stand together, or neither stands at all.
fn has_bare_line_end(bytes: &[u8]) -> bool {
    let line_feeds = memchr::memchr_iter(b'\n', bytes);
    let is_bare = |at: usize| at == 0 || bytes[at - 1] != b'\r';
    let carriage_returns = memchr::memchr_iter(b'\r', bytes);
    line_feeds.into_iter().any(is_bare)
        || carriage_returns
            .into_iter()
            .any(|at| bytes.get(at + 1) != Some(&b'\n'))
}

#[cfg(test)]
mod tests;
