//! Servers behind the sites: whether anything answers there.

use std::collections::BTreeMap;
use std::time::Duration;

use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::plan::PhpVia;
use ondol_model::upstream::Address;
use tokio::net::TcpStream;

use super::Finding;

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// So many servers are tried: a doctor should be done within a minute.
const SERVERS_MAX: usize = 16;

/// Sockets of files are looked at with the configuration.
pub(super) async fn look(plan: &Plan) -> Vec<Finding> {
    let mut servers: BTreeMap<(String, u16), Vec<String>> = BTreeMap::new();
    for site in &plan.sites {
        for route in site.own_routes() {
            let mut add = |address: &Address| {
                if let Address::Tcp { host, port } = address {
                    let sites = servers.entry((host.clone(), *port)).or_default();
                    let name = site.name.to_string();
                    if !sites.contains(&name) {
                        sites.push(name);
                    }
                }
            };
            match &route.target {
                Target::Proxy(proxy) => proxy.upstreams().for_each(|it| add(&it.address)),
                Target::Php(php) => {
                    if let PhpVia::Socket(address) = &php.via {
                        add(address);
                    }
                }
                Target::App(_) | Target::Files(_) | Target::Redirect(_) | Target::Respond(_) => {}
            }
        }
    }
    let mut findings = Vec::new();
    for ((host, port), sites) in servers.into_iter().take(SERVERS_MAX) {
        let connected = TcpStream::connect((host.as_str(), port));
        let why = match tokio::time::timeout(CONNECT, connected).await {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", CONNECT.as_secs()),
        };
        findings.push(silent(&host, port, &sites, &why));
    }
    findings
}

fn silent(host: &str, port: u16, sites: &[String], why: &str) -> Finding {
    let sites = sites.join(", ");
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "::1");
    let advice = if is_here {
        format!(
            "Start what should listen there; `ss -ltnp | grep :{port}` shows whether something does."
        )
    } else {
        format!(
            "Is that machine on, and does its firewall let this one in? `nc -vz {host} {port}` tries it."
        )
    };
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Finding::bad(
        format!("Nothing answers at {host}:{port}, to which {sites} is passed on: {why}."),
        advice,
    )
}
