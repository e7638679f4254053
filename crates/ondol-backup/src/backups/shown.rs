//! What the owner sees of backups, from what is remembered.

use std::collections::BTreeMap;

use ondol_model::backup::JobKind;
use ondol_model::backup::JobOutcome;
use ondol_model::plan::Backup;
use ondol_model::plan::BackupTarget;

use crate::backups::memory::Memory;
use crate::backups::memory::manifest;
use crate::backups::memory::place;
use crate::backups::memory::size;
use crate::status::BackupStatus;
use crate::status::DatabaseAge;
use crate::status::LastJob;
use crate::status::TargetStatus;
use crate::words;

const HOUR: i64 = 3_600;
/// After so long without a good backup of everything the owner is warned: two nights and a bit.
const SILENCE_MAX: i64 = 50 * HOUR;

/// Puts together what there is to see; what runs and what comes next is added by the scheduler.
pub(crate) fn status(
    backup: &Backup,
    memories: &BTreeMap<String, Memory>,
    kit_confirmed_at: Option<i64>,
    now: i64,
) -> BackupStatus {
    let none = Memory::default();
    let memory = |target: &BackupTarget| memories.get(target.name.as_str()).unwrap_or(&none);
    let targets: Vec<_> = backup
        .to
        .iter()
        .map(|target| target_status(target, memory(target)))
        .collect();
    let proven_as_of = targets
        .iter()
        .filter_map(|target| target.proven_as_of)
        .max();
    let last_good_at = targets
        .iter()
        .filter_map(|target| target.last_good_at)
        .max();
    let mut warnings = Vec::new();
    for (target, planned) in targets.iter().zip(&backup.to) {
        let memory = memory_of(memories, target);
        warnings.extend(warning(target, planned.append_only, memory, now));
    }
    if !backup.to.is_empty() && kit_confirmed_at.is_none() {
        warnings.push(
            "The recovery kit was never confirmed: print it (`ondol backup kit`), keep it away from this machine, \
             and type a part of it back (`ondol backup kit --confirm`). Without it backups can't be opened elsewhere"
                .to_owned(),
        );
    }
    BackupStatus {
        proven_as_of,
        last_good_at,
        databases: databases(backup, memories),
        targets,
        running: None,
        next: None,
        kit_confirmed_at,
        warnings,
    }
}

fn memory_of<'m>(
    memories: &'m BTreeMap<String, Memory>,
    target: &TargetStatus,
) -> Option<&'m Memory> {
    memories.get(&target.name)
}

fn target_status(target: &BackupTarget, memory: &Memory) -> TargetStatus {
    let last = memory.jobs.iter().filter_map(|(kind, jobs)| {
        let job = jobs.first()?;
        Some(LastJob {
            kind: *kind,
            began_at: job.began_at,
            ended_at: job.ended.as_ref().map(|end| end.at),
            outcome: job.ended.as_ref().map(|end| end.outcome),
            message: job
                .ended
                .as_ref()
                .map_or(String::new(), |end| end.message.clone()),
        })
    });
    let proven = memory.proven();
    let newest = memory.newest_good(JobKind::Full);
    TargetStatus {
        name: target.name.as_str().to_owned(),
        place: place(target),
        last: last.collect(),
        last_good_at: newest.map(|entry| manifest(entry).map_or(entry.at, |taken| taken.ended_at)),
        proven_as_of: proven.as_of,
        failed_proof: proven.failed,
        backups: u64::try_from(memory.catalogue.len()).unwrap_or(u64::MAX),
        bytes: newest.and_then(|entry| Some(size(&manifest(entry)?).bytes)),
    }
}

