//! Services: long-lived tasks that are started again when they end, and say how they are.

use std::error::Error;
use std::fmt;
use std::time::Duration;
use std::time::SystemTime;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Stop;
use super::Stopper;
use super::panic_text;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::clock;

/// The wait before the first restart.
const RESTART_FIRST: Duration = Duration::from_millis(100);
/// The longest wait before a restart, and how often a failed service is tried.
const RESTART_CAP: Duration = Duration::from_secs(30);
/// So many runs in a row that were not steady are bad luck; one more is a failure.
const UNSTEADY_RUNS_MAX: u32 = 5;
/// A service that ran this long is well: its waits begin anew.
const STEADY: Duration = Duration::from_secs(60);
/// The share of the whole budget that each service still to be stopped keeps from the one before it.
const STOP_RESERVE_DIVISOR: u32 = 20;

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// It runs.
    Running,
    /// It ended, and is started again shortly.
    Waiting,
    /// It ended too often; it is tried again at the slowest pace until it runs steadily.
    Failed,
    /// It was told to stop, and did.
    Stopped,
}

impl ServiceState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a service says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Its name.
    pub name: &'static str,
    /// How it is.
    pub state: ServiceState,
    /// Since when it is so.
    pub since: SystemTime,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it ended last; `None` when it never did.
    pub last_error: Option<String>,
}

/// The owner of services. They are stopped by [`Supervisor::stop`]; dropping it aborts nothing, but
/// tells them to stop.
#[derive(Debug, Default)]
pub struct Supervisor {
    services: Vec<Service>,
}

#[derive(Debug)]
struct Service {
    name: &'static str,
    stopper: Stopper,
    status: watch::Receiver<ServiceStatus>,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Starts a service, and starts it again whenever it ends: by an error, a panic, or for no reason
    /// before it was told to stop. `run` is called for each start; what it returns must end soon
    /// after [`Stop::requested`] does. Must be called in a Tokio runtime.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that does; the supervisor owns the handle"
    )]
    pub fn service<R, F, E>(&mut self, name: &'static str, run: R) -> watch::Receiver<ServiceStatus>
    where
        R: FnMut(Stop) -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
    {
        let (stopper, stop) = Stopper::new();
        let (publisher, status) = watch::channel(ServiceStatus {
            name,
            state: ServiceState::Running,
            since: clock::wall(),
            restarts: 0,
            last_error: None,
        });
        self.services.push(Service {
            name,
            stopper,
            status: status.clone(),
            task: tokio::spawn(supervise(run, stop, publisher)),
        });
        status
    }

    /// Stops the services, the last started first, each when the one before it has ended. Those that
    /// are still not done when the budget is used up are aborted, and their names returned.
    pub async fn stop(self, budget: Duration) -> Vec<&'static str> {
        let end = clock::now() + budget;
        let reserve = budget / STOP_RESERVE_DIVISOR;
        let mut late = Vec::new();
        for (still_to_come, service) in self.services.into_iter().enumerate().rev() {
            let kept = reserve * u32::try_from(still_to_come).unwrap_or(u32::MAX);
            let name = service.name;
            if !service.stop(end - kept.min(budget)).await {
                late.push(name);
            }
        }
        late
    }

    /// How each service is, in the order they were started.
    pub fn status(&self) -> Vec<ServiceStatus> {
        let each = self.services.iter();
        each.map(|service| service.status.borrow().clone())
            .collect()
    }
}

impl Service {
    /// Whether it ended before the deadline.
    async fn stop(self, deadline: Instant) -> bool {
        let Self {
            name: _,
            stopper,
            status: _,
            mut task,
        } = self;
        stopper.stop();
        let in_time = tokio::time::timeout_at(deadline, &mut task).await.is_ok();
        if !in_time {
            task.abort();
        }
        in_time
    }
}

async fn supervise<R, F, E>(mut run: R, stop: Stop, status: watch::Sender<ServiceStatus>)
where
    R: FnMut(Stop) -> F,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    let mut backoff = Backoff::new(RESTART_FIRST, RESTART_CAP);
    loop {
        let error = one_run(run(stop.clone()), &mut backoff, &status).await;
        if stop.is_requested() {
            break;
        }
        let (state, wait) = after_an_end(&mut backoff);
        let name = status.borrow().name;
        tracing::error!(
            service = name,
            error,
            ?wait,
            "a service ended and is started again"
        );
        status.send_modify(|status| {
            set_state(status, state);
            status.last_error = Some(error);
        });
        tokio::select! {
            () = stop.requested() => break,
            () = tokio::time::sleep(wait) => {}
        }
        status.send_modify(|status| {
            status.restarts += 1;
            if status.state == ServiceState::Waiting {
                set_state(status, ServiceState::Running);
            }
        });
    }
    status.send_if_modified(|status| set_state(status, ServiceState::Stopped));
}

/// Runs a service once, in a task of its own so that a panic stays in it; returns why it ended.
async fn one_run<F, E>(
    future: F,
    backoff: &mut Backoff,
    status: &watch::Sender<ServiceStatus>,
) -> String
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    let mut run = JoinSet::new();
    run.spawn(future);
    let unsteady = tokio::time::timeout(STEADY, run.join_next()).await;
    let end = match unsteady {
        Ok(end) => end,
        Err(_) => {
            backoff.reset();
            status.send_if_modified(|status| set_state(status, ServiceState::Running));
            run.join_next().await
        }
    };
    match end {
        Some(Ok(Err(error))) => Chain(&*error.into()).to_string(),
        Some(Err(panic)) => panic_text(panic),
        Some(Ok(Ok(()))) | None => "it ended without being told to".to_owned(),
    }
}

fn after_an_end(backoff: &mut Backoff) -> (ServiceState, Duration) {
    let wait = backoff.next_wait();
    if backoff.tries() > UNSTEADY_RUNS_MAX {
        (ServiceState::Failed, RESTART_CAP)
    } else {
        (ServiceState::Waiting, wait)
    }
}

/// Whether the state is another than before; `since` tells when it became so.
fn set_state(status: &mut ServiceStatus, state: ServiceState) -> bool {
    let is_new = status.state != state;
    if is_new {
        status.state = state;
        status.since = clock::wall();
    }
    is_new
}
