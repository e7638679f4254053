//! Whether drives are asked how they are.

use std::fs;
use std::path::Path;

use super::Finding;
use super::is_guest;

/// Where programs lie.
const FOLDERS: [&str; 5] = [
    "usr/sbin",
    "usr/bin",
    "sbin",
    "usr/local/sbin",
    "usr/local/bin",
];

/// `is_watched` is whether the agent asks them already.
pub(super) fn look(root: &Path, is_watched: bool) -> Vec<Finding> {
    if is_watched || is_guest(root) {
        return Vec::new();
    }
    let entries = fs::read_dir(root.join("sys/block"));
    let names = entries.into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut drives: Vec<_> = names
        .filter(|name| name.starts_with("sd") || name.starts_with("nvme"))
        .collect();
    drives.sort();
    let has_program = FOLDERS
        .iter()
        .any(|folder| root.join(folder).join("smartctl").exists());
    if drives.is_empty() || has_program {
        return Vec::new();
    }
    let drives = drives.join(", ");
    vec![Finding::advice(
        format!("Nobody asks the drives ({drives}) whether they are about to fail."),
        "Install smartmontools (`apt install smartmontools`): Ondol then asks them every half hour.",
    )]
}
