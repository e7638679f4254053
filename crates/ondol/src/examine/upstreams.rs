//! Sockets of apps that are not there: no mistake, since apps start later, but worth a word.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use ondol_config::KeyPath;
use ondol_model::Target;
use ondol_model::plan::PhpVia;
use ondol_model::upstream::Address;

use super::Findings;
use super::Subject;
use super::access;
use super::access::Need;
use crate::sandbox::ServeUser;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    for site in &subject.plan.sites {
        for route in site.own_routes() {
            let key = KeyPath::site(&site.name.to_string()).route(route.path.as_str());
            let upstreams = match &route.target {
                Target::Proxy(proxy) => proxy.upstreams(),
                Target::Php(php) => {
                    if let PhpVia::Socket(Address::Unix(path)) = &php.via
                        && let Some((problem, help)) = trouble(path, subject.user)
                    {
                        let key = key.key("php").key("socket");
                        findings.warn(subject, &key, problem, help);
                    }
                    continue;
                }
                Target::App(_) | Target::Files(_) | Target::Redirect(_) | Target::Respond(_) => {
                    continue;
                }
            };
            for (index, upstream) in upstreams.enumerate() {
                let path = match &upstream.address {
                    Address::Unix(path) => path,
                    Address::Tcp { .. } => continue,
                };
                if let Some((problem, help)) = trouble(path, subject.user) {
                    findings.warn(subject, &key.clone().server(index), problem, help);
                }
            }
        }
    }
}

fn trouble(path: &Path, user: &ServeUser) -> Option<(String, String)> {
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let why = match error.kind() {
                io::ErrorKind::NotFound => format!("there is no socket {shown}"),
                _ => format!("the socket {shown} cannot be reached: {error}"),
            };
            let help =
                "visitors get 502 until the app listens there; nothing has to be reloaded then";
            return Some((why, help.to_owned()));
        }
    };
    if !metadata.file_type().is_socket() {
        let help = "visitors get 502 until there is one; what is named there is the path of the app's socket";
        return Some((format!("{shown} is not a socket"), help.to_owned()));
    }
    let access::Stopped { at, need } = access::stopped(path, Need::Write, user).ok()??;
    let help = format!(
        "visitors get 502 until it may; `chmod {} {}` allows it",
        need.chmod(),
        at.display()
    );
    Some((format!("the user {user} may not connect to {shown}"), help))
}
