//! What the admin socket shows, and where what comes in on it goes.

use std::sync::Arc;

use ondol_admin::Command;
use ondol_admin::HealthDoor;
use ondol_admin::Surface;
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

impl Front {
    #[expect(
        clippy::too_many_lines,
        reason = "one list of what is shown, and of who answers"
    )]
    pub(super) fn open(
        view: View<'_>,
        managed: &watch::Receiver<Arc<Vec<Managed>>>,
        services: Services,
        store: &Store,
        workers: &mut Group,
    ) -> Self {
        let Services {
            requests,
            apps,
            backups,
            watch,
            plan,
            folders,
            generations,
        } = services;
        let (troubles, health_troubles) = watch::channel(Arc::default());
        let (command_sender, commands) = mpsc::channel(limits::ADMIN_COMMANDS);
        let (cert_sender, cert_commands) = mpsc::channel(limits::ADMIN_COMMANDS);
        let (app_sender, app_commands) = mpsc::channel(limits::ADMIN_COMMANDS);
        let (backup_sender, backup_commands) = mpsc::channel(limits::ADMIN_COMMANDS);
        let (watch_sender, watch_commands) = mpsc::channel(limits::ADMIN_COMMANDS);
        let to = Commands {
            commands: command_sender,
            cert_commands: cert_sender,
            app_commands: app_sender,
            backup_commands: backup_sender,
            watch_commands: watch_sender,
        };
        let managed = Arc::clone(&managed.borrow());
        let (published, surface, shown) = Published::new(
            view,
            &managed,
            store.handle(),
            to,
            Told {
                apps: apps.status.clone(),
                backups: backups.status.clone(),
                watch: watch.status.clone(),
                generations,
                health_troubles,
            },
        );
        let Shown {
            apps: apps_shown,
            backups: backups_shown,
            watch: watch_shown,
            traffic: traffic_shown,
        } = shown;
        workers.spawn("what is shown of apps", apps_shown.run());
        workers.spawn("what is shown of backups", backups_shown.run());
        let health = HealthDoor::new(plan.clone(), surface.clone(), troubles);
        workers.spawn("how all is, as it is shown", watch_shown.run());
        workers.spawn("what is shown of visitors", traffic_shown.run());
        let watch_requests = WatchRequests {
            commands: watch_commands,
            desk: watch_requests::Desk { watch },
        };
        workers.spawn("questions about alarms", watch_requests.run());
        // One that waits says the same as many.
        let (folders_sender, folders_changed) = mpsc::channel(1);
        let backup_requests = BackupRequests::new(
            backup_commands,
            folders_sender,
            backups,
            apps.clone(),
            store.handle(),
            plan,
            folders,
        );
        workers.spawn("questions about backups", backup_requests.run());
        let app_requests = AppRequests {
            commands: app_commands,
            desk: app_requests::Desk {
                apps: surface.apps.clone(),
                host: apps,
                store: store.handle(),
            },
        };
        workers.spawn("questions about apps", app_requests.run());
        let cert_requests = CertRequests {
            commands: cert_commands,
            desk: Desk {
                certs: surface.certs.clone(),
                sites: surface.sites.clone(),
                requests,
            },
        };
        workers.spawn("requests of certificates", cert_requests.run());
        Self {
            published,
            surface,
            health,
            commands,
            folders_changed,
        }
    }
}
