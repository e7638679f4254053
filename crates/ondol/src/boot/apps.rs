//! The app host as the boot sees it: opened before visitors are served, started after, ended last.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_apps::Apps;
use ondol_apps::Ender;
use ondol_apps::EndpointsReader;
use ondol_apps::Groups;
use ondol_apps::Handle;
use ondol_apps::News;
use ondol_apps::Opened;
use ondol_apps::Places;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_base::tasks::Supervisor;
use ondol_model::Plan;
use ondol_model::watch::PowerState;
use tokio::sync::mpsc;
use tokio::sync::watch;

use super::Ground;
use super::OWN_PROGRAM;
use super::Prepared;
use crate::events::Events;
use crate::sandbox::ServeUser;

/// How long apps may take to end when the box stops, after the last visitor.
const APPS_END: Duration = Duration::from_secs(22);
/// How long the service may take to let go of apps that go on.
const LET_GO: Duration = Duration::from_secs(2);

/// The app host, with what the boot needs of it.
pub(super) struct AppHost {
    apps: Apps,
    news: Option<mpsc::Receiver<News>>,
    ender: Ender,
    supervisor: Supervisor,
    /// How apps are asked.
    pub(super) handle: Handle,
}

impl AppHost {
    /// Prepares it, with the way by which services follow the plan, and what brings visitors to apps.
    pub(super) async fn open(
        ground: &Ground,
        prepared: &Prepared,
        power: watch::Receiver<PowerState>,
    ) -> (watch::Sender<Arc<Plan>>, EndpointsReader, Self) {
        let (plan_sender, plan) = watch::channel(Arc::clone(prepared.served.plan()));
        let groups = Arc::new(Groups::find().await);
        let Opened {
            apps,
            handle,
            endpoints,
            news,
            ender,
        } = Apps::open(places(ground), groups, prepared.store.handle(), plan, power);
        let host = Self {
            apps,
            news: Some(news),
            ender,
            supervisor: Supervisor::default(),
            handle,
        };
        (plan_sender, endpoints, host)
    }

    /// Starts the apps, and has what is worth an event recorded.
    pub(super) fn start(&mut self, events: &Events, workers: &mut Group) {
        let apps = self.apps.clone();
        self.supervisor
            .service("apps", move |stop: Stop| apps.clone().run(stop));
        if let Some(mut news) = self.news.take() {
            let events = events.clone();
            workers.spawn("news of apps", async move {
                while let Some(News { kind, app, message }) = news.recv().await {
                    events.record(kind, app.to_string(), message);
                }
            });
        }
    }

    /// Ends every app: the box stops.
    pub(super) async fn end(self) {
        if tokio::time::timeout(APPS_END, self.ender.end())
            .await
            .is_err()
        {
            tracing::warn!("some apps did not end in time");
        }
        self.leave().await;
    }

    /// Lets every app go on: another agent takes over.
    pub(super) async fn leave(self) {
        for service in self.supervisor.stop(LET_GO).await {
            tracing::warn!("the service {service} did not end in time");
        }
    }
}

fn places(ground: &Ground) -> Places {
    let folders = &ground.folders;
    let configuration = folders.config.parent().unwrap_or(Path::new("/"));
    Places {
        state: folders.state.clone(),
        runtime: folders.runtime.clone(),
        logs: folders.logs.clone(),
        configuration: configuration.to_path_buf(),
        visitors_group: match &ground.surroundings.user {
            ServeUser::Own => None,
            ServeUser::Other { gid, .. } => Some(*gid),
        },
        program: PathBuf::from(OWN_PROGRAM),
    }
}
