//! The part of a file that is too large for one piece, read as the visitor takes it.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::read;
use super::read::CHUNK_BYTES;

/// A part of an open file.
///
/// Exactly the announced bytes come, or an error: a file that has become shorter is cut off and
/// never filled up, and what a file has grown by is not sent.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: Arc<File>,
    offset: u64,
    remaining: u64,
    piece_bytes: usize,
    waiting: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// The part of `length` bytes that begins at `offset`.
    pub(super) fn new(file: File, offset: u64, length: u64) -> Self {
        Self {
            file: Arc::new(file),
            offset,
            remaining: length,
            piece_bytes: CHUNK_BYTES,
            waiting: None,
        }
    }

    /// The next bytes; `None` at the end. Nothing is read before it is asked for.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let bytes = std::task::ready!(self.poll_read(cx));
        match &bytes {
            Ok(bytes) => {
                let length = bytes.len() as u64;
                self.offset += length;
                self.remaining -= length;
            }
            Err(_) => self.remaining = 0,
        }
        Poll::Ready(Some(bytes))
    }

    /// How much is read at once from now on, at most.
    pub(crate) fn in_pieces_of(&mut self, bytes: usize) {
        self.piece_bytes = bytes.min(CHUNK_BYTES);
    }

    /// Bytes that are still to come.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let most = self.piece_bytes;
        let length = usize::try_from(self.remaining).map_or(most, |rest| rest.min(most));
        let waiting = match self.waiting.as_mut() {
            Some(waiting) => waiting,
            None => match read::cached(&self.file, self.offset, length) {
                Ok(Some(bytes)) if bytes.is_empty() => {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(Some(bytes)) => return Poll::Ready(Ok(bytes)),
                Ok(None) => self
                    .waiting
                    .insert(read::waiting(&self.file, self.offset, length)),
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        let read = std::task::ready!(Pin::new(waiting).poll(cx));
        self.waiting = None;
        Poll::Ready(read.map_err(io::Error::from).flatten())
    }
}
