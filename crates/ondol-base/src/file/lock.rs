//! A file that one process holds, and that says which.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// How often a lock is asked for again while somebody merely looks at it, and how long in between.
const LOOKERS_OUTLASTED: u32 = 100;
const LOOK: Duration = Duration::from_millis(10);

/// A lock that lasts until it is dropped, or the process ends in any way.
///
/// It belongs to the open file, not to the process: to keep it over an `exec`, keep its descriptor
/// open ([`crate::descriptors::keep_over_exec`]) and take it up again with [`Lock::from`].
#[derive(Debug)]
pub struct Lock(File);

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("it is held by {}", holder(*pid))]
    Held {
        /// The process that holds it; `None` when it has not written its number yet.
        pid: Option<u32>,
    },
    /// The file could not be opened, locked or written.
    #[error("cannot lock it")]
    Io(#[from] io::Error),
}

/// Takes the lock of a file, which is made when missing (0600), and writes the number of this
/// process into it. Does not wait for a lock that is held; waits a second at most for those who look
/// at it ([`is_locked`]). Blocks.
pub fn lock_exclusive(path: &Path) -> Result<Lock, LockError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    for _ in 0..LOOKERS_OUTLASTED {
        if flock(&file, FlockOperation::NonBlockingLockExclusive)? {
            write_pid(&mut file)?;
            return Ok(Lock(file));
        }
        // Those who look share the lock with one another, and with nobody who holds it.
        if !flock(&file, FlockOperation::NonBlockingLockShared)? {
            break;
        }
        rustix::fs::flock(&file, FlockOperation::Unlock).map_err(io::Error::from)?;
        std::thread::sleep(LOOK); // They are done in microseconds, unless the machine is busy.
    }
    let pid = written_pid(&mut file)?;
    Err(LockError::Held { pid })
}

/// Whether a process holds the lock of a file. A file that is missing is not locked. Changes nothing,
/// and keeps nobody from taking the lock. Blocks on the disk.
pub fn is_locked(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(!flock(&file, FlockOperation::NonBlockingLockShared)?)
}

fn flock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match rustix::fs::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl From<Lock> for OwnedFd {
    fn from(lock: Lock) -> Self {
        lock.0.into()
    }
}

impl From<OwnedFd> for Lock {
    /// The descriptor must be one that came from a lock; this is not checked.
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor.into())
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn written_pid(file: &mut File) -> io::Result<Option<u32>> {
    const DIGITS_MAX: u64 = 16;
    let mut text = String::new();
    file.take(DIGITS_MAX).read_to_string(&mut text)?;
    Ok(text.trim().parse().ok())
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
