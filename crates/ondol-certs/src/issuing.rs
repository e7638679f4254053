//! The service that gets certificates from issuers and renews them, for years.
//!
//! One loop knows what is wanted, what is kept and what was tried, and asks the model what comes next; each
//! try is a worker of its own, so that a slow issuer holds up nobody else. What matters is on disk before an
//! issuer is asked: a box that loses its power goes on with the order that it had.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_model::HostPattern;
use ondol_store::TryId;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::certificates::Certificates;
use crate::challenges::Board;
use crate::managed::Managed;
use crate::managed::News;
use crate::managed::Request;
use crate::owner::CertificateSet;
use crate::shelf::Kept;
use crate::shelf::Meta;

mod attempt;
mod desk;
mod hearing;
mod known;
mod ledger;
mod renewal;
mod requests;
mod sessions;
mod shown;
mod tools;

use attempt::Ended;
use desk::Desk;
use desk::Errand;
use ledger::Ledger;
use tools::Tools;

/// Tries at one time: issuers are asked by many boxes, and 100 sites should not take an hour.
const AT_ONCE: usize = 12;
/// The longest sleep: the clock may jump meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// What workers have said and the loop has not heard yet.
const HEARD_MAX: usize = 64;
/// How often what is of no more use is looked for: certificates that ended long ago, records in zones.
const CLEAN_UP: Duration = Duration::from_secs(24 * 3600);
/// Requests of the owner that wait for the loop; more wait at their senders.
const REQUESTS_WAITING_MAX: usize = 16;

/// What the service works with. Cheap to clone, so that it can be started again.
#[derive(Debug, Clone)]
pub struct Issuing {
    certificates: Certificates,
    store: ondol_store::Handle,
    board: Board,
    news: mpsc::Sender<News>,
    managed: watch::Sender<Arc<Vec<Managed>>>,
    // Only ever locked for one poll.
    requests: Arc<Mutex<mpsc::Receiver<Request>>>,
}

/// How others reach the service.
#[derive(Debug, Clone)]
pub struct IssuingHandle {
    /// How the certificates are that are wanted from issuers.
    pub managed: watch::Receiver<Arc<Vec<Managed>>>,
    /// What the owner asks for.
    pub requests: mpsc::Sender<Request>,
}

