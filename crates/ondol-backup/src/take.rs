//! Taking a backup: its parts one after another, the databases before the files that they speak of, and at last the
//! manifest, which makes it one.

mod databases;
mod files;
mod progress;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::clock;
use ondol_model::backup::Part;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::manifest::Manifest;
use crate::manifest::ManifestPart;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Archived;
use crate::repository::Kind;
use crate::repository::Repository;
use crate::repository::ToArchive;
use crate::source::Gaps;
use crate::source::Source;
use crate::take::progress::Progress;
use crate::work::ClaimWork;
use crate::work::TakeWork;

/// The version of the manifest's form.
const MANIFEST_VERSION: u32 = 1;
/// A first backup makes the repository this box's, and never takes one over.
const CLAIM: ClaimWork = ClaimWork {
    take_over: false,
    recovered_from: None,
};

/// A backup that is being taken.
struct Taking<'a> {
    repository: &'a Repository,
    work: &'a TakeWork,
    of: &'a BoxIdentity,
    reporter: &'a Reporter,
    began_at: i64,
}

/// Does it.
pub(crate) fn take(
    repository: &Repository,
    work: &TakeWork,
    of: &BoxIdentity,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    let _lock = repository.lock(false)?;
    repository.claim(&CLAIM, of)?;
    if work.anew {
        repository.read_anew();
    }
    let taking = Taking {
        repository,
        work,
        of,
        reporter,
        began_at: clock::unix_seconds(),
    };
    let mut manifest = taking.manifest();
    for part in Part::ALL {
        match part {
            Part::Databases => taking.databases(&mut manifest)?,
            Part::Box | Part::Apps | Part::Files => taking.files(part, &mut manifest)?,
        }
    }
    if manifest.parts.is_empty() {
        return Err(nothing(&manifest));
    }
    // Another box may have taken the repository over meanwhile.
    repository.check_claim(of)?;
    manifest.ended_at = clock::unix_seconds();
    repository.write_manifest(&manifest)?;
    Ok(Found::Taken(manifest))
}

impl Taking<'_> {
    fn manifest(&self) -> Manifest {
        let TakeWork {
            run,
            kind,
            parts: _,
            databases: _,
            is_known: _,
            anew: _,
            configuration,
            state,
            sites,
            apps,
        } = self.work;
        Manifest {
            version: MANIFEST_VERSION,
            ondol: env!("CARGO_PKG_VERSION").to_owned(),
            of: self.of.clone(),
            run: run.clone(),
            kind: kind.clone(),
            began_at: self.began_at,
            ended_at: self.began_at,
            parts: Vec::new(),
            databases: Vec::new(),
            failed_databases: BTreeMap::new(),
            configuration: configuration.clone(),
            state: state.clone(),
            sites: sites.clone(),
            apps: apps.clone(),
        }
    }

    /// Writes the snapshot of a part, and tells how far it is.
    fn archive(
        &self,
        part: Part,
        roots: &[PathBuf],
        source: &Source,
        gaps: &Arc<Gaps>,
    ) -> Result<Archived, Failure> {
        let progress = Progress::begin(source, gaps, self.reporter);
        let what = ToArchive {
            of: self.of,
            run: &self.work.run,
            kind: Kind::Part(part),
            at: self.began_at,
            roots,
            on_bytes: progress.on_bytes(),
        };
        let archived = self.repository.archive(&what, source.clone());
        progress.end();
        archived
    }
}

/// What the manifest says of a part.
fn told(part: Part, archived: Archived, gaps: &Gaps, canary: Option<String>) -> ManifestPart {
    let found = gaps.found();
    ManifestPart {
        part: part.word().to_owned(),
        snapshot: archived.snapshot,
        files: archived.files,
        bytes: archived.bytes,
        added: archived.added,
        unreadable: found.unreadable,
        unreadable_first: found.first,
        canary,
    }
}

fn nothing(manifest: &Manifest) -> Failure {
    let whys: Vec<&str> = manifest
        .failed_databases
        .values()
        .map(String::as_str)
        .collect();
    let why = if whys.is_empty() {
        "There was nothing to save.".to_owned()
    } else {
        whys.join(" ")
    };
    let sentence = format!("No backup was taken; earlier ones are as they were. {why}");
    Failure::new(FailureKind::Here, sentence)
}
