//! The service: a task for each app of the plan, and the way to each.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stop;
use ondol_model::Plan;
use ondol_model::app::AppName;
use ondol_model::app::Endpoints;
use ondol_model::app::Traffic;
use ondol_model::plan;
use ondol_model::watch::PowerState;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::app::App;
use crate::app::Asked;
use crate::app::Tools;
use crate::app::Wanted;
use crate::app::Why;
use crate::endpoints;
use crate::endpoints::EndpointsReader;
use crate::group::Groups;
use crate::log::AppLog;
use crate::log::Logs;
use crate::news::News;
use crate::places::Places;
use crate::request::Handle;
use crate::request::Refusal;
use crate::request::Request;
use crate::stage::Stage;
use crate::status::AppState;
use crate::status::AppStatus;
use crate::surroundings::Surroundings;

mod hidden;
mod rest;

/// Requests that wait for the service.
const REQUESTS_WAITING_MAX: usize = 64;
/// What waits for the task of one app.
const ASKED_WAITING_MAX: usize = 16;

/// How all apps are.
pub(crate) type Statuses = Arc<Vec<AppStatus>>;

/// The service. Cheap to clone, so that it can be started again: it adopts what runs then.
#[derive(Debug, Clone)]
pub struct Apps {
    places: Arc<Places>,
    groups: Arc<Groups>,
    store: ondol_store::Handle,
    news: mpsc::Sender<News>,
    plan: watch::Receiver<Arc<Plan>>,
    power: watch::Receiver<PowerState>,
    endpoints: watch::Sender<Arc<Endpoints>>,
    traffic: watch::Receiver<Arc<Traffic>>,
    statuses: watch::Sender<Statuses>,
    incoming: Arc<Mutex<Incoming>>,
}

/// What only one run of the service hears.
#[derive(Debug)]
struct Incoming {
    requests: mpsc::Receiver<Request>,
    wakes: mpsc::Receiver<AppName>,
    ends: mpsc::Receiver<oneshot::Sender<()>>,
}

/// Ends every app, for a box that stops.
#[derive(Debug, Clone)]
pub struct Ender(mpsc::Sender<oneshot::Sender<()>>);

/// The service with all that leads to it.
#[derive(Debug)]
pub struct Opened {
    /// The service, not started yet.
    pub apps: Apps,
    /// How it is asked.
    pub handle: Handle,
    /// For who brings visitors to apps.
    pub endpoints: EndpointsReader,
    /// What the owner will want to know.
    pub news: mpsc::Receiver<News>,
    /// Ends every app.
    pub ender: Ender,
}

/// News that wait to be recorded.
const NEWS_WAITING_MAX: usize = 256;

impl Ender {
    /// Ends every app; returns when nothing of them runs any more. Afterwards the service does nothing.
    pub async fn end(&self) {
        let (done, is_done) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            let _ = is_done.await; // A service that is gone has ended what it could.
        }
    }
}

/// One app of the plan.
struct Member {
    /// Its task; an app that comes back after it was gone has another.
    task: String,
    asked: mpsc::Sender<Asked>,
    wanted: watch::Sender<Wanted>,
    status: watch::Receiver<AppStatus>,
}

/// The apps of the plan, and those that were.
#[derive(Default)]
struct Members {
    all: BTreeMap<AppName, Member>,
    /// Those that are not in the plan any more and still end, with the task of that.
    ending: BTreeMap<AppName, String>,
    /// How the apps are while the box rests and none of them runs; `None` while it does not.
    resting: Option<Vec<AppStatus>>,
}

impl Members {
    /// Whether this task was the end of an app.
    fn has_left(&mut self, task: &str) -> bool {
        let before = self.ending.len();
        self.ending.retain(|_, end| end != task);
        self.ending.len() < before
    }
}

enum Happened {
    Stop,
    Plan,
    Request(Request),
    Wake(AppName),
    End(oneshot::Sender<()>),
    TaskEnded(String),
    StatusChanged,
    Power,
}

