//! Putting something back, or beside: by Ondol itself, so that a bad place in the repository costs one file, and never
//! more memory than a few pieces take.

mod batch;
pub(crate) mod choose;
mod file;
mod fill;
mod folders;
pub(crate) mod layout;
mod metadata;
mod mounts;
mod owners;
mod place;
pub(crate) mod plan;
pub(crate) mod select;
pub(crate) mod server;
mod tree;

use std::path::Path;
use std::path::PathBuf;

use crate::databases;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::job::Placement;
use crate::manifest::Manifest;
use crate::manifest::ManifestDatabase;
use crate::report::Amount;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::repository::Repository;
use crate::work::Destination;
use crate::work::RestoreWork;
use batch::Means;
use fill::Count;
use folders::Folders;
use layout::Layout;
use owners::Owners;
use plan::FileDatabase;
use plan::Item;
use plan::Plan;
use select::Source;
use tree::Walk;

pub(crate) use fill::is_of_one_pack;
pub(crate) use plan::check_room;

/// So many faults are told one by one.
const FAULTS_MAX: usize = 200;

/// Does it.
pub(crate) fn restore(
    repository: &Repository,
    work: &RestoreWork,
    _places: &Placement,
    reporter: &Reporter,
) -> Result<Found, Failure> {
    let manifests = repository.manifests()?;
    for damaged in &manifests.damaged {
        reporter.note(damaged.clone());
    }
    if let Destination::Place { staged } = &work.to {
        return place::place(work, staged, reporter);
    }
    let _lock = lock(repository, reporter)?;
    reporter.step("looking for what is to be restored");
    let snapshots = repository.snapshots()?;
    let source = Source {
        repository,
        manifests: &manifests.good,
        snapshots: &snapshots,
        at: work.at,
    };
    let selected = source.select(&work.what)?;
    let run = selected.run().unwrap_or_default().to_owned();
    let stays = stays(work, &manifests.good, &selected);
    let layout = Layout::new(&work.to, &work.moved, stays);
    let mut plan = plan::plan(repository, selected, &layout)?;
    let total = plan.measure(repository)?;
    plan.check_room()?;
    reporter.step("restoring files");
    let mut outcome = files(repository, reporter, &plan, Some(total))?;
    outcome.faults.splice(..0, std::mem::take(&mut plan.faults));
    check_databases(&plan.files, reporter, &mut outcome);
    server::load_all(repository, work, &plan.servers, reporter, &mut outcome)?;
    Ok(outcome.into_found(run))
}

/// Nobody may remove what is read; but a restore is not kept back by somebody's lock, nor by a credential that can only
/// read.
pub(crate) fn lock(
    repository: &Repository,
    reporter: &Reporter,
) -> Result<Option<crate::repository::Lock>, Failure> {
    match repository.lock(false) {
        Ok(lock) => Ok(Some(lock)),
        Err(failure) => match failure.kind {
            FailureKind::Refused | FailureKind::Full => Ok(None),
            FailureKind::Locked => {
                reporter.note(format!(
                    "{} The restore goes on all the same.",
                    failure.sentence
                ));
                Ok(None)
            }
            _ => Err(failure),
        },
    }
}

/// What stays as it is within folders that are exchanged: disks that are mounted there, and databases that are not
/// restored now.
fn stays(work: &RestoreWork, manifests: &[Manifest], selected: &select::Selected) -> Vec<PathBuf> {
    let is_restored = |name: &str| {
        selected
            .databases
            .iter()
            .any(|chosen| chosen.database.name == name)
    };
    let mut stays = mounts::here();
    for database in &work.databases {
        if let crate::access::DatabasePlace::Sqlite { path } = &database.place
            && !is_restored(&database.name)
        {
            stays.push(layout::real(path));
        }
    }
    let newest = manifests
        .iter()
        .find(|manifest| !manifest.databases.is_empty());
    let saved = newest
        .map(|manifest| manifest.databases.as_slice())
        .unwrap_or_default();
    let layout = Layout::new(&work.to, &work.moved, Vec::new());
    for database in saved {
        if database.kind == "sqlite" && !is_restored(&database.name) {
            stays.push(layout::real(&layout.moved(&database.path)));
        }
    }
    stays
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) faults: Vec<String>,
    staged: Vec<(PathBuf, PathBuf)>,
}

impl Outcome {
    fn into_found(mut self, run: String) -> Found {
        if self.faults.len() > FAULTS_MAX {
            let more = self.faults.len() - FAULTS_MAX;
            self.faults.truncate(FAULTS_MAX);
            self.faults.push(format!("And {more} more."));
        }
        Found::Restored {
            run,
            files: self.files,
            bytes: self.bytes,
            faults: self.faults,
            staged: self.staged,
        }
    }
}

/// Restores all that are files.
pub(crate) fn files(
    repository: &Repository,
    reporter: &Reporter,
    plan: &Plan,
    total: Option<Amount>,
) -> Result<Outcome, Failure> {
    let owners = Owners::here();
    let count = Count::default();
    let mut outcome = Outcome::default();
    for file in &plan.files {
        if file.item.goal.stands_for.is_none() {
            place::set_sidecars_aside(&file.item.goal.path(), reporter);
        }
    }
    for (base, items) in plan.by_base() {
        let folders = base_of(base)?;
        let means = Means {
            repository,
            reporter,
            folders: &folders,
            owners: &owners,
            count: &count,
            total,
        };
        let faults = items_of_base(means, &items)?;
        let shown =
            |(place, why): (PathBuf, String)| format!("{}: {why}", base.join(place).display());
        outcome.faults.extend(faults.into_iter().map(shown));
        for item in items {
            let path = item.goal.path();
            if let (Some(place), Ok(_)) = (&item.goal.stands_for, path.symlink_metadata()) {
                outcome.staged.push((path, place.clone()));
            }
        }
    }
    // Several parts may have restored into the same folder.
    outcome.staged.sort_unstable();
    outcome.staged.dedup();
    let done = count.amount();
    (outcome.files, outcome.bytes) = (done.items, done.bytes);
    Ok(outcome)
}

