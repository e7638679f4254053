//! What the workers know of apps together: who waits for each, and what each launch has to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use ondol_model::app::AppName;
use ondol_model::app::Endpoints;
use ondol_model::app::Launch;
use ondol_model::app::LaunchTraffic;
use ondol_model::app::Traffic;
use ondol_model::limits::APP_HELD_MAX;

use crate::counters::Counter;

/// No sequence that anything has.
const NEVER: u64 = u64::MAX;

/// What is counted of all apps.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<AppName, AppTally>>);

#[derive(Debug, Default)]
struct AppTally {
    lobby: Arc<Lobby>,
    /// Those of each worker.
    launches: BTreeMap<Launch, Vec<Arc<LaunchCounters>>>,
}

/// What the workers share of those who wait for an app.
#[derive(Debug)]
pub(super) struct Lobby {
    held: AtomicU32,
    /// By which value it was asked to wake.
    asked_at: AtomicU64,
}

/// A place to wait. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct HeldPlace(Arc<Lobby>);

/// What one worker counts of a launch, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct LaunchCounters {
    pub(super) in_flight: Counter,
    pub(super) tunnels: Counter,
    pub(super) requests: Counter,
    pub(super) failed: Counter,
}

impl Tally {
    /// Where those wait who want this app.
    pub(super) fn lobby(&self, app: &AppName) -> Arc<Lobby> {
        let mut apps = self.apps();
        Arc::clone(&apps.entry(app.clone()).or_default().lobby)
    }

    /// What one worker counts of a launch from now on.
    pub(super) fn counters(&self, app: &AppName, launch: Launch) -> Arc<LaunchCounters> {
        let counters = Arc::<LaunchCounters>::default();
        let mut apps = self.apps();
        let launches = &mut apps.entry(app.clone()).or_default().launches;
        launches
            .entry(launch)
            .or_default()
            .push(Arc::clone(&counters));
        counters
    }

    /// The sums. What `endpoints` do not name is forgotten when nothing of it is under way any more.
    pub(crate) fn traffic(&self, endpoints: &Endpoints) -> Traffic {
        let mut apps = self.apps();
        let mut traffic = Traffic {
            applied: endpoints.sequence,
            ..Traffic::default()
        };
        apps.retain(|app, tally| {
            let endpoint = endpoints.apps.get(app);
            tally.forget(|launch| endpoint.is_some_and(|endpoint| endpoint.names(launch)));
            let launches = tally.launches.iter();
            let sums: BTreeMap<_, _> = launches
                .map(|(launch, counters)| (*launch, sum(counters)))
                .collect();
            if !sums.is_empty() {
                traffic.apps.insert(app.clone(), sums);
            }
            let held = tally.lobby.held.load(Relaxed);
            if held > 0 {
                traffic.held.insert(app.clone(), held);
            }
            !tally.launches.is_empty() || Arc::strong_count(&tally.lobby) > 1
        });
        traffic
    }

    fn apps(&self) -> MutexGuard<'_, BTreeMap<AppName, AppTally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AppTally {
    /// A worker that can still count something of a launch holds its counters.
    fn forget(&mut self, is_named: impl Fn(Launch) -> bool) {
        let is_held = |counters: &Vec<_>| counters.iter().any(|it| Arc::strong_count(it) > 1);
        self.launches
            .retain(|launch, counters| is_named(*launch) || is_held(counters));
    }
}

fn sum(counters: &[Arc<LaunchCounters>]) -> LaunchTraffic {
    let small = |counter: &Counter| u32::try_from(counter.value()).unwrap_or(u32::MAX);
    let each = counters.iter().map(|counters| LaunchTraffic {
        in_flight: small(&counters.in_flight),
        tunnels: small(&counters.tunnels),
        requests: counters.requests.value(),
        failed: counters.failed.value(),
    });
    each.fold(LaunchTraffic::default(), LaunchTraffic::plus)
}

impl Default for Lobby {
    fn default() -> Self {
        Self {
            held: AtomicU32::new(0),
            asked_at: AtomicU64::new(NEVER),
        }
    }
}

impl Lobby {
    /// A place; `None` when as many wait as may.
    pub(super) fn place(self: &Arc<Self>) -> Option<HeldPlace> {
        let before = self.held.fetch_add(1, Relaxed);
        let place = HeldPlace(Arc::clone(self)); // Given back at once where it is one too many.
        (before < APP_HELD_MAX).then_some(place)
    }

    /// Whether nobody has asked to wake the app yet while this value counts.
    pub(super) fn asks_first(&self, sequence: u64) -> bool {
        self.asked_at.swap(sequence, Relaxed) != sequence
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::app::Endpoint;
    use ondol_model::app::EndpointState;

    use super::*;

    fn endpoints(retiring: Vec<Launch>) -> Endpoints {
        let endpoint = Endpoint {
            state: EndpointState::Failed,
            retiring,
            cut: Vec::new(),
        };
        Endpoints {
            sequence: 1,
            apps: BTreeMap::from([(AppName::parse("a").unwrap(), endpoint)]),
        }
    }

    #[test]
    fn a_launch_is_known_while_it_is_named_or_anyone_counts() {
        let (tally, app) = (Tally::default(), AppName::parse("a").unwrap());
        let counters = [(); 2].map(|()| tally.counters(&app, 7));
        counters
            .iter()
            .for_each(|counters| counters.requests.add(3));
        let requests = |traffic: &Traffic| traffic.apps.get(&app)?.get(&7).map(|it| it.requests);
        assert_eq!(requests(&tally.traffic(&endpoints(vec![7]))), Some(6));
        let [first, second] = counters;
        drop(first);
        assert_eq!(requests(&tally.traffic(&endpoints(vec![]))), Some(6));
        drop(second);
        assert_eq!(requests(&tally.traffic(&endpoints(vec![7]))), Some(6));
        assert_eq!(requests(&tally.traffic(&endpoints(vec![]))), None);
    }

    #[test]
    fn as_many_wait_as_may_and_no_more() {
        let lobby = Arc::<Lobby>::default();
        let places: Vec<_> = (0..APP_HELD_MAX).filter_map(|_| lobby.place()).collect();
        assert_eq!(places.len(), APP_HELD_MAX as usize);
        assert!(lobby.place().is_none() && lobby.place().is_none());
        drop(places);
        assert!(lobby.place().is_some());
    }

    #[test]
    fn an_app_is_asked_to_wake_once_for_each_value() {
        let lobby = Lobby::default();
        let asked = [0, 0, 1, 1, 2].map(|sequence| lobby.asks_first(sequence));
        assert_eq!(asked, [true, false, true, false, true]);
    }
}
