//! What a data plane says of apps: which value it acts by, what their visitors do, and who wants one that sleeps.

use std::cell::Cell;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use ondol_model::app;
use ondol_model::app::AppName;
use ondol_model::app::Endpoints;
use ondol_model::app::Traffic;
use ondol_proxy::DataPlane;
use ondol_proxy::Hosted;
use tokio::sync::mpsc;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;

use crate::link;
use crate::link::Link;
use crate::link::LinkError;
use crate::link::Up;

/// How often it is said what visitors do while a launch finishes what it has: whoever swaps releases waits for it.
const RETIRING: Duration = Duration::from_millis(50);
/// Apps that are to be woken and that the link has not taken yet.
const WAKES_WAITING_MAX: usize = 64;

/// What a data plane has been told of apps, and has said.
#[derive(Debug)]
pub(super) struct Apps {
    /// Whose endpoints it was told last.
    agent: Cell<u64>,
    endpoints: RefCell<Arc<Endpoints>>,
    said: RefCell<Option<Traffic>>,
    /// Whether a launch finishes what it has.
    is_retiring: Cell<bool>,
}

impl Apps {
    /// From what it is started with.
    pub(super) fn new(endpoints: link::Endpoints) -> (Self, Hosted, mpsc::Receiver<AppName>) {
        let agent = Cell::new(endpoints.agent);
        let endpoints = Arc::new(endpoints.into_model());
        let (sender, wakes) = mpsc::channel(WAKES_WAITING_MAX);
        let apps = Self {
            agent,
            endpoints: RefCell::new(Arc::clone(&endpoints)),
            said: RefCell::default(),
            is_retiring: Cell::new(false),
        };
        let hosted = Hosted {
            endpoints,
            wakes: sender,
        };
        (apps, hosted, wakes)
    }

    /// Has every worker act by another value, and says so.
    pub(super) async fn take(
        &self,
        endpoints: link::Endpoints,
        plane: &DataPlane,
        link: &mut Link,
    ) -> Result<(), LinkError> {
        let agent = endpoints.agent;
        let endpoints = Arc::new(endpoints.into_model());
        plane.endpoints(Arc::clone(&endpoints)).await;
        self.agent.set(agent);
        *self.endpoints.borrow_mut() = endpoints;
        self.say(plane.traffic(), link)
    }

    /// Says what visitors do, whether or not it was said before.
    pub(super) fn begin(&self, plane: &DataPlane, link: &mut Link) -> Result<(), LinkError> {
        self.say(plane.traffic(), link)
    }

    /// Says what visitors do, where that is something else than before. While the link does not take it, the next
    /// time makes up for it.
    pub(super) fn report(&self, plane: &DataPlane, link: &mut Link) -> Result<(), LinkError> {
        let traffic = plane.traffic();
        let is_news = self.said.borrow().as_ref() != Some(&traffic);
        if is_news && !link.is_behind() {
            return self.say(traffic, link);
        }
        Ok(())
    }

    /// Whether [`Self::report`] is wanted more often than once a second.
    pub(super) fn is_retiring(&self) -> bool {
        self.is_retiring.get()
    }

    fn say(&self, traffic: Traffic, link: &mut Link) -> Result<(), LinkError> {
        self.is_retiring
            .set(retires(&self.endpoints.borrow(), &traffic));
        link.send(&Up::Traffic(link::Traffic::new(self.agent.get(), &traffic)))?;
        *self.said.borrow_mut() = Some(traffic);
        Ok(())
    }
}

/// When to look while [`Apps::is_retiring`].
pub(super) fn retiring_ticks() -> Interval {
    let mut ticks = tokio::time::interval(RETIRING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Whether a launch that gets nothing new still has something. None of them can ever be busy again, so what is
/// found idle once is idle.
fn retires(endpoints: &Endpoints, traffic: &Traffic) -> bool {
    endpoints.apps.iter().any(|(app, endpoint)| {
        let launches = traffic.apps.get(app);
        let is_busy = |launch| {
            let launch = launches.and_then(|launches| launches.get(launch));
            launch.is_some_and(|launch| !app::LaunchTraffic::is_idle(launch))
        };
        endpoint.retiring.iter().any(is_busy)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ondol_model::app::Endpoint;
    use ondol_model::app::EndpointState;
    use ondol_model::app::LaunchTraffic;

    use super::*;

    #[test]
    fn only_what_finishes_and_has_something_is_looked_at_often() {
        let name = AppName::parse("a").unwrap();
        let endpoint = Endpoint {
            state: EndpointState::Failed,
            retiring: vec![1],
            cut: Vec::new(),
        };
        let endpoints = Endpoints {
            sequence: 1,
            apps: BTreeMap::from([(name.clone(), endpoint)]),
        };
        let traffic = |launch, in_flight, tunnels| {
            let busy = LaunchTraffic {
                in_flight,
                tunnels,
                ..LaunchTraffic::default()
            };
            Traffic {
                apps: BTreeMap::from([(name.clone(), BTreeMap::from([(launch, busy)]))]),
                ..Traffic::default()
            }
        };
        assert!(retires(&endpoints, &traffic(1, 1, 0)));
        assert!(retires(&endpoints, &traffic(1, 0, 1)));
        assert!(!retires(&endpoints, &traffic(1, 0, 0)));
        assert!(!retires(&endpoints, &traffic(2, 1, 1)));
        assert!(!retires(&endpoints, &Traffic::default()));
    }
}
