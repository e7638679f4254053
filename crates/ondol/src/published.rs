//! What the agent shows on its admin socket: its values turned into those of the API.

use std::collections::HashMap;
use std::sync::Arc;

use ondol_admin::Command;
use ondol_admin::Surface;
use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_base::tasks::ServiceStatus;
use ondol_model::HostPattern;
use ondol_model::plan::Scheme;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::generation;
use crate::generation::MemberStatus;
use crate::generation::Phase;
use crate::link;
use crate::link::SocketProtocol;
use crate::reload::Served;
use ondol_certs::CertificateRow;
use ondol_certs::Origin;

/// The writing ends of what the admin socket reads.
#[derive(Debug)]
pub(crate) struct Published {
    status: watch::Sender<Arc<api::Status>>,
    sites: watch::Sender<Arc<api::Sites>>,
    certs: watch::Sender<Arc<api::Certs>>,
    root: watch::Sender<Option<Arc<str>>>,
}

/// All that the status is made of.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) served: &'a Served,
    pub(crate) generations: &'a generation::Status,
    pub(crate) services: Vec<ServiceStatus>,
    pub(crate) last_reload: Option<api::LastReload>,
    pub(crate) configuration: String,
    /// Seconds since the Unix epoch.
    pub(crate) started_at: i64,
}

impl Published {
    /// Shows the first values on a surface, which also leads to the events and takes commands.
    pub(crate) fn new(
        view: View<'_>,
        store: ondol_store::Handle,
        commands: mpsc::Sender<Command>,
    ) -> (Self, Surface) {
        let served = view.served;
        let (sites, sites_reader) = watch::channel(Arc::new(sites_of(served)));
        let (certs, certs_reader) = watch::channel(Arc::new(certs_of(served)));
        let (root, root_reader) = watch::channel(root_of(served));
        let (status, status_reader) = watch::channel(Arc::new(status(view)));
        let surface = Surface {
            status: status_reader,
            sites: sites_reader,
            certs: certs_reader,
            root: root_reader,
            store,
            commands,
        };
        let published = Self {
            status,
            sites,
            certs,
            root,
        };
        (published, surface)
    }

    /// Shows what is served now.
    pub(crate) fn served(&self, served: &Served) {
        self.sites.send_replace(Arc::new(sites_of(served)));
        self.certs.send_replace(Arc::new(certs_of(served)));
        self.root.send_replace(root_of(served));
    }

    /// Shows the box at a glance.
    pub(crate) fn status(&self, view: View<'_>) {
        self.status.send_replace(Arc::new(status(view)));
    }
}

fn status(view: View<'_>) -> api::Status {
    let View {
        served,
        generations,
        services,
        last_reload,
        configuration,
        started_at,
    } = view;
    api::Status {
        box_name: served.plan().box_name.clone(),
        timezone: served.plan().timezone.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: Time::from_unix_seconds(started_at),
        revision: served.revision,
        configuration,
        last_reload,
        on_last_good: served.on_last_good.is_some(),
        on_last_good_reason: served.on_last_good.clone(),
        generation: generations.serving().map(|member| member.number),
        generations: generations.members.iter().map(generation_of).collect(),
        listeners: listeners_of(served),
        sites: served.plan().sites.len(),
        certificates: served.certificates.entries.len(),
        connections: generations.counters.connections,
        requests: generations.counters.requests,
        log_lines_dropped: generations.counters.log_lines_dropped,
        servers: servers_of(generations),
        warnings: served
            .warnings
            .iter()
            .chain(&served.missing)
            .cloned()
            .collect(),
        services: services.into_iter().map(api::Service::from).collect(),
    }
}

/// The servers behind the sites, as the data plane that serves sees them.
fn servers_of(generations: &generation::Status) -> Vec<api::Server> {
    let servers = generations.serving().map(|member| &member.servers);
    let servers = servers.into_iter().flatten().map(|server| {
        let link::Server {
            address,
            sites,
            requests,
            trouble,
        } = server.clone();
        api::Server {
            address,
            sites,
            requests: requests.into(),
            trouble,
        }
    });
    servers.collect()
}

