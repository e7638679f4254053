//! Files of a folder, as responses.

use std::io;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;

/// A part of an open file, read as the visitor takes it.
#[derive(Debug)]
pub(crate) struct FileBody {}

impl FileBody {
    /// The next bytes; `None` at the end.
    pub(crate) fn poll_data(&mut self, _cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        Poll::Ready(None)
    }

    /// Bytes that are still to come.
    pub(crate) fn remaining(&self) -> u64 {
        0
    }
}
