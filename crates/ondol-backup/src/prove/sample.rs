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
        let mut files = 0;
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
                } else if node.is_file() {
                    files += 1;
                    if node.meta.size <= FILE_BYTES_MAX && !path.starts_with(VIRTUAL) {
                        sample.meet(path, node);
                    }
                }
            }
        }
        if files + part.unreadable < part.files {
            let lost = part.files - files;
            self.faults.push(format!(
                "Of the {} files of the part {word}, {lost} are not there.",
                part.files
            ));
        }
        let restored = self.restore_sample(snapshot, sample.chosen)?;
        if self.faults.len() == faults {
            let sentence =
                format!("{restored} of {files} files of the part {word} came back as they were");
            self.shown.push(sentence);
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

#[cfg(test)]
mod tests {
    use super::*;

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
