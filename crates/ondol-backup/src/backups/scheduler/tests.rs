//! The first days of a box, and what goes before what.

use ondol_model::backup::JobOutcome;
use ondol_model::backup::TargetName;
use ondol_model::plan::Storage;
use ondol_store::BackupJobEnd;
use ondol_store::BackupJobId;
use ondol_store::CatalogueEntry;
use ondol_store::RecordedBackupJob;

use super::*;

const HOUR: i64 = 3_600;
/// Noon, in UTC.
const NOON: i64 = 20_458 * DAY + 12 * HOUR;

fn backup() -> Backup {
    let target = |name: &str| BackupTarget {
        name: TargetName::parse(name).unwrap(),
        storage: Storage::Local(format!("/mnt/{name}").into()),
        append_only: false,
    };
    Backup {
        to: vec![target("disk"), target("cloud")],
        ..Backup::default()
    }
}

fn done(memory: &mut Memory, kind: JobKind, at: i64, outcome: JobOutcome) {
    let job = RecordedBackupJob {
        id: BackupJobId(at),
        kind,
        target: "disk".to_owned(),
        run: None,
        began_at: at,
        ended: Some(BackupJobEnd {
            outcome,
            message: String::new(),
            at: at + 10,
            manifest: None,
            proven_run: None,
        }),
    };
    memory.jobs.entry(kind).or_default().insert(0, job);
    if kind.takes() && outcome == JobOutcome::Good {
        let entry = CatalogueEntry {
            run: format!("run at {at}"),
            kind,
            at,
            is_good: true,
            manifest: String::new(),
        };
        memory.catalogue.insert(0, entry);
    }
}

/// Lets the scheduler work from a moment on, each job succeeding at once; tells what it did at `disk`.
fn days(backup: &Backup, from: i64, days: i64) -> Vec<(JobKind, i64)> {
    let mut memories: BTreeMap<String, Memory> = BTreeMap::new();
    let zone = Zone::of(Some("UTC"));
    let mut now = from;
    let mut did = Vec::new();
    for _ in 0..1_000 {
        let Some(next) = next(backup, &memories, &zone, from + 120, now, |_| 1) else {
            break;
        };
        now = now.max(next.at);
        if now > from + days * DAY {
            break;
        }
        let memory = memories.entry(next.target.name.as_str().to_owned());
        done(memory.or_default(), next.kind, now, JobOutcome::Good);
        if next.target.name.as_str() == "disk" {
            did.push((next.kind, now - from));
        }
        now += 10;
    }
    did
}

#[test]
fn a_new_box_is_saved_proven_and_checked_within_minutes_and_then_each_night() {
    let did = days(&backup(), NOON, 8);
    let first: Vec<_> = did.iter().take(4).map(|(kind, _)| *kind).collect();
    let wanted = [
        JobKind::Full,
        JobKind::Prove,
        JobKind::Check,
        JobKind::Drill,
    ];
    assert_eq!(first, wanted);
    assert!(did[3].1 < 10 * 60, "{did:?}");
    let count = |kind| did.iter().filter(|(other, _)| *other == kind).count();
    assert_eq!(count(JobKind::Full), 9, "{did:?}");
    assert_eq!(count(JobKind::Check), 8, "{did:?}");
    assert_eq!(count(JobKind::Prove), 2, "{did:?}");
    assert_eq!(count(JobKind::Drill), 1, "{did:?}");
    assert_eq!(count(JobKind::Databases), 0, "{did:?}");
    let nights: Vec<_> = did
        .iter()
        .filter(|(kind, at)| *kind == JobKind::Full && *at > HOUR)
        .map(|(_, at)| (NOON + at).rem_euclid(DAY))
        .collect();
    // Half past three, and what another target took just before.
    assert!(
        nights
            .iter()
            .all(|at| (3 * HOUR + 1_800..3 * HOUR + 1_900).contains(at)),
        "{nights:?}"
    );
}

#[test]
fn nothing_is_proven_or_removed_before_something_was_saved() {
    let backup = backup();
    let mut memory = Memory::default();
    for at in 0..3 {
        done(
            &mut memory,
            JobKind::Full,
            NOON + at * 60,
            JobOutcome::Failed,
        );
    }
    let memories = [("disk", memory.clone()), ("cloud", memory)]
        .map(|(name, memory)| (name.to_owned(), memory));
    let zone = Zone::of(Some("UTC"));
    let next = next(&backup, &memories.into(), &zone, NOON, NOON + 200, |_| 1).unwrap();
    assert_eq!(next.kind, JobKind::Full);
    assert!(next.at > NOON + 200);
}

/// What the scheduler does at `disk` after a check has found something, when the checks end so.
fn after_a_failed_check(append_only: bool, checks: &[JobOutcome]) -> Vec<JobKind> {
    let mut backup = backup();
    backup.to.truncate(1);
    backup.to[0].append_only = append_only;
    let (zone, mut now) = (Zone::of(Some("UTC")), NOON);
    let mut memories: BTreeMap<String, Memory> = BTreeMap::new();
    let memory = memories.entry("disk".to_owned()).or_default();
    for (kind, outcome) in [
        (JobKind::Full, JobOutcome::Good),
        (JobKind::Prove, JobOutcome::Good),
        (JobKind::Drill, JobOutcome::Good),
        (JobKind::Check, JobOutcome::Failed),
    ] {
        done(memory, kind, now, outcome);
        now += 20;
    }
    let mut checks = checks.iter();
    let mut did = Vec::new();
    for _ in 0..6 {
        let next = next(&backup, &memories, &zone, NOON, now, |_| 0).unwrap();
        now = now.max(next.at);
        let outcome = match next.kind {
            JobKind::Check => match checks.next() {
                Some(outcome) => *outcome,
                None => break,
            },
            _ => JobOutcome::Good,
        };
        done(memories.get_mut("disk").unwrap(), next.kind, now, outcome);
        did.push(next.kind);
        now += 20;
    }
    did
}

#[test]
fn a_failed_check_is_repaired_once_saved_anew_and_looked_at_again() {
    use JobKind::Check;
    use JobKind::Full;
    use JobKind::Repair;
    use JobOutcome::Failed;
    use JobOutcome::Good;
    assert_eq!(
        after_a_failed_check(false, &[Good])[..3],
        [Repair, Full, Check]
    );
    // What fails again is not repaired again, until a check has succeeded.
    assert_eq!(
        after_a_failed_check(false, &[Failed, Failed]),
        [Repair, Full, Check, Check]
    );
    assert_eq!(
        after_a_failed_check(false, &[Failed, Good, Failed])[..4],
        [Repair, Full, Check, Check]
    );
    let kept = after_a_failed_check(true, &[Failed]);
    assert!(!kept.contains(&Repair), "{kept:?}");
}
