//! `proxy`: other servers answer.

mod balance;
mod failing;
mod health;
mod retry;
mod sent;
mod server;
mod tls;
mod transport;

use std::collections::HashMap;
use std::path::Path;

use ondol_model::limits::SERVERS_MAX;
use ondol_model::plan::Proxy;
use ondol_model::plan::Server;

use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

pub(in crate::file) use health::host as health_host;
pub(in crate::file) use health::interval as health_interval;
pub(in crate::file) use health::path as health_path;

pub(super) const PROXY: Key = Key {
    name: "proxy",
    doc: "Target: servers to forward to, over HTTP/1.1 unless they say otherwise: `http://host:port`, `https://host:port`, `h2c://host:port` (HTTP/2) or `unix:/path`. As texts alone, its `to`.",
    shape: Shape::TextsOrTable(server::ADDRESS, &PROXY_TABLE),
    absent: Absent::Means,
};

static PROXY_TABLE: Table = Table {
    title: "`proxy`",
    doc: "Servers to forward to.",
    keys: &[
        Key {
            name: "to",
            doc: "The servers; several share the requests.",
            shape: Shape::OneOrMore(&Shape::TextOrTable(server::ADDRESS, &server::SERVER)),
            absent: Absent::Mistake,
        },
        transport::HTTP,
        transport::TLS,
        transport::PROXY_PROTOCOL,
        balance::BALANCE,
        failing::MAX_FAILS,
        failing::FAIL_WINDOW,
        failing::FAIL_TIME,
        failing::FAIL_STATUS,
        failing::SLOW_START,
        health::HEALTH,
        retry::RETRIES,
        retry::RETRY_TIME,
        retry::RETRY_STATUS,
        sent::STRIP_PREFIX,
        sent::REWRITE,
        sent::HOST,
        sent::VIA,
    ],
    later: &["cookie", "sticky"],
};

pub(super) fn proxy(section: Section<'_>, folder: &Path, report: &mut Report) -> Option<Proxy> {
    match section.either(PROXY.name) {
        Some(Either::Long(table)) => {
            let mut servers = servers(table, "to", report)?;
            transport::apply(table, &mut servers, folder, report);
            Some(Proxy {
                servers,
                balance: balance::balance(table),
                failing: failing::failing(table, report),
                health: health::health(table, report).map(Box::new),
                retry: retry::retry(table, report),
                path: sent::path(table, section, report),
                host: sent::host(table, report),
                via: sent::via(table),
            })
        }
        Some(Either::Short(_)) | None => Some(Proxy {
            servers: servers(section, PROXY.name, report)?,
            ..Proxy::to(Vec::new())
        }),
    }
}

/// The servers of a key, none of them twice. What is wrong is reported and left out.
fn servers(section: Section<'_>, key: &str, report: &mut Report) -> Option<Vec<Server>> {
    let mut servers: Vec<Server> = Vec::new();
    let mut places: HashMap<_, Place> = HashMap::new();
    for either in section.eithers(key)? {
        let Some((server, at)) = server::server(either, report) else {
            continue;
        };
        match places.get(&server.upstream) {
            Some(first) => {
                report
                    .add(at, format!("the server {} stands twice", server.upstream))
                    .help(
                        "keep one of them; for a larger share of the requests, give it a `weight`",
                    )
                    .related(*first, "it is here first");
            }
            None => {
                places.insert(server.upstream.clone(), at);
                servers.push(server);
            }
        }
    }
    if section.is_empty_list(key) {
        let at = section.key_at(key);
        report
            .add(at, format!("`{key}` needs at least one server"))
            .help(server::ACCEPTED);
    }
    if servers.len() > SERVERS_MAX {
        let problem = format!("these are more servers than the {SERVERS_MAX} that can share");
        report.add(section.key_at(key), problem);
    }
    Some(servers)
}
