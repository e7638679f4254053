//! `/metrics`: all that is known of the box as numbers, for Prometheus and those who read what it reads. It takes what is
//! shown of the box already, so that nobody has to count for it.
//!
//! A number has one name for ever. Names, units and labels are as Prometheus wants them: seconds, bytes and ratios of 1,
//! `_total` for what only grows, moments as `_timestamp_seconds`; labels are few, and none is `job` or `instance`, which
//! belong to who scrapes.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::Surface;
use crate::api;
use crate::traffic::Traffic;

mod accept;
mod agent;
mod exposition;
mod hosted;
mod visitors;
mod watched;

use exposition::Exposition;
use exposition::Format;

/// What a site takes in the text, about; so that it is written in one piece of memory.
const BYTES_PER_SITE: usize = 3 * 1024;

/// All that numbers are taken from, as it is at one moment.
#[derive(Debug)]
struct Seen {
    status: Arc<api::Status>,
    sites: Arc<api::Sites>,
    certs: Arc<api::Certs>,
    apps: Arc<api::Apps>,
    backups: Arc<api::Backups>,
    watch: Arc<api::Watch>,
    traffic: Arc<Traffic>,
}

/// The answer to a scraper.
pub(crate) fn answer(surface: &Surface, headers: &HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter();
    let accept: Vec<_> = accept.filter_map(|value| value.to_str().ok()).collect();
    let format = accept::wanted(&accept.join(","));
    let seen = Seen {
        status: Arc::clone(&surface.status.borrow()),
        sites: Arc::clone(&surface.sites.borrow()),
        certs: Arc::clone(&surface.certs.borrow()),
        apps: Arc::clone(&surface.apps.borrow()),
        backups: Arc::clone(&surface.backups.borrow()),
        watch: Arc::clone(&surface.watch.borrow()),
        traffic: Arc::clone(&surface.traffic.borrow()),
    };
    let content_type = match format {
        Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept"),
    ];
    (headers, text(&seen, format)).into_response()
}

/// The whole text.
fn text(seen: &Seen, format: Format) -> String {
    let sites = seen.sites.sites.len().max(seen.traffic.sites.len());
    let mut exposition = Exposition::new(format, (sites + 4) * BYTES_PER_SITE);
    let to = &mut exposition;
    agent::write(to, &seen.status, &seen.traffic);
    visitors::write(to, &seen.traffic);
    hosted::write(to, seen);
    // Last, because numbers of whoever looks come with names of their own.
    watched::write(to, &seen.watch);
    exposition.finish()
}

#[cfg(test)]
mod tests;
