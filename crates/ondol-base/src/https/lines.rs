//! An answer that goes on: one line after another, for as long as both sides like.

use std::time::Duration;

use http::HeaderMap;
use http::StatusCode;

use super::HttpsError;
use super::Peer;
use super::exchange::Begun;

/// The longest line.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// An answer that goes on. Dropping it ends the connection.
#[derive(Debug)]
pub struct Lines {
    peer: Peer,
    begun: Begun,
    /// What has come of lines that were not asked for yet.
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(peer: Peer, begun: Begun) -> Self {
        Self {
            peer,
            begun,
            buffer: Vec::new(),
        }
    }

    /// How it was answered.
    pub fn status(&self) -> StatusCode {
        self.begun.head.status
    }

    /// The header fields of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.begun.head.headers
    }

    /// The next line, without its end; `None` when there will be none. When none comes within this time, that is an
    /// error. Nothing is lost when the future is dropped.
    pub async fn next(&mut self, silence_max: Duration) -> Result<Option<String>, HttpsError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                return Ok(Some(line.trim_end().to_owned()));
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(HttpsError::TooLarge(self.peer.host.clone()));
            }
            let piece = tokio::time::timeout(silence_max, self.begun.piece()).await;
            let piece = piece.map_err(|_| HttpsError::Slow {
                host: self.peer.host.clone(),
                limit: silence_max,
            })?;
            match piece.map_err(|error| self.peer.http_error(error))? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None if self.buffer.is_empty() => return Ok(None),
                None => self.buffer.push(b'\n'),
            }
        }
    }
}
