//! What the owner hears of the servers behind the sites: that one is down, and that it is up again.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use ondol_base::clock;
use ondol_model::Plan;
use ondol_model::event::EventKind;
use ondol_model::health::Health;

use super::servers::watched;
use super::watched::Watch;
use super::watched::Watched;
use crate::data_plane::Failures;
use crate::data_plane::ServeFailure;

/// The servers of a plan whose health the owner is told of.
#[derive(Debug)]
pub(crate) struct Known(Vec<Subject>);

/// How a server behind a site is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// The server as the configuration has it.
    pub address: String,
    /// The sites that use it, by their main names.
    pub sites: Vec<String>,
    /// The requests that it has at the moment; not counted where it is alone.
    pub requests: u32,
    /// Why it is down; `None` while it is up.
    pub trouble: Option<String>,
}

#[derive(Debug)]
struct Subject {
    server: Arc<Watched>,
    sites: BTreeSet<String>,
    company: Company,
}

/// Whether a server has others beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    Alone,
    Others,
}

impl Known {
    /// All servers of a plan that are watched.
    pub(crate) fn of(plan: &Plan, watch: &Watch) -> Self {
        let mut known: HashMap<*const Watched, Subject> = HashMap::new();
        for site in &plan.sites {
            for proxy in site.routes.iter().filter_map(|route| route.target.proxy()) {
                for server in watched(proxy, watch) {
                    let subject = known.entry(Arc::as_ptr(&server)).or_insert(Subject {
                        server,
                        sites: BTreeSet::new(),
                        company: Company::Alone,
                    });
                    subject.sites.insert(site.name.to_string());
                    if proxy.servers.len() > 1 {
                        subject.company = Company::Others;
                    }
                }
            }
        }
        Self(known.into_values().collect())
    }

    /// Those that are asked whether they are well.
    pub(crate) fn asked(&self) -> Vec<Arc<Watched>> {
        let servers = self.0.iter().map(|subject| &subject.server);
        let asked = servers.filter(|server| server.key().check.is_some());
        asked.cloned().collect()
    }

    /// How they are, in the order of their addresses.
    pub(crate) fn states(&self) -> Vec<ServerState> {
        let states = self.0.iter().map(|subject| {
            let server = &subject.server;
            let is_down = server.health() == Health::Down;
            ServerState {
                address: server.label().to_owned(),
                sites: subject.sites.iter().cloned().collect(),
                requests: server.in_flight(),
                trouble: is_down.then(|| server.reason()),
            }
        });
        let mut states: Vec<_> = states.collect();
        states.sort_by(|a, b| (&a.address, &a.sites).cmp(&(&b.address, &b.sites)));
        states
    }

    /// Tells what has changed. Of all workers only the first finds it new.
    pub(crate) fn tell(&self, failures: &Failures) {
        for subject in &self.0 {
            if let Some((health, reason)) = subject.server.news(clock::monotonic_us()) {
                failures.report(ServeFailure {
                    kind: EventKind::Upstream,
                    subject: subject.server.label().to_owned(),
                    message: subject.message(health, &reason),
                });
            }
        }
    }
}

impl Subject {
    fn message(&self, health: Health, reason: &str) -> String {
        let server = self.server.label();
        let sites: Vec<_> = self.sites.iter().map(String::as_str).collect();
        let sites = sites.join(", ");
        match (health, self.company) {
            (Health::Up, _) => format!("{server} ({sites}) answers again, and gets its requests"),
            (Health::Down, Company::Others) => format!(
                "{server} ({sites}) does not answer as it should: {reason}. Its requests go to the other servers, \
                 and it is tried again by itself. See whether the app runs there."
            ),
            (Health::Down, Company::Alone) => format!(
                "{server} ({sites}) does not answer as it should: {reason}. No other server can take its place, so it \
                 still gets its requests. See whether the app runs there."
            ),
        }
    }
}
