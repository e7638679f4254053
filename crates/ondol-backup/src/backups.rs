//! The service: what is due is begun, one job at a time; what the owner asks goes before.
//!
//! It opens no repository and reads no data: jobs do, as processes of their own.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::watch::PowerState;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::identity::BoxIdentity;
use crate::news::News;
use crate::places::Places;
use crate::report::Report;
use crate::request::Handle;
use crate::request::Request;
use crate::status::BackupStatus;
use crate::status::RunningJob;
use crate::trial::Trial;

mod compose;
mod contents;
mod ending;
mod hooks;
pub(crate) mod identity;
pub(crate) mod memory;
mod perform;
mod requests;
mod scheduler;
mod shown;
pub(crate) mod spec;
mod tell;
mod trials;

use compose::clock_zone;
use compose::surplus;
pub(crate) use contents::contents;
use memory::Memory;
use perform::Order;
use perform::Tools;
use perform::Wanted;
use perform::perform;
use scheduler::Next;
use tell::Tell;

/// Requests that wait for the service.
const REQUESTS_WAITING_MAX: usize = 16;
/// News that wait to be recorded.
const NEWS_WAITING_MAX: usize = 64;
/// Apps that wait to be tried.
const TRIALS_WAITING_MAX: usize = 4;
/// Jobs that wait for the one under way, and what the owner looks at or restores meanwhile.
const ORDERS_WAITING_MAX: usize = 32;
/// Jobs of the owner's that run beside the regular one: they read, and put back.
const ERRANDS_MAX: usize = 4;
/// The longest sleep, so that a clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// So long after its start the box has better things to do than what it missed.
const SETTLE_SECONDS: i64 = 120;
/// How long a job may take to go when the box stops; it is killed, which is safe.
const CLOSING: Duration = Duration::from_secs(3);
/// The fact that is the identity of the box, and the one that the kit was confirmed.
pub(crate) const BOX_ID: &str = "box-id";
const KIT_CONFIRMED: &str = "kit-confirmed";

/// The service. Cheap to clone, so that it can be started again.
#[derive(Debug, Clone)]
pub struct Backups {
    places: Arc<Places>,
    store: ondol_store::Handle,
    news: mpsc::Sender<News>,
    trials: mpsc::Sender<Trial>,
    plan: watch::Receiver<Arc<Plan>>,
    sources: watch::Receiver<Arc<[PathBuf]>>,
    power: watch::Receiver<PowerState>,
    status: watch::Sender<Arc<BackupStatus>>,
    requests: Arc<Mutex<mpsc::Receiver<Request>>>,
}

/// The service with all that leads to it.
#[derive(Debug)]
pub struct OpenedBackups {
    /// The service, not started yet.
    pub backups: Backups,
    /// How it is asked.
    pub handle: Handle,
    /// What the owner will want to know.
    pub news: mpsc::Receiver<News>,
    /// Apps to start on restored data.
    pub trials: mpsc::Receiver<Trial>,
}

/// What one run of the service knows.
struct Desk {
    tools: Tools,
    memories: BTreeMap<String, Memory>,
    kit_confirmed_at: Option<i64>,
    /// What those are told whose jobs have ended, once the status shows it.
    last_words: mpsc::Receiver<(Tell, Report)>,
    /// Jobs that wait for the one under way.
    waiting: VecDeque<Order>,
    /// The job under way, and the owner's errands.
    jobs: Group,
    is_busy: bool,
    errands: usize,
    /// Jobs that have ended, and whose askers were not told yet.
    ended: usize,
    settled_at: i64,
}

/// What is shown while nothing is begun by itself.
const ON_BATTERY: &str = "Backups wait until the mains are back: the box runs on its battery";
const JOB: &str = "job of backups";
const ERRAND: &str = "errand of backups";

enum Happened {
    Stop,
    Plan,
    Request(Request),
    JobEnded(String),
    Progress,
    Time,
}

