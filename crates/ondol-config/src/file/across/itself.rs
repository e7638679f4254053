//! Sites that are passed on to the very port that passes them on: each connection would cause another.

use std::net::SocketAddr;

use ondol_model::Plan;
use ondol_model::plan::Destination;

use crate::report::Report;
use crate::text::Place;

/// `names` are the places of each site's names, the main one first. What only the network knows (a router
/// that leads back here) is not found.
pub(super) fn check(plan: &Plan, names: &[Vec<Place>], report: &mut Report) {
    for (site, names) in plan.sites.iter().zip(names) {
        let passed = site.passthrough.iter().flat_map(|it| &it.tls);
        let own = passed.clone().find(|to| leads_back(plan, to));
        if let (Some(to), Some(at)) = (own, names.first()) {
            let problem = format!(
                "`{}` would be passed on to this box itself: {to}",
                site.name
            );
            report
                .add(*at, problem)
                .help("name the address of the machine that serves it");
        }
    }
}

fn leads_back(plan: &Plan, to: &Destination) -> bool {
    let Some(to) = to.address() else { return false };
    let mut listeners = plan.listen.https.iter().map(|it| it.address.address);
    listeners.any(|own: SocketAddr| {
        let is_same = own.ip() == to.ip();
        let is_every = own.ip().is_unspecified() && is_here(to);
        own.port() == to.port() && (is_same || is_every)
    })
}

fn is_here(address: SocketAddr) -> bool {
    address.ip().is_loopback() || address.ip().is_unspecified()
}
