//! What the parts of the agent know of themselves, put together for the one that watches them.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use ondol_apps::AppState;
use ondol_apps::AppStatus;
use ondol_backup::BackupStatus;
use ondol_backup::TargetStatus;
use ondol_base::tasks::ServiceState;
use ondol_base::tasks::ServiceStatus;
use ondol_certs::CertificateRow;
use ondol_certs::Managed;
use ondol_certs::Origin;
use ondol_certs::State;
use ondol_model::listen::Preface;
use ondol_watch::AppCondition;
use ondol_watch::AppFact;
use ondol_watch::BackupFact;
use ondol_watch::CertificateFact;
use ondol_watch::Facts;
use ondol_watch::ServiceFact;
use tokio::sync::watch;

use crate::generation;
use crate::link::SocketProtocol;
use crate::listeners::Listeners;
use crate::reload::Served;

/// Tells the one that watches what the others know.
#[derive(Debug)]
pub(crate) struct FactsTold {
    facts: watch::Sender<Arc<Facts>>,
    apps: watch::Receiver<Arc<Vec<AppStatus>>>,
    backups: watch::Receiver<Arc<BackupStatus>>,
    /// Since when backups are wanted, as far as this process knows.
    wanted_since: i64,
}

impl FactsTold {
    /// Both ends; nothing is told yet.
    pub(crate) fn new(
        apps: watch::Receiver<Arc<Vec<AppStatus>>>,
        backups: watch::Receiver<Arc<BackupStatus>>,
        wanted_since: i64,
    ) -> (Self, watch::Receiver<Arc<Facts>>) {
        let (facts, reader) = watch::channel(Arc::default());
        let told = Self {
            facts,
            apps,
            backups,
            wanted_since,
        };
        (told, reader)
    }

    /// Tells how things are now; nobody is bothered when that is as it was.
    pub(crate) fn tell(
        &self,
        served: &Served,
        managed: &[Managed],
        generations: &generation::Status,
        services: &[ServiceStatus],
    ) {
        let facts = Facts {
            is_served: generations.serving().is_some(),
            http: reached(&served.listeners, SocketProtocol::Http),
            https: reached(&served.listeners, SocketProtocol::Https),
            apps: self.apps.borrow().iter().map(app).collect(),
            certificates: certificates(&served.certificates.rows, managed),
            backups: {
                let status = self.backups.borrow();
                let targets = status.targets.iter();
                targets
                    .map(|target| backup(target, self.wanted_since))
                    .collect()
            },
            services: services.iter().map(service).collect(),
        };
        self.facts.send_if_modified(|before| {
            let is_new = **before != facts;
            if is_new {
                *before = Arc::new(facts);
            }
            is_new
        });
    }
}

/// Where a peer on this machine reaches the first listener that wants nothing in front of a connection.
fn reached(listeners: &Listeners, protocol: SocketProtocol) -> Option<SocketAddr> {
    let plain = listeners.0.iter().filter(|listener| {
        listener.key.protocol == protocol && listener.key.preface == Preface::None
    });
    let mut addresses = plain.filter_map(|listener| listener.sockets.first()?.local_addr().ok());
    addresses.next().map(near)
}

/// The same address as a peer on this machine has to write it.
fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn app(status: &AppStatus) -> AppFact {
    let condition = match status.state {
        AppState::Running | AppState::Watching => AppCondition::Well,
        AppState::Starting | AppState::Deploying => AppCondition::Starting,
        AppState::Asleep => AppCondition::Asleep,
        AppState::Stopped => AppCondition::Stopped,
        AppState::Failed => AppCondition::Failed,
    };
    AppFact {
        name: status.name.to_string(),
        condition,
        note: status.note.clone(),
        restarts: status.restarts,
    }
}

fn certificates(rows: &[CertificateRow], managed: &[Managed]) -> Vec<CertificateFact> {
    let held = rows.iter().filter_map(|row| {
        let name = row.facts.names.first().or_else(|| row.names.first())?;
        let order = managed.iter().find(|one| one.names.contains(name));
        Some(CertificateFact {
            name: name.to_string(),
            not_after: Some(row.facts.validity.not_after),
            is_managed: order.is_some() || row.origin == Origin::Internal,
            is_stand_in: order.is_some() && row.origin == Origin::Internal,
            problem: row.trouble.clone().or_else(|| order.and_then(problem)),
        })
    });
    let held: Vec<_> = held.collect();
    let is_held = |name: &str| held.iter().any(|fact| fact.name == name);
    let missing = managed.iter().filter_map(|order| {
        let name = order.names.first()?.to_string();
        (!is_held(&name)).then(|| CertificateFact {
            name,
            not_after: None,
            is_managed: true,
            is_stand_in: false,
            problem: problem(order),
        })
    });
    let missing: Vec<_> = missing.collect();
    held.into_iter().chain(missing).collect()
}

fn problem(order: &Managed) -> Option<String> {
    if let State::Nobody { why } = &order.state {
        return Some(why.clone());
    }
    let last = order.last.as_ref().filter(|last| !last.is_good)?;
    Some(last.sentence.clone())
}

fn backup(target: &TargetStatus, wanted_since: i64) -> BackupFact {
    BackupFact {
        target: target.name.clone(),
        last_good_at: target.last_good_at,
        proven_as_of: target.proven_as_of,
        failed_proof: target.failed_proof.clone(),
        wanted_since,
    }
}

fn service(status: &ServiceStatus) -> ServiceFact {
    let trouble = match status.state {
        ServiceState::Running | ServiceState::Stopped => None,
        ServiceState::Waiting | ServiceState::Failed => {
            Some(status.last_error.clone().unwrap_or_default())
        }
    };
    ServiceFact {
        name: status.name.to_owned(),
        trouble,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_for_every_address_is_reached_on_this_machine() {
        for (bound, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:443", "[::1]:443"),
            ("192.168.0.2:8080", "192.168.0.2:8080"),
        ] {
            assert_eq!(near(bound.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
