//! What the box answers on sites by itself, as the request path takes it, and the reports that come in by it.

use ondol_model::watch::State;
use ondol_proxy::DataPlane;
use ondol_proxy::Report;
use tokio::sync::mpsc;

use crate::link;
use crate::link::Up;

/// Reports that wait for the link; whoever brings another is asked to come again.
const REPORTS_WAITING_MAX: usize = 64;

/// The way in for reports.
pub(super) struct Reports {
    sender: mpsc::Sender<Report>,
    reports: mpsc::Receiver<Report>,
}

impl Reports {
    pub(super) fn new() -> Self {
        let (sender, reports) = mpsc::channel(REPORTS_WAITING_MAX);
        Self { sender, reports }
    }

    /// Has all workers answer this.
    pub(super) async fn take(&self, own: link::Own, plane: &DataPlane) {
        let link::Own {
            state,
            health,
            pings,
        } = own;
        let pings = pings.into_iter().map(|it| (it.site, it.token, it.name));
        let state = State::parse(&state).unwrap_or(State::Unknown);
        let own = ondol_proxy::Own::new(state, health, pings, self.sender.clone());
        plane.own(own).await;
    }

    /// The next one, as it goes up the link.
    pub(super) async fn next(&mut self) -> Up {
        match self.reports.recv().await {
            Some(report) => up(report),
            None => std::future::pending().await, // Cannot be: a sender is here.
        }
    }

    /// The next one, if it is here already.
    pub(super) fn waiting(&mut self) -> Option<Up> {
        self.reports.try_recv().ok().map(up)
    }
}

fn up(report: Report) -> Up {
    let Report { name, kind, said } = report;
    let says = kind.word();
    Up::Ping(link::Ping { name, says, said })
}
