//! Files that survive a power cut: replaced whole, or locked by one process. Never truncated in place.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::Metadata;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use rustix::fs::OFlags;

mod lock;
pub mod rotated;

pub use lock::Lock;
pub use lock::LockError;
pub use lock::is_locked;
pub use lock::lock_exclusive;

/// Replaces a file by one with these bytes and this mode (`0o600`), or makes it. Whenever the power
/// goes, the path holds the old bytes or the new ones; when this returns, the new ones are on disk.
///
/// Blocks on the disk. On an error the old file stands and nothing is left beside it.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = folder_of(path);
    let new = new_name(path)?;
    let outcome = write_new(&new, bytes, mode).and_then(|()| std::fs::rename(&new, path));
    if outcome.is_err() {
        // The first error is the one worth telling.
        let _ = std::fs::remove_file(&new);
    }
    outcome?;
    sync_folder(folder)
}

/// Makes a folder, and those above it, that only the user of this process may enter (0700). One that
/// is there already is left as it is.
pub fn create_dir_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    sync_folder(folder_of(path))
}

/// Has a folder's list of names written to disk, so that a rename or removal in it lasts.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The text of a file, or `None` when it has more bytes; what is no UTF-8 in it is replaced. Blocks on the disk.
pub fn read_limited(path: &Path, bytes_max: u64) -> io::Result<Option<(String, Metadata)>> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    // Opening a FIFO would wait for its writer.
    options.read(true).custom_flags(nonblocking);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Ok(None);
    }
    // Some tools write names in other encodings around the PEM itself.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Some((text, metadata)))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}

/// A name beside the file that no other writer has, of this process or another.
fn new_name(path: &Path) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut new = OsString::from(".");
    new.push(name);
    new.push(format!(".{}-{count}.new", std::process::id()));
    Ok(path.with_file_name(new))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    // The umask may have taken bits from the mode that was asked for.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
