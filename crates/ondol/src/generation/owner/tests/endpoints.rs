//! What data planes are told of apps, and what the app host hears of them together.

use ondol_apps::EndpointsReader;
use ondol_model::app::AppName;
use ondol_model::app::Endpoint;
use ondol_model::app::EndpointState;
use ondol_model::app::Endpoints;
use ondol_model::app::Launch;
use ondol_model::app::LaunchTraffic;

use super::*;

/// The end of the app host.
pub(super) struct AppHost {
    endpoints: watch::Sender<Arc<Endpoints>>,
    traffic: watch::Receiver<Arc<Traffic>>,
    wakes: mpsc::Receiver<AppName>,
}

pub(super) fn pair() -> (AppHost, EndpointsReader) {
    let (endpoints, announced) = watch::channel(Arc::default());
    let (said, traffic) = watch::channel(Arc::default());
    let (wished, wakes) = mpsc::channel(4);
    let host = AppHost {
        endpoints,
        traffic,
        wakes,
    };
    let reader = EndpointsReader {
        endpoints: announced,
        traffic: said,
        wakes: wished,
    };
    (host, reader)
}

fn app() -> AppName {
    AppName::parse("coffee").unwrap()
}

fn busy(in_flight: u32, requests: u64) -> LaunchTraffic {
    LaunchTraffic {
        in_flight,
        requests,
        ..LaunchTraffic::default()
    }
}

impl AppHost {
    /// Says that this launch answers, and that these finish what they have.
    fn announce(&self, sequence: u64, launch: Launch, retiring: &[Launch]) {
        let servers = vec![ondol_model::upstream::Address::Unix("/run/app".into())];
        let endpoint = Endpoint {
            state: EndpointState::Ready { launch, servers },
            retiring: retiring.to_vec(),
            cut: Vec::new(),
        };
        let endpoints = Endpoints {
            sequence,
            apps: [(app(), endpoint)].into(),
        };
        self.endpoints.send_replace(Arc::new(endpoints));
    }

    /// Waits until it hears that this value counts everywhere.
    async fn until_applied(&mut self, sequence: u64) {
        let heard = self.traffic.wait_for(|it| it.applied == sequence);
        drop(heard.await.unwrap());
    }

    /// Waits until it hears this of a launch; `None` means that it hears nothing of it.
    async fn until(&mut self, launch: Launch, traffic: Option<LaunchTraffic>) {
        let of = |it: &Traffic| it.apps.get(&app())?.get(&launch).copied();
        let heard = self.traffic.wait_for(|it| of(it) == traffic);
        drop(heard.await.unwrap());
    }

    fn applied(&self) -> u64 {
        self.traffic.borrow().applied
    }
}

impl Played {
    /// Waits until it is told what visitors get of apps.
    async fn told_endpoints(&mut self) -> link::Endpoints {
        loop {
            match self.link.next().await.unwrap() {
                Down::Endpoints(endpoints) => return endpoints,
                Down::Start(_)
                | Down::Configuration { .. }
                | Down::Certificates { .. }
                | Down::Challenges(_)
                | Down::Own(_)
                | Down::ReopenLog
                | Down::Drain { .. }
                | Down::Unknown => {}
            }
        }
    }

    /// Says that it acts by a value that it was told, and what a launch has to do.
    async fn acts_by(&mut self, told: &link::Endpoints, launch: Launch, traffic: LaunchTraffic) {
        let traffic = Traffic {
            applied: told.sequence,
            apps: [(app(), [(launch, traffic)].into())].into(),
            held: [(app(), 2)].into(),
        };
        let traffic = link::Traffic::new(told.agent, &traffic);
        self.says(&[Up::Traffic(traffic)]).await;
    }
}

