//! Watching as the boot sees it: prepared with what the others know, started last.

use std::sync::Arc;

use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_base::tasks::Supervisor;
use ondol_model::Plan;
use ondol_model::watch::PowerState;
use ondol_watch::Facts;
use ondol_watch::Handle;
use ondol_watch::News;
use ondol_watch::OpenedWatch;
use ondol_watch::Places;
use ondol_watch::Watch;
use tokio::sync::mpsc;
use tokio::sync::watch;

use super::Ground;
use super::Prepared;
use crate::events::Events;
use crate::generation::OwnReader;
use crate::own::OwnTold;

/// Who watches, with what the boot needs of it.
pub(super) struct WatchHost {
    watch: Watch,
    news: mpsc::Receiver<News>,
    own: OwnTold,
    /// How it is asked.
    pub(super) handle: Handle,
}

impl WatchHost {
    /// Prepares it, with what the data planes are to know of it.
    pub(super) fn open(
        ground: &Ground,
        prepared: &Prepared,
        plan: watch::Receiver<Arc<Plan>>,
        facts: watch::Receiver<Arc<Facts>>,
        power: watch::Sender<PowerState>,
    ) -> (Self, OwnReader) {
        let folders = &ground.folders;
        let places = Places {
            configuration: folders.config.clone(),
            state: folders.state.clone(),
            runtime: folders.runtime.clone(),
            logs: folders.logs.clone(),
        };
        let OpenedWatch {
            watch,
            handle,
            news,
        } = Watch::open(places, prepared.store.handle(), plan.clone(), facts, power);
        let (told, own) = OwnTold::new(plan, handle.status.clone());
        let requests = handle.requests.clone();
        let host = Self {
            watch,
            news,
            own: told,
            handle,
        };
        (host, OwnReader { own, requests })
    }

    /// Starts it, and has what is worth an event recorded.
    pub(super) fn start(self, supervisor: &mut Supervisor, events: &Events, workers: &mut Group) {
        let Self {
            watch,
            mut news,
            own,
            handle: _,
        } = self;
        supervisor.service("watch", move |stop: Stop| watch.clone().run(stop));
        supervisor.service("word on health", move |stop: Stop| own.clone().run(stop));
        let events = events.clone();
        workers.spawn("news of health", async move {
            while let Some(News {
                kind,
                subject,
                message,
            }) = news.recv().await
            {
                events.record(kind, subject, message);
            }
        });
    }
}
