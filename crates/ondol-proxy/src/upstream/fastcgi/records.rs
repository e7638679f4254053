//! The records that FastCGI consists of (FastCGI 1.0 §3.3), read strictly.

use std::io;

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;

const VERSION: u8 = 1;
/// The number of the one request that a connection has at a time.
const REQUEST: u16 = 1;
const HEADER_BYTES: usize = 8;
/// What the end of a request has to say.
const END_BYTES: usize = 8;

const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

const RESPONDER: u8 = 1;
const KEEP_CONNECTION: u8 = 1;
/// It answers one request at a time, and was given another.
const OVERLOADED: u8 = 2;

/// The most of one stream that a record carries, in a multiple of eight.
pub(in crate::upstream) const RECORD_BYTES_MAX: usize = 0xfff8;
/// The end of a request's body.
pub(in crate::upstream) const END_OF_INPUT: &[u8] = &[VERSION, STDIN, 0, 1, 0, 0, 0, 0];

/// What becomes of a connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    Close,
}

/// Appends the beginning of a request, with its parameters as they are encoded by `params`.
pub(super) fn begin(after: After, buffer: &mut Vec<u8>, params: impl FnOnce(&mut Vec<u8>)) {
    let flags = match after {
        After::Keep => KEEP_CONNECTION,
        After::Close => 0,
    };
    buffer.extend_from_slice(&header(BEGIN_REQUEST, 8));
    buffer.extend_from_slice(&[0, RESPONDER, flags, 0, 0, 0, 0, 0]);
    let header_at = buffer.len();
    buffer.extend_from_slice(&[0; HEADER_BYTES]);
    let content_at = buffer.len();
    params(buffer);
    if buffer.len() - content_at > RECORD_BYTES_MAX {
        let content = buffer.split_off(content_at);
        buffer.truncate(header_at);
        for part in content.chunks(RECORD_BYTES_MAX) {
            buffer.extend_from_slice(&header(PARAMS, part.len()));
            buffer.extend_from_slice(part);
        }
    } else {
        let header = header(PARAMS, buffer.len() - content_at);
        buffer[header_at..content_at].copy_from_slice(&header);
    }
    buffer.extend_from_slice(&header(PARAMS, 0));
}

/// The header of a part of a request's body, of at most [`RECORD_BYTES_MAX`].
pub(in crate::upstream) fn input_header(length: usize) -> [u8; HEADER_BYTES] {
    header(STDIN, length)
}

fn header(kind: u8, length: usize) -> [u8; HEADER_BYTES] {
    debug_assert!(length <= RECORD_BYTES_MAX, "a record is not larger");
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let request = REQUEST.to_be_bytes();
    [
        VERSION, kind, request[0], request[1], length[0], length[1], 0, 0,
    ]
}

/// A reader's place among records.
#[derive(Debug, Default)]
pub(super) struct Reader {
    kind: Kind,
    left: usize,
    padding: usize,
}

/// What the record is about whose bytes come next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    Output,
    Message,
    End,
    /// Nothing that matters; also before the first record.
    #[default]
    Other,
}

/// What a buffer held.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A part of the answer.
    Output(Bytes),
    /// A part of what the script says to its owner.
    Message(Bytes),
    /// The request has ended well.
    End,
    /// More must be read first.
    Incomplete,
}

/// What was read is not FastCGI, or a refusal.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    #[error("it does not speak FastCGI: {0}")]
    Broken(&'static str),
    #[error("it has no process left for this request")]
    Overloaded,
    #[error("it refuses to run scripts")]
    Refused,
}

impl From<RecordError> for io::Error {
    fn from(error: RecordError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl Reader {
    /// Whether nothing has come yet.
    pub(super) fn is_before_all(&self) -> bool {
        self.kind == Kind::Other && self.left == 0 && self.padding == 0
    }

    /// Takes the next part out of the buffer.
    pub(super) fn read(&mut self, buffer: &mut BytesMut) -> Result<Read, RecordError> {
        loop {
            if self.left > 0 {
                if let Some(read) = self.content(buffer)? {
                    return Ok(read);
                }
                continue;
            }
            if self.padding > 0 {
                let here = self.padding.min(buffer.len());
                buffer.advance(here);
                self.padding -= here;
                if self.padding > 0 {
                    return Ok(Read::Incomplete);
                }
            }
            let Some((header, _)) = buffer.split_first_chunk::<HEADER_BYTES>() else {
                return Ok(Read::Incomplete);
            };
            *self = Self::of(*header)?;
            buffer.advance(HEADER_BYTES);
        }
    }

    fn of(header: [u8; HEADER_BYTES]) -> Result<Self, RecordError> {
        let [version, kind, id_high, id_low, high, low, padding, _] = header;
        if version != VERSION {
            return Err(RecordError::Broken("a record has another version"));
        }
        let left = usize::from(u16::from_be_bytes([high, low]));
        let request = u16::from_be_bytes([id_high, id_low]);
        let kind = match (kind, request) {
            (STDOUT, REQUEST) => Kind::Output,
            (STDERR, REQUEST) => Kind::Message,
            (END_REQUEST, REQUEST) if left == END_BYTES => Kind::End,
            (END_REQUEST, REQUEST) => return Err(RecordError::Broken("its end is no end")),
            (_, 0) => Kind::Other,
            _ => {
                return Err(RecordError::Broken(
                    "a record of a request that there is not",
                ));
            }
        };
        Ok(Self {
            kind,
            left,
            padding: usize::from(padding),
        })
    }

    /// A part of a record; `None` when it was nothing that matters.
    fn content(&mut self, buffer: &mut BytesMut) -> Result<Option<Read>, RecordError> {
        if self.kind == Kind::End {
            // With its padding, so that nothing of it is left for the next request.
            let Some(end) = buffer.get(..self.left + self.padding) else {
                return Ok(Some(Read::Incomplete));
            };
            let status = end.get(4).copied();
            buffer.advance(self.left + self.padding);
            *self = Self::default();
            return match status {
                Some(0) => Ok(Some(Read::End)),
                Some(OVERLOADED) => Err(RecordError::Overloaded),
                Some(_) | None => Err(RecordError::Refused),
            };
        }
        if buffer.is_empty() {
            return Ok(Some(Read::Incomplete));
        }
        let here = self.left.min(buffer.len());
        let content = buffer.split_to(here).freeze();
        self.left -= here;
        Ok(match self.kind {
            Kind::Output => Some(Read::Output(content)),
            Kind::Message => Some(Read::Message(content)),
            Kind::End | Kind::Other => None,
        })
    }
}

#[cfg(test)]
mod tests;
