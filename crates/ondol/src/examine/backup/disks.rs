//! Which disks a folder is on, through partitions, LVM and encryption.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

/// Encryption on LVM on RAID on partitions is four.
const LAYERS_MAX: usize = 8;

/// The disks that a path which is there is on, as folders of `/sys`; for a file system that is on none (a network's,
/// btrfs) a text of its own. Empty when that can't be said.
pub(super) fn disks(path: &Path) -> BTreeSet<PathBuf> {
    let Ok(metadata) = fs::metadata(path) else {
        return BTreeSet::new();
    };
    let device = metadata.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let mut found = BTreeSet::new();
    match fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")) {
        Ok(block) => below(block, LAYERS_MAX, &mut found),
        Err(_) => {
            found.insert(format!("file system {major}:{minor}").into());
        }
    }
    found
}

fn below(block: PathBuf, layers: usize, found: &mut BTreeSet<PathBuf>) {
    let slaves = fs::read_dir(block.join("slaves")).into_iter().flatten();
    let slaves = slaves.flatten().map(|slave| slave.path());
    let slaves: Vec<_> = slaves.filter_map(|it| it.canonicalize().ok()).collect();
    if !slaves.is_empty() && layers > 0 {
        for slave in slaves {
            below(slave, layers - 1, found);
        }
        return;
    }
    let is_partition = block.join("partition").exists();
    let whole = block.parent().filter(|_| is_partition).map(Path::to_owned);
    found.insert(whole.unwrap_or(block));
}
