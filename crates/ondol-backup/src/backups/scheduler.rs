//! Which job is next. It decides nothing itself: it asks the model about every kind at every target.

use std::collections::BTreeMap;

use ondol_base::clock::Zone;
use ondol_model::app::cron::Schedule;
use ondol_model::app::cron::Span;
use ondol_model::backup::Due;
use ondol_model::backup::JobKind;
use ondol_model::backup::Times;
use ondol_model::backup::due;
use ondol_model::backup::may_prune;
use ondol_model::plan::Backup;
use ondol_model::plan::BackupTarget;
use ondol_model::plan::Often;

use crate::backups::memory::Memory;

const DAY: i64 = 24 * 3_600;
/// The order in which jobs go that are due at the same time: first what cures, then what saves, then what proves, then what removes.
const ORDER: [JobKind; 7] = [
    JobKind::Repair,
    JobKind::Full,
    JobKind::Databases,
    JobKind::Prove,
    JobKind::Check,
    JobKind::Drill,
    JobKind::Prune,
];

/// The job that is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) kind: JobKind,
    pub(crate) target: BackupTarget,
    /// When; at once where that is not after now.
    pub(crate) at: i64,
}

/// Finds the job that is next. `surplus` says how many backups of a target are not to be kept.
pub(crate) fn next(
    backup: &Backup,
    memories: &BTreeMap<String, Memory>,
    zone: &Zone,
    settled_at: i64,
    now: i64,
    surplus: impl Fn(&Memory) -> usize,
) -> Option<Next> {
    let span = |from| {
        let (offset, until) = zone.offset(from);
        Span { offset, until }
    };
    let none = Memory::default();
    let mut all = Vec::new();
    for (place, kind) in ORDER.into_iter().enumerate() {
        for target in &backup.to {
            let memory = memories.get(target.name.as_str()).unwrap_or(&none);
            let times = times(backup, target, memory, kind, &surplus);
            let (times, last) = match memory.cure() {
                // Where nothing can be removed, the owner's credential repairs.
                Some((owed, since))
                    if owed == kind && !(target.append_only && kind == JobKind::Repair) =>
                {
                    (Times::Every(DAY), memory.last_since(kind, since))
                }
                _ => (times, memory.last(kind)),
            };
            let at = match due(&times, last, settled_at, now, span) {
                Due::Never => continue,
                Due::At(at) => at.max(now + 1),
                Due::Now(_) => now,
            };
            all.push((at, place, kind, target));
        }
    }
    let (at, _, kind, target) = all
        .into_iter()
        .min_by_key(|(at, place, ..)| (*at, *place))?;
    Some(Next {
        kind,
        target: target.clone(),
        at,
    })
}

fn times(
    backup: &Backup,
    target: &BackupTarget,
    memory: &Memory,
    kind: JobKind,
    surplus: impl Fn(&Memory) -> usize,
) -> Times {
    let has_backup = memory.newest_good(JobKind::Full).is_some();
    let often = |often: Often| match often.interval() {
        Some(interval) if has_backup => {
            Times::Every(i64::try_from(interval.as_secs()).unwrap_or(i64::MAX))
        }
        _ => Times::Never,
    };
    match kind {
        JobKind::Full => at(Some(&backup.at)),
        JobKind::Databases if backup.databases.is_empty() => Times::Never,
        JobKind::Databases => at(backup.databases_at.as_ref()),
        JobKind::Prove => often(backup.verify.restore),
        JobKind::Drill => often(backup.verify.drill),
        JobKind::Check if has_backup && backup.verify.read_days > 0 => Times::Every(DAY),
        JobKind::Prune if may_prune(memory.gate(target)).is_ok() && surplus(memory) > 0 => {
            Times::Every(DAY)
        }
        JobKind::Check | JobKind::Repair | JobKind::Prune | JobKind::Restore => Times::Never,
    }
}

/// The configuration was checked, so a text that says no times is not there.
fn at(text: Option<&String>) -> Times {
    let schedule = text.and_then(|text| Schedule::parse(text).ok());
    schedule.map_or(Times::Never, Times::At)
}

#[cfg(test)]
mod tests;