fn generation_of(member: &MemberStatus) -> api::Generation {
    let MemberStatus {
        number,
        pid,
        phase,
        since,
        version,
        counters,
        servers: _,
    } = member;
    let state = match phase {
        Phase::Starting => api::GenerationState::Starting,
        Phase::Serving => api::GenerationState::Ready,
        Phase::Draining | Phase::Ending => api::GenerationState::Draining,
    };
    api::Generation {
        number: *number,
        pid: *pid,
        state,
        since: Time::from_unix_seconds(*since),
        connections: counters.connections,
        requests: counters.requests,
        version: version.clone().unwrap_or_default(),
    }
}

fn listeners_of(served: &Served) -> Vec<api::Listener> {
    let each = served.listeners.addresses().into_iter();
    each.map(|(protocol, address)| api::Listener {
        address: address.to_string(),
        protocol: protocol.word().to_owned(),
    })
    .collect()
}

fn sites_of(served: &Served) -> api::Sites {
    let addresses = served.listeners.addresses();
    let listens = |wanted: SocketProtocol| -> Vec<String> {
        let fitting = addresses.iter().filter(|(protocol, _)| *protocol == wanted);
        fitting.map(|(_, address)| address.to_string()).collect()
    };
    let (http, https) = (
        listens(SocketProtocol::Http),
        listens(SocketProtocol::Https),
    );
    let mut certificates: HashMap<&HostPattern, &CertificateRow> = HashMap::new();
    for row in &served.certificates.rows {
        certificates.extend(row.names.iter().map(|name| (name, row)));
    }
    let sites = served.plan().sites.iter().map(|site| {
        let (listens, certificate) = match site.scheme {
            Scheme::Https if !site.has_tls() => (&https, None),
            Scheme::Https => (&https, certificates.get(&site.name).map(|row| short(row))),
            Scheme::Http => (&http, None),
        };
        api::Site::new(site, listens.clone(), certificate)
    });
    api::Sites {
        sites: sites.collect(),
    }
}

fn short(row: &CertificateRow) -> api::SiteCertificate {
    api::SiteCertificate {
        issuer: row.facts.issuer.clone(),
        expires: Time::from_unix_seconds(row.facts.validity.not_after),
        source: source_of(&row.origin),
    }
}

fn certs_of(served: &Served) -> api::Certs {
    let texts = |names: &[HostPattern]| names.iter().map(ToString::to_string).collect();
    let mut certificates: Vec<_> = served
        .certificates
        .rows
        .iter()
        .map(|row| {
            let CertificateRow {
                names,
                origin,
                facts,
                trouble,
            } = row;
            let renew_at = match origin {
                Origin::Internal => Some(Time::from_unix_seconds(facts.validity.renew_at())),
                Origin::Files(_) | Origin::Issued { .. } => None,
            };
            api::Cert {
                names: texts(&facts.names),
                issuer: facts.issuer.clone(),
                source: source_of(origin),
                not_before: Time::from_unix_seconds(facts.validity.not_before),
                not_after: Time::from_unix_seconds(facts.validity.not_after),
                renew_at,
                sites: texts(names),
                problem: trouble.clone(),
            }
        })
        .collect();
    certificates.sort_by_key(|certificate| certificate.not_after);
    api::Certs { certificates }
}

fn root_of(served: &Served) -> Option<Arc<str>> {
    Some(Arc::clone(&served.certificates.root_pem))
}

fn source_of(origin: &Origin) -> String {
    match origin {
        Origin::Internal => "internal".to_owned(),
        Origin::Issued { issuer, .. } => issuer.to_string(),
        Origin::Files(files) => files.chain.display().to_string(),
    }
}
