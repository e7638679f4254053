//! What is shown of apps: how the app host says that they are, with what the plan says about them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_apps::AppState;
use ondol_apps::AppStatus;
use ondol_apps::CronStatus;
use ondol_apps::InstanceStatus;
use ondol_base::clock;
use ondol_model::app::AppName;
use ondol_model::app::InstanceName;
use ondol_model::app::Launch;
use ondol_model::app::ProcessName;
use ondol_model::plan::Plan;
use tokio::sync::watch;
use tokio::time::Instant;

/// What processes used of processors is told over times no shorter than this; shorter ones say little.
const METERED: Duration = Duration::from_secs(1);
/// One that seems to use nothing does only after this: the app host looks every two seconds.
const QUIET: Duration = Duration::from_secs(5);
/// What the app host says nothing about is metered as often.
const REFRESH: Duration = Duration::from_secs(6);

/// What the plan says about the apps.
pub(super) type Hosting = BTreeMap<AppName, Hosted>;

/// What the plan says about an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hosted {
    /// The sites that it answers, by their main names.
    sites: Vec<String>,
    watch_seconds: u64,
    /// Whether what it runs is for Ondol to find.
    runs_found: bool,
}

/// Turns what the app host says into what is shown.
#[derive(Debug)]
pub(crate) struct AppsShown {
    status: watch::Receiver<Arc<Vec<AppStatus>>>,
    hosting: watch::Receiver<Arc<Hosting>>,
    shown: watch::Sender<Arc<api::Apps>>,
    meter: Meter,
}

/// What processes use of processors, from how much they have used so far.
#[derive(Debug, Default)]
struct Meter(BTreeMap<(Launch, InstanceName), Reading>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    cpu_us: u64,
    at: Instant,
    percent: Option<f64>,
}

/// What the plan says about its apps.
pub(super) fn hosting(plan: &Plan) -> Hosting {
    let apps = plan.apps.iter().map(|app| {
        let sites = plan
            .sites
            .iter()
            .filter(|site| site.is_answered_by(&app.name));
        let hosted = Hosted {
            sites: sites.map(|site| site.name.to_string()).collect(),
            watch_seconds: app.watch.as_secs(),
            runs_found: app.run.is_none() && app.php.is_none(),
        };
        (app.name.clone(), hosted)
    });
    apps.collect()
}

impl AppsShown {
    /// Both ends of what is shown, with the first value in it.
    pub(super) fn new(
        status: watch::Receiver<Arc<Vec<AppStatus>>>,
        hosting: watch::Receiver<Arc<Hosting>>,
    ) -> (Self, watch::Receiver<Arc<api::Apps>>) {
        let (shown, reader) = watch::channel(Arc::default());
        let meter = Meter::default();
        let mut apps = Self {
            status,
            hosting,
            shown,
            meter,
        };
        apps.show();
        (apps, reader)
    }

    /// Shows each change until the app host has ended.
    pub(crate) async fn run(mut self) {
        let mut refresh = tokio::time::interval(REFRESH);
        loop {
            let changed = tokio::select! {
                changed = self.status.changed() => changed,
                changed = self.hosting.changed() => changed,
                _ = refresh.tick() => Ok(()),
            };
            if changed.is_err() {
                return;
            }
            self.show();
        }
    }

    fn show(&mut self) {
        let status = Arc::clone(&self.status.borrow_and_update());
        let hosting = Arc::clone(&self.hosting.borrow_and_update());
        self.meter.read(&status, clock::now());
        let apps = status
            .iter()
            .map(|status| app(status, hosting.get(&status.name), &self.meter));
        let apps = api::Apps {
            apps: apps.collect(),
        };
        self.shown.send_if_modified(|before| {
            let is_new = **before != apps;
            if is_new {
                *before = Arc::new(apps);
            }
            is_new
        });
    }
}

