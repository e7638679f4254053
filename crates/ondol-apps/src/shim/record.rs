//! Who a process is, in a file that the next agent finds it by.

use std::io;
use std::path::Path;

use ondol_base::file;
use serde_json::Value;

use crate::group;

/// Writes the agent's value to a file, with what makes this process the only one that it can mean: `pid`,
/// `start_ticks` (the kernel's count at its start) and `boot_id`.
pub(super) fn write(path: &Path, value: &Value) -> io::Result<()> {
    let mut value = value.clone();
    let fields = value.as_object_mut().ok_or(io::ErrorKind::InvalidInput)?;
    let boot = group::boot_id().ok_or(io::ErrorKind::NotFound)?;
    let ticks = group::start_ticks(super::own_pid()).ok_or(io::ErrorKind::NotFound)?;
    fields.insert("pid".to_owned(), super::own_pid().into());
    fields.insert("start_ticks".to_owned(), ticks.into());
    fields.insert("boot_id".to_owned(), boot.into());
    file::replace(path, value.to_string().as_bytes(), 0o600)
}