#[tokio::test]
async fn a_value_counts_when_those_that_drain_act_by_it_too() {
    let (mut draining, first) = Played::new(6, Phase::Draining);
    let (mut serving, second) = Played::new(7, Phase::Serving);
    let (mut host, reader) = pair();
    host.announce(3, 1, &[]);
    let (handle, _board, _group, _store) = at_work_with_apps("info", vec![first, second], reader);
    let told = serving.told_endpoints().await;
    assert_eq!((told.sequence, told.apps.len()), (3, 1));
    serving.acts_by(&told, 1, busy(1, 10)).await;
    until_heard(&handle, &mut serving, 1).await;
    assert_eq!(host.applied(), 0);
    let told = draining.told_endpoints().await;
    draining.acts_by(&told, 1, busy(2, 5)).await;
    host.until_applied(3).await;
    host.until(1, Some(busy(3, 15))).await;
    assert_eq!(host.traffic.borrow().held[&app()], 4);
    host.announce(4, 2, &[1]);
    let told = draining.told_endpoints().await;
    draining.acts_by(&told, 1, busy(1, 5)).await;
    host.until(1, Some(busy(2, 15))).await;
    assert_eq!(
        host.applied(),
        3,
        "the one that accepts visitors has not said so"
    );
    drop(draining); // Its end counts as well as its word.
    let told = serving.told_endpoints().await;
    serving.acts_by(&told, 1, busy(0, 11)).await;
    host.until_applied(4).await;
}

#[tokio::test]
async fn totals_of_one_that_ended_are_kept_while_the_launch_lives() {
    let (mut ending, first) = Played::new(6, Phase::Draining);
    let (mut serving, second) = Played::new(7, Phase::Serving);
    let (mut host, reader) = pair();
    host.announce(1, 1, &[]);
    let (_handle, _board, _group, _store) = at_work_with_apps("info", vec![first, second], reader);
    let told = ending.told_endpoints().await;
    ending.acts_by(&told, 1, busy(2, 5)).await;
    host.until(1, Some(busy(2, 5))).await;
    drop(ending);
    host.until(1, Some(busy(0, 5))).await;
    let told = serving.told_endpoints().await;
    serving.acts_by(&told, 1, busy(1, 10)).await;
    host.until(1, Some(busy(1, 15))).await;
    host.announce(2, 2, &[]);
    let told = serving.told_endpoints().await;
    serving.acts_by(&told, 2, busy(0, 1)).await;
    host.until(1, None).await;
    host.until(2, Some(busy(0, 1))).await;
}

#[tokio::test]
async fn what_an_image_before_announced_is_not_taken_for_this_ones() {
    let (mut serving, adopted) = Played::new(6, Phase::Serving);
    let (mut host, reader) = pair();
    host.announce(7, 2, &[1]);
    let (handle, _board, _group, _store) = at_work_with_apps("info", vec![adopted], reader);
    let told = serving.told_endpoints().await;
    let before = link::Endpoints {
        agent: told.agent - 1,
        ..told.clone()
    };
    serving.acts_by(&before, 1, busy(3, 9)).await;
    until_heard(&handle, &mut serving, 1).await;
    assert_eq!(host.applied(), 0);
    host.until(1, Some(busy(3, 9))).await;
    serving.acts_by(&told, 1, busy(0, 9)).await;
    host.until_applied(7).await;
}

#[tokio::test]
async fn without_a_data_plane_every_value_counts() {
    let (mut host, reader) = pair();
    let (_handle, _board, _group, _store) = at_work_with_apps("info", Vec::new(), reader);
    host.announce(5, 1, &[]);
    host.until_applied(5).await;
}

#[tokio::test]
async fn wishes_to_wake_reach_the_app_host() {
    let (mut serving, adopted) = Played::new(6, Phase::Serving);
    let (mut host, reader) = pair();
    let (_handle, _board, _group, _store) = at_work_with_apps("info", vec![adopted], reader);
    let wake = |app: &str| Up::Wake {
        app: app.to_owned(),
    };
    serving.says(&[wake("No App"), wake("coffee")]).await;
    assert_eq!(host.wakes.recv().await, Some(app()));
}
