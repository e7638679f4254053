//! What the agent shows on its admin socket: its values turned into those of the API.

use std::sync::Arc;

use ondol_admin::AppCommand;
use ondol_admin::BackupCommand;
use ondol_admin::CertCommand;
use ondol_admin::Command;
use ondol_admin::Surface;
use ondol_admin::WatchCommand;
use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_apps::AppStatus;
use ondol_backup::BackupStatus;
use ondol_base::clock;
use ondol_base::tasks::ServiceStatus;
use ondol_certs::Managed;
use ondol_model::plan::Scheme;
use ondol_model::plan::Site;
use ondol_watch::WatchStatus;
use tokio::sync::mpsc;
use tokio::sync::watch::Receiver;
use tokio::sync::watch::Sender;
use tokio::sync::watch::channel;

use crate::generation;
use crate::generation::MemberStatus;
use crate::generation::Phase;
use crate::link;
use crate::link::SocketProtocol;
use crate::reload::Served;

mod apps;
mod backups;
mod certificates;
mod traffic;
mod watch;

pub(crate) use apps::AppsShown;
use apps::Hosting;
pub(crate) use backups::BackupsShown;
pub(crate) use backups::amount;
pub(crate) use traffic::TrafficShown;
pub(crate) use watch::WatchShown;

/// The writing ends of what the admin socket reads.
#[derive(Debug)]
pub(crate) struct Published {
    status: Sender<Arc<api::Status>>,
    sites: Sender<Arc<api::Sites>>,
    certs: Sender<Arc<api::Certs>>,
    root: Sender<Option<Arc<str>>>,
    /// What the plan says about apps, for who shows them.
    hosting: Sender<Arc<Hosting>>,
}

/// Where commands that come in on the surface go.
#[derive(Debug)]
pub(crate) struct Commands {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) cert_commands: mpsc::Sender<CertCommand>,
    pub(crate) app_commands: mpsc::Sender<AppCommand>,
    pub(crate) backup_commands: mpsc::Sender<BackupCommand>,
    pub(crate) watch_commands: mpsc::Sender<WatchCommand>,
}

/// Those who go on showing what others say of themselves.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) apps: AppsShown,
    pub(crate) backups: BackupsShown,
    pub(crate) watch: WatchShown,
    pub(crate) traffic: TrafficShown,
}

/// Those who say how they are.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) apps: Receiver<Arc<Vec<AppStatus>>>,
    pub(crate) backups: Receiver<Arc<BackupStatus>>,
    pub(crate) watch: Receiver<Arc<WatchStatus>>,
    pub(crate) generations: generation::Handle,
    pub(crate) health_troubles: Receiver<Arc<Vec<String>>>,
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
        managed: &[Managed],
        store: ondol_store::Handle,
        commands: Commands,
        told: Told,
    ) -> (Self, Surface, Shown) {
        let served = view.served;
        let (hosting, hosting_reader) = channel(Arc::new(apps::hosting(served.plan())));
        let (apps_shown, apps) = AppsShown::new(told.apps, hosting_reader);
        let (backups_shown, backups) = BackupsShown::new(told.backups);
        let (watch_shown, watch) = WatchShown::new(told.watch);
        let (traffic_shown, traffic) = TrafficShown::new(&told.generations);
        let first_certs = certs_of(served, managed);
        let first_sites = sites_of(served, &first_certs);
        let first_status = status(view, &first_sites, &first_certs);
        let (status, status_reader) = channel(Arc::new(first_status));
        let (sites, sites_reader) = channel(Arc::new(first_sites));
        let (certs, certs_reader) = channel(Arc::new(first_certs));
        let (root, root_reader) = channel(root_of(served));
        let Commands {
            commands,
            cert_commands,
            app_commands,
            backup_commands,
            watch_commands,
        } = commands;
        let surface = Surface {
            status: status_reader,
            sites: sites_reader,
            certs: certs_reader,
            root: root_reader,
            store,
            commands,
            cert_commands,
            apps,
            app_commands,
            backups,
            backup_commands,
            watch,
            watch_commands,
            traffic,
            health_troubles: told.health_troubles,
        };
        let published = Self {
            status,
            sites,
            certs,
            root,
            hosting,
        };
        let shown = Shown {
            apps: apps_shown,
            backups: backups_shown,
            watch: watch_shown,
            traffic: traffic_shown,
        };
        (published, surface, shown)
    }

    /// Shows what is served now, and what is done for certificates that issuers are to give.
    pub(crate) fn served(&self, served: &Served, managed: &[Managed]) {
        let certs = certs_of(served, managed);
        self.sites.send_replace(Arc::new(sites_of(served, &certs)));
        self.certs.send_replace(Arc::new(certs));
        self.root.send_replace(root_of(served));
        let hosting = apps::hosting(served.plan());
        self.hosting.send_replace(Arc::new(hosting));
    }

    /// Shows the box at a glance.
    pub(crate) fn status(&self, view: View<'_>) {
        let status = status(view, &self.sites.borrow(), &self.certs.borrow());
        self.status.send_replace(Arc::new(status));
    }
}

fn certs_of(served: &Served, managed: &[Managed]) -> api::Certs {
    certificates::certs(&served.certificates.rows, managed, clock::unix_seconds())
}

fn status(view: View<'_>, sites: &api::Sites, certs: &api::Certs) -> api::Status {
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
        stand_ins: certificates::stand_ins(sites),
        certificate_problems: certificates::problems(certs),
        connections: generations.counters.connections,
        requests: generations.counters.requests,
        log_lines_dropped: generations.counters.log_lines_dropped,
        servers: servers_of(generations),
        apps: Vec::new(), // They are joined where they are asked for, as they are then.
        backups: api::Backups::default(), // As these are.
        watch: api::Watch::default(), // And this.
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

fn sites_of(served: &Served, certs: &api::Certs) -> api::Sites {
    let addresses = served.listeners.addresses();
    let listens = |wanted: SocketProtocol| -> Vec<String> {
        let fitting = addresses.iter().filter(|(protocol, _)| *protocol == wanted);
        fitting.map(|(_, address)| address.to_string()).collect()
    };
    let (http, https) = (
        listens(SocketProtocol::Http),
        listens(SocketProtocol::Https),
    );
    let by_name = certificates::by_site_name(certs);
    let certificate_of = |site: &Site| {
        let certificate = by_name.get(site.name.to_string().as_str());
        certificate.copied().map(certificates::short)
    };
    let sites = served.plan().sites.iter().map(|site| {
        let (listens, certificate) = match site.scheme {
            Scheme::Https if !site.has_tls() => (&https, None),
            Scheme::Https => (&https, certificate_of(site)),
            Scheme::Http => (&http, None),
        };
        api::Site::new(site, listens.clone(), certificate)
    });
    api::Sites {
        sites: sites.collect(),
    }
}

fn root_of(served: &Served) -> Option<Arc<str>> {
    Some(Arc::clone(&served.certificates.root_pem))
}
