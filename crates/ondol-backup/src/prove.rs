//! Restoring the newest backup into a scratch folder, and comparing it with what its manifest says: the canaries, a
//! sample of the files, and every database, whole and with all its rows.

mod copies;
mod databases;
mod sample;

use std::fs;
use std::mem;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::backup::Part;

use crate::digest::Digest;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::job::Leash;
use crate::manifest::CANARY_PATH;
use crate::manifest::Manifest;
use crate::manifest::ManifestPart;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::repository::Snapshot;
use crate::restore;
use crate::restore::layout::Goal;
use crate::restore::plan::Item;
use crate::restore::plan::Plan;
use crate::restore::select::Thing;
use crate::work::ProveWork;

use copies::Copy;

/// Does it.
pub(crate) fn prove(
    repository: &Repository,
    work: &ProveWork,
    leash: &Leash,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    let _lock = restore::lock(repository, reporter)?;
    let manifests = repository.manifests()?;
    let snapshots = repository.snapshots()?;
    let newest = chosen(&manifests.good, work.run.as_deref())?;
    make_scratch(work)?;
    let mut proof = Proof {
        repository,
        reporter,
        work,
        leash,
        snapshots: &snapshots.good,
        copies: Vec::new(),
        shown: Vec::new(),
        faults: Vec::new(),
    };
    proof.sweep();
    for part in &newest.parts {
        proof.part(part)?;
    }
    // Of one run that was asked for, its own databases; else the newest of each.
    let of_run = std::slice::from_ref(newest);
    let databases = if work.run.is_some() {
        of_run
    } else {
        &manifests.good
    };
    proof.databases(databases)?;
    for app in newest
        .apps
        .iter()
        .filter(|app| work.keep_for.contains(&app.name))
    {
        let paths: Vec<&PathBuf> = app.code.iter().chain(&app.data).collect();
        proof.keep(newest, &app.name, &paths)?;
    }
    if !work.keep_for.is_empty() {
        proof.hand_over();
    }
    Ok(Found::Proven {
        run: newest.run.clone(),
        shown: mem::take(&mut proof.shown),
        faults: mem::take(&mut proof.faults),
    })
}

/// The backup that is proven: the one that was asked for, or the newest of everything.
fn chosen<'a>(manifests: &'a [Manifest], run: Option<&str>) -> Result<&'a Manifest, Failure> {
    let found = match run {
        Some(run) => manifests.iter().find(|manifest| manifest.run == run),
        None => manifests
            .iter()
            .find(|manifest| manifest.kind == "full")
            .or(manifests.first()),
    };
    found.ok_or_else(|| {
        let sentence = match run {
            Some(run) => format!("There is no backup {run} in this repository."),
            None => "There is no backup in this repository yet, so there is nothing to prove."
                .to_owned(),
        };
        Failure::new(FailureKind::NotFound, sentence)
    })
}

fn make_scratch(work: &ProveWork) -> Result<(), Failure> {
    ondol_base::file::create_dir_private(&work.scratch).map_err(|error| {
        let sentence = format!(
            "The folder {} could not be made, where backups are tried: {error}. The backups are as they were.",
            work.scratch.display()
        );
        Failure::new(FailureKind::Here, sentence)
    })
}

/// A proof on its way.
#[derive(Debug)]
struct Proof<'a> {
    repository: &'a Repository,
    reporter: &'a Reporter,
    work: &'a ProveWork,
    leash: &'a Leash,
    snapshots: &'a [Snapshot],
    copies: Vec<Copy<'a>>,
    shown: Vec<String>,
    faults: Vec<String>,
}

impl Proof<'_> {
    fn part(&mut self, part: &ManifestPart) -> Result<(), Failure> {
        let word = &part.part;
        self.reporter.step(&format!("trying the part {word}"));
        let Some(snapshot) = self
            .snapshots
            .iter()
            .find(|snapshot| snapshot.id == part.snapshot)
        else {
            self.faults
                .push(format!("The snapshot of the part {word} is missing."));
            return Ok(());
        };
        self.canary(part, snapshot)?;
        if *word != Part::Databases.word() {
            self.sample(part, snapshot)?;
        }
        Ok(())
    }

    fn canary(&mut self, part: &ManifestPart, snapshot: &Snapshot) -> Result<(), Failure> {
        let (Some(expected), word) = (&part.canary, &part.part) else {
            return Ok(());
        };
        let mut digest = Digest::default();
        let read = self.repository.node(snapshot, Path::new(CANARY_PATH));
        let read = read.and_then(|node| match node {
            Some(node) => self
                .repository
                .write_file(&node, &mut digest)
                .map(|()| true),
            None => Ok(false),
        });
        match read {
            Ok(true) if digest.text() == *expected => {
                self.shown
                    .push(format!("the canary of the part {word} came back as it was"));
            }
            Ok(true) => self.faults.push(format!(
                "The canary of the part {word} came back as something else."
            )),
            Ok(false) => self
                .faults
                .push(format!("The canary of the part {word} is missing.")),
            Err(failure) => self.fault(&format!("the canary of the part {word}"), failure)?,
        }
        Ok(())
    }

    /// What is damaged is a fault of the backup; what can't be reached is none.
    fn fault(&mut self, what: &str, failure: Failure) -> Result<(), Failure> {
        if !restore::is_of_one_pack(&failure) {
            return Err(failure);
        }
        self.faults.push(format!(
            "With {what} there is something wrong. {}",
            failure.sentence
        ));
        Ok(())
    }

    /// Restores things of a snapshot below the scratch folder, each at its whole path.
    fn restored(&self, things: Vec<Thing>, below: &Path) -> Result<restore::Outcome, Failure> {
        let items = things.into_iter().filter_map(|thing| {
            let place = thing.source.strip_prefix("/").ok()?.to_owned();
            let goal = Goal {
                base: below.to_owned(),
                place,
                stands_for: None,
            };
            Some(Item { thing, goal })
        });
        let mut plan = Plan {
            items: items.collect(),
            ..Plan::default()
        };
        let total = plan.measure(self.repository)?;
        restore::check_room(below, total.bytes)?;
        restore::files(self.repository, self.reporter, &plan, Some(total))
    }

    /// Restores the code and the data of an app, and leaves them there.
    fn keep(&mut self, manifest: &Manifest, app: &str, paths: &[&PathBuf]) -> Result<(), Failure> {
        self.reporter
            .step(&format!("restoring what {app} is started from"));
        let mut things = Vec::new();
        for part in manifest
            .parts
            .iter()
            .filter(|part| part.part != Part::Databases.word())
        {
            let Some(snapshot) = self
                .snapshots
                .iter()
                .find(|snapshot| snapshot.id == part.snapshot)
            else {
                continue;
            };
            for path in paths {
                match self.repository.node(snapshot, path) {
                    Ok(Some(node)) => things.push(Thing {
                        run: manifest.run.clone(),
                        snapshot: snapshot.clone(),
                        source: (*path).clone(),
                        node,
                        amount: None,
                    }),
                    Ok(None) => {}
                    Err(failure) => self.fault(&format!("{}", path.display()), failure)?,
                }
            }
        }
        let outcome = self.restored(things, &self.work.scratch)?;
        self.shown
            .push(format!("{} files of {app} came back", outcome.files));
        self.faults.extend(outcome.faults);
        Ok(())
    }

    /// Removes what was only restored to be looked at.
    fn clear(&self, path: &Path) {
        let removed = fs::remove_dir_all(path);
        if let Err(error) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            self.reporter
                .note(format!("{} could not be removed: {error}.", path.display()));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
