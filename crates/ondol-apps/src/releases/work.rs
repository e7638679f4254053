//! Work on a disk that may take long: done where it may, and given up when nobody waits for it any more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ondol_base::tasks;
use rustix::fs::Gid;
use rustix::fs::Uid;

use crate::spec::Identity;

/// Whether nobody waits for the work any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Cancelled(Arc<AtomicBool>);

/// Whose files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Cancels when it is dropped.
struct Waiting(Cancelled);

impl Cancelled {
    /// An error when it is to be given up.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => Ok(()),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Owner {
    pub(super) fn of(identity: &Identity) -> Self {
        Self {
            uid: identity.uid,
            gid: identity.gid,
        }
    }

    pub(super) fn raw(self) -> (Option<Uid>, Option<Gid>) {
        (Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))
    }
}

/// Does the work on a thread that may wait. When the future is dropped, the work is told.
pub(super) async fn off_thread<T, E>(
    work: impl FnOnce(&Cancelled) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    let cancelled = Cancelled::default();
    let _waiting = Waiting(cancelled.clone());
    let worked = tasks::spawn_blocking(move || work(&cancelled)).await;
    worked.unwrap_or_else(|error| Err(io::Error::other(error).into()))
}
