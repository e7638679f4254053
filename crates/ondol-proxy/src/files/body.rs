//! Parts of files that are too large to be kept, read as the visitor takes them.

use std::collections::VecDeque;
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

/// Parts of an open file, and what is between them.
///
/// Exactly the announced bytes come, or an error: a file that has become shorter is cut off and
/// never filled up, and what a file has grown by is not sent.
#[derive(Debug)]
pub(crate) struct FileBody {
    pieces: VecDeque<Piece>,
    remaining: u64,
    piece_bytes: usize,
    waiting: Option<JoinHandle<io::Result<Bytes>>>,
}

/// One piece of a body.
#[derive(Debug)]
pub(super) enum Piece {
    /// It is in memory.
    Ready(Bytes),
    /// It is to be read.
    Part {
        file: Arc<File>,
        offset: u64,
        length: u64,
    },
}

impl Piece {
    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Ready(bytes) => bytes.len() as u64,
            Self::Part { length, .. } => *length,
        }
    }
}

impl FileBody {
    /// These pieces, one after another.
    pub(super) fn new(pieces: VecDeque<Piece>) -> Self {
        Self {
            piece_bytes: CHUNK_BYTES,
            remaining: pieces.iter().map(Piece::length).sum(),
            pieces,
            waiting: None,
        }
    }

    /// The next bytes; `None` at the end. Nothing is read before it is asked for.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let bytes = std::task::ready!(self.poll_piece(cx));
        match &bytes {
            Ok(bytes) => self.remaining -= bytes.len() as u64,
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

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        while self.pieces.front().is_some_and(|piece| piece.length() == 0) {
            self.pieces.pop_front();
        }
        let (file, offset, length) = match self.pieces.front_mut() {
            None => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Some(Piece::Ready(bytes)) => return Poll::Ready(Ok(std::mem::take(bytes))),
            Some(Piece::Part {
                file,
                offset,
                length,
            }) => (file, offset, length),
        };
        let most = self.piece_bytes;
        let wanted = usize::try_from(*length).map_or(most, |rest| rest.min(most));
        let read = std::task::ready!(poll_read(&mut self.waiting, file, *offset, wanted, cx));
        if let Ok(bytes) = &read {
            *offset += bytes.len() as u64;
            *length -= bytes.len() as u64;
        }
        Poll::Ready(read)
    }
}

fn poll_read(
    waiting: &mut Option<JoinHandle<io::Result<Bytes>>>,
    file: &Arc<File>,
    offset: u64,
    length: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    let reading = match waiting.as_mut() {
        Some(reading) => reading,
        None => match read::cached(file, offset, length) {
            Ok(Some(bytes)) if bytes.is_empty() => {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            Ok(Some(bytes)) => return Poll::Ready(Ok(bytes)),
            Ok(None) => waiting.insert(read::waiting(file, offset, length)),
            Err(error) => return Poll::Ready(Err(error)),
        },
    };
    let read = std::task::ready!(Pin::new(reading).poll(cx));
    *waiting = None;
    Poll::Ready(read.map_err(io::Error::from).flatten())
}
