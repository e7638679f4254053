//! One job from its record before it begins to its record when it is over, as the agent sees it.

use std::sync::Arc;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::backup::JobKind;
use ondol_model::backup::JobOutcome;
use ondol_model::plan::BackupTarget;
use ondol_model::watch::PowerState;
use ondol_store::BackupJobEnd;
use ondol_store::NewBackupJob;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::access::Credential;
use crate::access::Hidden;
use crate::backups::compose::Asked;
use crate::backups::compose::Composed;
use crate::backups::compose::compose;
use crate::backups::ending::Ending;
use crate::backups::ending::of_failure;
use crate::backups::ending::of_found;
use crate::backups::hooks;
use crate::backups::memory::Memory;
use crate::backups::memory::fact;
use crate::backups::tell::Tell;
use crate::backups::trials;
use crate::backups::trials::Tried;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::identity::BoxIdentity;
use crate::job;
use crate::news::News;
use crate::places::Places;
use crate::report::Found;
use crate::report::Report;
use crate::status::RunningJob;
use crate::trial::Trial;
use crate::work::Work;

/// Of more damaged packs none is remembered: then all packs are read to repair them.
const DAMAGED_MAX: usize = 1_000;

/// What every job needs.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub(crate) places: Arc<Places>,
    pub(crate) store: ondol_store::Handle,
    pub(crate) news: mpsc::Sender<News>,
    pub(crate) trials: mpsc::Sender<Trial>,
    pub(crate) identity: BoxIdentity,
    pub(crate) running: watch::Sender<Option<RunningJob>>,
    pub(crate) power: watch::Receiver<PowerState>,
    /// Who asked is told of the end when the status shows it.
    pub(crate) last_words: mpsc::Sender<(Tell, Report)>,
}

/// What is to be done, and for whom.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) target: BackupTarget,
    /// What it is remembered as; `None` for what changes nothing.
    pub(crate) kind: Option<JobKind>,
    /// What to do; `None` means what the kind always does.
    pub(crate) work: Option<Box<Work>>,
    /// What the target is opened with in place of the box's own credential.
    pub(crate) credential: Option<Credential>,
    /// Who hears how it goes.
    pub(crate) tell: Tell,
}

impl Order {
    /// Whether it is shown as what is under way: the owner's errands go on beside that, and must not hide it.
    fn is_shown(&self) -> bool {
        self.kind.is_some() && self.work.is_none()
    }
}

/// What the plan says at the moment when a job begins.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) plan: Arc<Plan>,
    /// The files of the configuration.
    pub(crate) sources: Arc<[std::path::PathBuf]>,
    /// The password of the repositories.
    pub(crate) password: Hidden,
}

/// Does what was ordered, and says what came of it.
pub(crate) async fn perform(tools: Tools, order: Order, wanted: Wanted) {
    let began_at = clock::unix_seconds();
    let (target, kind) = (order.target.clone(), order.kind);
    let memory = match Memory::read(&tools.store, &target).await {
        Ok(memory) => memory,
        // Without what is known of the target, an unplugged disk would be taken for a new one.
        Err(error) => {
            let reason = format!(
                "what is known of the target could not be read: {}",
                Chain(&error)
            );
            return refuse(tools, order, reason).await;
        }
    };
    let composed = composed(&tools, &order, &wanted, &memory, began_at).await;
    let run = composed.as_ref().ok().and_then(Composed::run);
    let id = match kind {
        None => None,
        Some(kind) => {
            let new = NewBackupJob {
                kind,
                target: target.name.as_str().to_owned(),
                run,
                at: began_at,
            };
            match tools.store.begin_backup_job(new).await {
                Ok(id) => Some(id),
                Err(error) => {
                    tracing::warn!("a job is not remembered: {}", Chain(&error));
                    None
                }
            }
        }
    };
    let shown = RunningJob {
        kind: kind.unwrap_or(JobKind::Restore),
        target: target.name.as_str().to_owned(),
        since: began_at,
        step: "starting".to_owned(),
        done: Default::default(),
        total: None,
    };
    if order.is_shown() {
        tools.running.send_replace(Some(shown));
    }
    let result = match composed {
        Ok(composed) => work(&tools, &order, &wanted, composed).await,
        Err(failure) => Err(failure),
    };
    let ending = match &result {
        Ok(found) => of_found(found, began_at, &memory),
        Err(failure) => of_failure(failure, kind, &memory),
    };
    conclude(&tools, &target, kind, id, &ending, &memory).await;
    if order.is_shown() {
        tools.running.send_replace(None);
    }
    let last = match result {
        Ok(found) => Report::Done(Box::new(found)),
        Err(failure) => Report::Failed(failure),
    };
    let _ = tools.last_words.send((order.tell, last)).await; // A service that ends tells nobody.
}

