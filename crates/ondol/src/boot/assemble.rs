//! The agent put together: what was begun, who shows and answers, and what goes on by itself.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_admin::Socket;
use ondol_admin::Surface;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Supervisor;
use ondol_certs::Board;
use ondol_certs::Certificates;
use ondol_certs::Issuing;
use ondol_certs::IssuingHandle;
use ondol_certs::News;
use ondol_model::Plan;
use tokio::sync::mpsc;
use tokio::sync::watch;

use super::Agent;
use super::Ground;
use super::Past;
use super::announce::announce;
use super::apps::AppHost;
use super::backups::BackupHost;
use super::care::WatchHost;
use super::front::Front;
use super::front::Services;
use super::prepare::Prepared;
use crate::control::Control;
use crate::events::Events;
use crate::facts::FactsTold;
use crate::generation;
use crate::published::View;
use crate::reload::Context;
use crate::reload::Served;

/// What was begun before the agent is complete.
pub(super) struct Parts {
    pub(super) generations: generation::Handle,
    pub(super) board: Board,
    pub(super) workers: Group,
    pub(super) admin: Arc<Socket>,
    pub(super) plan: watch::Sender<Arc<Plan>>,
    pub(super) sources: watch::Sender<Arc<[PathBuf]>>,
    pub(super) host: AppHost,
    pub(super) backups: BackupHost,
    pub(super) facts: FactsTold,
    pub(super) watch: WatchHost,
}

/// Puts the agent together, and starts what goes on by itself.
#[expect(
    clippy::too_many_lines,
    reason = "one list of what an agent is put together from"
)]
pub(super) async fn assemble(
    ground: &Ground,
    prepared: Prepared,
    past: Past,
    parts: Parts,
) -> Agent {
    let Parts {
        generations,
        board,
        mut workers,
        admin,
        plan,
        sources,
        mut host,
        backups,
        facts,
        watch,
    } = parts;
    let Prepared {
        served,
        store,
        events,
        certificates,
        notices,
        signals,
        notifier,
    } = prepared;
    announce(ground, &events, past.facts.as_ref(), &served).await;
    record_notices(notices, events.clone(), &mut workers);
    let started_at = clock::unix_seconds();
    let generation_status = generations.status();
    let now = generation_status.borrow().clone();
    let view = first_view(ground, &served, &now, started_at);
    let (issuing, issuing_handle) = Issuing::new(certificates.clone(), store.handle(), board);
    let IssuingHandle { managed, requests } = issuing_handle;
    let Front {
        published,
        surface,
        health,
        commands,
        folders_changed,
    } = Front::open(
        view,
        &managed,
        Services {
            requests,
            apps: host.handle.clone(),
            backups: backups.handle.clone(),
            watch: watch.handle.clone(),
            plan: plan.subscribe(),
            folders: ground.folders.clone(),
            generations: generations.clone(),
        },
        &store,
        &mut workers,
    );
    let certificate_sets = certificates.subscribe();
    host.start(&events, &mut workers);
    let mut supervisor = supervise(&certificates, issuing, &admin, surface);
    backups.start(&mut supervisor, &events, host.handle.clone(), &mut workers);
    watch.start(&mut supervisor, &events, &mut workers);
    supervisor.service("health", move |stop| health.clone().serve(stop));
    Agent {
        control: Control {
            context: context(ground, generations, certificates),
            served,
            events,
            notifier,
            published,
            supervisor,
            signals,
            commands,
            certificates: certificate_sets,
            managed,
            plan,
            sources,
            folders_changed,
            facts,
            generations: generation_status,
            executable: ground.executable.clone(),
            started_at,
            last_reload: None,
        },
        store,
        workers,
        apps: host,
        admin,
        lock: past.lock,
    }
}

fn context(
    ground: &Ground,
    generations: generation::Handle,
    certificates: Certificates,
) -> Context {
    Context {
        folders: ground.folders.clone(),
        generations,
        certificates,
        user: ground.surroundings.user.clone(),
        workers: ground.workers,
    }
}

fn record_notices(mut notices: mpsc::Receiver<News>, events: Events, workers: &mut Group) {
    workers.spawn("notices of certificates", async move {
        while let Some(news) = notices.recv().await {
            events.record(news.kind, news.subject, news.message);
        }
    });
}

/// What goes on by itself, and is started again when it fails.
fn supervise(
    certificates: &Certificates,
    issuing: Issuing,
    admin: &Arc<Socket>,
    surface: Surface,
) -> Supervisor {
    let mut supervisor = Supervisor::default();
    let kept_fresh = certificates.clone();
    supervisor.service("certificates", move |stop| {
        kept_fresh.clone().keep_fresh(stop)
    });
    supervisor.service("issuers", move |stop| issuing.clone().run(stop));
    let socket = Arc::clone(admin);
    supervisor.service("admin", move |stop| {
        ondol_admin::serve(Arc::clone(&socket), surface.clone(), stop)
    });
    supervisor
}

fn first_view<'a>(
    ground: &Ground,
    served: &'a Served,
    generations: &'a generation::Status,
    started_at: i64,
) -> View<'a> {
    View {
        served,
        generations,
        services: Vec::new(),
        last_reload: None,
        configuration: ground.folders.config.display().to_string(),
        started_at,
    }
}
