//! Reading parts of files: at once when the kernel has them in memory, else on a blocking thread.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use ondol_base::tasks::spawn_blocking;
use rustix::io::Errno;
use rustix::io::ReadWriteFlags;
use tokio::task::JoinHandle;

/// What one read takes at most.
pub(super) const CHUNK_BYTES: usize = 128 * 1024;
/// Unused buffers that a thread keeps instead of having them allocated and cleared again: 1 MiB.
const SPARE_BUFFERS: usize = 8;

/// What is in memory of the part of a file: at least one byte, or none where the file has ended.
/// `None` when the kernel would have to wait, or can't tell.
pub(super) fn cached(file: &File, offset: u64, length: usize) -> io::Result<Option<Bytes>> {
    let mut buffer = Buffer::spare();
    let read = read_cached(file, offset, buffer.bytes.split_at_mut(length).0)?;
    Ok(read.map(|filled| {
        buffer.filled = filled;
        Bytes::from_owner(buffer)
    }))
}

/// The whole of a small file, in memory of its own. `UnexpectedEof` when it has become shorter.
pub(super) async fn whole(file: &Arc<File>, length: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; length];
    if read_cached(file, 0, &mut bytes)? == Some(length) {
        return Ok(Bytes::from(bytes));
    }
    drop(bytes);
    waiting(file, 0, length).await?
}

fn read_cached(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        let slices = &mut [IoSliceMut::new(bytes)];
        match rustix::io::preadv2(file, slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(filled) => return Ok(Some(filled)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Reads exactly this part on a blocking thread. `UnexpectedEof` when the file has become shorter.
pub(super) fn waiting(
    file: &Arc<File>,
    offset: u64,
    length: usize,
) -> JoinHandle<io::Result<Bytes>> {
    let file = Arc::clone(file);
    spawn_blocking(move || {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(Bytes::from(bytes))
    })
}

/// Runs what may wait for a disk on a blocking thread.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await?
}

/// A buffer of [`CHUNK_BYTES`] that goes back to its thread when the last reader lets it go.
struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
}

thread_local! {
    static SPARE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

impl Buffer {
    fn spare() -> Self {
        let bytes = SPARE.with_borrow_mut(Vec::pop);
        Self {
            bytes: bytes.unwrap_or_else(|| vec![0; CHUNK_BYTES].into_boxed_slice()),
            filled: 0,
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.split_at(self.filled).0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // At the end of a thread there is no place to put it back to.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARE_BUFFERS {
                spare.push(bytes);
            }
        });
    }
}
