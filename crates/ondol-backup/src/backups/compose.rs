//! Puts together what a job is told. Blocks on the disk.

use std::io;

use ondol_base::chain::Chain;
use ondol_base::file;
use ondol_model::backup::GateFacts;
use ondol_model::backup::JobKind;
use ondol_model::backup::Kept;
use ondol_model::backup::KeptRun;
use ondol_model::backup::kept;
use ondol_model::backup::may_prune;
use ondol_model::plan::BackupTarget;

use crate::access::Credential;
use crate::backups::contents::Contents;
use crate::backups::contents::contents;
use crate::backups::memory::Memory;
use crate::backups::memory::manifest;
use crate::backups::memory::name_run;
use crate::backups::perform::Tools;
use crate::backups::perform::Wanted;
use crate::backups::spec;
use crate::backups::spec::Which;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::job::JobSpec;
use crate::job::Placement;
use crate::work::CheckWork;
use crate::work::ProveWork;
use crate::work::PruneWork;
use crate::work::RepairWork;
use crate::work::TakeWork;
use crate::work::Work;

/// How long a job waits for a target that does not answer: a router that starts anew, a line that is down for a while.
const PATIENCE_SECONDS: u64 = 15 * 60;
/// An owner who waits for an answer is told sooner.
const PATIENCE_OF_AN_OWNER_SECONDS: u64 = 60;

/// A job, ready to begin.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) spec: JobSpec,
}

impl Composed {
    /// The backup that it takes.
    pub(crate) fn run(&self) -> Option<String> {
        match &self.spec.work {
            Work::Take(take) => Some(take.run.clone()),
            _ => None,
        }
    }
}

/// What is asked of a job.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) target: BackupTarget,
    pub(crate) kind: Option<JobKind>,
    /// What to do; `None` means what the kind always does.
    pub(crate) work: Option<Work>,
    /// What the target is opened with in place of the box's own credential.
    pub(crate) credential: Option<Credential>,
}

/// Puts together what a job is told.
pub(crate) fn compose(
    tools: &Tools,
    wanted: &Wanted,
    memory: &Memory,
    asked: Asked,
    now: i64,
) -> Result<Composed, Failure> {
    let Asked {
        target,
        kind,
        work,
        credential,
    } = asked;
    let mut target = target;
    // Who brings a credential may remove.
    target.append_only &= credential.is_none();
    let here = |sentence: String| Failure::new(FailureKind::Here, sentence);
    let is_owners = work.is_some();
    let work = match (work, kind) {
        (Some(work), _) => completed(work, wanted),
        (None, Some(kind)) => regular(tools, wanted, memory, &target, kind, now)?,
        (None, None) => return Err(here("there is nothing to do".to_owned())),
    };
    let access = spec::target_access(&target, Which::Own, memory.file_system.clone());
    let access = access.map_err(|reason| {
        here(format!(
            "{reason}. The target {} can't be opened without; earlier backups are as they were",
            target.name
        ))
    })?;
    let access = match credential {
        None => access,
        Some(credential) => access.with(credential).map_err(here)?,
    };
    let cache = tools.places.cache();
    file::create_dir_private(&cache).map_err(|error| {
        here(format!(
            "{} could not be made: {}",
            cache.display(),
            Chain(&error)
        ))
    })?;
    Ok(Composed {
        spec: JobSpec {
            target: access,
            password: wanted.password.clone(),
            repository: memory.repository.clone(),
            of: tools.identity.clone(),
            bandwidth: spec::bandwidth(&wanted.plan.backup.bandwidth),
            timezone: timezone(wanted),
            patience: if is_owners {
                PATIENCE_OF_AN_OWNER_SECONDS
            } else {
                PATIENCE_SECONDS
            },
            places: Placement { cache },
            work,
        },
    })
}

/// Who asks for a restore does not know how databases are reached.
fn completed(mut work: Work, wanted: &Wanted) -> Work {
    if let Work::Restore(restore) = &mut work {
        restore.databases = spec::databases(&wanted.plan);
    }
    work
}

/// The zone of times of backups.
pub(crate) fn timezone(wanted: &Wanted) -> Option<String> {
    let plan = &wanted.plan;
    plan.backup
        .timezone
        .clone()
        .or_else(|| plan.timezone.clone())
}

