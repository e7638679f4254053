//! Backups as the boot sees them: opened before visitors are served, started after the apps.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_apps::Ask;
use ondol_apps::Handle as Apps;
use ondol_apps::Refusal;
use ondol_apps::Reply;
use ondol_apps::Request;
use ondol_backup::Backups;
use ondol_backup::Handle;
use ondol_backup::News;
use ondol_backup::OpenedBackups;
use ondol_backup::Places;
use ondol_backup::Trial;
use ondol_backup::TrialEnd;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_base::tasks::Supervisor;
use ondol_model::AppName;
use ondol_model::Plan;
use ondol_model::watch::PowerState;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use super::Ground;
use super::OWN_PROGRAM;
use super::Prepared;
use crate::events::Events;

/// Backups, with what the boot needs of them.
pub(super) struct BackupHost {
    backups: Backups,
    news: mpsc::Receiver<News>,
    trials: mpsc::Receiver<Trial>,
    /// How they are asked.
    pub(super) handle: Handle,
}

impl BackupHost {
    /// Prepares them, with the way by which they learn which files the configuration has.
    pub(super) fn open(
        ground: &Ground,
        prepared: &Prepared,
        plan: watch::Receiver<Arc<Plan>>,
        power: watch::Receiver<PowerState>,
    ) -> (watch::Sender<Arc<[PathBuf]>>, Self) {
        let folders = &ground.folders;
        let places = Places {
            configuration: folders.config.clone(),
            state: folders.state.clone(),
            runtime: folders.runtime.clone(),
            logs: folders.logs.clone(),
            program: PathBuf::from(OWN_PROGRAM),
        };
        let (sources_sender, sources) = watch::channel(prepared.served.configuration.files());
        let OpenedBackups {
            backups,
            handle,
            news,
            trials,
        } = Backups::open(places, prepared.store.handle(), plan, sources, power);
        let host = Self {
            backups,
            news,
            trials,
            handle,
        };
        (sources_sender, host)
    }

    /// Starts them, has what is worth an event recorded, and brings apps that are to be tried to those who run apps.
    pub(super) fn start(
        self,
        supervisor: &mut Supervisor,
        events: &Events,
        apps: Apps,
        workers: &mut Group,
    ) {
        let Self {
            backups,
            mut news,
            mut trials,
            handle: _,
        } = self;
        supervisor.service("backups", move |stop: Stop| backups.clone().run(stop));
        let events = events.clone();
        workers.spawn("news of backups", async move {
            while let Some(News {
                kind,
                subject,
                message,
            }) = news.recv().await
            {
                events.record(kind, subject, message);
            }
        });
        workers.spawn("trials of apps", async move {
            while let Some(trial) = trials.recv().await {
                hold(&apps, trial).await;
            }
        });
    }
}

/// Has an app tried. Who asked waits for it no longer than it says itself.
async fn hold(apps: &Apps, trial: Trial) {
    let Trial {
        app,
        root,
        instead,
        mut reply,
    } = trial;
    let ask = Ask::Try { root, instead };
    let end = tokio::select! {
        end = ask_for(apps, &app, ask) => end,
        () = reply.closed() => return,
    };
    let _ = reply.send(end); // Who asked may have gone just now.
}

async fn ask_for(apps: &Apps, name: &str, ask: Ask) -> TrialEnd {
    let nobody = || TrialEnd::Impossible(format!("{name} was not tried: nobody runs apps now"));
    let Ok(app) = AppName::parse(name) else {
        return TrialEnd::Impossible(format!("`{name}` is no name of an app"));
    };
    let (reply, answer) = oneshot::channel();
    let request = Request { app, ask, reply };
    if apps.requests.send(request).await.is_err() {
        return nobody();
    }
    match answer.await {
        Ok(Ok(Reply::Done(how))) => TrialEnd::Well(how),
        Ok(Ok(Reply::Begun { .. } | Reply::Exec(_))) | Err(_) => nobody(),
        Ok(Err(Refusal::Unwell(why))) => TrialEnd::Unwell(why),
        Ok(Err(
            refusal @ (Refusal::Impossible(_) | Refusal::Busy { .. } | Refusal::Unknown { .. }),
        )) => TrialEnd::Impossible(refusal.to_string()),
    }
}
