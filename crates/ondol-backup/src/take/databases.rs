//! The part of the databases. One that could not be saved whole is not in it, and is told by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_model::backup::Part;

use crate::access::DatabaseAccess;
use crate::databases::Ledger;
use crate::databases::snapshot_path;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::Manifest;
use crate::manifest::ManifestDatabase;
use crate::repository::Archived;
use crate::source::Gaps;
use crate::source::Other;
use crate::source::Source;
use crate::source::Wanted;
use crate::take::Taking;
use crate::take::told;

/// So often the databases are read until none of them was locked.
const TRIES: u32 = 2;

/// What came of the databases.
struct Saved {
    archived: Archived,
    gaps: Arc<Gaps>,
    saved: BTreeMap<String, ManifestDatabase>,
    failed: BTreeMap<String, Failure>,
}

impl Taking<'_> {
    /// Saves the databases, when there are any.
    pub(super) fn databases(&self, manifest: &mut Manifest) -> Result<(), Failure> {
        if self.work.databases.is_empty() {
            return Ok(());
        }
        self.reporter.step("saving the databases");
        let mut outcome = self.save()?;
        for _ in 1..TRIES {
            // One that somebody opened while it was read is read in another way the next time.
            let mut failed = outcome.failed.values();
            if !failed.any(|failure| failure.kind == FailureKind::Locked) {
                break;
            }
            outcome = self.save()?;
        }
        let Saved {
            archived,
            gaps,
            saved,
            failed,
        } = outcome;
        for (name, failure) in &failed {
            self.reporter
                .note(format!("The database {name} was not saved: {failure}"));
        }
        manifest.failed_databases = failed
            .into_iter()
            .map(|(name, failure)| (name, failure.sentence))
            .collect();
        if !saved.is_empty() {
            manifest.databases = saved.into_values().collect();
            manifest
                .parts
                .push(told(Part::Databases, archived, &gaps, None));
        }
        Ok(())
    }

    fn save(&self) -> Result<Saved, Failure> {
        let ledger = Arc::new(Ledger::default());
        let databases = &self.work.databases;
        let others = databases.iter().map(|access| {
            let other = Other::Database(access.clone(), Arc::clone(&ledger));
            (snapshot_path(access), other)
        });
        let others: BTreeMap<_, _> = others.collect();
        let paths: Vec<PathBuf> = others.keys().cloned().collect();
        let wanted = Wanted {
            others,
            scratch: self.work.state.clone(),
            ..Wanted::default()
        };
        let gaps = Arc::new(Gaps::new(self.reporter.clone()));
        let source = Source::new(wanted, Arc::clone(&gaps));
        let archived = self.archive(Part::Databases, &paths, &source, &gaps)?;
        let (mut saved, mut failed) = ledger.take();
        for access in databases {
            let name = &access.name;
            if saved.contains_key(name) || failed.contains_key(name) {
                continue;
            }
            match same(&saved, access) {
                Some(entry) => drop(saved.insert(name.clone(), entry)),
                None => drop(failed.insert(name.clone(), unread(name))),
            }
        }
        Ok(Saved {
            archived,
            gaps,
            saved,
            failed,
        })
    }
}

/// The entry of a database whose file another one has too: it is in the snapshot once.
fn same(
    saved: &BTreeMap<String, ManifestDatabase>,
    access: &DatabaseAccess,
) -> Option<ManifestDatabase> {
    let path = snapshot_path(access);
    let entry = saved.values().find(|entry| entry.path == path)?;
    Some(ManifestDatabase {
        name: access.name.clone(),
        app: access.app.clone(),
        ..entry.clone()
    })
}

fn unread(name: &str) -> Failure {
    let sentence = format!("The database {name} was not read to its end.");
    Failure::new(FailureKind::Here, sentence)
}
