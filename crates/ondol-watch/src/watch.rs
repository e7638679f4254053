//! The service: everything that is observed, asked, or due comes in at one desk; those who look and those who send are
//! started beside it, and again when they fail.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::tasks::Stop;
use ondol_base::tasks::Supervisor;
use ondol_model::Plan;
use ondol_model::watch::PowerState;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::absence;
use crate::absence::Judged;
use crate::answers;
use crate::checks;
use crate::delivery;
use crate::delivery::Outbox;
use crate::desk::Desk;
use crate::facts::Facts;
use crate::ground::Ground;
use crate::ground::Known;
use crate::heartbeat;
use crate::lent::Lent;
use crate::news::News;
use crate::pings;
use crate::places::Places;
use crate::power;
use crate::request::Handle;
use crate::request::Ping;
use crate::request::Request;
use crate::status::WatchStatus;

/// Requests that wait for the service; reports of others' jobs are among them.
const REQUESTS_WAITING_MAX: usize = 256;
/// News that wait to be recorded.
const NEWS_WAITING_MAX: usize = 64;
/// What was seen and waits for the desk.
const SEEN_WAITING_MAX: usize = 256;
/// Reports of others' jobs that wait to be judged.
const PINGS_WAITING_MAX: usize = 256;
/// How long those beside the desk may take to end: the outside is told that the box stops.
const CLOSING: Duration = Duration::from_secs(3);

/// The service. Cheap to clone, so that it can be started again.
#[derive(Debug, Clone)]
pub struct Watch {
    places: Arc<Places>,
    store: ondol_store::Handle,
    plan: watch::Receiver<Arc<Plan>>,
    facts: watch::Receiver<Arc<Facts>>,
    news: mpsc::Sender<News>,
    status: watch::Sender<Arc<WatchStatus>>,
    power: watch::Sender<PowerState>,
    requests: Lent<Request>,
    judged: Judged,
}

/// The service with all that leads to it, and from it.
#[derive(Debug)]
pub struct OpenedWatch {
    /// The service, not started yet.
    pub watch: Watch,
    /// How it is asked.
    pub handle: Handle,
    /// What the box should remember.
    pub news: mpsc::Receiver<News>,
}

impl Watch {
    /// Prepares the service; by `power` it tells those who rest when the power goes.
    pub fn open(
        places: Places,
        store: ondol_store::Handle,
        plan: watch::Receiver<Arc<Plan>>,
        facts: watch::Receiver<Arc<Facts>>,
        power: watch::Sender<PowerState>,
    ) -> OpenedWatch {
        let (request_sender, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (news_sender, news) = mpsc::channel(NEWS_WAITING_MAX);
        let (status_sender, status) = watch::channel(Arc::default());
        OpenedWatch {
            watch: Self {
                places: Arc::new(places),
                store,
                plan,
                facts,
                news: news_sender,
                status: status_sender,
                power,
                requests: Lent::new(requests),
                judged: Judged::default(),
            },
            handle: Handle {
                requests: request_sender,
                status,
            },
            news,
        }
    }

    /// Watches until told to stop.
    pub async fn run(self, stop: Stop) -> Result<(), Infallible> {
        let (seen_sender, seen) = mpsc::channel(SEEN_WAITING_MAX);
        let (known_sender, known) = watch::channel(Arc::new(Known::default()));
        let (ping_sender, reports) = mpsc::channel(PINGS_WAITING_MAX);
        let ground = Ground {
            places: Arc::clone(&self.places),
            store: self.store.clone(),
            plan: self.plan.clone(),
            facts: self.facts.clone(),
            known,
            seen: seen_sender,
        };
        let outbox = Outbox::open(self.store.clone());
        let mut desk = Desk {
            seen,
            requests: self.requests,
            reports: ping_sender,
            news: self.news,
            status: self.status,
            power: self.power,
            known: known_sender,
            plan: self.plan,
            facts: self.facts,
            store: self.store,
            outbox: outbox.clone(),
        };
        let beside = start(&ground, outbox, self.judged, reports);
        desk.run(stop).await;
        for name in beside.stop(CLOSING).await {
            tracing::warn!("the {name} did not end in time");
        }
        Ok(())
    }
}

/// Those who look and those who send.
fn start(
    ground: &Ground,
    outbox: Outbox,
    judged: Judged,
    reports: mpsc::Receiver<Ping>,
) -> Supervisor {
    let mut beside = Supervisor::default();
    let given = ground.clone();
    beside.service("signs of life", move |stop| {
        absence::run(given.clone(), judged.clone(), stop)
    });
    let given = ground.clone();
    beside.service("delivery", move |stop| {
        delivery::run(given.clone(), outbox.clone(), stop)
    });
    let given = ground.clone();
    beside.service("answers", move |stop| answers::run(given.clone(), stop));
    let given = ground.clone();
    beside.service("looks", move |stop| checks::run(given.clone(), stop));
    let given = ground.clone();
    beside.service("power", move |stop| power::run(given.clone(), stop));
    let given = ground.clone();
    let reports = Lent::new(reports);
    beside.service("reports", move |stop| {
        pings::run(given.clone(), reports.clone(), stop)
    });
    let given = ground.clone();
    beside.service("heartbeat", move |stop| heartbeat::run(given.clone(), stop));
    beside
}
