//! Whether each backup has all its folders, and each file its pieces.

use std::collections::HashSet;

use crate::check::affected::Lost;
use crate::check::packs::Folders;
use crate::repository::Index;
use crate::repository::Snapshot;
use crate::repository::unhex;

/// Looks through the folders of all snapshots; what is missing is lost.
pub(super) fn compare(snapshots: &[Snapshot], index: &Index, folders: &Folders, lost: &mut Lost) {
    let roots = snapshots.iter().map(|snapshot| snapshot.file.tree);
    let mut next: Vec<_> = roots
        .filter_map(|tree| unhex(tree.to_hex().as_str()))
        .collect();
    let mut seen: HashSet<[u8; 32]> = next.iter().copied().collect();
    while let Some(id) = next.pop() {
        match folders.get(&id) {
            Some(below) => {
                for piece in &below.nowhere {
                    lost.nowhere(*piece);
                }
                let new = below.folders.iter().filter(|folder| seen.insert(**folder));
                next.extend(new);
            }
            // One in a pack that can't be read is lost with that.
            None if index.has(&id) => {}
            None => lost.nowhere(id),
        }
    }
}
