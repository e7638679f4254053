//! How the servers of a `proxy` are spoken to: the version of HTTP, TLS, the PROXY protocol.

use std::path::Path;
use std::sync::Arc;

use ondol_model::plan::ProxyVersion;
use ondol_model::plan::Server;
use ondol_model::upstream::HttpVersion;
use ondol_model::upstream::Tls;

use super::tls;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const HTTP: Key = Key {
    name: "http",
    doc: "The version of HTTP that the servers are asked in: `\"1.1\"`, or `\"2\"` (gRPC needs it). Without it, HTTP/2 for servers at `h2c://`, and HTTP/1.1 for the others.",
    shape: Shape::Choice(&["1.1", "2"]),
    absent: Absent::Means,
};

pub(super) const TLS: Key = Key {
    name: "tls",
    doc: "How servers at `https://` are recognized. Without it, their host must have a certificate of an authority that the system trusts.",
    shape: Shape::Table(&tls::TLS),
    absent: Absent::Means,
};

pub(super) const PROXY_PROTOCOL: Key = Key {
    name: "proxy_protocol",
    doc: "Tells each server the visitor's address before anything else, by the header of the PROXY protocol: `\"v1\"` or `\"v2\"`. Every request then has a connection of its own. Without it, servers have `X-Forwarded-For` alone.",
    shape: Shape::Choice(&["v1", "v2"]),
    absent: Absent::Means,
};

/// Has the servers spoken to as the table says.
pub(super) fn apply(
    table: Section<'_>,
    servers: &mut [Server],
    folder: &Path,
    report: &mut Report,
) {
    let http = table.text(HTTP.name).and_then(|word| match word.text {
        "1.1" => Some(HttpVersion::One),
        "2" => Some(HttpVersion::Two),
        _ => None,
    });
    let proxy_protocol = table
        .text(PROXY_PROTOCOL.name)
        .and_then(|word| match word.text {
            "v1" => Some(ProxyVersion::One),
            "v2" => Some(ProxyVersion::Two),
            _ => None,
        });
    let tls = table.table(TLS.name);
    let tls = tls.map(|tls| Arc::new(tls::tls(tls, folder, report)));
    contradictions(table, servers, http, tls.as_deref(), report);
    for server in servers {
        let upstream = &mut server.upstream;
        upstream.http = http.unwrap_or(upstream.http);
        upstream.proxy_protocol = proxy_protocol;
        if let (Some(own), Some(tls)) = (&mut upstream.tls, &tls) {
            *own = Arc::clone(tls);
        }
    }
}

fn contradictions(
    table: Section<'_>,
    servers: &[Server],
    http: Option<HttpVersion>,
    tls: Option<&Tls>,
    report: &mut Report,
) {
    if servers.is_empty() {
        return; // What is wrong with them has been said.
    }
    let is_two = |server: &Server| server.upstream.http == HttpVersion::Two;
    if tls.is_some() && servers.iter().all(|server| server.upstream.tls.is_none()) {
        report
            .add(
                table.key_at(TLS.name),
                "`tls` is for servers at https://, and none is here",
            )
            .help("write https:// in place of http://, or take `tls` out");
    }
    if http == Some(HttpVersion::One) && servers.iter().any(is_two) {
        report
            .add(
                table.key_at(HTTP.name),
                "a server at h2c:// speaks HTTP/2 alone",
            )
            .help("write http:// for it, or take `http` out");
    }
    let asked_in_two = http.map_or_else(
        || servers.iter().any(is_two),
        |http| http == HttpVersion::Two,
    );
    if table.has(PROXY_PROTOCOL.name) && asked_in_two {
        report
            .add(
                table.key_at(PROXY_PROTOCOL.name),
                "a connection of HTTP/2 carries many visitors, and its header can name one",
            )
            .help("take `proxy_protocol` out (servers have X-Forwarded-For), or use HTTP/1.1");
    }
}
