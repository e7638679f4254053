//! Where a walk has to go: to the roots, past what is left out, and to what is no file.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::fs::Metadata;
use std::ops::Bound;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

/// Where a walk has to go.
#[derive(Debug)]
pub(super) struct Destinations {
    /// Roots and others; sorted by the parts of the paths, as a walk meets them.
    all: BTreeSet<PathBuf>,
    roots: BTreeSet<PathBuf>,
    left_out: HashSet<PathBuf>,
    /// Device and inode of what is left out: it may be met by another path.
    left_out_nodes: HashSet<(u64, u64)>,
}

impl Destinations {
    pub(super) fn new(
        roots: Vec<PathBuf>,
        left_out: Vec<PathBuf>,
        others: impl Iterator<Item = PathBuf>,
    ) -> Self {
        let left_out_nodes = left_out
            .iter()
            .filter_map(|path| fs::symlink_metadata(path).ok())
            .filter(|meta| !meta.is_symlink())
            .map(|meta| (meta.dev(), meta.ino()))
            .collect();
        let roots: BTreeSet<PathBuf> = roots.into_iter().flat_map(with_goal).collect();
        Self {
            all: roots.iter().cloned().chain(others).collect(),
            roots,
            left_out: left_out.into_iter().collect(),
            left_out_nodes,
        }
    }

    pub(super) fn is_root(&self, path: &Path) -> bool {
        self.roots.contains(path)
    }

    /// Whether it is left out, by its path or as what it is.
    pub(super) fn is_left_out(&self, path: &Path, meta: &Metadata) -> bool {
        self.left_out.contains(path) || self.left_out_nodes.contains(&(meta.dev(), meta.ino()))
    }

    /// The names in a folder that lead to destinations.
    pub(super) fn names(&self, folder: &Path) -> BTreeSet<OsString> {
        let below = (Bound::Excluded(folder), Bound::Unbounded);
        let below = self.all.range::<Path, _>(below);
        let below = below.take_while(|path| path.starts_with(folder));
        let name = |path: &PathBuf| {
            let rest = path.strip_prefix(folder).ok()?;
            rest.iter().next().map(OsStr::to_owned)
        };
        below.filter_map(name).collect()
    }

    /// Whether there are some below it.
    pub(super) fn are_below(&self, path: &Path) -> bool {
        let below = (Bound::Excluded(path), Bound::Unbounded);
        let mut below = self.all.range::<Path, _>(below);
        below.next().is_some_and(|next| next.starts_with(path))
    }
}

/// A root that is a link is one, and so is what it leads to: the owner means what is there.
fn with_goal(root: PathBuf) -> Vec<PathBuf> {
    let is_link = fs::symlink_metadata(&root).is_ok_and(|meta| meta.is_symlink());
    let goal = is_link.then(|| root.canonicalize().ok()).flatten();
    let mut paths = vec![root];
    paths.extend(goal);
    paths
}