impl Apps {
    /// Prepares the service: `plan` says which apps there are, `power` when all of them rest.
    pub fn open(
        places: Places,
        groups: Arc<Groups>,
        store: ondol_store::Handle,
        plan: watch::Receiver<Arc<Plan>>,
        power: watch::Receiver<PowerState>,
    ) -> Opened {
        let (announcer, reader) = endpoints::pair();
        let (request_sender, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (news_sender, news) = mpsc::channel(NEWS_WAITING_MAX);
        let (end_sender, ends) = mpsc::channel(1);
        let (statuses, status) = watch::channel(Statuses::default());
        let logs = Logs::new(places.logs.clone());
        let incoming = Incoming {
            requests,
            wakes: announcer.wakes,
            ends,
        };
        Opened {
            apps: Self {
                places: Arc::new(places),
                groups,
                store,
                news: news_sender,
                plan,
                power,
                endpoints: announcer.endpoints,
                traffic: announcer.traffic,
                statuses,
                incoming: Arc::new(Mutex::new(incoming)),
            },
            handle: Handle {
                requests: request_sender,
                status,
                logs,
            },
            endpoints: reader,
            news,
            ender: Ender(end_sender),
        }
    }

    /// Runs the apps until told to stop. Their processes go on then, unless [`Ender::end`] has ended them.
    pub async fn run(self, stop: Stop) -> Result<(), Infallible> {
        let mut plan = self.plan.clone();
        let mut power = self.power.clone();
        let mut members = Members::default();
        let mut tasks = Group::default();
        let (changed, mut status_changed) = mpsc::channel(1);
        self.converge(
            &plan.borrow_and_update().clone(),
            &mut members,
            &mut tasks,
            &changed,
        );
        let rests = *power.borrow_and_update() == PowerState::Low;
        self.follow_power(rests, &mut members).await;
        loop {
            self.publish(&members);
            let happened = tokio::select! {
                () = stop.requested() => Happened::Stop,
                Ok(()) = plan.changed() => Happened::Plan,
                incoming = self.incoming() => incoming,
                Some(name) = tasks.next_end() => Happened::TaskEnded(name),
                Some(()) = status_changed.recv() => Happened::StatusChanged,
                Ok(()) = power.changed() => Happened::Power,
            };
            match happened {
                Happened::Stop => return Ok(()),
                Happened::Plan => {
                    let plan = plan.borrow_and_update().clone();
                    self.converge(&plan, &mut members, &mut tasks, &changed);
                }
                Happened::Request(request) if members.resting.is_some() => rest::refuse(request),
                Happened::Request(request) => hand_on(&members.all, request),
                Happened::Wake(name) => {
                    if let Some(member) = members.all.get(&name) {
                        let _ = member.asked.try_send(Asked::Wake); // The next visitor asks again.
                    }
                }
                Happened::End(done) => {
                    self.end_all(std::mem::take(&mut members.all), Why::Gone)
                        .await;
                    while !members.ending.is_empty() {
                        let Some(name) = tasks.next_end().await else {
                            break;
                        };
                        members.ending.retain(|_, task| *task != name);
                    }
                    let _ = done.send(()); // Who asked may have given up.
                    stop.requested().await;
                    return Ok(());
                }
                Happened::TaskEnded(name) if members.has_left(&name) => {
                    let plan = plan.borrow().clone();
                    self.converge(&plan, &mut members, &mut tasks, &changed);
                }
                Happened::TaskEnded(name) => {
                    self.restart(&name, &mut members.all, &mut tasks, &changed)
                }
                Happened::StatusChanged => {}
                Happened::Power => {
                    let rests = *power.borrow_and_update() == PowerState::Low;
                    self.follow_power(rests, &mut members).await;
                    let plan = plan.borrow().clone();
                    self.converge(&plan, &mut members, &mut tasks, &changed);
                }
            }
        }
    }

    async fn incoming(&self) -> Happened {
        std::future::poll_fn(|cx| {
            let mut incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
            if let std::task::Poll::Ready(Some(request)) = incoming.requests.poll_recv(cx) {
                return std::task::Poll::Ready(Happened::Request(request));
            }
            if let std::task::Poll::Ready(Some(name)) = incoming.wakes.poll_recv(cx) {
                return std::task::Poll::Ready(Happened::Wake(name));
            }
            if let std::task::Poll::Ready(Some(done)) = incoming.ends.poll_recv(cx) {
                return std::task::Poll::Ready(Happened::End(done));
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Brings the tasks to what the plan says.
    fn converge(
        &self,
        plan: &Plan,
        members: &mut Members,
        tasks: &mut Group,
        changed: &mpsc::Sender<()>,
    ) {
        if members.resting.is_some() {
            return; // What the plan says then is taken up when the rest is over.
        }
        let gone: Vec<_> = members
            .all
            .keys()
            .filter(|name| !plan.apps.iter().any(|app| app.name == **name))
            .cloned()
            .collect();
        for name in gone {
            if let Some(member) = members.all.remove(&name) {
                let task = format!("end of {name}");
                members.ending.insert(name, task.clone());
                tasks.spawn(task, end(member, Why::Gone));
            }
        }
        for app in &plan.apps {
            let wanted = self.wanted(plan, app);
            match members.all.get(&app.name) {
                // It begins when nothing of the one before is left.
                None if members.ending.contains_key(&app.name) => {}
                Some(member) => {
                    member.wanted.send_if_modified(|before| {
                        let is_new = *before != wanted;
                        *before = wanted;
                        is_new
                    });
                }
                None => {
                    let member = self.member(wanted, tasks, changed);
                    members.all.insert(app.name.clone(), member);
                }
            }
        }
    }

    fn wanted(&self, plan: &Plan, app: &plan::App) -> Wanted {
        Wanted {
            app: Arc::new(app.clone()),
            host: host_of(plan, &app.name),
            timezone: plan.timezone.clone(),
            hidden: hidden::from(app, plan, &self.places).into(),
        }
    }

    fn member(&self, wanted: Wanted, tasks: &mut Group, changed: &mpsc::Sender<()>) -> Member {
        let name = wanted.app.name.clone();
        let (asked_sender, asked) = mpsc::channel(ASKED_WAITING_MAX);
        let (status_sender, status) = watch::channel(beginning(&name));
        let surroundings = Surroundings {
            places: Arc::clone(&self.places),
            groups: Arc::clone(&self.groups),
            log: AppLog::open(&self.places, &name),
            hidden: Arc::clone(&wanted.hidden),
        };
        let tools = Tools {
            name: name.clone(),
            surroundings,
            store: self.store.clone(),
            news: self.news.clone(),
        };
        let stage = Stage::new(name.clone(), self.endpoints.clone(), self.traffic.clone());
        let (wanted_sender, wanted) = watch::channel(wanted);
        let app = App::new(
            tools,
            stage,
            wanted,
            asked,
            status_sender,
            self.statuses.subscribe(),
        );
        let task = format!("app {name}, begun at {} µs", clock::monotonic_us());
        tasks.spawn(task.clone(), app.run());
        let (seen, changed) = (status.clone(), changed.clone());
        tasks.spawn(format!("status of {name}"), tell_changes(seen, changed));
        Member {
            task,
            asked: asked_sender,
            wanted: wanted_sender,
            status,
        }
    }

    /// A task that ended by itself is one that panicked: its app is taken up again as after a restart of the agent.
    fn restart(
        &self,
        task: &str,
        members: &mut BTreeMap<AppName, Member>,
        tasks: &mut Group,
        changed: &mpsc::Sender<()>,
    ) {
        let mut named = members.iter().filter(|(_, member)| member.task == task);
        let Some(name) = named.next().map(|(name, _)| name.clone()) else {
            return;
        };
        if let Some(member) = members.remove(&name) {
            tracing::error!(
                app = name.as_str(),
                "the task of an app ended, and is begun anew"
            );
            let wanted = member.wanted.borrow().clone();
            members.insert(name, self.member(wanted, tasks, changed));
        }
    }

    async fn end_all(&self, members: BTreeMap<AppName, Member>, why: Why) {
        let mut ending = Group::default();
        for (name, member) in members {
            ending.spawn(format!("end of {name}"), end(member, why));
        }
        while ending.next_end().await.is_some() {}
    }

    fn publish(&self, members: &Members) {
        let now: Vec<_> = match &members.resting {
            Some(resting) => resting.clone(),
            None => members
                .all
                .values()
                .map(|member| member.status.borrow().clone())
                .collect(),
        };
        self.statuses.send_if_modified(|before| {
            let is_new = **before != now;
            if is_new {
                *before = Arc::new(now);
            }
            is_new
        });
    }
}

async fn tell_changes(mut status: watch::Receiver<AppStatus>, changed: mpsc::Sender<()>) {
    while status.changed().await.is_ok() {
        let _ = changed.try_send(()); // One that waits already says the same.
    }
}

async fn end(member: Member, why: Why) {
    let (done, is_done) = oneshot::channel();
    if member.asked.send(Asked::End(why, done)).await.is_ok() {
        let _ = is_done.await; // A task that is gone has nothing to end.
    }
}

fn hand_on(members: &BTreeMap<AppName, Member>, request: Request) {
    let Request { app, ask, reply } = request;
    let Some(member) = members.get(&app) else {
        let _ = reply.send(Err(unknown(app, members))); // Who asked may have gone.
        return;
    };
    if let Err(error) = member.asked.try_send(Asked::Ask(ask, reply)) {
        let (mpsc::error::TrySendError::Full(asked) | mpsc::error::TrySendError::Closed(asked)) =
            error;
        if let Asked::Ask(_, reply) = asked {
            let sentence = format!("{app} is asked for too much at once; try again in a moment");
            let _ = reply.send(Err(Refusal::Impossible(sentence))); // Who asked may have gone.
        }
    }
}

fn unknown(app: AppName, members: &BTreeMap<AppName, Member>) -> Refusal {
    let known: Vec<_> = members.keys().map(AppName::as_str).collect();
    let known = match known.is_empty() {
        true => String::new(),
        false => format!("; it has {}", known.join(", ")),
    };
    Refusal::Unknown { app, known }
}

/// The main name of the first site that an app answers.
fn host_of(plan: &Plan, name: &AppName) -> Option<String> {
    let site = plan.sites.iter().find(|site| site.is_answered_by(name))?;
    Some(site.name.exact()?.to_string())
}

fn beginning(name: &AppName) -> AppStatus {
    AppStatus {
        name: name.clone(),
        state: AppState::Starting,
        since: clock::unix_seconds(),
        launch: None,
        release: None,
        note: String::new(),
        runs: Vec::new(),
        instances: Vec::new(),
        restarts: 0,
        traffic: ondol_model::app::LaunchTraffic::default(),
        held: 0,
        releases: Vec::new(),
        unenforced: Vec::new(),
        cron: Vec::new(),
    }
}