/// What the job is told; finding that out may wait for disks.
async fn composed(
    tools: &Tools,
    order: &Order,
    wanted: &Wanted,
    memory: &Memory,
    began_at: i64,
) -> Result<Composed, Failure> {
    let (tools, wanted, memory) = (tools.clone(), wanted.clone(), memory.clone());
    let asked = Asked {
        target: order.target.clone(),
        kind: order.kind,
        work: order.work.as_deref().cloned(),
        credential: order.credential.clone(),
    };
    let composed =
        tasks::spawn_blocking(move || compose(&tools, &wanted, &memory, asked, began_at));
    let composed = composed.await;
    composed.unwrap_or_else(|_| Err(here("the work could not be prepared")))
}

/// A job that can't begin; who asked, and the store, are told.
pub(crate) async fn refuse(tools: Tools, order: Order, reason: String) {
    let sentence = format!("{reason}. Nothing was begun; earlier backups are as they were");
    let failure = Failure::new(FailureKind::Here, sentence);
    let memory = Memory::default();
    let ending = of_failure(&failure, order.kind, &memory);
    let id = match order.kind {
        None => None,
        Some(kind) => {
            let new = NewBackupJob {
                kind,
                target: order.target.name.as_str().to_owned(),
                run: None,
                at: clock::unix_seconds(),
            };
            tools.store.begin_backup_job(new).await.ok()
        }
    };
    conclude(&tools, &order.target, order.kind, id, &ending, &memory).await;
    let last = Report::Failed(failure);
    let _ = tools.last_words.send((order.tell, last)).await; // A service that ends tells nobody.
}

fn here(sentence: &str) -> Failure {
    Failure::new(FailureKind::Internal, sentence)
}

/// Runs the hooks and the job, and what comes after it.
async fn work(
    tools: &Tools,
    order: &Order,
    wanted: &Wanted,
    composed: Composed,
) -> Result<Found, Failure> {
    let takes = order.kind.is_some_and(JobKind::takes);
    let backup = &wanted.plan.backup;
    if takes && let Some(command) = &backup.before {
        hooks::run("before", command, backup.hook_timeout).await?;
    }
    let result = tokio::select! {
        result = run(tools, order, wanted, composed) => result,
        failure = gives_way(tools, order) => Err(failure),
    };
    if takes
        && let Some(command) = &backup.after
        && let Err(failure) = hooks::run("after", command, backup.hook_timeout).await
    {
        order.tell.say(Report::Note(failure.sentence.clone()));
        let subject = order.target.name.as_str().to_owned();
        let news = News {
            kind: ondol_model::event::EventKind::Backup,
            subject,
            message: failure.sentence,
        };
        let _ = tools.news.try_send(news); // It is in the log of the job too.
    }
    // An errand beside a proof must not take away what is being compared.
    if order.kind.is_some_and(JobKind::proves) {
        trials::clear(&tools.places).await;
    }
    result
}

/// Returns when the job has to end because of the power; what is left of it then is killed, which is safe.
async fn gives_way(tools: &Tools, order: &Order) -> Failure {
    let mut power = tools.power.clone();
    let began_on = *power.borrow();
    let must_end = power.wait_for(|now| must_end(began_on, *now, order.is_shown()));
    let now = must_end.await.map(|now| *now);
    let why = match now {
        Ok(PowerState::Low) => "the battery of the box is nearly empty",
        Ok(PowerState::Mains | PowerState::Battery) => "the box runs on its battery",
        // Nobody tells of the power any more.
        Err(_) => return std::future::pending().await,
    };
    let sentence = format!(
        "It was broken off, because {why}. Earlier backups are as they were, and it is done again with the mains"
    );
    Failure::new(FailureKind::Power, sentence)
}

/// What the owner does beside the regular jobs, and began on the battery, goes on while that lasts.
fn must_end(began_on: PowerState, now: PowerState, is_regular: bool) -> bool {
    match now {
        PowerState::Mains => false,
        PowerState::Battery => is_regular && began_on == PowerState::Mains,
        PowerState::Low => true,
    }
}

