//! Folders and files of Ondol's own: private where they must be, and only their owner's to change.

use std::fs;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::Finding;
use crate::folders::Folders;

/// What systemd reads secrets of the environment from.
const ENVIRONMENT: &str = "/etc/ondol/environment";
/// So many files are looked at below the state folder, whatever somebody has put there.
const FILES_MAX: usize = 20_000;
/// Folders below it are looked into so deep.
const DEPTH_MAX: usize = 5;
/// So many files that others may read are named.
const NAMED_MAX: usize = 3;

/// The bits for others to write.
const WRITE: u32 = 0o022;
/// The bits for others to do anything.
const ANY: u32 = 0o077;

pub(super) fn look(folders: &Folders) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(folders.danger().map(|danger| Finding::bad(danger, "")));
    findings.extend(changeable(&folders.config));
    findings.extend(folders.config.parent().and_then(changeable));
    findings.extend(readable(Path::new(ENVIRONMENT)));
    findings.extend(database(&folders.database()));
    findings.extend(keys(&folders.state));
    findings
}

/// Whoever may write the configuration may have Ondol do anything.
fn changeable(path: &Path) -> Option<Finding> {
    let metadata = fs::metadata(path).ok()?;
    let mode = metadata.permissions().mode();
    // A folder where everybody may add, but nobody may remove another's, is no way in.
    let is_sticky = metadata.is_dir() && mode & 0o1000 != 0;
    let is_group_shared = mode & 0o002 == 0 && is_own_group(&metadata);
    if mode & WRITE == 0 || is_sticky || is_group_shared {
        return None;
    }
    let shown = path.display();
    Some(Finding::bad(
        format!(
            "Others can change {shown} (mode {:o}), and with it what Ondol serves and runs.",
            mode & 0o7777
        ),
        format!("`chmod go-w {shown}`."),
    ))
}

/// Whether the group is that of the owner alone, as many systems make one for each user.
fn is_own_group(metadata: &Metadata) -> bool {
    metadata.gid() == metadata.uid()
}

/// A file with secrets that others can read.
fn readable(path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode();
    if mode & ANY == 0 {
        return None;
    }
    let shown = path.display();
    Some(Finding::bad(
        format!(
            "Others can read the secrets in {shown} (mode {:o}).",
            mode & 0o7777
        ),
        format!("`chmod 600 {shown}`, then change the secrets: who could read them may have them."),
    ))
}

/// The database can be written, and by its owner alone.
fn database(path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode();
    if mode & 0o007 == 0 {
        return None;
    }
    let shown = path.display();
    Some(Finding::warning(
        format!(
            "Others can read Ondol's database {shown} (mode {:o}).",
            mode & 0o7777
        ),
        format!("`chmod 600 {shown}`."),
    ))
}

/// Private keys below the state folder that others can read.
fn keys(state: &Path) -> Option<Finding> {
    let mut open = Vec::new();
    let mut left = FILES_MAX;
    // What apps keep is theirs.
    for folder in ["certificates", "backup"] {
        exposed_keys(&state.join(folder), DEPTH_MAX, &mut left, &mut open);
    }
    let first = open.first()?;
    let named: Vec<_> = open
        .iter()
        .take(NAMED_MAX)
        .map(|path| path.display().to_string())
        .collect();
    let more = match open.len().checked_sub(NAMED_MAX) {
        Some(more @ 1..) => format!(" and {more} more"),
        Some(0) | None => String::new(),
    };
    Some(Finding::bad(
        format!(
            "Others can read the private keys {}{more}.",
            named.join(", ")
        ),
        format!(
            "`chmod 600 {}`; then `ondol certs renew` gets certificates with new keys.",
            first.display()
        ),
    ))
}

fn exposed_keys(folder: &Path, depth: usize, left: &mut usize, open: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Some(fewer) = left.checked_sub(1) else {
            return;
        };
        *left = fewer;
        let path = entry.path();
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        // Nobody else comes into a folder that is closed to others.
        let is_closed = metadata.permissions().mode() & 0o011 == 0;
        if metadata.is_dir() && depth > 0 && !is_closed {
            exposed_keys(&path, depth - 1, left, open);
        } else if metadata.is_file() && metadata.permissions().mode() & 0o044 != 0 && is_key(&path)
        {
            open.push(path);
        }
    }
}

fn is_key(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| {
        name == "key.pem" || name.ends_with(".key") || name.ends_with("-key.pem")
    })
}
