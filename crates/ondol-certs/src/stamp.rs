//! Whether a file is as it was when it was last looked at.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ondol_model::plan::CertificateFiles;

/// The state of two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([FileStamp; 2]);

/// The state of a file: modification time in nanoseconds, size, inode; `None` for one that cannot be
/// reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp(Option<(i128, u64, u64)>);

impl Stamp {
    pub(super) fn of(files: &CertificateFiles) -> Self {
        let CertificateFiles { chain, key } = files;
        Self([chain, key].map(|path| FileStamp::of(path)))
    }
}

impl FileStamp {
    pub(super) fn of(path: &Path) -> Self {
        const NANOSECONDS: i128 = 1_000_000_000;
        let stamp = fs::metadata(path).ok().map(|metadata| {
            let seconds = i128::from(metadata.mtime());
            let modified = seconds * NANOSECONDS + i128::from(metadata.mtime_nsec());
            (modified, metadata.size(), metadata.ino())
        });
        Self(stamp)
    }
}
