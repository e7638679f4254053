//! A sample of the files of a part, other ones each time; and whether there are as many as there were.

use std::path::PathBuf;

use ondol_base::clock;
use rustic_core::repofile::Node;

use super::Proof;
use crate::failure::Failure;
use crate::manifest::ManifestPart;
use crate::report::Amount;
use crate::repository::Snapshot;
use crate::restore;
use crate::restore::layout::VIRTUAL;
use crate::restore::select::Thing;
use crate::words;

/// So many files are restored.
const FILES: usize = 200;
/// A longer one is left to the check, which reads everything in time.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Files that were chosen with the same chance each, from however many.
#[derive(Debug)]
struct Sample {
    chosen: Vec<(PathBuf, Node)>,
    met: u64,
    chance: u64,
}

impl Sample {
    fn new(seed: u64) -> Self {
        Self {
            chosen: Vec::new(),
            met: 0,
            chance: seed | 1,
        }
    }

    fn meet(&mut self, path: PathBuf, node: Node) {
        self.met += 1;
        if self.chosen.len() < FILES {
            self.chosen.push((path, node));
            return;
        }
        // Marsaglia's xorshift: good enough to choose files by.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let place = usize::try_from(self.chance % self.met).unwrap_or(FILES);
        if let Some(chosen) = self.chosen.get_mut(place) {
            *chosen = (path, node);
        }
    }
}

impl Proof<'_> {
    /// Walks through a part, and restores some of its files.
    pub(super) fn sample(
        &mut self,
        part: &ManifestPart,
        snapshot: &Snapshot,
    ) -> Result<(), Failure> {
        let word = &part.part;
        let mut sample = Sample::new(clock::unix_milliseconds().unsigned_abs());
        let faults = self.faults.len();
        let (mut entries, mut files) = (0, 0);
        let mut folders = vec![(PathBuf::from("/"), snapshot.file.tree)];
        while let Some((folder, tree)) = folders.pop() {
            let nodes = match self.repository.folder(tree) {
                Ok(nodes) => nodes,
                Err(failure) => {
                    self.fault(&format!("the folder {}", folder.display()), failure)?;
                    continue;
                }
            };
            for node in nodes {
                let path = folder.join(node.name());
                if let Some(tree) = node.subtree.filter(|_| node.is_dir()) {
                    folders.push((path, tree));
                    continue;
                }
                // Links and what Ondol adds are counted where a backup is taken; owners count files.
                entries += 1;
                if node.is_file() && !path.starts_with(VIRTUAL) {
                    files += 1;
                    if node.meta.size <= FILE_BYTES_MAX {
                        sample.meet(path, node);
                    }
                }
            }
        }
        if entries + part.unreadable < part.files {
            let lost = part.files - entries;
            let are = if lost == 1 { "is" } else { "are" };
            self.faults.push(format!(
                "Of the {} of the part {word}, {lost} {are} not there.",
                words::count(part.files, "file")
            ));
        }
        let restored = self.restore_sample(snapshot, sample.chosen)?;
        if self.faults.len() == faults {
            self.shown.extend(came_back(restored, files, word));
        }
        Ok(())
    }

    fn restore_sample(
        &mut self,
        snapshot: &Snapshot,
        chosen: Vec<(PathBuf, Node)>,
    ) -> Result<u64, Failure> {
        let below = self.work.scratch.join("sample");
        let things = chosen.into_iter().map(|(source, node)| Thing {
            run: String::new(),
            snapshot: snapshot.clone(),
            source,
            amount: Some(Amount {
                items: 1,
                bytes: node.meta.size,
            }),
            node,
        });
        let outcome = self.restored(things.collect(), &below);
        self.clear(&below);
        let restore::Outcome { files, faults, .. } = outcome?;
        let below = format!("{}/", below.display());
        // They lie at their own places in the backup.
        self.faults
            .extend(faults.iter().map(|fault| fault.replacen(&below, "/", 1)));
        Ok(files)
    }
}

/// What a sample shows; nothing where there is no file.
fn came_back(restored: u64, files: u64, part: &str) -> Option<String> {
    match (restored, files) {
        (0, _) => None,
        (1, 1) => Some(format!(
            "the one file of the part {part} came back as it was"
        )),
        (restored, files) if restored >= files => Some(format!(
            "all {files} files of the part {part} came back as they were"
        )),
        (restored, files) => Some(format!(
            "{restored} of the {files} files of the part {part}, other ones each time, came back as they were"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sample_shows_is_not_misread() {
        for (restored, files, expected) in [
            (0, 0, None),
            (0, 3, None), // Each is longer than what is restored.
            (
                1,
                1,
                Some("the one file of the part box came back as it was"),
            ),
            (
                6,
                6,
                Some("all 6 files of the part box came back as they were"),
            ),
            (
                200,
                301,
                Some(
                    "200 of the 301 files of the part box, other ones each time, came back as they were",
                ),
            ),
        ] {
            assert_eq!(came_back(restored, files, "box").as_deref(), expected);
        }
    }

    #[test]
    fn each_file_has_a_chance() {
        let mut last_chosen = 0;
        for seed in 0..200 {
            let mut sample = Sample::new(seed * 7919);
            for number in 0..1000 {
                sample.meet(PathBuf::from(format!("/{number}")), Node::default());
            }
            assert_eq!((sample.chosen.len(), sample.met), (FILES, 1000));
            let late = |(path, _): &&(PathBuf, Node)| path.as_os_str().len() == 4;
            last_chosen += sample.chosen.iter().filter(late).count();
        }
        // Nine of ten have three digits.
        assert!((30_000..40_000).contains(&last_chosen), "{last_chosen}");
    }
}