fn warning(
    target: &TargetStatus,
    is_append_only: bool,
    memory: Option<&Memory>,
    now: i64,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let name = &target.name;
    if let Some(why) = &target.failed_proof {
        let why = why.trim_end_matches('.');
        let next = memory.map_or("", |memory| what_next(memory, is_append_only));
        let next = next.replace("NAME", name);
        warnings.push(format!(
            "What is stored at {name} did not prove restorable: {why}. Nothing is removed there until a proof of the \
             same kind succeeds{next}"
        ));
    }
    match target.last_good_at {
        Some(at) if now - at > SILENCE_MAX => warnings.push(format!(
            "There was no good backup at {name} for {}: `ondol events` says why",
            words::seconds(now - at)
        )),
        Some(_) => {}
        None => warnings.extend(never_good(target)),
    }
    if memory.is_some_and(Memory::has_shrunk) {
        warnings.push(format!(
            "The newest backup at {name} is less than half of the one before: look whether something is missing"
        ));
    }
    warnings
}

/// What cures a failed proof, as the rest of a sentence.
fn what_next(memory: &Memory, is_append_only: bool) -> &'static str {
    match memory.cure() {
        Some((JobKind::Repair, _)) if is_append_only => {
            ". With its own credential the box can't mend that: `ondol backup repair NAME --with FILE` and then \
             `ondol backup now NAME` save anew what is damaged and still is on this machine"
        }
        Some((JobKind::Repair, _)) => {
            ". Ondol repairs it next, by itself (`ondol backup repair NAME` does it now), and then saves anew what is \
             damaged and still is on this machine"
        }
        Some((JobKind::Full, _)) => {
            ". It is repaired, and the next backup (`ondol backup now NAME`) saves anew what was damaged and still is on \
             this machine"
        }
        Some((JobKind::Check, _)) => {
            ". It was repaired and saved anew; reading it back comes next (`ondol backup verify NAME` does it now)"
        }
        _ if memory.has_failed_check() => {
            ". It was repaired, but what is no longer on this machine could not be saved anew: the backups that need it \
             are not whole, all others are. `ondol backup verify NAME` looks again"
        }
        _ => ". `ondol backup verify NAME` looks again",
    }
}

/// That there is no good backup yet, although one was tried.
fn never_good(target: &TargetStatus) -> Option<String> {
    let full = target.last.iter().find(|last| last.kind == JobKind::Full)?;
    let is_bad = matches!(
        full.outcome?,
        JobOutcome::Partial | JobOutcome::Failed | JobOutcome::Skipped
    );
    let (name, why) = (&target.name, &full.message);
    is_bad.then(|| format!("There is no good backup at {name} yet: {why}"))
}

fn databases(backup: &Backup, memories: &BTreeMap<String, Memory>) -> Vec<DatabaseAge> {
    let of_targets: Vec<_> = memories
        .iter()
        .map(|(target, memory)| (target, newest_of_databases(memory)))
        .collect();
    let ages = backup.databases.iter().map(|database| {
        let name = database.name.as_str();
        let ages = of_targets
            .iter()
            .filter_map(|(target, ages)| Some((*target, ages.get(name)?)));
        let newest = ages.clone().max_by_key(|(_, age)| age.newest);
        DatabaseAge {
            name: name.to_owned(),
            as_of: newest.and_then(|(_, age)| age.newest),
            proven_as_of: ages.filter_map(|(_, age)| age.proven).max(),
            target: newest.map(|(target, _)| target.clone()),
        }
    });
    ages.collect()
}

#[derive(Default)]
struct Age {
    newest: Option<i64>,
    proven: Option<i64>,
}

fn newest_of_databases(memory: &Memory) -> BTreeMap<String, Age> {
    let proven_run = memory.proven().as_of.and(memory.proven_run());
    let mut ages: BTreeMap<String, Age> = BTreeMap::new();
    for taken in memory.catalogue.iter().filter_map(manifest) {
        for database in taken.databases {
            let age = ages.entry(database.name).or_default();
            age.newest = age.newest.max(Some(database.as_of));
            if proven_run == Some(taken.run.as_str()) {
                age.proven = age.proven.max(Some(database.as_of));
            }
        }
    }
    ages
}
