//! What an app may write of its release: folders that frameworks take for granted. Rails, Rack and many others keep
//! caches, numbers of processes and logs there. They are of one release and go with it; what shall outlive it belongs
//! into the app's data, or is linked there.

use std::path::Path;
use std::path::PathBuf;

/// The names of such folders, at the top of a release. A link of such a name leads elsewhere, and gives no right.
pub(crate) const NAMES: [&str; 2] = ["log", "tmp"];

/// Those that a release has. Blocks on the disk.
pub(crate) fn of(release: &Path) -> Vec<PathBuf> {
    let folders = NAMES.iter().map(|name| release.join(name));
    let is_folder = |path: &PathBuf| path.symlink_metadata().is_ok_and(|it| it.is_dir());
    folders.filter(is_folder).collect()
}
