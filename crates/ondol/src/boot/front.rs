//! What the admin socket shows, and where what comes in on it goes.

use std::sync::Arc;

use ondol_admin::AppCommand;
use ondol_admin::BackupCommand;
use ondol_admin::CertCommand;
use ondol_admin::Command;
use ondol_admin::HealthDoor;
use ondol_admin::Surface;
use ondol_admin::WatchCommand;
use ondol_base::tasks::Group;
use ondol_certs::Managed;
use ondol_certs::Request;
use ondol_model::Plan;
use ondol_model::limits;
use ondol_store::Store;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::app_requests;
use crate::app_requests::AppRequests;
use crate::backup_requests::BackupRequests;
use crate::cert_requests::CertRequests;
use crate::cert_requests::Desk;
use crate::folders::Folders;
use crate::generation;
use crate::published::Commands;
use crate::published::Published;
use crate::published::Shown;
use crate::published::Told;
use crate::published::View;
use crate::watch_requests;
use crate::watch_requests::WatchRequests;

/// Both ends of what the admin socket shows and takes.
pub(super) struct Front {
    pub(super) published: Published,
    pub(super) surface: Surface,
    /// Where machines ask how the box is.
    pub(super) health: HealthDoor,
    /// For the agent's loop; those about certificates go to who gets them.
    pub(super) commands: mpsc::Receiver<Command>,
    /// When other folders have taken the place of those that are served.
    pub(super) folders_changed: mpsc::Receiver<()>,
}

/// Those who are asked what comes in on it.
pub(super) struct Services {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) apps: ondol_apps::Handle,
    pub(super) backups: ondol_backup::Handle,
    pub(super) watch: ondol_watch::Handle,
    pub(super) plan: watch::Receiver<Arc<Plan>>,
    pub(super) folders: Folders,
    pub(super) generations: generation::Handle,
}

/// What comes in for those who are asked.
struct Asked {
    certs: mpsc::Receiver<CertCommand>,
    apps: mpsc::Receiver<AppCommand>,
    backups: mpsc::Receiver<BackupCommand>,
    watch: mpsc::Receiver<WatchCommand>,
}

impl Front {
    pub(super) fn open(
        view: View<'_>,
        managed: &watch::Receiver<Arc<Vec<Managed>>>,
        services: Services,
        store: &Store,
        workers: &mut Group,
    ) -> Self {
        let (troubles, health_troubles) = watch::channel(Arc::default());
        let (to, commands, asked) = channels();
        let managed = Arc::clone(&managed.borrow());
        let (published, surface, shown) = Published::new(
            view,
            &managed,
            store.handle(),
            to,
            Told {
                apps: services.apps.status.clone(),
                backups: services.backups.status.clone(),
                watch: services.watch.status.clone(),
                generations: services.generations.clone(),
                health_troubles,
            },
        );
        let Shown {
            apps,
            backups,
            watch,
            traffic,
        } = shown;
        workers.spawn("what is shown of apps", apps.run());
        workers.spawn("what is shown of backups", backups.run());
        workers.spawn("how all is, as it is shown", watch.run());
        workers.spawn("what is shown of visitors", traffic.run());
        let health = HealthDoor::new(services.plan.clone(), surface.clone(), troubles);
        let folders_changed = answer(asked, services, &surface, store, workers);
        Self {
            published,
            surface,
            health,
            commands,
            folders_changed,
        }
    }
}

/// The ends at which commands come in; those for the agent's loop apart.
fn channels() -> (Commands, mpsc::Receiver<Command>, Asked) {
    let (command_sender, commands) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (cert_commands, certs) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (app_commands, apps) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (backup_commands, backups) = mpsc::channel(limits::ADMIN_COMMANDS);
    let (watch_commands, watch) = mpsc::channel(limits::ADMIN_COMMANDS);
    let to = Commands {
        commands: command_sender,
        cert_commands,
        app_commands,
        backup_commands,
        watch_commands,
    };
    let asked = Asked {
        certs,
        apps,
        backups,
        watch,
    };
    (to, commands, asked)
}

/// Starts those who answer; what comes back tells when folders have changed.
fn answer(
    asked: Asked,
    services: Services,
    surface: &Surface,
    store: &Store,
    workers: &mut Group,
) -> mpsc::Receiver<()> {
    let Services {
        requests,
        apps,
        backups,
        watch,
        plan,
        folders,
        generations: _,
    } = services;
    let watch_requests = WatchRequests {
        commands: asked.watch,
        desk: watch_requests::Desk { watch },
    };
    workers.spawn("questions about alarms", watch_requests.run());
    // One that waits says the same as many.
    let (folders_sender, folders_changed) = mpsc::channel(1);
    let backup_requests = BackupRequests::new(
        asked.backups,
        folders_sender,
        backups,
        apps.clone(),
        store.handle(),
        plan,
        folders,
    );
    workers.spawn("questions about backups", backup_requests.run());
    let app_requests = AppRequests {
        commands: asked.apps,
        desk: app_requests::Desk {
            apps: surface.apps.clone(),
            host: apps,
            store: store.handle(),
        },
    };
    workers.spawn("questions about apps", app_requests.run());
    let cert_requests = CertRequests {
        commands: asked.certs,
        desk: Desk {
            certs: surface.certs.clone(),
            sites: surface.sites.clone(),
            requests,
        },
    };
    workers.spawn("requests of certificates", cert_requests.run());
    folders_changed
}
