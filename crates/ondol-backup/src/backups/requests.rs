//! What the owner asks.

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::backup::JobKind;
use ondol_model::plan::BackupTarget;
use tokio::sync::mpsc;

use crate::access::Credential;
use crate::backups::Backups;
use crate::backups::Desk;
use crate::backups::ERRAND;
use crate::backups::ERRANDS_MAX;
use crate::backups::KIT_CONFIRMED;
use crate::backups::ORDERS_WAITING_MAX;
use crate::backups::memory::Memory;
use crate::backups::perform::Order;
use crate::backups::spec;
use crate::backups::spec::Which;
use crate::backups::tell::REPORTS_WAITING_MAX;
use crate::backups::tell::Tell;
use crate::job::JobSpec;
use crate::job::Placement;
use crate::report::Report;
use crate::request::Request;
use crate::request::Started;
use crate::work::ListWork;
use crate::work::What;
use crate::work::Work;

impl Backups {
    /// Answers a request; none waits for a job.
    pub(super) async fn answer(&self, desk: &mut Desk, request: Request) {
        match request {
            Request::Now {
                kind,
                target,
                reply,
            } => {
                let started = self.now(desk, kind, target.as_deref());
                let _ = reply.send(started); // Who asked may have gone.
            }
            Request::With {
                kind,
                target,
                credential,
                reply,
            } => {
                let started = self.with(desk, kind, target.as_deref(), credential);
                let _ = reply.send(started); // Who asked may have gone.
            }
            Request::Work {
                target,
                work,
                kind,
                reply,
            } => {
                let started = self.errand(desk, target.as_deref(), work, kind).await;
                let _ = reply.send(started); // Who asked may have gone.
            }
            Request::Access { target, reply } => {
                let _ = reply.send(self.access(desk, &target).await); // Who asked may have gone.
            }
            Request::KitConfirmed { reply } => {
                let now = clock::unix_seconds();
                let written = self
                    .store
                    .set_backup_fact(KIT_CONFIRMED, &now.to_string())
                    .await;
                if written.is_ok() {
                    desk.kit_confirmed_at = Some(now);
                }
                let written = written.map_err(|error| Chain(&error).to_string());
                let _ = reply.send(written); // Who asked may have gone.
            }
        }
    }

    fn now(&self, desk: &mut Desk, kind: JobKind, target: Option<&str>) -> Result<Started, String> {
        let plan = self.wanted_plan();
        let targets = targets(&plan, target)?;
        room_for(desk, targets.len())?;
        let (to, reports) = mpsc::channel(REPORTS_WAITING_MAX);
        let names = targets.iter().map(|target| target.name.as_str().to_owned());
        let names: Vec<_> = names.collect();
        let running = desk.tools.running.borrow().clone();
        for target in targets {
            let tell = Tell::of(target.name.as_str(), to.clone());
            if let Some(running) = &running {
                let (kind, at) = (running.kind.word(), &running.target);
                tell.say(Report::Waiting(format!("{kind} at {at} is under way")));
            }
            desk.waiting.push_back(Order {
                target: target.clone(),
                kind: Some(kind),
                work: None,
                credential: None,
                tell,
            });
        }
        Ok(Started {
            targets: names,
            reports,
        })
    }

    fn with(
        &self,
        desk: &mut Desk,
        kind: JobKind,
        target: Option<&str>,
        credential: Credential,
    ) -> Result<Started, String> {
        let plan = self.wanted_plan();
        let [target] = targets(&plan, target)?[..] else {
            return Err("say at which place: a credential opens one".to_owned());
        };
        room_for(desk, 1)?;
        let (to, reports) = mpsc::channel(REPORTS_WAITING_MAX);
        let name = target.name.as_str().to_owned();
        desk.waiting.push_back(Order {
            target: target.clone(),
            kind: Some(kind),
            work: None,
            credential: Some(credential),
            tell: Tell::of(&name, to),
        });
        Ok(Started {
            targets: vec![name],
            reports,
        })
    }

