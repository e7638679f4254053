//! What the sections about watching say about each other, about the sites and the listeners.

mod heartbeats;
mod people;

use std::net::SocketAddr;

use ondol_model::Plan;
use ondol_model::plan::Care;

use crate::file::care::Placed;
use crate::file::health;
use crate::file::site;
use crate::report::Report;

/// The plan with how it is watched. It has its listeners and its e-mail address.
pub(in crate::file) fn care(
    plan: Plan,
    placed: Placed,
    sites: &[site::Placed],
    report: &mut Report,
) -> Plan {
    people::check(&placed, report);
    heartbeats::check(&placed.heartbeats, sites, report);
    taken(&plan, &placed.health, report);
    let people = people::people(&placed, plan.email.as_deref());
    let care = Care {
        health: placed.health.plan,
        watch: placed.watch,
        people,
        alarms: placed.alarms.plan,
        heartbeats: placed.heartbeats.into_iter().map(|it| it.plan).collect(),
        power: placed.power,
    };
    Plan { care, ..plan }
}

/// Addresses that visitors come in by.
fn taken(plan: &Plan, health: &health::Placed, report: &mut Report) {
    let visitors = plan.listen.http.iter().chain(&plan.listen.https);
    let visitors: Vec<_> = visitors.map(|listener| listener.address.address).collect();
    for (address, at) in health.plan.listen.iter().zip(&health.listen) {
        if visitors.iter().any(|other| are_one(*address, *other)) {
            report
                .add(*at, format!("visitors come in by port {} already", address.port()))
                .help("give it a port of its own, such as 9180; a site can say whether the box is well by its key `health`");
        }
    }
}

/// Whether two addresses can't both be listened on.
fn are_one(one: SocketAddr, other: SocketAddr) -> bool {
    let is_every = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (is_every || one.ip() == other.ip())
}
