//! What is shown of visitors: what the data planes counted.

use std::sync::Arc;

use ondol_admin::OpenConnections;
use ondol_admin::SiteTraffic;
use ondol_admin::Traffic;
use tokio::sync::watch;

use crate::generation;
use crate::generation::SiteTotals;
use crate::link::Counters;
use crate::link::SiteCounts;

/// Turns what the data planes counted into what is shown.
#[derive(Debug)]
pub(crate) struct TrafficShown {
    status: watch::Receiver<generation::Status>,
    sites: watch::Receiver<Arc<SiteTotals>>,
    shown: watch::Sender<Arc<Traffic>>,
}

impl TrafficShown {
    /// Both ends of what is shown, with the first value in it.
    pub(super) fn new(generations: &generation::Handle) -> (Self, watch::Receiver<Arc<Traffic>>) {
        let (status, sites) = (generations.status(), generations.sites());
        let first = shown(&status.borrow(), &sites.borrow());
        let (shown, reader) = watch::channel(Arc::new(first));
        let traffic = Self {
            status,
            sites,
            shown,
        };
        (traffic, reader)
    }

    /// Shows each change until nobody tells of any more.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                changed = self.status.changed() => if changed.is_err() { return },
                changed = self.sites.changed() => if changed.is_err() { return },
            }
            let traffic = shown(
                &self.status.borrow_and_update(),
                &self.sites.borrow_and_update(),
            );
            self.shown.send_replace(Arc::new(traffic));
        }
    }
}

fn shown(status: &generation::Status, sites: &SiteTotals) -> Traffic {
    let Counters {
        connections,
        connections_total,
        http2,
        tunnels,
        passing,
        requests: _, // They are told by site.
        responses: _,
        bytes_sent: _,
        handshakes_failed,
        shed,
        glitches,
        strangers,
        passed_through,
        log_lines_dropped,
    } = status.counters;
    Traffic {
        open: OpenConnections {
            // They are read one after another, while visitors come and go.
            http1: connections.saturating_sub(http2 + tunnels),
            http2,
            tunnels: tunnels.saturating_sub(passing),
            passthrough: passing,
        },
        accepted: connections_total,
        passed_through,
        shed,
        floods: glitches,
        strangers,
        handshakes_failed,
        log_lines_dropped,
        generations_lost: status.lost,
        sites: sites
            .iter()
            .map(|(name, counts)| (name.clone(), site(*counts)))
            .collect(),
    }
}

fn site(counts: SiteCounts) -> SiteTraffic {
    let SiteCounts {
        in_flight,
        responses,
        bytes_sent,
        duration_us,
        latency,
    } = counts;
    SiteTraffic {
        in_flight,
        responses,
        bytes_sent,
        duration_us,
        latency,
    }
}