impl Meter {
    /// Takes the readings of all processes; those that are gone are forgotten.
    fn read(&mut self, apps: &[AppStatus], now: Instant) {
        let mut before = std::mem::take(&mut self.0);
        for instance in apps.iter().flat_map(|app| &app.instances) {
            let Some(usage) = instance.usage else {
                continue;
            };
            let key = (instance.launch, instance.name.clone());
            let before = before.remove(&key);
            self.0.insert(key, reading(before, usage.cpu_us, now));
        }
    }

    fn of(&self, instance: &InstanceStatus) -> Option<f64> {
        let key = (instance.launch, instance.name.clone());
        self.0.get(&key)?.percent
    }
}

fn reading(before: Option<Reading>, cpu_us: u64, now: Instant) -> Reading {
    let first = Reading {
        cpu_us,
        at: now,
        percent: None,
    };
    let Some(before) = before else { return first };
    let Some(used) = cpu_us.checked_sub(before.cpu_us) else {
        return first; // It was started again.
    };
    let time = now - before.at;
    if time < METERED || used == 0 && time < QUIET {
        return before;
    }
    let percent = Duration::from_micros(used).as_secs_f64() / time.as_secs_f64() * 100.0;
    Reading {
        percent: Some((percent * 10.0).round() / 10.0),
        ..first
    }
}

fn app(status: &AppStatus, hosted: Option<&Hosted>, meter: &Meter) -> api::App {
    let instances = status.instances.iter();
    let instances: Vec<_> = instances.map(|each| instance(each, meter)).collect();
    let memory = instances.iter().filter_map(|instance| instance.memory);
    let cpu = instances.iter().filter_map(|instance| instance.cpu_percent);
    api::App {
        name: status.name.to_string(),
        state: state(status.state),
        since: Time::from_unix_seconds(status.since),
        note: status.note.clone(),
        launch: status.launch,
        release: status.release,
        sites: hosted.map_or_else(Vec::new, |hosted| hosted.sites.clone()),
        runs: status.runs.iter().map(run).collect(),
        cron: status.cron.iter().map(cron).collect(),
        runs_found: hosted.is_some_and(|hosted| hosted.runs_found),
        restarts: status.restarts,
        requests: status.traffic.requests,
        failed: status.traffic.failed,
        in_flight: status.traffic.in_flight.into(),
        tunnels: status.traffic.tunnels.into(),
        held: status.held.into(),
        memory: memory.reduce(u64::saturating_add),
        cpu_percent: cpu.reduce(|sum, each| sum + each),
        watch_seconds: hosted.map_or(0, |hosted| hosted.watch_seconds),
        releases: status.releases.clone(),
        unenforced: status.unenforced.clone(),
        instances,
    }
}

fn run((process, command): &(ProcessName, String)) -> api::AppRun {
    api::AppRun {
        process: process.to_string(),
        command: command.clone(),
    }
}

fn cron(status: &CronStatus) -> api::AppCron {
    api::AppCron {
        line: status.line.clone(),
        next: status.next.map(Time::from_unix_seconds),
    }
}

fn instance(status: &InstanceStatus, meter: &Meter) -> api::AppInstance {
    api::AppInstance {
        name: status.name.to_string(),
        launch: status.launch,
        pid: status.pid,
        since: Time::from_unix_seconds(status.since),
        ready: status.is_ready,
        memory: status.usage.map(|usage| usage.memory),
        cpu_percent: meter.of(status),
        tasks: status.usage.map(|usage| usage.tasks),
    }
}

fn state(state: AppState) -> api::AppState {
    match state {
        AppState::Running => api::AppState::Running,
        AppState::Starting => api::AppState::Starting,
        AppState::Deploying => api::AppState::Deploying,
        AppState::Watching => api::AppState::Watching,
        AppState::Asleep => api::AppState::Asleep,
        AppState::Failed => api::AppState::Failed,
        AppState::Stopped => api::AppState::Stopped,
    }
}
#[cfg(test)]
mod tests;
