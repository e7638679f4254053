//! The service: everything that is observed, asked, or due comes in at one desk.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;

use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::watch::PowerState;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::facts::Facts;
use crate::news::News;
use crate::places::Places;
use crate::request::Handle;
use crate::request::Request;
use crate::status::WatchStatus;

/// Requests that wait for the service; reports of others' jobs are among them.
const REQUESTS_WAITING_MAX: usize = 256;
/// News that wait to be recorded.
const NEWS_WAITING_MAX: usize = 64;

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
    requests: Arc<Mutex<mpsc::Receiver<Request>>>,
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
    /// Where the power comes from, for those who rest when it goes.
    pub power: watch::Receiver<PowerState>,
}

impl Watch {
    /// Prepares the service.
    pub fn open(
        places: Places,
        store: ondol_store::Handle,
        plan: watch::Receiver<Arc<Plan>>,
        facts: watch::Receiver<Arc<Facts>>,
    ) -> OpenedWatch {
        let (request_sender, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (news_sender, news) = mpsc::channel(NEWS_WAITING_MAX);
        let (status_sender, status) = watch::channel(Arc::default());
        let (power_sender, power) = watch::channel(PowerState::default());
        OpenedWatch {
            watch: Self {
                places: Arc::new(places),
                store,
                plan,
                facts,
                news: news_sender,
                status: status_sender,
                power: power_sender,
                requests: Arc::new(Mutex::new(requests)),
            },
            handle: Handle {
                requests: request_sender,
                status,
            },
            news,
            power,
        }
    }

    /// Watches until told to stop.
    pub async fn run(self, stop: Stop) -> Result<(), Infallible> {
        stop.requested().await;
        Ok(())
    }
}
