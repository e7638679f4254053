//! The seam to those who take visitors in: what visitors get of each app goes out, what they did comes back.

use std::sync::Arc;

use ondol_model::app::AppName;
use ondol_model::app::Endpoints;
use ondol_model::app::Traffic;
use tokio::sync::mpsc;
use tokio::sync::watch;

/// Wishes to wake that wait for the app host. One that finds no room is left out: the visitor who made it waits,
/// and the next one wishes again.
const WAKES_WAITING_MAX: usize = 64;

/// The end of those who take visitors in.
#[derive(Debug)]
pub struct EndpointsReader {
    /// What visitors get of each app.
    pub endpoints: watch::Receiver<Arc<Endpoints>>,
    /// What visitors did.
    pub traffic: watch::Sender<Arc<Traffic>>,
    /// Apps that sleep, and that somebody asks for.
    pub wakes: mpsc::Sender<AppName>,
}

/// The end of the app host.
#[derive(Debug)]
pub(crate) struct Announcer {
    /// What visitors get of each app.
    pub(crate) endpoints: watch::Sender<Arc<Endpoints>>,
    /// What visitors did.
    pub(crate) traffic: watch::Receiver<Arc<Traffic>>,
    /// Apps that sleep, and that somebody asks for.
    pub(crate) wakes: mpsc::Receiver<AppName>,
}

/// Both ends. Until something is announced, nothing is known of any app, and its visitors wait.
pub(crate) fn pair() -> (Announcer, EndpointsReader) {
    let (endpoints, announced) = watch::channel(Arc::default());
    let (said, traffic) = watch::channel(Arc::default());
    let (wished, wakes) = mpsc::channel(WAKES_WAITING_MAX);
    let announcer = Announcer {
        endpoints,
        traffic,
        wakes,
    };
    let reader = EndpointsReader {
        endpoints: announced,
        traffic: said,
        wakes: wished,
    };
    (announcer, reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_one_end_says_the_other_hears() {
        let (mut announcer, mut reader) = pair();
        assert_eq!(reader.endpoints.borrow().sequence, 0);
        let endpoints = Endpoints {
            sequence: 7,
            ..Endpoints::default()
        };
        announcer.endpoints.send_replace(Arc::new(endpoints));
        assert_eq!(reader.endpoints.borrow_and_update().sequence, 7);
        let traffic = Traffic {
            applied: 7,
            ..Traffic::default()
        };
        reader.traffic.send_replace(Arc::new(traffic));
        assert_eq!(announcer.traffic.borrow_and_update().applied, 7);
        let app = AppName::parse("coffee").unwrap();
        reader.wakes.try_send(app.clone()).unwrap();
        assert_eq!(announcer.wakes.recv().await, Some(app));
    }
}
