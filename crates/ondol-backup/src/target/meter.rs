//! What goes to and from a target, counted.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::Folder;
use super::Object;
use super::Target;
use super::TargetError;
use crate::words;

/// What went to and from a target; only what arrived whole is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Bytes of objects that were written.
    pub(crate) sent: u64,
    /// Bytes of objects that were read.
    pub(crate) received: u64,
    /// Calls of any kind, those too that failed.
    pub(crate) calls: u64,
}

impl Traffic {
    /// It for the owner, who may have to pay for it; `None` where nothing went.
    pub(crate) fn sentence(&self) -> Option<String> {
        let Self {
            sent,
            received,
            calls,
        } = *self;
        let (sent, received) = (words::bytes(sent), words::bytes(received));
        let unit = if calls == 1 { "call" } else { "calls" };
        (calls > 0).then(|| format!("Sent {sent} and received {received} in {calls} {unit}."))
    }
}

/// A target whose traffic is counted.
#[derive(Debug)]
pub(super) struct Metered {
    target: Arc<dyn Target>,
    sent: AtomicU64,
    received: AtomicU64,
    calls: AtomicU64,
}

impl Metered {
    pub(super) fn new(target: Arc<dyn Target>) -> Self {
        Self {
            target,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        }
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn received(&self, content: Bytes) -> Bytes {
        let bytes = content.len() as u64;
        self.received.fetch_add(bytes, Ordering::Relaxed);
        content
    }
}

impl Target for Metered {
    fn place(&self) -> String {
        self.target.place()
    }

    fn create(&self) -> Result<(), TargetError> {
        self.called();
        self.target.create()
    }

    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
        self.called();
        self.target.list(folder)
    }

    fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
        self.called();
        let content = self.target.read(object)?;
        Ok(self.received(content))
    }

    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError> {
        self.called();
        let content = self.target.read_range(object, offset, length)?;
        Ok(self.received(content))
    }

    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
        self.called();
        self.target.write(object, content)?;
        let bytes = content.iter().map(Bytes::len).sum::<usize>();
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }

    fn remove(&self, object: &Object) -> Result<(), TargetError> {
        self.called();
        self.target.remove(object)
    }

    fn traffic(&self) -> Traffic {
        Traffic {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
        }
    }
}