async fn run(
    tools: &Tools,
    order: &Order,
    wanted: &Wanted,
    composed: Composed,
) -> Result<Found, Failure> {
    let started = job::begin(&tools.places.program, &composed.spec).await;
    let mut job = started.map_err(|error| {
        let sentence = format!("the job could not be started: {error}. Nothing was changed");
        Failure::new(FailureKind::Internal, sentence)
    })?;
    let mut tried = Tried::default();
    while let Some(report) = job.next().await {
        match report {
            Report::Done(found) => return Ok(tried.with(*found)),
            Report::Ready(ground) => {
                tried = trials::hold(tools, order, wanted, &ground).await;
                let _ = job.go_on().await; // Why it has ended, it says next.
            }
            Report::Failed(failure) => return Err(failure),
            Report::Repository { id, file_system } => {
                know(tools, &order.target, "repository", &id).await;
                if let Some(file_system) = file_system {
                    know(tools, &order.target, "file-system", &file_system).await;
                }
            }
            report => {
                if order.is_shown() {
                    show(&tools.running, &report);
                }
                order.tell.say(report);
            }
        }
    }
    Err(here("the job ended without a word"))
}

fn show(running: &watch::Sender<Option<RunningJob>>, report: &Report) {
    running.send_modify(|running| {
        let Some(running) = running else { return };
        match report {
            Report::Step(step) => {
                running.step.clone_from(step);
                running.done = Default::default();
                running.total = None;
            }
            Report::Progress { done, total } => {
                running.done = *done;
                running.total = *total;
            }
            Report::Waiting(why) => running.step = format!("waiting: {why}"),
            _ => {}
        }
    });
}

async fn know(tools: &Tools, target: &BackupTarget, what: &str, value: &str) {
    let name = fact(what, target);
    if let Err(error) = tools.store.set_backup_fact(&name, value).await {
        tracing::warn!("a fact about a target is not remembered: {}", Chain(&error));
    }
}

/// The packs that are known to be damaged after a job; `None` when it says nothing of them.
fn now_damaged(kind: Option<JobKind>, ending: &Ending, memory: &Memory) -> Option<Vec<String>> {
    let mut damaged = match (kind?, ending.outcome) {
        (JobKind::Repair, JobOutcome::Good) => Vec::new(),
        // Another share of the packs is read each day.
        (JobKind::Check, JobOutcome::Failed) => memory.damaged.clone(),
        _ => return None,
    };
    damaged.extend(ending.damaged.iter().cloned());
    damaged.sort_unstable();
    damaged.dedup();
    if damaged.len() > DAMAGED_MAX {
        damaged.clear();
    }
    Some(damaged)
}

/// Writes down how it ended, and says what the owner will want to know.
async fn conclude(
    tools: &Tools,
    target: &BackupTarget,
    kind: Option<JobKind>,
    id: Option<ondol_store::BackupJobId>,
    ending: &Ending,
    memory: &Memory,
) {
    let name = target.name.as_str();
    let store = &tools.store;
    let mut written = Vec::new();
    if !ending.added.is_empty() {
        written.push(store.catalogue_add(name, ending.added.clone()).await);
    }
    if !ending.removed.is_empty() {
        written.push(store.catalogue_remove(name, ending.removed.clone()).await);
    }
    if kind == Some(JobKind::Check) && ending.outcome == JobOutcome::Good {
        know(
            tools,
            target,
            "share",
            &memory.share.wrapping_add(1).to_string(),
        )
        .await;
    }
    if let Some(damaged) = now_damaged(kind, ending, memory) {
        know(tools, target, "damaged", &damaged.join(" ")).await;
    }
    if let Some(id) = id {
        let end = BackupJobEnd {
            outcome: ending.outcome,
            message: ending.message.clone(),
            at: clock::unix_seconds(),
            manifest: ending.manifest.clone(),
            proven_run: ending.proven_run.clone(),
        };
        written.push(store.end_backup_job(id, end).await);
    }
    for error in written.into_iter().filter_map(Result::err) {
        tracing::warn!("how a job ended is not remembered: {}", Chain(&error));
    }
    if let Some(kind) = kind
        && let Some(event) = ending.event(kind, memory)
    {
        let news = News {
            kind: event,
            subject: name.to_owned(),
            message: ending.message.clone(),
        };
        if tools.news.send(news).await.is_err() {
            tracing::warn!("{name}: {}", ending.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_give_way_to_a_battery_and_all_to_its_end() {
        use PowerState::Battery;
        use PowerState::Low;
        use PowerState::Mains;
        for (began_on, now, regular, errand) in [
            (Mains, Mains, false, false),
            (Mains, Battery, true, false),
            (Mains, Low, true, true),
            (Battery, Battery, false, false),
            (Battery, Low, true, true),
            (Battery, Mains, false, false),
            (Low, Low, true, true),
        ] {
            assert_eq!(
                must_end(began_on, now, true),
                regular,
                "{began_on:?} {now:?}"
            );
            assert_eq!(
                must_end(began_on, now, false),
                errand,
                "{began_on:?} {now:?}"
            );
        }
    }
}
