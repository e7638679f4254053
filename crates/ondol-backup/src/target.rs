//! A place for a repository: objects by name, whole and durable. Everything that differs between a disk, a bucket, a
//! REST server and another machine is behind [`Target`].

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::access::StorageAccess;
use crate::access::TargetAccess;

#[cfg(test)]
pub(crate) mod conformance;
mod file_system;
mod guard;
mod limit;
mod local;
mod meter;
pub(crate) mod rest;
mod retry;
pub(crate) mod s3;
pub(crate) mod sftp;
mod time;
mod whole;

pub(crate) use file_system::file_system_of;
pub(crate) use guard::guarded;
pub(crate) use limit::Pace;
pub(crate) use limit::Pacing;
pub(crate) use meter::Traffic;

/// No object of a repository has more bytes than this: more is not held in memory.
pub(crate) const OBJECT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A target as it is described. Nothing is asked yet, but a folder of this machine must be on the disk that it was on.
pub(crate) fn open(access: &TargetAccess) -> Result<Arc<dyn Target>, TargetError> {
    match &access.storage {
        StorageAccess::Local { path, file_system } => local::open(path, file_system.as_deref()),
        StorageAccess::S3 { .. } => s3::open(&access.storage),
        StorageAccess::Rest { .. } => rest::open(&access.storage),
        StorageAccess::Sftp { .. } => sftp::open(&access.storage),
    }
}

/// A place for a repository. All calls block; they are made in jobs alone.
pub(crate) trait Target: fmt::Debug + Send + Sync + 'static {
    /// Where it is, for people; without secrets.
    fn place(&self) -> String;

    /// Makes it, where that takes something; nothing happens when it is there already.
    fn create(&self) -> Result<(), TargetError>;

    /// All objects of a folder with their sizes in bytes: every one of them, or an error. What is no object (a
    /// temporary file, a folder) is left out.
    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError>;

    /// A whole object.
    fn read(&self, object: &Object) -> Result<Bytes, TargetError>;

    /// So many bytes of an object: exactly these, or an error.
    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError>;

    /// Writes an object, whole: when this returns well, a power cut does not lose it. One of the same name is
    /// replaced.
    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError>;

    /// Removes an object; one that is not there is fine.
    fn remove(&self, object: &Object) -> Result<(), TargetError>;

    /// Keeps to this pace from now on, and says how.
    fn pace(&self, _pace: &Arc<Pace>) -> Pacing {
        Pacing::ByObject
    }

    /// What went to and from it, where that is counted.
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

/// The folders of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Folder {
    Keys,
    Locks,
    Snapshots,
    Index,
    Data,
}

impl Folder {
    pub(crate) const ALL: [Self; 5] = [
        Self::Keys,
        Self::Locks,
        Self::Snapshots,
        Self::Index,
        Self::Data,
    ];

    /// Its name in restic's layout.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Locks => "locks",
            Self::Snapshots => "snapshots",
            Self::Index => "index",
            Self::Data => "data",
        }
    }
}

/// The name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Object {
    /// The configuration of the repository.
    Config,
    /// One in a folder, by its id: 64 hexadecimal digits.
    In(Folder, String),
}

impl Object {
    /// Its path in restic's default layout: packs lie in folders of their first two digits.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Config => "config".to_owned(),
            Self::In(Folder::Data, id) => {
                let start = id.get(..2).unwrap_or(id);
                format!("data/{start}/{id}")
            }
            Self::In(folder, id) => format!("{}/{id}", folder.word()),
        }
    }
}

/// Whether a name is that of an object: temporary files and others are not.
pub(crate) fn is_id(name: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name.len() == 64 && name.bytes().all(is_digit)
}

/// Why something could not be done at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetError {
    pub(crate) trouble: Trouble,
    /// What happened, for the owner, as a clause without a full stop: `the server answered 503 (Slow Down)`.
    pub(crate) what: String,
}

/// What kind of trouble that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Trouble {
    /// There is no such object.
    Missing,
    /// No answer, or one that asks to come again: it may work later.
    Unreachable,
    /// Not with this credential.
    Refused,
    /// No room.
    Full,
    /// The disk is not there.
    NotThere,
    /// The answer is not what was asked for: too short, empty, no listing.
    Wrong,
    /// Anything else.
    Other,
}

impl TargetError {
    pub(crate) fn new(trouble: Trouble, what: impl Into<String>) -> Self {
        Self {
            trouble,
            what: what.into(),
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for TargetError {}
