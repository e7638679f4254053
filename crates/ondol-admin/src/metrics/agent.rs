//! Numbers about Ondol itself: its version, its parts, its configuration, its data planes.

use super::exposition::Exposition;
use super::exposition::Kind;
use crate::api;
use crate::api::GenerationState;
use crate::traffic::Traffic;

pub(super) fn write(to: &mut Exposition, status: &api::Status, traffic: &Traffic) {
    to.family(Kind::Info, "build", "The version of Ondol that runs.")
        .sample(&[("version", &status.version)], 1_u64);
    to.single(
        Kind::Gauge,
        "start_timestamp_seconds",
        "When the agent started; an upgrade in place begins anew.",
        status.started_at.unix_seconds(),
    );
    configuration(to, status);
    data_planes(to, status, traffic);
    services(to, status);
}

fn configuration(to: &mut Exposition, status: &api::Status) {
    to.single(
        Kind::Gauge,
        "config_revision",
        "The number of the accepted configuration; grows with each accepted reload.",
        status.revision,
    );
    to.single(
        Kind::Gauge,
        "config_on_last_good",
        "Whether the last good configuration is served because the file is broken.",
        status.on_last_good,
    );
    if let Some(reload) = &status.last_reload {
        to.single(
            Kind::Gauge,
            "config_last_reload_timestamp_seconds",
            "When a reload was asked for last.",
            reload.at.unix_seconds(),
        );
    }
}

fn data_planes(to: &mut Exposition, status: &api::Status, traffic: &Traffic) {
    let help = "Processes that serve visitors, by what they do.";
    let mut family = to.family(Kind::Gauge, "data_planes", help);
    for state in [
        GenerationState::Starting,
        GenerationState::Ready,
        GenerationState::Draining,
    ] {
        let count = status.generations.iter();
        let count = count.filter(|generation| generation.state == state).count();
        family.sample(&[("state", state.word())], count as u64);
    }
    to.single(
        Kind::Counter,
        "data_planes_lost",
        "Processes that served visitors and ended without being told to.",
        traffic.generations_lost,
    );
}

fn services(to: &mut Exposition, status: &api::Status) {
    let help = "Whether a part of the agent runs.";
    let mut family = to.family(Kind::Gauge, "service_up", help);
    for service in &status.services {
        let is_up = service.state == "running";
        family.sample(&[("service", &service.name)], is_up);
    }
    let help = "How often a part of the agent was started again.";
    let mut family = to.family(Kind::Counter, "service_restarts", help);
    for service in &status.services {
        family.sample(&[("service", &service.name)], service.restarts);
    }
}
