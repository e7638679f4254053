//! Which backups there are.

use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::MANIFEST_PATH;
use crate::manifest::Manifest;
use crate::repository::Archived;
use crate::repository::Kind;
use crate::repository::Repository;
use crate::repository::Snapshot;
use crate::repository::ToArchive;
use crate::repository::texts::Texts;

/// The manifests of a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manifests {
    /// Those that can be read, the newest first.
    pub(crate) good: Vec<Manifest>,
    /// What can't be read, a sentence each.
    pub(crate) damaged: Vec<String>,
}

impl Repository {
    /// All backups that have happened.
    pub(crate) fn manifests(&self) -> Result<Manifests, Failure> {
        let snapshots = self.snapshots()?;
        let there: HashSet<_> = snapshots
            .good
            .iter()
            .map(|snapshot| &*snapshot.id)
            .collect();
        let mut manifests = Manifests::default();
        for (_, why) in &snapshots.damaged {
            manifests
                .damaged
                .push(format!("A snapshot can't be read: {why}."));
        }
        let told = snapshots
            .good
            .iter()
            .filter(|snapshot| snapshot.kind == Some(Kind::Manifest));
        for snapshot in told {
            let manifest = match self.manifest_of(snapshot) {
                Ok(manifest) => manifest,
                Err(failure) if failure.kind == FailureKind::Damaged => {
                    manifests.damaged.push(unreadable(snapshot));
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let missing = manifest
                .parts
                .iter()
                .find(|part| !there.contains(&*part.snapshot));
            match missing {
                Some(part) => manifests.damaged.push(without(&manifest, &part.part)),
                None => manifests.good.push(manifest),
            }
        }
        manifests.good.sort_by(|one, other| other.run.cmp(&one.run));
        Ok(manifests)
    }

    /// Writes the manifest of a run: with that it has happened.
    pub(crate) fn write_manifest(&self, manifest: &Manifest) -> Result<Archived, Failure> {
        let text = serde_json::to_string(manifest).map_err(|error| {
            Failure::new(
                FailureKind::Internal,
                format!("The manifest of the backup could not be written: {error}. The backup does not count."),
            )
        })?;
        let path = PathBuf::from(MANIFEST_PATH);
        let what = ToArchive {
            of: &manifest.of,
            run: &manifest.run,
            kind: Kind::Manifest,
            at: manifest.ended_at,
            roots: std::slice::from_ref(&path),
            on_bytes: Arc::new(|_| ()),
        };
        self.archive_with(&what, Some(text.clone()), Texts(vec![(path.clone(), text)]))
    }

    /// What the manifest in a snapshot says. It is in the snapshot itself, so that a list of all backups needs
    /// nothing else; `restic tag` and the like leave only the file.
    fn manifest_of(&self, snapshot: &Snapshot) -> Result<Manifest, Failure> {
        let told = snapshot.file.description.as_deref();
        if let Some(manifest) = told.and_then(|text| serde_json::from_str(text).ok()) {
            return Ok(manifest);
        }
        let damaged = || Failure::new(FailureKind::Damaged, unreadable(snapshot));
        let node = self.node(snapshot, Path::new(MANIFEST_PATH))?;
        let mut text = Vec::new();
        self.write_file(&node.ok_or_else(damaged)?, &mut text)?;
        serde_json::from_slice(&text).map_err(|_| damaged())
    }
}

fn unreadable(snapshot: &Snapshot) -> String {
    let run = snapshot.run.as_deref().unwrap_or(&snapshot.id);
    format!("The manifest of the backup {run} can't be read; that backup does not count.")
}

fn without(manifest: &Manifest, part: &str) -> String {
    let run = &manifest.run;
    format!("The part `{part}` of the backup {run} is missing; that backup does not count.")
}