impl Backups {
    /// Prepares the service: `plan` says what is backed up, `sources` which files the configuration has,
    /// `power` when nothing is begun that can wait.
    pub fn open(
        places: Places,
        store: ondol_store::Handle,
        plan: watch::Receiver<Arc<Plan>>,
        sources: watch::Receiver<Arc<[PathBuf]>>,
        power: watch::Receiver<PowerState>,
    ) -> OpenedBackups {
        let (request_sender, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (news_sender, news) = mpsc::channel(NEWS_WAITING_MAX);
        let (trial_sender, trials) = mpsc::channel(TRIALS_WAITING_MAX);
        let (status_sender, status) = watch::channel(Arc::default());
        OpenedBackups {
            backups: Self {
                places: Arc::new(places),
                store,
                news: news_sender,
                trials: trial_sender,
                plan,
                sources,
                power,
                status: status_sender,
                requests: Arc::new(Mutex::new(requests)),
            },
            handle: Handle {
                requests: request_sender,
                status,
            },
            news,
            trials,
        }
    }

    /// Takes and proves backups until told to stop. A job under way is killed then, and done again after the start.
    pub async fn run(self, stop: Stop) -> Result<(), Infallible> {
        let (running, mut progress) = watch::channel(None);
        let mut desk = self.desk(running).await;
        let mut plan = self.plan.clone();
        let mut power = self.power.clone();
        loop {
            let may_begin = *power.borrow_and_update() == PowerState::Mains;
            let now = clock::unix_seconds();
            // A clock that was set back must not make the box wait for years.
            desk.settled_at = desk.settled_at.min(now + SETTLE_SECONDS);
            let next = desk.next(&self.wanted_plan(), now);
            if let Some(due) = next
                .as_ref()
                .filter(|next| may_begin && next.at <= now && desk.is_idle())
            {
                let order = Order {
                    target: due.target.clone(),
                    kind: Some(due.kind),
                    work: None,
                    credential: None,
                    tell: Tell::nobody(),
                };
                desk.waiting.push_back(order);
            }
            self.begin_waiting(&mut desk).await;
            self.publish(&desk, next.as_ref(), now, progress.borrow().clone());
            desk.tell_ends();
            let happened = tokio::select! {
                () = stop.requested() => Happened::Stop,
                Ok(()) = plan.changed() => Happened::Plan,
                Some(request) = self.request() => Happened::Request(request),
                Some(name) = desk.jobs.next_end() => Happened::JobEnded(name),
                Ok(()) = progress.changed() => Happened::Progress,
                Ok(()) = power.changed() => Happened::Time,
                () = tokio::time::sleep(sleep(next.as_ref().filter(|_| may_begin), now)) => Happened::Time,
            };
            match happened {
                Happened::Stop => break,
                Happened::Plan => self.remember(&mut desk).await,
                Happened::Request(request) => self.answer(&mut desk, request).await,
                Happened::JobEnded(name) => {
                    match name == JOB {
                        true => desk.is_busy = false,
                        false => desk.errands -= 1,
                    }
                    self.remember(&mut desk).await;
                    desk.ended += 1;
                }
                Happened::Progress | Happened::Time => {}
            }
        }
        for late in desk.jobs.close_and_wait(clock::now() + CLOSING).await {
            tracing::debug!("{late} was cut off");
        }
        Ok(())
    }

    async fn desk(&self, running: watch::Sender<Option<RunningJob>>) -> Desk {
        let now = clock::unix_seconds();
        match self.store.interrupt_backup_jobs(now).await {
            Ok(cut) => {
                for job in cut {
                    tracing::info!(
                        "a job of backups was cut off: {} at {}",
                        job.kind.word(),
                        job.target
                    );
                }
            }
            Err(error) => tracing::warn!("{}", Chain(&error)),
        }
        trials::clear(&self.places).await;
        let confirmed = self.store.backup_fact(KIT_CONFIRMED).await.ok().flatten();
        // Each job has one last word, so none ever waits.
        let (last_words_sender, last_words) = mpsc::channel(ERRANDS_MAX + 1);
        let mut desk = Desk {
            tools: Tools {
                places: Arc::clone(&self.places),
                store: self.store.clone(),
                news: self.news.clone(),
                trials: self.trials.clone(),
                identity: self.identity().await,
                running,
                power: self.power.clone(),
                last_words: last_words_sender,
            },
            memories: BTreeMap::new(),
            kit_confirmed_at: confirmed.and_then(|at| at.parse().ok()),
            waiting: VecDeque::new(),
            jobs: Group::default(),
            is_busy: false,
            errands: 0,
            ended: 0,
            last_words,
            settled_at: now + SETTLE_SECONDS,
        };
        self.remember(&mut desk).await;
        desk
    }

    async fn identity(&self) -> BoxIdentity {
        let name = self.plan.borrow().box_name.clone();
        let id = match self.store.backup_fact(BOX_ID).await {
            Ok(Some(id)) => return BoxIdentity { id, name },
            Ok(None) => identity::new_id(),
            // A new one is not written over the one that could not be read: targets would take this for another box.
            Err(error) => {
                tracing::warn!("{}", Chain(&error));
                let id = identity::new_id();
                return BoxIdentity { id, name };
            }
        };
        if let Err(error) = self.store.set_backup_fact(BOX_ID, &id).await {
            tracing::warn!("{}", Chain(&error));
        }
        BoxIdentity { id, name }
    }

    /// Reads anew what is remembered of the targets of the plan.
    async fn remember(&self, desk: &mut Desk) {
        let plan = self.wanted_plan();
        let mut memories = BTreeMap::new();
        for target in &plan.backup.to {
            match Memory::read(&self.store, target).await {
                Ok(memory) => {
                    memories.insert(target.name.as_str().to_owned(), memory);
                }
                Err(error) => tracing::warn!("{}", Chain(&error)),
            }
        }
        desk.tools.identity.name.clone_from(&plan.box_name);
        desk.memories = memories;
    }

    fn wanted_plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.borrow())
    }

    /// What the plan says now, with the password.
    async fn wanted(&self) -> Result<Wanted, String> {
        let (plan, places) = (self.wanted_plan(), Arc::clone(&self.places));
        let password = {
            let plan = Arc::clone(&plan);
            tasks::spawn_blocking(move || identity::password(&plan.backup, &places)).await
        };
        let password =
            password.unwrap_or_else(|_| Err("the password could not be read".to_owned()));
        Ok(Wanted {
            plan,
            sources: Arc::clone(&self.sources.borrow()),
            password: password?,
        })
    }

    /// Begins the next job that waits, unless one is under way.
    async fn begin_waiting(&self, desk: &mut Desk) {
        if desk.is_busy || *self.power.borrow() == PowerState::Low {
            return;
        }
        let Some(order) = desk.waiting.pop_front() else {
            return;
        };
        desk.is_busy = true;
        self.begin(desk, order, JOB).await;
    }

    async fn begin(&self, desk: &mut Desk, order: Order, name: &'static str) {
        // Without a password the job says so itself: it can't open anything.
        let wanted = self.wanted().await;
        let tools = desk.tools.clone();
        desk.jobs.spawn(name, async move {
            match wanted {
                Ok(wanted) => perform(tools, order, wanted).await,
                Err(reason) => perform::refuse(tools, order, reason).await,
            }
        });
    }

    fn publish(&self, desk: &Desk, next: Option<&Next>, now: i64, running: Option<RunningJob>) {
        let plan = self.wanted_plan();
        let mut status = shown::status(&plan.backup, &desk.memories, desk.kit_confirmed_at, now);
        status.running = running;
        if *self.power.borrow() != PowerState::Mains && !plan.backup.to.is_empty() {
            status.warnings.push(ON_BATTERY.to_owned());
        }
        status.next = next.map(|next| (next.at, next.kind));
        self.status.send_if_modified(|before| {
            let is_new = **before != status;
            if is_new {
                *before = Arc::new(status);
            }
            is_new
        });
    }

    async fn request(&self) -> Option<Request> {
        std::future::poll_fn(|cx| {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.poll_recv(cx)
        })
        .await
    }
}

impl Desk {
    /// Tells those whose jobs have ended, now that the status shows it.
    fn tell_ends(&mut self) {
        for _ in 0..std::mem::take(&mut self.ended) {
            if let Ok((tell, last)) = self.last_words.try_recv() {
                tell.end(last);
            }
        }
    }

    fn is_idle(&self) -> bool {
        !self.is_busy && self.waiting.is_empty()
    }

    fn next(&self, plan: &Arc<Plan>, now: i64) -> Option<Next> {
        let wanted = Wanted {
            plan: Arc::clone(plan),
            sources: Arc::default(),
            password: crate::access::Hidden(String::new()),
        };
        let zone = clock_zone(&wanted);
        scheduler::next(
            &plan.backup,
            &self.memories,
            &zone,
            self.settled_at,
            now,
            |memory| surplus(&wanted, memory).len(),
        )
    }
}

fn sleep(next: Option<&Next>, now: i64) -> Duration {
    let until = next.map_or(i64::MAX, |next| next.at.saturating_sub(now));
    let until = Duration::from_secs(u64::try_from(until).unwrap_or(0).max(1));
    until.min(SLEEP_MAX)
}