    /// What reads, or puts back, goes beside the job under way; what changes a repository waits for it.
    async fn errand(
        &self,
        desk: &mut Desk,
        target: Option<&str>,
        work: Box<Work>,
        kind: Option<JobKind>,
    ) -> Result<Started, String> {
        let plan = self.wanted_plan();
        let target = match target {
            Some(_) => targets(&plan, target)?.remove(0).clone(),
            None => best(&plan, desk, &work)?,
        };
        let (to, reports) = mpsc::channel(REPORTS_WAITING_MAX);
        let name = target.name.as_str().to_owned();
        let waits = matches!(
            *work,
            Work::Prune(_) | Work::Repair(_) | Work::Claim(_) | Work::Take(_)
        );
        let order = Order {
            tell: Tell::of(&name, to),
            target,
            kind,
            work: Some(work),
            credential: None,
        };
        if waits {
            room_for(desk, 1)?;
            desk.waiting.push_back(order);
        } else if desk.errands < ERRANDS_MAX {
            desk.errands += 1;
            self.begin(desk, order, ERRAND).await;
        } else {
            return Err(
                "too much is being looked at or restored already: try again in a moment".to_owned(),
            );
        }
        Ok(Started {
            targets: vec![name],
            reports,
        })
    }

    async fn access(&self, desk: &Desk, target: &str) -> Result<Box<JobSpec>, String> {
        let wanted = self.wanted().await?;
        let target = targets(&wanted.plan, Some(target))?.remove(0).clone();
        let memory = desk.memories.get(target.name.as_str());
        let file_system = memory.and_then(|memory| memory.file_system.clone());
        let repository = memory.and_then(|memory| memory.repository.clone());
        let read = tasks::spawn_blocking(move || {
            spec::target_access(&target, Which::ReadOnly, file_system)
        });
        let access = read.await.map_err(|error| error.to_string())??;
        Ok(Box::new(JobSpec {
            target: access,
            password: wanted.password,
            repository,
            of: desk.tools.identity.clone(),
            bandwidth: Vec::new(),
            timezone: None,
            patience: 0,
            places: Placement {
                cache: self.places.cache(),
            },
            work: Work::List(ListWork { browse: None }),
        }))
    }
}

/// Whether so many more jobs may wait.
fn room_for(desk: &Desk, count: usize) -> Result<(), String> {
    if desk.waiting.len() + count <= ORDERS_WAITING_MAX {
        return Ok(());
    }
    Err("too many jobs wait already: `ondol backups` shows what is under way".to_owned())
}

/// The targets of a name, or all.
fn targets<'p>(plan: &'p Plan, name: Option<&str>) -> Result<Vec<&'p BackupTarget>, String> {
    let all = &plan.backup.to;
    if all.is_empty() {
        return Err(
            "no place for backups is configured: write `[backup]` and `to = \"/mnt/disk/ondol\"` into the configuration, \
             then `ondol reload`"
                .to_owned(),
        );
    }
    let Some(name) = name else {
        return Ok(all.iter().collect());
    };
    let named: Vec<_> = all
        .iter()
        .filter(|target| target.name.as_str() == name)
        .collect();
    if named.is_empty() {
        let known: Vec<_> = all.iter().map(|target| target.name.as_str()).collect();
        return Err(format!(
            "there is no place for backups called `{name}`; there is {}",
            known.join(", ")
        ));
    }
    Ok(named)
}

/// The target that has what is asked for. Else that with the newest good backup: what is proven counts more, then what is
/// nearer.
fn best(plan: &Plan, desk: &Desk, work: &Work) -> Result<BackupTarget, String> {
    let all = targets(plan, None)?;
    let memory = |target: &BackupTarget| desk.memories.get(target.name.as_str());
    let rank = |target: &&BackupTarget| {
        let memory = memory(target);
        let has_run = memory.is_some_and(|memory| has_run(memory, work));
        let newest = kinds(work).iter().filter_map(|kind| {
            let newest = memory?.newest_good(*kind)?;
            Some(newest.at)
        });
        let is_whole = memory.is_some_and(|memory| memory.proven().failed.is_none());
        (has_run, is_whole, newest.max())
    };
    let newest = all.into_iter().rev().max_by_key(rank);
    newest
        .cloned()
        .ok_or_else(|| "no place for backups is configured".to_owned())
}

/// Whether the backup that somebody looks into is known to be there.
fn has_run(memory: &Memory, work: &Work) -> bool {
    let Work::List(ListWork {
        browse: Some((run, _)),
    }) = work
    else {
        return false;
    };
    memory.catalogue.iter().any(|entry| entry.run == *run)
}

/// The kinds of backups that have what is asked for.
fn kinds(work: &Work) -> &'static [JobKind] {
    match work {
        Work::Restore(restore) if matches!(restore.what, What::Databases(_)) => {
            &[JobKind::Full, JobKind::Databases]
        }
        _ => &[JobKind::Full],
    }
}