fn base_of(base: &Path) -> Result<Folders, Failure> {
    let made = std::fs::create_dir_all(base);
    made.and_then(|()| Folders::below(base)).map_err(|error| {
        let sentence = format!(
            "Nothing can be restored to {}: {error}. Nothing was changed.",
            base.display()
        );
        Failure::new(FailureKind::Here, sentence)
    })
}

/// Restores what goes to one base, and says what could not be.
fn items_of_base(means: Means<'_>, items: &[&Item]) -> Result<batch::Faults, Failure> {
    let (repository, folders, owners) = (means.repository, means.folders, means.owners);
    let mut walk = Walk::new(means);
    let mut made = Vec::new();
    for item in items {
        if let Err(error) = make_parents(repository, folders, item, &mut made)? {
            let parent = item.goal.place.parent().unwrap_or(Path::new("")).to_owned();
            walk.faults.push((parent, error.to_string()));
            continue;
        }
        walk.make(item.thing.node.clone(), &item.goal.place)?;
    }
    let faults = walk.finish()?;
    // The longest first: what is in a folder changes its time.
    made.sort_by_key(|(place, _): &(PathBuf, _)| std::cmp::Reverse(place.components().count()));
    for (place, meta) in made {
        // They are there only to hold what was asked for.
        let _ = folders
            .at(&place)
            .and_then(|folder| metadata::apply(&folder, &meta, owners));
    }
    Ok(faults)
}

/// Makes the folders above a thing that are missing, and notes what they had in the backup.
fn make_parents(
    repository: &Repository,
    folders: &Folders,
    item: &Item,
    made: &mut Vec<(PathBuf, rustic_core::repofile::Metadata)>,
) -> Result<std::io::Result<()>, Failure> {
    let above = plan::above(repository, &item.thing)?;
    let places: Vec<&Path> = item.goal.place.ancestors().skip(1).collect();
    let target = match &item.goal.stands_for {
        Some(place) => place.clone(),
        None => item.goal.path(),
    };
    for place in places
        .into_iter()
        .rev()
        .filter(|place| !place.as_os_str().is_empty())
    {
        match folders.make(place) {
            Ok(false) => {}
            Ok(true) => {
                let depth = item.goal.place.components().count() - place.components().count();
                let its = above.get(depth - 1).filter(|(source, _)| {
                    // What was moved to a folder of another name is another folder.
                    source.file_name() == target.ancestors().nth(depth).and_then(Path::file_name)
                });
                let mut meta = its.map(|(_, node)| node.meta.clone()).unwrap_or_default();
                meta.mode.get_or_insert(tree::FOLDER_MODE);
                made.push((place.to_owned(), meta));
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(()))
}

/// Looks whether databases that are files are whole, and have the rows that they had. One that is not is not put in
/// place.
fn check_databases(files: &[FileDatabase], reporter: &Reporter, outcome: &mut Outcome) {
    for file in files {
        let path = file.item.goal.path();
        if path.symlink_metadata().is_err() {
            continue;
        }
        reporter.step(&format!(
            "checking the database {}",
            file.chosen.database.name
        ));
        let Err(why) = check_sqlite(&path, &file.chosen.database) else {
            continue;
        };
        outcome.faults.push(format!(
            "The database {} of {} can't be used: {why} An older one may be whole.",
            file.chosen.database.name,
            ondol_base::clock::rfc3339(file.chosen.database.as_of),
        ));
        outcome
            .staged
            .retain(|(staged, _)| !path.starts_with(staged));
    }
}

/// Looks whether a database file is whole, and has the rows that it had when it was saved; a sentence with what is
/// not right.
pub(crate) fn check_sqlite(path: &Path, expected: &ManifestDatabase) -> Result<(), String> {
    let checked = whole_with_rows(path, expected);
    // Nobody uses it yet: what SQLite made to read it would only be in the way of who does.
    for end in databases::SQLITE_SIDECARS {
        let _ = std::fs::remove_file(databases::beside(path, end));
    }
    checked
}

fn whole_with_rows(path: &Path, expected: &ManifestDatabase) -> Result<(), String> {
    databases::sqlite_integrity(path).map_err(|failure| failure.sentence)?;
    if expected.rows.is_empty() {
        return Ok(());
    }
    let rows = databases::sqlite_rows(path).map_err(|failure| failure.sentence)?;
    compare_rows(&expected.rows, &rows)
}

/// Compares what tables have with what they had.
pub(crate) fn compare_rows(
    expected: &std::collections::BTreeMap<String, u64>,
    found: &std::collections::BTreeMap<String, u64>,
) -> Result<(), String> {
    for (table, rows) in expected {
        match found.get(table) {
            Some(found) if found == rows => {}
            Some(found) => {
                return Err(format!(
                    "the table {table} has {found} rows, and had {rows}."
                ));
            }
            None => {
                return Err(format!(
                    "the table {table} is missing, which had {rows} rows."
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