fn regular(
    tools: &Tools,
    wanted: &Wanted,
    memory: &Memory,
    target: &BackupTarget,
    kind: JobKind,
    now: i64,
) -> Result<Work, Failure> {
    let plan = &wanted.plan;
    Ok(match kind {
        JobKind::Full | JobKind::Databases => Work::Take(take(tools, wanted, memory, kind, now)),
        JobKind::Prune => Work::Prune(prune(wanted, memory, target)?),
        JobKind::Check => {
            let of = plan.backup.verify.read_days.max(1);
            Work::Check(CheckWork {
                share: memory.share % of + 1,
                of,
            })
        }
        JobKind::Repair => Work::Repair(RepairWork {
            packs: memory.damaged.clone(),
            everything: memory.damaged.is_empty(),
        }),
        JobKind::Prove | JobKind::Drill => {
            let apps = plan.apps.iter().map(|app| app.name.as_str().to_owned());
            Work::Prove(ProveWork {
                run: None,
                scratch: tools.places.scratch().join(format!("{now}")),
                databases: spec::databases(plan),
                keep_for: match kind {
                    JobKind::Drill => apps.collect(),
                    _ => Vec::new(),
                },
            })
        }
        JobKind::Restore => {
            let sentence = "what is to be restored was not said".to_owned();
            return Err(Failure::new(FailureKind::Internal, sentence));
        }
    })
}

fn take(tools: &Tools, wanted: &Wanted, memory: &Memory, kind: JobKind, now: i64) -> TakeWork {
    let plan = &wanted.plan;
    let places = &tools.places;
    let Contents { mut parts, scope } =
        contents(plan, places, &wanted.sources, spec::environment(plan));
    // Not each app has all that Ondol may keep of one; nobody has to know that.
    let own = places.state.join("apps");
    for part in &mut parts {
        part.roots.retain(|root| {
            let found = root.symlink_metadata();
            let is_missing = found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
            !root.starts_with(&own) || !is_missing
        });
    }
    TakeWork {
        run: name_run(now, random()),
        kind: kind.word().to_owned(),
        parts: match kind {
            JobKind::Full => parts,
            _ => Vec::new(),
        },
        databases: spec::databases(plan),
        is_known: memory.repository.is_some(),
        // What looks unchanged may no longer be stored.
        anew: memory.proven().failed.is_some(),
        configuration: places.configuration.clone(),
        state: places.state.clone(),
        sites: scope.sites,
        apps: scope.apps,
    }
}

/// Names of runs that begin in the same second differ.
fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without chance two boxes might give the same name to a run, in one second; nothing worse.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}

fn prune(wanted: &Wanted, memory: &Memory, target: &BackupTarget) -> Result<PruneWork, Failure> {
    let facts: GateFacts = memory.gate(target);
    may_prune(facts).map_err(|reason| {
        let sentence = format!("Nothing was removed from {}: {reason}", target.name);
        Failure::new(FailureKind::Here, sentence)
    })?;
    Ok(PruneWork {
        runs: surplus(wanted, memory),
        known: memory
            .catalogue
            .iter()
            .filter_map(manifest)
            .flat_map(|manifest| manifest.parts)
            .map(|part| part.snapshot)
            .collect(),
    })
}

/// The runs that are not to be kept.
pub(crate) fn surplus(wanted: &Wanted, memory: &Memory) -> Vec<String> {
    let zone = clock_zone(wanted);
    let proven = memory.proven_run();
    let runs: Vec<_> = memory
        .catalogue
        .iter()
        .map(|entry| KeptRun {
            at: entry.at,
            kind: entry.kind,
            is_good: entry.is_good,
            is_proven: proven == Some(entry.run.as_str()),
        })
        .collect();
    let verdicts = kept(&runs, wanted.plan.backup.keep, |at| zone.offset(at).0);
    let pairs = memory.catalogue.iter().zip(verdicts);
    let surplus = pairs.filter(|(_, verdict)| *verdict == Kept::Not);
    surplus.map(|(entry, _)| entry.run.clone()).collect()
}

/// The owner's clock.
pub(crate) fn clock_zone(wanted: &Wanted) -> ondol_base::clock::Zone {
    ondol_base::clock::Zone::of(timezone(wanted).as_deref())
}
