//! What the visitors of one app get now, and what they do.

use std::sync::Arc;
use std::time::Duration;

use ondol_model::app::AppName;
use ondol_model::app::Endpoint;
use ondol_model::app::EndpointState;
use ondol_model::app::Endpoints;
use ondol_model::app::Launch;
use ondol_model::app::LaunchTraffic;
use ondol_model::app::Traffic;
use tokio::sync::watch;

/// How long data planes may take to act by what they are told. One that takes longer stands still, and is replaced.
const TAKE_UP: Duration = Duration::from_secs(15);

/// The part of the endpoints that is one app's. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    app: AppName,
    endpoints: watch::Sender<Arc<Endpoints>>,
    traffic: watch::Receiver<Arc<Traffic>>,
}

impl Stage {
    pub(crate) fn new(
        app: AppName,
        endpoints: watch::Sender<Arc<Endpoints>>,
        traffic: watch::Receiver<Arc<Traffic>>,
    ) -> Self {
        Self {
            app,
            endpoints,
            traffic,
        }
    }

    /// Visitors get this from now on. Returns the number to wait for with [`Self::taken_up`].
    pub(crate) fn show(&self, state: EndpointState) -> u64 {
        self.change(|endpoint| endpoint.state = state)
    }

    /// Visitors get this from now on; what `launch` has under way goes on, and is counted.
    pub(crate) fn show_and_retire(&self, state: EndpointState, launch: Option<Launch>) -> u64 {
        self.change(|endpoint| {
            endpoint.state = state;
            endpoint.retiring.extend(launch);
        })
    }

    /// What this launch still has under way is cut.
    pub(crate) fn cut(&self, launch: Launch) -> u64 {
        self.change(|endpoint| endpoint.cut.push(launch))
    }

    /// Nothing of this launch is left.
    pub(crate) fn forget(&self, launch: Launch) {
        self.change(|endpoint| {
            endpoint.retiring.retain(|one| *one != launch);
            endpoint.cut.retain(|one| *one != launch);
        });
    }

    /// The app is not run here any more.
    pub(crate) fn leave(&self) {
        self.endpoints.send_if_modified(|endpoints| {
            if !endpoints.apps.contains_key(&self.app) {
                return false;
            }
            let changed = Arc::make_mut(endpoints);
            changed.apps.remove(&self.app);
            changed.sequence += 1;
            true
        });
    }

    /// Waits until every data plane acts by what was shown under this number, so that no request begins by
    /// anything older. False when one takes too long, or nobody tells any more.
    pub(crate) async fn taken_up(&self, sequence: u64) -> bool {
        let mut traffic = self.traffic.clone();
        let applied = traffic.wait_for(|traffic| traffic.applied >= sequence);
        matches!(tokio::time::timeout(TAKE_UP, applied).await, Ok(Ok(_)))
    }

    /// Waits until a launch that gets nothing new has nothing under way. False when the time is over.
    pub(crate) async fn idle(&self, launch: Launch, limit: Duration) -> bool {
        let mut traffic = self.traffic.clone();
        let is_idle = traffic.wait_for(|traffic| of(traffic, &self.app, launch).is_idle());
        matches!(tokio::time::timeout(limit, is_idle).await, Ok(Ok(_)))
    }

    /// What a launch had to do so far.
    pub(crate) fn traffic(&self, launch: Launch) -> LaunchTraffic {
        of(&self.traffic.borrow(), &self.app, launch)
    }

    /// How many requests wait for the app.
    pub(crate) fn held(&self) -> u32 {
        self.traffic
            .borrow()
            .held
            .get(&self.app)
            .copied()
            .unwrap_or(0)
    }

    /// Tells when there is more to know of requests.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Traffic>> {
        self.traffic.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Endpoint)) -> u64 {
        let mut sequence = 0;
        self.endpoints.send_if_modified(|endpoints| {
            let before = endpoints.apps.get(&self.app);
            let mut endpoint = before.cloned().unwrap_or_else(unknown);
            change(&mut endpoint);
            let is_new = before != Some(&endpoint);
            if is_new {
                let changed = Arc::make_mut(endpoints);
                changed.sequence += 1;
                changed.apps.insert(self.app.clone(), endpoint);
            }
            sequence = endpoints.sequence;
            is_new
        });
        sequence
    }
}

fn of(traffic: &Traffic, app: &AppName, launch: Launch) -> LaunchTraffic {
    let launches = traffic.apps.get(app);
    let one = launches.and_then(|launches| launches.get(&launch));
    one.copied().unwrap_or_default()
}

fn unknown() -> Endpoint {
    Endpoint {
        state: EndpointState::Stopped,
        retiring: Vec::new(),
        cut: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::upstream::Address;

    use super::*;

    fn stage() -> (Stage, watch::Sender<Arc<Traffic>>) {
        let (said, traffic) = watch::channel(Arc::default());
        let app = AppName::parse("coffee").unwrap();
        let stage = Stage::new(app, watch::Sender::new(Arc::default()), traffic);
        (stage, said)
    }

    fn ready(launch: Launch) -> EndpointState {
        EndpointState::Ready {
            launch,
            servers: vec![Address::Unix("/run/a".into())],
        }
    }

    fn say(said: &watch::Sender<Arc<Traffic>>, applied: u64, in_flight: u32) {
        let mut traffic = Traffic {
            applied,
            ..Traffic::default()
        };
        let launch = LaunchTraffic {
            in_flight,
            ..LaunchTraffic::default()
        };
        let app = AppName::parse("coffee").unwrap();
        traffic.apps.entry(app).or_default().insert(1, launch);
        said.send_replace(Arc::new(traffic));
    }

    #[test]
    fn only_what_differs_is_told() {
        let (stage, _said) = stage();
        let first = stage.show(ready(1));
        assert_eq!(stage.show(ready(1)), first);
        assert!(stage.show(ready(2)) > first);
        let endpoints = stage.endpoints.borrow().clone();
        stage.forget(9);
        assert_eq!(*stage.endpoints.borrow(), endpoints);
        stage.leave();
        stage.leave();
        assert_eq!(stage.endpoints.borrow().sequence, 3);
    }

    #[test]
    fn a_launch_retires_is_cut_and_forgotten() {
        let (stage, _said) = stage();
        stage.show(ready(1));
        stage.show_and_retire(ready(2), Some(1));
        stage.cut(1);
        let seen = |stage: &Stage| {
            let endpoints = stage.endpoints.borrow().clone();
            let endpoint = endpoints.apps.values().next().cloned().unwrap();
            (endpoint.retiring, endpoint.cut)
        };
        assert_eq!(seen(&stage), (vec![1], vec![1]));
        stage.forget(1);
        assert_eq!(seen(&stage), (vec![], vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_end_with_what_data_planes_say_or_with_their_time() {
        let (stage, said) = stage();
        let sequence = stage.show(ready(2));
        assert!(!stage.taken_up(sequence).await);
        say(&said, sequence, 3);
        assert!(stage.taken_up(sequence).await);
        assert!(!stage.idle(1, Duration::from_secs(30)).await);
        say(&said, sequence, 0);
        assert!(stage.idle(1, Duration::from_secs(30)).await);
        assert!(
            stage.idle(77, Duration::ZERO).await,
            "nothing is known of it"
        );
    }
}