/// What a worker says to the loop.
#[derive(Debug)]
enum Heard {
    /// What it does now.
    Step(HostPattern, &'static str),
    /// An issuer is asked for an order; whether it names the certificate that it replaces.
    Ordered(HostPattern, TryId, bool),
    /// How a try ended.
    Ended(Box<Ended>),
    /// What an issuer suggested about the renewal of a certificate, or that it was asked in vain.
    Renewal(renewal::Answered),
}

enum Happened {
    Heard(Heard),
    Request(Request),
    WorkerEnded,
    CleanUp,
    Changed,
    TimePassed,
    Stop,
}

impl Issuing {
    /// The service, not started yet, and the way to it.
    pub fn new(
        certificates: Certificates,
        store: ondol_store::Handle,
        board: Board,
    ) -> (Self, IssuingHandle) {
        let (managed, managed_reader) = watch::channel(Arc::default());
        let (request_sender, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let service = Self {
            news: certificates.news(),
            certificates,
            store,
            board,
            managed,
            requests: Arc::new(Mutex::new(requests)),
        };
        let handle = IssuingHandle {
            managed: managed_reader,
            requests: request_sender,
        };
        (service, handle)
    }

    /// Gets and renews until told to stop. Orders under way are left as they are, and taken up by the next
    /// start.
    pub async fn run(self, stop: Stop) -> Result<(), Infallible> {
        let (said, mut heard) = mpsc::channel(HEARD_MAX);
        let tools = Tools::new(&self, said);
        let mut sets = self.certificates.subscribe();
        let set = Arc::clone(&sets.borrow_and_update());
        let ledger = Ledger::open(self.store.clone(), &set.kept).await;
        let mut desk = Desk::new(ledger, self.news.clone(), set);
        let mut workers = Group::default();
        let mut clean_up = tokio::time::interval(CLEAN_UP);
        let mut is_new = true;
        loop {
            let now = clock::unix_seconds();
            if is_new {
                desk.take_up(Arc::clone(&sets.borrow_and_update()));
                for kept in desk.warn_of_ends(now) {
                    self.note_warning(&kept, now).await;
                }
                for errand in desk.due(now, AT_ONCE) {
                    begin(&mut workers, &tools, &mut desk, errand).await;
                }
            }
            self.publish(desk.managed());
            let happened = tokio::select! {
                () = stop.requested() => Happened::Stop,
                Some(heard) = heard.recv() => Happened::Heard(heard),
                Some(_) = workers.next_end() => Happened::WorkerEnded,
                Some(request) = self.next_request() => Happened::Request(request),
                Ok(()) = sets.changed() => Happened::Changed,
                () = tokio::time::sleep(desk.sleep(now).min(SLEEP_MAX)) => Happened::TimePassed,
                _ = clean_up.tick() => Happened::CleanUp,
            };
            is_new = match &happened {
                Happened::Heard(Heard::Step(..)) | Happened::WorkerEnded => false,
                Happened::Heard(_) | Happened::Request(_) | Happened::Changed => true,
                Happened::CleanUp | Happened::TimePassed | Happened::Stop => true,
            };
            match happened {
                Happened::Stop => return Ok(()), // The workers end with their group.
                Happened::Heard(heard) => desk.hear(heard, &tools, &mut workers).await,
                Happened::Request(request) => {
                    requests::take(request, &mut desk, &tools, &mut workers);
                }
                Happened::CleanUp => {
                    let set = Arc::clone(desk.known.set());
                    workers.spawn("clean-up", clean_up_all(tools.clone(), set));
                }
                Happened::WorkerEnded | Happened::Changed | Happened::TimePassed => {}
            }
        }
    }

    /// So that a restart does not repeat it.
    async fn note_warning(&self, kept: &Kept, now: i64) {
        let warned = move |meta: &mut Meta| meta.warned_at = Some(now);
        if let Err(error) = self.certificates.note(kept, warned).await {
            let error = Chain(&error).to_string();
            tracing::warn!(error, "a warning was not noted, so a restart repeats it");
        }
    }

    fn publish(&self, managed: Vec<Managed>) {
        self.managed.send_if_modified(|before| {
            let is_new = **before != managed;
            if is_new {
                *before = Arc::new(managed);
            }
            is_new
        });
    }

    async fn next_request(&self) -> Option<Request> {
        std::future::poll_fn(|cx| {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.poll_recv(cx)
        })
        .await
    }
}

/// Removes what is of no more use: certificates that ended long ago, and records in zones.
async fn clean_up_all(tools: Tools, set: Arc<CertificateSet>) {
    if let Err(error) = tools.certificates.clean_up().await {
        tracing::error!(error = %Chain(&error), "expired certificates were not looked for");
    }
    tools.clean_up_zones(&set).await;
}

/// Starts a worker for an errand, once what it needs is written down.
async fn begin(workers: &mut Group, tools: &Tools, desk: &mut Desk, errand: Errand) {
    match errand {
        Errand::Try(errand) => {
            let name = errand.wanted.name().clone();
            match desk.begin(&errand).await {
                Ok(id) => {
                    let tools = tools.clone();
                    let worker = attempt::run(tools, *errand, id);
                    workers.spawn(format!("certificate of {name}"), worker);
                }
                Err(failure) => desk.not_begun(&errand, failure),
            }
        }
        Errand::AskAboutRenewal(question) => {
            desk.asks_about(&question);
            let name = question.kept.name.clone();
            let worker = renewal::ask(tools.clone(), *question);
            workers.spawn(format!("renewal of {name}"), worker);
        }
    }
}

#[cfg(test)]
mod tests;
